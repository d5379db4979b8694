"""What a user may set of the servers: the first part of the one table, `gravel.settings.Settings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import attrs
import click

from acme_server.personality import PERSONALITIES
from acme_server.settings import VantagePoint
from gravel.option_types import (
    ADDRESS,
    CHALLENGE_TYPE,
    COUNT,
    EXTERNAL_ACCOUNT,
    HOST_PORT,
    KEY,
    NAME,
    NUMBER,
    ORIGIN,
    PORT,
    PROFILE,
    SECONDS,
    TOKEN,
    URL,
    VANTAGE,
    WAIT,
    ZONE,
)
from solvers.dns.keys import Key

SERVERS = ("up", "serve", "run")
# `gravel run` takes free ports, and its command is told which.
FREE = {"run": 0}
CLIENTS = ("apply", "get", "describe", "approve", "deny")


def option(
    default: Any,
    kind: click.ParamType[Any],
    text: str,
    verbs: Sequence[str] = ("up",),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """Declare one row of the table; a tuple as default makes it repeatable; defaults: those of single verbs."""
    metadata = {"kind": kind, "help": text, "verbs": tuple(verbs), "defaults": defaults}
    return attrs.field(default=default, metadata=metadata)


@attrs.frozen(kw_only=True)
class ServerSettings:
    """The options of the ACME server, of its DNS and responders, and of where clients find them."""

    host: str = option("127.0.0.1", NAME, "Where the ACME server, its management and DNS listen.", SERVERS)
    acme_port: int = option(14000, PORT, "Port of the ACME server; 0 is any free one, here and below.", SERVERS, FREE)
    management_port: int = option(15000, PORT, "Port of the management API.", SERVERS, FREE)
    no_page: bool = option(False, click.BOOL, "Show no page at / of the management API.", SERVERS)
    dns_port: int = option(8053, PORT, "Port of the DNS server, UDP and TCP.", SERVERS, FREE)
    kubernetes_port: int = option(16443, PORT, "Port of the embedded Kubernetes-style API, always on 127.0.0.1.")
    kubernetes: str | None = option(
        None,
        click.STRING,
        "Where the Kubernetes-style API of a running `gravel up` is (default: http://127.0.0.1:KUBERNETES-PORT).",
        CLIENTS,
    )
    kubernetes_token: str | None = option(
        None,
        TOKEN,
        "Bearer token that the Kubernetes-style API wants, over HTTPS (default: none, and whoever is here is its admin).",
        ("up", *CLIENTS),
    )
    kubernetes_ca: str | None = option(
        None, click.STRING, "PEM file to trust with it (tls_ca of what `gravel up` prints).", CLIENTS
    )
    management: str | None = option(
        None,
        ORIGIN,
        "Where the management API of a running gravel is (default: https://127.0.0.1:MANAGEMENT-PORT).",
        ("trust",),
    )
    http01_port: int = option(
        5002,
        PORT,
        "Port that http-01 validation and self-checks dial; 0 is where the responder listens (run: else a free one).",
        SERVERS,
        FREE,
    )
    http01_listen: str | None = option(
        None,
        HOST_PORT,
        "Where the built-in http-01 responder answers (up: 127.0.0.1:HTTP01-PORT; serve and run: none).",
        SERVERS,
    )
    https01_listen: str | None = option(
        None,
        HOST_PORT,
        "Where the http-01 responder answers over HTTPS too, for redirects to lead to (default: nowhere).",
        SERVERS,
    )
    tls_alpn_port: int = option(
        5001,
        PORT,
        "Port that tls-alpn-01 validation dials; 0 is where the responder listens (run: else a free one).",
        SERVERS,
        FREE,
    )
    tls_alpn_listen: str | None = option(
        None, HOST_PORT, "Where the built-in tls-alpn-01 responder answers (default: nowhere).", SERVERS
    )
    dns: str | None = option(
        None, HOST_PORT, "DNS server that validation and self-checks ask (default: the built-in one).", SERVERS
    )
    nameserver: tuple[str, ...] = option(
        (),
        ADDRESS,
        "Address to serve the DNS at, instead of HOST; repeated, as ns1, ns2, ... with the same port.",
        SERVERS,
    )
    zone: tuple[str, ...] = option(
        (), ZONE, "Zone to be authoritative for, besides the last two labels of every name; may be repeated.", SERVERS
    )
    forward: str | None = option(
        None, HOST_PORT, "DNS server that is asked for names in no --zone; then no other zone is served.", SERVERS
    )
    dns_update_key: tuple[Key, ...] = option(
        (),
        KEY,
        "TSIG key, [ALGORITHM:]NAME:SECRET as for `nsupdate -y`, whose holders may update the DNS (RFC 2136); "
        "with no key, nobody may.",
        SERVERS,
    )
    dns_update_key_file: tuple[str, ...] = option(
        (),
        click.Path(exists=True, dir_okay=False),
        "Keys from a file as for `nsupdate -k`, so that no secret is on a command line.",
        SERVERS,
    )
    dns_update_open: bool = option(
        False, click.BOOL, "Let everyone on this machine update the DNS, unsigned; on loopback only.", SERVERS
    )
    acme_dns_domain: str = option("auth.acme-dns.test", ZONE, "What the names of acme-dns accounts are below.", SERVERS)
    webhook_open: bool = option(
        False, click.BOOL, "Let kube-apiserver, which has no token, use the webhook for cert-manager.", SERVERS
    )
    default_address: tuple[str, ...] = option(
        (), ADDRESS, "What names have that were given no address of their own [127.0.0.1].", SERVERS
    )
    challenge_type: tuple[str, ...] = option(
        (), CHALLENGE_TYPE, "Challenge to offer; may be repeated [http-01, dns-01, tls-alpn-01].", SERVERS
    )
    caa_identity: tuple[str, ...] = option(
        (), ZONE, "Name of this CA in CAA records; may be repeated. With none, CAA is not looked at.", SERVERS
    )
    vantage: tuple[VantagePoint, ...] = option(
        (), VANTAGE, "Further vantage point of validation, and the DNS server that it asks; may be repeated.", SERVERS
    )
    vantages: int = option(
        1, COUNT, "Vantage points in all; those that no --vantage names ask what --dns says.", SERVERS
    )
    quorum: int | None = option(
        None,
        NUMBER,
        "Further vantage points that must agree (default: 1 of 2 to 5 may fail, 2 of more).",
        SERVERS,
    )
    validation_timeout: float = option(10.0, SECONDS, "Seconds that each question of a validation may take.", SERVERS)
    validation_delay: float = option(0.0, WAIT, "Seconds that a validation waits before it begins.", SERVERS)
    max_validations: int = option(
        256, COUNT, "Validations that look at once; more wait, first come first served.", SERVERS
    )
    validation_attempts: int = option(
        1, COUNT, "Times that a validation fails, 5 s apart, before its challenge is invalid.", SERVERS
    )
    max_redirects: int = option(10, NUMBER, "Redirects that http-01 validation follows.", SERVERS)
    redirect_port: tuple[int, ...] = option(
        (), PORT, "Port that a redirect may name; may be repeated (default: any).", SERVERS
    )
    ssrf_guard: bool = option(
        False, click.BOOL, "Validate no loopback, private or other special address (RFC 6890).", SERVERS
    )
    base_url: str | None = option(
        None, ORIGIN, "What the ACME server calls itself (default: https://HOST:ACME-PORT).", SERVERS
    )
    tls_name: tuple[str, ...] = option(
        (), NAME, "Further name or address in the server's own certificate; may be repeated.", SERVERS
    )
    tls_ca_cert: str | None = option(
        None,
        click.Path(exists=True, dir_okay=False),
        "CA to make the server's own certificate below, in PEM (default: a new one).",
        SERVERS,
    )
    tls_ca_key: str | None = option(None, click.Path(exists=True, dir_okay=False), "Its key, in PEM.", SERVERS)
    management_token: str | None = option(
        None,
        TOKEN,
        "Bearer token that the management API wants; beyond loopback one is made up if none is given.",
        SERVERS,
    )
    personality: str = option(
        "rfc8555",
        click.Choice(tuple(PERSONALITIES)),
        "How the ACME server answers where RFC 8555 leaves room: as strictly as it can, or as Pebble or Boulder do.",
        SERVERS,
    )
    blocked_name: tuple[str, ...] = option(
        (), ZONE, "Name that nothing is issued for, nor for names below it; may be repeated.", SERVERS
    )
    terms_of_service: str | None = option(
        None, URL, "Where the terms of service are, which accounts must agree to (default: none).", SERVERS
    )
    eab: tuple[tuple[str, bytes], ...] = option(
        (),
        EXTERNAL_ACCOUNT,
        "External account that ACME accounts may be bound to, its MAC key in base64url; may be repeated.",
        SERVERS,
    )
    eab_required: bool = option(False, click.BOOL, "Refuse accounts that are bound to no external one.", SERVERS)
    ca_key_type: str = option(
        "P-256",
        click.Choice(("P-256", "P-384", "Ed25519", "RSA-2048", "RSA-3072", "RSA-4096"), case_sensitive=False),
        "Keys of the certificate authority; RSA goes without --seed.",
        SERVERS,
    )
    ca_cert: str | None = option(
        None, click.Path(exists=True, dir_okay=False), "Root to issue below, in PEM (default: a new one).", SERVERS
    )
    ca_key: str | None = option(None, click.Path(exists=True, dir_okay=False), "Its key, in PEM.", SERVERS)
    chain_length: int = option(1, click.IntRange(0, 10), "Intermediates between a certificate and its root.", SERVERS)
    alternate_roots: int = option(
        0, click.IntRange(0, 10), "Further roots, each of which gives certificates another chain.", SERVERS
    )
    profile: tuple[tuple[str, timedelta], ...] = option(
        (), PROFILE, "Profile that orders may choose, with its certificates' lifetime; may be repeated.", SERVERS
    )
    faults: tuple[str, ...] = option(
        (),
        click.Path(exists=True, dir_okay=False),
        "Arm the faults in this file, JSON or YAML, as for POST /faults; may be repeated.",
        SERVERS,
    )
    rate_limits: str = option(
        "none",
        click.STRING,
        "Rate limits: letsencrypt, letsencrypt-staging, or a JSON file of names and rates.",
        SERVERS,
    )
    rate_limit: tuple[str, ...] = option(
        (),
        click.STRING,
        "One rate limit, NAME=COUNT/PERIOD[/BURST], over those of --rate-limits; may be repeated.",
        SERVERS,
    )
    public_suffix: tuple[str, ...] = option(
        (),
        ZONE,
        "What registered domains are below, for rate limits, beside names of one label; may be repeated.",
        SERVERS,
    )
    log_format: str | None = option(
        None,
        click.Choice(("text", "json")),
        "Log every fact of the journal, and what libraries log, on stderr, a line each (default: no log).",
        SERVERS,
    )
    log_level: str = option(
        "info", click.Choice(("debug", "info", "warning", "error")), "With --log-format: the least to log.", SERVERS
    )
    journal_limit: int | None = option(
        None, COUNT, "Entries of the journal to keep at least; older ones are dropped (default: keep all).", SERVERS
    )
