"""What an explanation is made of: what is known of a world, and of it what belongs to one order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from acme_server.accounts import Account
from acme_server.authorizations import Authorization, Challenge
from acme_server.certificates import Certificate
from acme_server.looks import Look
from acme_server.orders import Order
from acme_server.protocol.journal import Entry
from acme_server.protocol.times import parse_rfc3339, rfc3339_micro
from acme_server.world import World
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder

if TYPE_CHECKING:
    from gravel.settings import Settings
    from issuer_bridge.resources import Resource, Resources
    from scheduler.versions import Version

REFUSED = "RequestRefused"
# Where clients come that have no account here, and what says that one got in.
ENTERED: Mapping[str, str] = {"/new-account": "AccountCreated"}


# What the bridge's facts call a resource in their subjects.
_WORDS = {"Certificate": "certificate", "CertificateRequest": "request", "Order": "order", "Challenge": "challenge"}


@attrs.frozen
class Bridge:
    """A bridge, as it can be asked: its resources, how many challenges it works on at once, and whose rules it follows.

    errors: the cert-manager whose conduct it has, None for our own.
    """

    resources: Resources
    slots: int = 60
    errors: Version | None = None


def bridge_of(resources: Callable[[], Resources | None], settings: Settings) -> Bridge | None:
    """Return the bridge of a house, if it has begun; resources: its own, later than the settings."""
    found = resources()
    return Bridge(found, settings.max_concurrent_challenges, settings.errors) if found is not None else None


@attrs.frozen
class Known:
    """A world at a moment.

    due: when something happens in it next; zone, responder: where answers may be in place, the built-in ones;
    bridge: whose server it is, if there is one.
    """

    world: World
    now: datetime
    frozen: bool = False
    due: datetime | None = None
    zone: Zone | None = None
    responder: Responder | None = None
    bridge: Bridge | None = None


@attrs.frozen
class Story:
    """One order with all that belongs to it; or of that what there is.

    subject: what it is called; names: identifiers whose orders are told of, refused ones too; focus: the place of
    the one challenge that it is about; objects: the bridge's resources, owners first; urls: of accounts that the
    server does not know; endpoint: whose refusals to clients without an account it is about; lost: what clients ask
    for and is not here; entries: of the journal, once they have been collected.
    """

    known: Known
    subject: str
    account: Account | None = None
    order: Order | None = None
    authorizations: tuple[Authorization, ...] = ()
    certificate: Certificate | None = None
    names: tuple[str, ...] = ()
    focus: int | None = None
    objects: tuple[Resource, ...] = ()
    urls: tuple[str, ...] = ()
    endpoint: str = ""
    lost: tuple[tuple[str, str], ...] = ()
    entries: tuple[Entry, ...] = ()
    _names: frozenset[str] = attrs.field(init=False, repr=False, eq=False)
    _ids: frozenset[tuple[str, str]] = attrs.field(init=False, repr=False, eq=False)

    @_names.default
    def _fast(self) -> frozenset[str]:
        return frozenset(self.names)

    @_ids.default
    def _named(self) -> frozenset[tuple[str, str]]:
        records = {"order": self.order, "certificate": self.certificate}
        ids = [*self.lost, *((kind, record.id) for kind, record in records.items() if record is not None)]
        ids += [("authorization", each.id) for each in self.authorizations]
        # A query's fault has the name that was asked for.
        hosts = [each.identifier.value for each in self.authorizations]
        ids += [("name", name) for host in hosts for name in (host, f"_acme-challenge.{host}")]
        for each in self.objects:
            namespace, name = each["metadata"].get("namespace"), each["metadata"]["name"]
            ids.append((_WORDS.get(each["kind"], "issuer"), f"{namespace}/{name}" if namespace else name))
        return frozenset(ids)

    def concerns(self, entry: Entry) -> bool:
        """Whether an entry of the journal is part of it."""
        subject = entry.subject
        if self.endpoint:
            stranger = entry.kind == REFUSED and "account" not in subject and entry.data["endpoint"] == self.endpoint
            return stranger or entry.kind == ENTERED.get(self.endpoint)
        if not self._ids.isdisjoint(subject.items()):
            return True
        if not self._names.isdisjoint(entry.data.get("identifiers", ())):
            return True
        if self.urls and any(url in str(entry.data.get("detail", "")) for url in self.urls):
            return True
        if self.account is None or subject.get("account") != self.account.id:
            return False
        if len(subject) > 1:
            # Of an account, that it got on.
            return not (self.order or self.authorizations) and entry.kind == "OrderCreated"
        # Of newOrder's faults only that under which the order was made.
        made = self.order is None or (entry.kind == "FaultInjected" and entry.at == rfc3339_micro(self.order.created))
        return made or entry.kind not in (REFUSED, "FaultInjected")

    def looked(self, path: str) -> Look | None:
        """Return when a client came for one of the resources last, by our own path."""
        return self.known.world.looks.of(path)

    def challenges(self) -> Iterator[tuple[Authorization, int, Challenge]]:
        """Yield those that it is about."""
        for authorization in self.authorizations:
            for index, challenge in enumerate(authorization.challenges):
                if self.focus in (None, index):
                    yield authorization, index, challenge

    def happened(self, *kinds: str, **subject: str) -> list[Entry]:
        """Return the entries of these kinds, oldest first, with these ids in their subject."""
        return [
            entry for entry in self.entries if entry.kind in kinds and subject.items() <= dict(entry.subject).items()
        ]

    def since(self, *kinds: str, **subject: str) -> datetime | None:
        """Return when one of these happened last, as far as the journal has kept it."""
        found = self.happened(*kinds, **subject)
        return parse_rfc3339(found[-1].at) if found else None


def order_name(record: Order) -> str:
    """Return `order/ID`."""
    return f"order/{record.id}"


def challenge_name(authorization: Authorization, index: int) -> str:
    """Return `challenge/AUTHORIZATION/PLACE`."""
    return f"challenge/{authorization.id}/{index}"
