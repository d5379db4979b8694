"""Which CertificateRequest a fact belongs to, and which order of the ACME server: what a log is searched by.

The bridge knows the server's resources by their URLs; facts of the two houses meet there.
"""

from __future__ import annotations

from acme_server.links import Links
from acme_server.protocol.journal import Entry

SERVER, BRIDGE = "acme_server", "issuer_bridge"
# Facts that are the first of their order or Certificate's round, and whose request is named by later ones.
_BEGINNINGS = ((SERVER, "OrderCreated"), (BRIDGE, "IssuanceTriggered"))
# Members of a subject in the bridge, and what comes first is what the others belong to.
_NAMED = ("order", "challenge", "request")
_CERTIFICATE = "certificate "
# Resources that are remembered; the oldest are forgotten first.
_MANY = 100_000


class Stories:
    """What facts have told so far of resources: the server's by URL, the bridge's by kind and name."""

    def __init__(self) -> None:
        self._requests: dict[str, str] = {}
        self._orders: dict[str, str] = {}
        # The bridge's Orders that have no URL yet.
        self._unplaced: dict[str, str] = {}

    def learn(self, entry: Entry, named: tuple[str, ...]) -> None:
        """Take notice of a fact; named: `resources_of` it."""
        if _begins(entry):
            self._requests.pop(named[0], None)
        request, order = self.of(entry, named)
        for resource in named:
            if request is not None:
                _remember(self._requests, resource, request)
            # A Certificate has an order for each of its requests.
            if order is not None and not resource.startswith(_CERTIFICATE):
                _remember(self._orders, resource, order)
        if entry.house == BRIDGE and "order" in entry.subject:
            if entry.kind == "OrderCreated":
                _remember(self._unplaced, named[0], named[0])
            else:
                self._unplaced.pop(named[0], None)

    def of(self, entry: Entry, named: tuple[str, ...]) -> tuple[str | None, str | None]:
        """Return the request, NAMESPACE/NAME, and the URL of the order; None for what is not known, or is none."""
        request = entry.subject.get("request")
        if entry.house == SERVER and "order" in entry.subject:
            order: str | None = named[0]
        elif entry.kind == "OrderPlaced":
            order = named[-1]
        else:
            order = next((self._orders[each] for each in named if each in self._orders), None)
        # An authorization may be older than the order that uses it: only the first tells of a request.
        request = request or next(
            (self._requests[each] for each in (*named[:1], order) if each in self._requests), None
        )
        return request, order

    def awaits(self, entry: Entry, named: tuple[str, ...]) -> bool:
        """Whether the next facts may tell of which request this one is."""
        return _begins(entry) and (entry.house == BRIDGE or bool(self._unplaced)) and self.of(entry, named)[0] is None


def resources_of(entry: Entry, links: Links) -> tuple[str, ...]:
    """Return what a fact is about, as `Stories` knows it; links: of the fact's world."""
    subject, data = entry.subject, entry.data
    if entry.house != SERVER:
        named = [f"{name} {subject[name]}" for name in _NAMED if name in subject]
        if "certificate" in subject:
            named.append(_CERTIFICATE + subject["certificate"])
        return (*named, data["url"]) if "url" in data else tuple(named)
    named = [links.order(subject["order"])] if "order" in subject else []
    if "challenge" in subject:
        authorization, _, index = subject["challenge"].partition("/")
        named.append(links.challenge(authorization, int(index) if index.isdecimal() else 0))
    if "authorization" in subject:
        named.append(links.authorization(subject["authorization"]))
    if "certificate" in subject:
        named.append(links.certificate(subject["certificate"]))
    return (*named, *map(links.authorization, data.get("authorizations", ())))


def _begins(entry: Entry) -> bool:
    return (entry.house, entry.kind) in _BEGINNINGS


def _remember(known: dict[str, str], resource: str, what: str) -> None:
    known[resource] = what
    if len(known) > _MANY:
        del known[next(iter(known))]
