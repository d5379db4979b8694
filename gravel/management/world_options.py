"""What `POST /worlds` may say of a new world."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import attrs

from acme_server.certificate_authority import Design
from acme_server.clock import END
from acme_server.faults.reading import choose
from acme_server.personality import PERSONALITIES
from acme_server.profiles import PROFILES, Profile, with_lifetime
from acme_server.protocol.host_port import split_host_port
from acme_server.settings import CHALLENGE_TYPES, Settings, VantagePoint
from acme_server.worlds import Options
from gravel.account_options import read_mac_key, read_url
from gravel.authority_options import KEY_TYPES, NOT_SEEDED, repeats
from gravel.dns_view import DnsOptions
from gravel.management.rate_limit_endpoints import rates_of, suffixes_of
from gravel.management.request_body import Body
from gravel.validation_options import OWN, resolver_of
from solvers.dns.zone import zone_name

MEMBERS = ("id", "seed", "start", "frozen", "settings")
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_MOST = 2**31 - 1
_LONGEST = timedelta(days=36525)


def _lifetime(body: Body, name: str) -> timedelta:
    return _bounded(body, name, timedelta(seconds=1))


def _wait(body: Body, name: str) -> timedelta:
    return _bounded(body, name, timedelta(0))


def _bounded(body: Body, name: str, least: timedelta) -> timedelta:
    duration = body.duration(name)
    if not least <= duration <= _LONGEST:
        raise ValueError(f"{name!r} is from {int(least.total_seconds())}s to {_LONGEST.days}d")
    return duration


def _port(body: Body, name: str) -> int:
    return body.number(name, 1, 65535)


def _probability(body: Body, name: str) -> float:
    value = body.members.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name!r} is wanted: a number from 0 to 1")
    return float(value)


def _authority(body: Body, name: str) -> str:
    text = body.text(name)
    try:
        host, port = split_host_port(text)
    except ValueError:
        host, port = "", 0
    if not host or not 0 < port < 65536:
        raise ValueError(f"{name!r} is wanted: HOST:PORT")
    return text


def _zones(body: Body, name: str) -> tuple[str, ...]:
    return tuple(map(zone_name, body.texts(name)))


def _count(body: Body, name: str) -> int:
    return body.number(name, 1, _MOST)


def _number(body: Body, name: str) -> int:
    return body.number(name, 0, _MOST)


def _ports(body: Body, name: str) -> tuple[int, ...]:
    values = body.members.get(name)
    if not isinstance(values, list):
        raise ValueError(f"{name!r} is wanted: a list of ports")
    return tuple(_port(Body({name: value}), name) for value in values)


def _of(known: Collection[str]) -> Callable[[Body, str], tuple[str, ...]]:
    def read(body: Body, name: str) -> tuple[str, ...]:
        values = tuple(dict.fromkeys(body.texts(name)))
        if not all(value in known for value in values):
            raise ValueError(f"{name!r} are some of {', '.join(known)}")
        return values

    return read


def _vantages(body: Body, name: str) -> tuple[VantagePoint, ...]:
    """Read names, each with the resolver that it asks, or null for the world's own."""
    resolvers = body.object(name)
    return tuple(
        VantagePoint(each, dns if dns is None or OWN.fullmatch(str(dns)) else _authority(resolvers, each))
        for each, dns in resolvers.members.items()
    )


def _external_accounts(body: Body, name: str) -> Mapping[str, bytes]:
    known = body.object(name)
    return {kid: read_mac_key(known.text(kid)) for kid in known.members}


def _design(body: Body, name: str) -> Design:
    members = body.object(name)
    members.only(("key_type", "chain_length", "alternate_roots"))
    key_type = members.text("key_type") if "key_type" in members else "P-256"
    if key_type not in KEY_TYPES:
        raise ValueError(f"'key_type' is one of {', '.join(KEY_TYPES)}")
    counts: dict[str, Any] = {
        key: members.number(key, 0, 10) for key in ("chain_length", "alternate_roots") if key in members
    }
    return Design(new_key=KEY_TYPES[key_type], **counts)


