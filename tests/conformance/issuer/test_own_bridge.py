"""The checks against our own ACME issuer, on real sockets."""

from contextlib import closing

import pytest
import yaml
from click.testing import CliRunner

from conformance.issuer.cli import main
from conformance.issuer.kube import Kube
from conformance.issuer.options import IssuerRef, Options, Target
from conformance.issuer.table import CHECKS
from conformance.issuer.walk import RUN, Walk
from conformance.runner import run
from conformance.verdict import Outcome
from tests.conformance.issuer.signer import COLLECTION, ISSUERS
from tests.conformance.served import Served

SOLVERS = [
    {"http01": {}},
    {
        "dns01": {"webhook": {"groupName": "acme.gravel.test", "solverName": "builtin"}},
        "selector": {"dnsZones": ["conformance.test"]},
    },
]
# ACME has no word for a CA, and no identifiers but names and addresses.
_NAMES = "the CSR names no DNS name and no IP address; put them into its subjectAltName extension"
_FAILS = f"Ready=False/Failed: Failed to build order: {_NAMES}"
NOT_OFFERED = {
    "a_ca_is_a_ca": "no request has a ca",
    "a_ca_ends_the_chain": "no request has a ca",
    "a_uri_is_issued_or_fails": _FAILS,
    "an_email_address_is_issued_or_fails": _FAILS,
}
OWN = {"http01_port": 0, "http01_listen": "127.0.0.1:0"}


def make(url, kind="Issuer"):
    """Make an issuer of the server's own, and one whose server is not there; return their API."""
    kube = Kube(Target(url))
    path = ISSUERS if kind == "Issuer" else "/apis/cert-manager.io/v1/clusterissuers"
    for name, server in {"ours": "gravel://default", "unready": "https://127.0.0.1:1/dir"}.items():
        acme = {"server": server, "privateKeySecretRef": {"name": f"account-{name}"}, "solvers": SOLVERS}
        document = {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": {"name": name}}
        kube.create(path, {**document, "spec": {"acme": acme}})
    return kube


@pytest.mark.seed("L12", "E09")
@pytest.mark.parametrize("kind", ["Issuer", "ClusterIssuer"])
def test_our_issuer_passes_every_check_and_nothing_is_left_behind(kind):
    with Served(bridge=True, no_approver=True, **OWN) as addresses:
        target, issuer = Target(addresses.kubernetes), IssuerRef(kind, "cert-manager.io", "ours")
        with closing((kube := make(addresses.kubernetes, kind)).wire):
            with closing(Walk(Options(target=target, issuer=issuer, unready="unready"))) as walk:
                verdicts = list(run(CHECKS, walk))
            left = [one for path in (COLLECTION, walk.issuer_path) for one in kube.get(path)["items"]]
    assert {one.check.name: (one.outcome, one.detail, one.actual) for one in verdicts} == {
        **{one.name: (Outcome.PASS, "", "") for one in CHECKS},
        **{name: (Outcome.NOT_OFFERED, why, "") for name, why in NOT_OFFERED.items()},
    }
    assert [one["metadata"]["name"] for one in left if RUN in one["metadata"].get("labels", {})] == []


def test_where_somebody_else_approves_the_waiting_cannot_be_seen():
    with Served(bridge=True, **OWN) as addresses:
        target, issuer = Target(addresses.kubernetes), IssuerRef("Issuer", "cert-manager.io", "ours")
        with (
            closing(make(addresses.kubernetes).wire),
            closing(Walk(Options(target=target, issuer=issuer, quiet=0.5))) as walk,
        ):
            verdicts = {one.check.name: one for one in run(CHECKS, walk)}
    unseen = verdicts["an_unapproved_request_is_not_signed"]
    assert (unseen.outcome, unseen.detail) == (
        Outcome.NOT_REACHABLE,
        "somebody else decides on requests; switch the approver off for this issuer",
    )
    assert "cannot be both Approved and Denied" in verdicts["a_denied_request_is_never_signed"].detail
    assert verdicts["an_approved_request_is_signed"].outcome is Outcome.PASS


def test_the_command_line_takes_a_kubeconfig_and_ends_with_0(tmp_path):
    with Served(bridge=True, no_approver=True, **OWN) as addresses, closing(make(addresses.kubernetes).wire):
        named = {"context": {"cluster": "c", "user": "u"}, "cluster": {"server": addresses.kubernetes}, "user": {}}
        lists = {f"{key}s": [{"name": key[0], key: value}] for key, value in named.items()}
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump({"current-context": "c", **lists}))
        options = ["--kubeconfig", str(kubeconfig), "--issuer-ref", "ours", "--quiet", "0.5", "--topic", "denial"]
        done = CliRunner(env={"COLUMNS": "120"}).invoke(main, options)
    assert done.exit_code == 0, done.output
    assert "3 pass" in done.output
