"""Accounts as acme-dns has them (joohoi/acme-dns): each writes the TXT records of one name, and of no other.

The owner of a name makes its `_acme-challenge` an alias of an account's
`fulldomain`, once; from then on a client needs no rights in the owner's zone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from uuid import UUID

import attrs

from acme_server.protocol.driver import Entropy
from acme_server.protocol.encoding import b64url
from solvers.dns.zone import Zone

# So many TXT values a name keeps, the last ones: a wildcard and its apex are validated at the same name.
KEPT = 2
# Registration asks for nothing, so that there must be an end.
MAX_ACCOUNTS = 100_000
_TXT = re.compile(r"[A-Za-z0-9_-]{43}")
# Python's networks would be netmasks and zone indexes too.
_CIDR = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")


class Refused(Exception):  # noqa: N818 - says what happened
    """`status`: of HTTP; `word`: acme-dns's for it (its api.go and auth.go)."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


@attrs.frozen
class Account:
    """What registration answers; `allowfrom` are CIDRs, none for everybody; `values` the last ones, oldest first."""

    username: str
    password: str = attrs.field(repr=False)
    fulldomain: str
    subdomain: str
    allowfrom: tuple[str, ...]
    values: tuple[str, ...] = ()


class AcmeDns:
    """The `accounts` of one world, by username; their values stand in its zone."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self.accounts: dict[str, Account] = {}

    def copy(self, zone: Zone) -> AcmeDns:
        """Return the same accounts for a copy of the zone."""
        twin = AcmeDns(zone)
        twin.accounts = dict(self.accounts)
        return twin

    def register(self, entropy: Entropy, domain: str, allowfrom: Iterable[str] = ()) -> Account:
        """Make an account, with a new name below the domain."""
        networks = tuple(text.translate({ord("["): None, ord("]"): None}) for text in allowfrom)
        if not all(map(_is_cidr, networks)):
            raise Refused(400, "invalid_allowfrom_cidr")
        if len(self.accounts) >= MAX_ACCOUNTS:
            raise Refused(503, "too_many_accounts")
        username, subdomain = _uuid(entropy), _uuid(entropy)
        # 40 characters, as acme-dns has it.
        account = Account(username, b64url(entropy(30)), f"{subdomain}.{domain}", subdomain, networks)
        self.accounts[username] = account
        return account

    def authenticate(self, username: str, password: str, address: str | None) -> Account:
        """Return the account of somebody at an IP address."""
        account = self.accounts.get(username.lower())
        given = password.encode("utf-8", "surrogateescape")
        if account is None or not hmac.compare_digest(given, account.password.encode("ascii")):
            raise Refused(401, "forbidden")
        if account.allowfrom and not _is_within(address, account.allowfrom):
            raise Refused(401, "forbidden")
        return account

    def update(self, account: Account, txt: str) -> None:
        """Add a value to those of the account's name; the last two stay."""
        if not _TXT.fullmatch(txt):
            raise Refused(400, "bad_txt")
        values = (*account.values, txt)[-KEPT:]
        for value in account.values:
            if value not in values:
                self._zone.remove_txt(account.fulldomain, value)
        self._zone.add_txt(account.fulldomain, txt)
        self.accounts[account.username] = attrs.evolve(account, values=values)


def _uuid(entropy: Entropy) -> str:
    return str(UUID(bytes=entropy(16), version=4))


def _is_cidr(text: str) -> bool:
    try:
        return _CIDR.fullmatch(text) is not None and bool(ip_network(text, strict=False))
    except ValueError:
        return False


def _is_within(address: str | None, networks: Iterable[str]) -> bool:
    return address is not None and any(ip_address(address) in ip_network(each, strict=False) for each in networks)