def _profiles(body: Body, name: str) -> tuple[Profile, ...]:
    profiles, lifetimes = PROFILES, body.object(name)
    for profile in lifetimes.members:
        profiles = with_lifetime(profiles, profile, _lifetime(lifetimes, profile))
    return profiles


SETTINGS: Mapping[str, Callable[[Body, str], Any]] = {
    "http01_port": _port,
    "tls_alpn_port": _port,
    "dns": _authority,
    "always_valid": Body.flag,
    "order_lifetime": _lifetime,
    "pending_authorization_lifetime": _lifetime,
    "valid_authorization_lifetime": _lifetime,
    "certificate_lifetime": _lifetime,
    "nonce_lifetime": _lifetime,
    "validation_timeout": _lifetime,
    "backdate": _wait,
    "retry_after": _wait,
    "renewal_info_retry_after": _wait,
    "authorization_reuse": _probability,
    "order_reuse": Body.flag,
    "challenge_types": _of(CHALLENGE_TYPES),
    "caa_identities": _zones,
    "caa_recheck": _wait,
    "vantages": _vantages,
    "quorum": _number,
    "validation_delay": _wait,
    "max_validations": _count,
    "max_redirects": _number,
    "redirect_ports": _ports,
    "max_validation_body": _count,
    "address_families": _of(("AAAA", "A")),
    "ssrf_guard": Body.flag,
    "terms_of_service": lambda body, name: read_url(body.text(name)),
    "external_account_required": Body.flag,
    "external_accounts": _external_accounts,
    "pre_authorization": Body.flag,
    "orders_per_page": lambda body, name: body.number(name, 1, 10_000),
    "issuance_delay": _wait,
    "validation_attempts": lambda body, name: body.number(name, 1, 1000),
    "validation_retry_after": _lifetime,
    "rate_limits": rates_of,
    "public_suffixes": suffixes_of,
    "personality": lambda body, name: PERSONALITIES[choose(body.text(name), PERSONALITIES, "the personality")],
    "blocked_names": lambda body, name: tuple(map(zone_name, body.texts(name))),
    "revocation_list_lifetime": _lifetime,
    "authority": _design,
    "certificate_urls": Body.flag,
    "profiles": _profiles,
    "journal_limit": _count,
}


def _nameservers(body: Body, name: str) -> tuple[str, ...]:
    addresses = tuple(dict.fromkeys(str(ip_address(text)) for text in body.texts(name)))
    if not all(ip_address(address).is_loopback for address in addresses):
        raise ValueError(f"{name!r} are loopback addresses, such as 127.0.0.1 and 127.0.0.2")
    return addresses


# Settings that are about the world's DNS.
DNS_SETTINGS: Mapping[str, Callable[[Body, str], Any]] = {
    "nameservers": _nameservers,
    "zones": _zones,
    "forward": _authority,
}


def options_of(body: Body, defaults: Settings) -> Options:
    """Read the options of a world; `defaults` are what its settings are changes of."""
    body.only(MEMBERS)
    changes = body.object("settings")
    changes.only((*SETTINGS, *DNS_SETTINGS))
    if "forward" in changes and "zones" not in changes:
        raise ValueError("'forward' needs 'zones': names of no zone are forwarded, and there is none")
    settings = attrs.evolve(defaults, **_read(SETTINGS, changes))
    view = DnsOptions(**_read(DNS_SETTINGS, changes))
    for each in settings.vantages:
        resolver_of(each.dns, view.nameservers or ("",))
    if "seed" in body and not repeats(settings.authority):
        raise ValueError(NOT_SEEDED)
    return Options(
        settings,
        seed=body.number("seed", 0, 2**63 - 1) if "seed" in body else None,
        start=_start(body) if "start" in body else None,
        frozen=body.flag("frozen") if "frozen" in body else False,
        view=view,
    )


def _read(table: Mapping[str, Callable[[Body, str], Any]], changes: Body) -> dict[str, Any]:
    return {name: read(changes, name) for name, read in table.items() if name in changes}


def _start(body: Body) -> datetime:
    moment = body.moment("start")
    if not _EARLIEST <= moment <= END:
        raise ValueError(f"'start' is from {_EARLIEST.year} to {END.year}")
    return moment
