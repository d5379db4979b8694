"""`gravel check NAME`: why a name cannot be validated, from here and as the ACME server sees it."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import click

from acme_server.protocol.host_port import join_host_port, split_host_port
from gravel.configuration import load
from gravel.option_types import HOST_PORT, SECONDS
from gravel.settings import FIELDS

if TYPE_CHECKING:
    from acme_server.network import Network
    from acme_server.protocol.key_authorization import KeyAuthorization
    from gravel.check.findings import Conclusion
    from gravel.check.looking import Seen
    from gravel.settings import Settings

TYPES = ("http-01", "dns-01")
EPILOG = """\
\b
Examples:
  gravel check www.example.test
  gravel check www.example.test --type http-01 --key-authorization "$token.$thumbprint"
  gravel check '*.example.test' --value LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
  gravel check www.example.org --dns 10.96.0.10:53 --server-dns 1.1.1.1:53
\b
Where a gravel answers (at ACME_DNS, as inside `gravel run`, else where `gravel serve` would have its DNS here), it is
the ACME server: its resolver and its ports are the defaults. Else they are the system's resolver, 53 and 80.
Exit status: 0 when a check would pass or, with nothing to expect, nothing is in the way; 1 when something is; 2 for a
mistake in the command."""

_TOKEN = re.compile(r"[\w-]+", re.ASCII)
_KEY_AUTHORIZATION = re.compile(r"([\w-]+)\.([\w-]+)", re.ASCII)
_DNS_PORT, _HTTP_PORT = 53, 80
# How long a gravel on this machine is waited for, before its options are no defaults.
_NEARBY = timedelta(seconds=1)


@attrs.frozen
class _Options:
    """What was said, and None or () where nothing was."""

    dns: tuple[str, ...]
    server_dns: str | None
    nameserver_port: int | None
    http01_port: int | None
    token: str | None
    key_authorization: str | None
    value: str | None
    timeout: float


@attrs.frozen
class _Place:
    """Where to look when it is not said."""

    resolvers: tuple[str, ...]
    server_dns: str
    nameserver_port: int = _DNS_PORT
    http01_port: int = _HTTP_PORT


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(TYPES), help="Look at one type only [both; wildcards: dns-01].")
@click.option(
    "--dns", metavar="HOST:PORT", type=HOST_PORT, multiple=True, help="Resolver that the solver asks; may be repeated."
)
@click.option(
    "--server-dns",
    metavar="HOST:PORT",
    type=HOST_PORT,
    help="Resolver that the ACME server asks (default: --dns of the running gravel, else the solver's first).",
)
@click.option(
    "--nameserver-port", metavar="PORT", type=click.IntRange(1, 65535), help="Port of the zone's nameservers."
)
@click.option("--http01-port", metavar="PORT", type=click.IntRange(1, 65535), help="Port that http-01 dials.")
@click.option("--token", metavar="TOKEN", help="The challenge's token: what the URL ends with.")
@click.option("--key-authorization", metavar="TEXT", help="What http-01 must show; its digest is what dns-01 must.")
@click.option("--value", metavar="TEXT", help="The TXT value that dns-01 must show; http-01 is not looked at then.")
@click.option("--timeout", metavar="SECONDS", type=SECONDS, default=5.0, help="Patience for each question [5].")
@click.option("--json", "json", is_flag=True, help="Print one JSON object.")
def command(name: str, kind: str | None, json: bool, **options: Any) -> int:
    """Say why NAME cannot be validated: what resolvers, nameservers and the web server answer, and who must act."""
    from gravel.check.output import print_report, to_json
    from gravel.event_loop import run
    from gravel.output import console, print_json

    given, name = _Options(**options), _checked(name)
    types, key = _types(name, kind, value=given.value is not None), _key(given)
    seen, conclusion = run(_check(name, types, key, given, load("serve", {}, os.environ)))
    if json:
        print_json(to_json(seen, conclusion))
    else:
        print_report(console(), seen, conclusion)
    return 0 if conclusion.verdict == "pass" else 1


def _checked(name: str) -> str:
    from acme_server.protocol.identifier import dns_complaint

    name = name.removesuffix(".").lower()
    complaint = dns_complaint(name)
    if complaint:
        raise click.UsageError(f"{name[:253]!r} {complaint}.")
    return name


def _types(name: str, kind: str | None, *, value: bool) -> tuple[str, ...]:
    fitting = ("dns-01",) if value or name.startswith("*.") else TYPES
    if kind is None:
        return fitting
    if kind not in fitting:
        why = "--value is of dns-01" if value else "a wildcard has dns-01 only"
        raise click.UsageError(f"--type {kind} does not fit: {why}.")
    return (kind,)


def _key(given: _Options) -> KeyAuthorization | None:
    """Return what must be seen, as far as it is given."""
    from acme_server.protocol.key_authorization import KeyAuthorization
    from gravel.check.looking import GivenValue

    if given.token is not None and not _TOKEN.fullmatch(given.token):
        raise click.UsageError("A --token has letters, digits, - and _ only.")
    if given.value is not None:
        if given.token is not None or given.key_authorization is not None:
            raise click.UsageError("--value goes without --token and --key-authorization, which say what it is.")
        return GivenValue("", "", given.value)
    if given.key_authorization is None:
        return None
    found = _KEY_AUTHORIZATION.fullmatch(given.key_authorization)
    if found is None:
        raise click.UsageError("A --key-authorization is TOKEN.THUMBPRINT.")
    if given.token not in (None, found[1]):
        raise click.UsageError("--key-authorization begins with another token than --token.")
    return KeyAuthorization(found[1], found[2])


async def _check(
    name: str, types: tuple[str, ...], key: KeyAuthorization | None, given: _Options, settings: Settings
) -> tuple[Seen, Conclusion]:
    from acme_server.network import Network
    from acme_server.protocol.vantage import conduct
    from gravel.check.findings import conclude
    from gravel.check.looking import Plan, look

    network = Network()
    try:
        place = await _place(name, given, settings, network)
        plan = Plan(
            name=name,
            types=types,
            resolvers=place.resolvers,
            server_dns=given.server_dns or place.server_dns,
            nameserver_port=given.nameserver_port or place.nameserver_port,
            http01_port=given.http01_port or place.http01_port,
            token=key.token if key else given.token,
            key=key,
            timeout=timedelta(seconds=given.timeout),
        )
        seen = await conduct(look(plan, lambda: datetime.now(UTC)), network)
    finally:
        await network.close()
    return seen, conclude(seen)


async def _place(name: str, given: _Options, settings: Settings, network: Network) -> _Place:
    """Return where to look: a gravel that answers nearby is the ACME server, else the system's resolver is all there is."""
    from acme_server.network import system_nameserver
    from acme_server.protocol.vantage import DnsAnswer, Resolve

    nearby = os.environ.get("ACME_DNS") or join_host_port(settings.host, settings.dns_port)
    answer = await network(Resolve(name, "SOA", nearby, min(_NEARBY, timedelta(seconds=given.timeout))))
    assert isinstance(answer, DnsAnswer)
    if answer.error is None:
        resolvers = given.dns or (nearby,)
        own_port = split_host_port(nearby)[1] if nearby in resolvers else _DNS_PORT
        port = os.environ.get("ACME_HTTP01_PORT") or settings.http01_port or FIELDS["http01-port"].default
        return _Place(resolvers, settings.dns or nearby, own_port, int(str(port)))
    try:
        resolvers = given.dns or (system_nameserver(),)
    except OSError as error:
        raise click.ClickException(f"There is no resolver to ask ({error}); name one with --dns.") from None
    return _Place(resolvers, settings.dns or resolvers[0])
