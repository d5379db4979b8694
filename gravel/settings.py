"""What a user may set, as one table: the class `Settings`.

A field `acme_port` is the flag `--acme-port`, the variable `GRAVEL_ACME_PORT`
and the key `acme-port` (`gravel.configuration`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import click

from gravel.option_types import COUNT, GO_DURATION, HOST_PORT, NAME, NUMBER, PORT, SECONDS, SERVICE
from gravel.server_settings import SERVERS, ServerSettings, option
from scheduler.versions import NEWEST, Version


@attrs.frozen(kw_only=True)
class Settings(ServerSettings):
    """Every option of every verb; a verb takes those that name it."""

    timing: str = option(
        "fast",
        click.Choice(("cert-manager", "fast")),
        "Pace of solvers and scheduler: 5 passes, 60 s, 20 starts a second and 5 workers; or 1 pass and no waits.",
    )
    compat: str = option(
        "none", click.Choice(("none", "cert-manager")), "Whose rules say which errors end a challenge."
    )
    retry_period: float = option(10.0, SECONDS, "Seconds between two self-checks.")
    dns01_recursive_nameservers: tuple[str, ...] = option(
        (), HOST_PORT, "Nameserver that dns-01 self-checks ask; may be repeated (default: that of --dns)."
    )
    dns01_recursive_nameservers_only: bool = option(
        False, click.BOOL, "Look for TXT records at those alone, and not at the zone's own nameservers."
    )
    dns01_authoritative_port: int | None = option(
        None, COUNT, "Port of the zone's own nameservers (default: that of --dns, else the built-in one's)."
    )
    acme_http01_solver_nameservers: tuple[str, ...] = option(
        (), HOST_PORT, "Resolver that http-01 self-checks ask; may be repeated (default: that of --dns)."
    )
    max_concurrent_challenges: int = option(60, COUNT, "Challenges that may be under way at once.")
    concurrent_workers: int | None = option(None, COUNT, "Challenges worked on at once (default: that of --timing).")
    cluster_resource_namespace: str = option(
        "cert-manager", NAME, "Where ClusterIssuers have their Secrets; as cert-manager's chart has it."
    )
    certificate_request_minimum_backoff_duration: str = option(
        "1h0m0s", GO_DURATION, "How long the first failure holds a Certificate back."
    )
    certificate_request_maximum_backoff_duration: str = option(
        "32h0m0s", GO_DURATION, "How long failures in a row, each doubling it, may do so."
    )
    enable_certificate_owner_ref: bool = option(
        False, click.BOOL, "Delete the Secret of a Certificate with the Certificate."
    )
    acme_use_ari: bool = option(
        False,
        click.BOOL,
        "Renew Certificates when their ACME server suggests it (RFC 9773; cert-manager's ACMEUseARI).",
    )
    approver: str = option(
        "all",
        click.Choice(("all", "policy", "ticket", "none")),
        "What approves requests: everything is, CertificateRequestPolicies, change tickets, or only `gravel approve`.",
    )
    no_approver: bool = option(False, click.BOOL, "Leave approval of requests to `gravel approve`; as --approver none.")
    policy_mode: str = option(
        "any", click.Choice(("any", "all")), "How many of the policies that are about a request must pass."
    )
    policy_on_no_match: str = option(
        "pending", click.Choice(("pending", "deny")), "What becomes of a request that no policy is about."
    )
    policy_summaries: bool = option(
        False, click.BOOL, "Keep a ConfigMap in every namespace that says what policies allow there."
    )
    ticket_url: str | None = option(
        None, click.STRING, 'Where change tickets are looked up: GET URL/TICKET answers {"state": "approved"}.'
    )
    default_issuer_name: str | None = option(
        None, NAME, "Issuer of Ingresses that ask for a certificate and name none."
    )
    default_issuer_kind: str = option("Issuer", click.STRING, "Its kind, such as ClusterIssuer.")
    default_issuer_group: str = option("cert-manager.io", click.STRING, "Its group.")
    auto_certificate_annotations: tuple[str, ...] = option(
        ("kubernetes.io/tls-acme",), click.STRING, "By which annotation, when true, they ask; may be repeated."
    )
    extra_certificate_annotations: tuple[str, ...] = option(
        (), click.STRING, "Annotation of an Ingress that its Certificates get too; may be repeated."
    )
    no_controllers: bool = option(
        False, click.BOOL, "Serve the Kubernetes API and leave what is in it to others, such as cert-manager itself."
    )
    kubeconfig: str | None = option(
        None,
        click.Path(exists=True, dir_okay=False),
        "Let the bridge work on the cluster of this file instead of an embedded Kubernetes API.",
    )
    context: str | None = option(None, click.STRING, "Context of --kubeconfig (default: its current one).")
    in_cluster: bool = option(False, click.BOOL, "Let the bridge work on the cluster in whose pod it runs.")
    http01_service: tuple[str, str, int] | None = option(
        None,
        SERVICE,
        "On a cluster: Service of the http-01 responder, for Ingresses and HTTPRoutes to lead to "
        "(default: gravel-http01:80 in $POD_NAMESPACE; where that is not set, nothing is presented in the cluster).",
    )
    no_leader_elect: bool = option(
        False, click.BOOL, "On a cluster: work without holding the Lease that keeps two bridges from working at once."
    )
    leader_election_namespace: str | None = option(
        None, NAME, "Where that Lease is (default: $POD_NAMESPACE, else kube-system)."
    )
    leader_election_lease_duration: int = option(
        15, COUNT, "Seconds for which others leave a Lease alone that is not renewed."
    )
    leader_election_renew_deadline: float = option(
        10.0, SECONDS, "Seconds after which its holder stops if it cannot renew it; fewer than the duration."
    )
    leader_election_retry_period: float = option(2.0, SECONDS, "Seconds between two tries to have or renew it.")
    metrics_port: int | None = option(
        None, PORT, "Port of the bridge's metrics, always on 127.0.0.1; cert-manager's is 9402 (default: none)."
    )
    seed: int | None = option(
        None, NUMBER, "Draw keys, serials and tokens from this number, so that a run repeats.", SERVERS
    )
    state: str | None = option(
        None,
        click.Path(file_okay=False),
        "Keep accounts, orders, certificates, the authorities' keys and the bridge's resources in this folder "
        "(default: in memory).",
        ("up", "serve"),
    )
    state_sync: str = option(
        "normal",
        click.Choice(("normal", "full")),
        "What --state survives: normal, the death of the process; full, a power failure too, with slower commits.",
        ("up", "serve"),
    )
    apply: tuple[str, ...] = option(
        (),
        click.Path(exists=True, allow_dash=True),
        "Apply the manifests in this file or folder (- is standard input) and follow them; may be repeated.",
    )
    once: bool = option(False, click.BOOL, "With --apply: stop when all is Ready (exit 0) or anything Failed (exit 1).")
    timeout: float = option(300.0, SECONDS, "With --apply: seconds after which following ends, as if Failed.")
    json: bool = option(False, click.BOOL, "Print JSON, one object per line (run: on stderr).", SERVERS)

    @property
    def on_cluster(self) -> bool:
        """Whether the bridge works on a cluster that is there already."""
        return bool(self.kubeconfig or self.in_cluster)

    @property
    def errors(self) -> Version | None:
        """The cert-manager whose conduct the bridge has, None for our own."""
        return NEWEST if self.compat == "cert-manager" else None


FIELDS: Mapping[str, attrs.Attribute[Any]] = {field.name.replace("_", "-"): field for field in attrs.fields(Settings)}
