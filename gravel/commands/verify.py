"""`gravel verify`: whether a certificate that was issued is what was asked for, and would be trusted."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from gravel.client_command import DEFAULT_NAMESPACE, kind_named, namespace_option, url_option
from gravel.configuration import management_url
from gravel.option_types import GO_DURATION, ORIGIN
from gravel.settings import FIELDS
from issuer_bridge.durations import parse_duration

if TYPE_CHECKING:
    from cryptography import x509

    from gravel.verify.evidence import Asked, Evidence
    from gravel.verify.house import House
    from gravel.waiting import Target
    from issuer_bridge.diagnosis.finding import Finding

EPILOG = """\
\b
Examples:
  gravel verify certificate/www secret/api-tls -n payments --valid-for 168h
  gravel verify certificate/www --kubeconfig ~/.kube/config --roots corporate.pem
  gravel verify www.pem --key www.key --name www.example.test --roots roots.pem
\b
Of a Certificate or a CertificateRequest, what its spec asks for is compared. Without --roots, what the running gravel
issues with is trusted, and the ca.crt of the Secret. Revocation is asked of that gravel, or read from the list that
the certificate names.
Exit status: 0 when nothing is wrong; 1 when something is; 2 for a mistake in the command."""


@attrs.frozen
class _Options:
    """Where to look; explicit: the management API was named."""

    url: str
    kubeconfig: str | None
    in_cluster: bool
    key: str | None
    management: str
    explicit: bool


@click.command(epilog=EPILOG)
@click.argument("things", nargs=-1, metavar="KIND/NAME|FILE...", required=True)
@namespace_option
@click.option(
    "--roots", metavar="FILE", multiple=True, help="PEM file of what is trusted, and nothing else; may be repeated."
)
@click.option("--key", metavar="FILE", help="The private key of a FILE.")
@click.option(
    "--name", "names", metavar="NAME", multiple=True, help="A name that it is for, and no other; may be repeated."
)
@click.option(
    "--duration", type=GO_DURATION, metavar="DURATION", help="How long it should last in all [spec.duration]."
)
@click.option(
    "--valid-for",
    type=GO_DURATION,
    default="0s",
    show_default=True,
    metavar="DURATION",
    help="And so long from now on.",
)
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="On the cluster of this file.")
@click.option("--in-cluster", is_flag=True, help="On the cluster in whose pod it runs.")
@click.option("--management", type=ORIGIN, metavar="URL", help=FIELDS["management"].metadata["help"])
@click.option("--json", "json", is_flag=True, help="Print one JSON object a certificate.")
@url_option
def command(
    things: tuple[str, ...],
    namespace: str | None,
    roots: tuple[str, ...],
    names: tuple[str, ...],
    duration: str | None,
    valid_for: str,
    management: str | None,
    *,
    json: bool,
    **options: Any,
) -> None:
    """Say what is wrong with certificates: chain, key, names, validity, issuer and revocation."""
    from gravel.event_loop import run
    from gravel.verify.evidence import Asked

    lifetime = parse_duration(duration) if duration else None
    asked = Asked(names or None, "", lifetime, parse_duration(valid_for))
    trusted = _roots(roots)
    named = management or os.environ.get("ACME_MANAGEMENT")
    where = _Options(management=management_url(named, os.environ), explicit=bool(management), **options)
    targets = [_target(thing, namespace or DEFAULT_NAMESPACE) for thing in things]
    if where.key and (len(targets) > 1 or not isinstance(targets[0], str)):
        raise click.UsageError("--key is the key of one FILE.")
    verified = run(_verify(targets, asked, trusted, where))
    for seen, findings in verified:
        _tell(seen, findings, json=json)
    blocked = any(finding.blocks for _, findings in verified for finding in findings)
    click.get_current_context().exit(1 if blocked else 0)


def _target(thing: str, namespace: str) -> Target | str:
    from gravel.verify.looking import KINDS
    from gravel.waiting import Target

    word, slash, name = thing.partition("/")
    if Path(thing).is_file() or not slash:
        return thing
    kind = kind_named(word)
    if kind not in KINDS or not name:
        raise click.UsageError(
            f"{thing!r} is neither a file nor secret/NAME, certificate/NAME or certificaterequest/NAME"
        )
    return Target(kind, namespace, name)


def _roots(paths: tuple[str, ...]) -> tuple[x509.Certificate, ...]:
    from cryptography import x509

    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            raise click.UsageError(f"--roots {path} holds no certificates: {error}") from None
    return tuple(found)


async def _verify(
    targets: list[Target | str], asked: Asked, trusted: tuple[x509.Certificate, ...], where: _Options
) -> list[tuple[Evidence, tuple[Finding, ...]]]:
    from acme_server.network import Network
    from acme_server.protocol.vantage import conduct
    from gravel.verify.house import find_house
    from gravel.waiting import reader

    network, house = Network(), None
    try:
        if where.explicit or not (where.kubeconfig or where.in_cluster):
            token = os.environ.get("ACME_MANAGEMENT_TOKEN")
            house = await conduct(find_house(where.management, token), network)
        if house is None and where.explicit:
            raise click.ClickException(f"no gravel answers at {where.management}")
        async with reader(where.url, where.kubeconfig, in_cluster=where.in_cluster) as read:
            return [await _one(target, asked, trusted, where, house, read, network) for target in targets]
    finally:
        await network.close()


async def _one(
    target: Target | str,
    asked: Asked,
    trusted: tuple[x509.Certificate, ...],
    where: _Options,
    house: House | None,
    read: Any,
    network: Any,
) -> tuple[Evidence, tuple[Finding, ...]]:
    from acme_server.protocol.vantage import conduct
    from gravel.verify.evidence import Evidence
    from gravel.verify.house import revocation_of
    from gravel.verify.looking import look_at_file, look_at_object
    from gravel.verify.rules import verify

    subject = target if isinstance(target, str) else f"{target.kind.kind.lower()}/{target.namespace}/{target.name}"
    roots = trusted or (house.roots if house else ())
    seen = Evidence(subject, house.now if house else datetime.now(UTC), asked, roots=roots)
    seen = (
        look_at_file(target, where.key, seen) if isinstance(target, str) else await look_at_object(read, target, seen)
    )
    if trusted:
        seen = attrs.evolve(seen, roots=trusted)
    if seen.chain:
        revocation, unknown = await conduct(revocation_of(seen.chain, house), network)
        seen = attrs.evolve(seen, revocation=revocation, unknown=unknown)
    return seen, verify(seen)


def _tell(seen: Evidence, findings: tuple[Finding, ...], *, json: bool) -> None:
    from gravel.output import print_json
    from gravel.verify.evidence import all_of

    verdict = "fail" if any(finding.blocks for finding in findings) else "pass"
    if json:
        told = {"subject": seen.subject, "verdict": verdict, "revocation": seen.revocation}
        print_json(told | {"findings": [finding.to_json() for finding in findings]})
        return
    for finding in findings:
        click.echo(f"{'FAILS' if finding.blocks else 'note '} {seen.subject}: {finding.cause}")
        for said in finding.evidence:
            click.echo(f"      {said}")
        click.echo(f"      try: {finding.attempt} ({finding.who})")
    names = ", ".join(all_of(seen.names)) if seen.chain else ""
    click.echo(f"{seen.subject}: {verdict}{f', for {names}' if names else ''}")
