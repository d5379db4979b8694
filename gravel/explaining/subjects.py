"""What a person means by a name: the stories that an explanation is of, or one sentence naming the nearest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.exchange import Request
from acme_server.faults.rule import ENDPOINTS
from acme_server.front_end import find_route
from acme_server.orders import Order
from acme_server.protocol.journal import Entry
from acme_server.store import CERTIFICATE_BY_SERIAL, ORDERS_BY_ACCOUNT, authorizations_of
from gravel.explaining.story import REFUSED, Known, Story, challenge_name, order_name

if TYPE_CHECKING:
    from issuer_bridge.resources import Resource

# So many orders of an account are explained, the youngest; so many names are looked at for the nearest.
_MANY, _NAMES = 20, 10_000
_FORMS = (
    "a DNS name or address, order/ID, authorization/ID, challenge/AUTHORIZATION/PLACE, account/ID, certificate/SERIAL, "
    "one of their URLs, or KIND/NAMESPACE/NAME of a bridge's certificate, certificaterequest, order, challenge or issuer"
)
_OTHER_WORLD = re.compile(r"/w/([A-Za-z0-9_-]{1,64})/")


class Unknown(LookupError):  # noqa: N818 - says what happened
    """There is nothing of that name; the message is a sentence."""


def find(known: Known, text: str) -> tuple[Story, ...]:
    """Return the stories of what a text names; whether there is anything in them, `own_of` says, with the journal."""
    subject = text.strip().rstrip("/")
    if "://" in subject:
        subject = _of_url(known, subject)
    word, slash, rest = subject.partition("/")
    if not slash:
        return _of_bare(known, subject)
    if found := _of_word(known, word.lower(), rest):
        return found
    if word == "account":
        return (Story(known, subject, urls=(known.world.links.account(rest),)),)
    return (Story(known, subject, lost=((_KINDS.get(word, word), rest.partition("/")[0]),)),)


def with_entries(stories: Iterable[Story], entries: Iterable[Entry]) -> tuple[Story, ...]:
    """Give each story its own of the entries."""
    kept = tuple(entries)
    return tuple(attrs.evolve(story, entries=tuple(filter(story.concerns, kept))) for story in stories)


def own_of(known: Known, text: str, stories: Iterable[Story]) -> tuple[Story, ...]:
    """Return those that were asked for; Unknown where no one of these has a record or an entry."""
    asked = {story.subject: story for story in stories if story.endpoint and story.subject != text}
    own = tuple(story for story in stories if story.subject not in asked)
    if any(story.account or story.authorizations or story.objects or story.entries for story in own):
        return own
    strangers = [name for name, story in asked.items() if any(entry.kind == REFUSED for entry in story.entries)]
    near = get_close_matches(text.strip().lower(), _known_names(known), n=1, cutoff=0.5)
    hint = f"the nearest is {near[0]}" if near else f"what can be explained is {_FORMS}"
    if not len(known.world.journal):
        hint = "no client has got as far as a signed request here; see whether it trusts the server (gravel trust)"
    if strangers:
        hint = f"but clients without an account were refused at {' and '.join(strangers)}, which can be explained too"
    raise Unknown(f"nothing here is called {text[:200]!r}; {hint}")


def of_order(known: Known, order: Order, subject: str = "") -> Story:
    """Return the story of an order."""
    store = known.world.store
    return Story(
        known,
        subject or order_name(order),
        account=store.get(Account, order.account_id),
        order=order,
        authorizations=tuple(authorizations_of(store, order)),
        certificate=store.get(Certificate, order.certificate_id or ""),
        objects=_objects(known, order),
    )


def _objects(known: Known, order: Order) -> tuple[Resource, ...]:
    if known.bridge is None:
        return ()
    from gravel.explaining.bridge import of_url

    return of_url(known.bridge.resources, known.world.links.order(order.id))


def _of_url(known: Known, url: str) -> str:
    """Return what a URL of this world names, as `kind/ID`."""
    base, personality = known.world.base_url, known.world.settings.personality
    if not url.startswith(f"{base}/"):
        raise Unknown(f"{url[:200]} is at another server or world; this one's URLs begin with {base}/")
    _, ids = find_route(Request("GET", personality.route_of(url.removeprefix(base))))
    if "index" in ids:
        return f"challenge/{ids['authorization']}/{ids['index']}"
    for kind in ("order", "authorization", "certificate", "account"):
        if kind in ids:
            return f"{kind}/{ids[kind]}"
    if other := _OTHER_WORLD.match(url, len(base)):
        raise Unknown(f"{url[:200]} is in the world {other[1]!r}; ask there (--world {other[1]})")
    raise Unknown(
        f"{url[:200]} is no order, authorization, challenge, certificate or account; what can be explained is {_FORMS}"
    )


def _order(known: Known, record_id: str) -> tuple[Story, ...]:
    record = known.world.store.get(Order, record_id)
    return () if record is None else (of_order(known, record),)


def _authorization(known: Known, record_id: str, focus: int | None = None) -> tuple[Story, ...]:
    store = known.world.store
    record = store.get(Authorization, record_id)
    if record is None or (focus is not None and focus >= len(record.challenges)):
        return ()
    name = f"authorization/{record.id}" if focus is None else challenge_name(record, focus)
    return (Story(known, name, account=store.get(Account, record.account_id), authorizations=(record,), focus=focus),)


def _challenge(known: Known, rest: str) -> tuple[Story, ...]:
    record_id, _, index = rest.partition("/")
    return (
        _authorization(known, record_id, int(index)) if index.isascii() and index.isdigit() and len(index) < 4 else ()
    )


def _account(known: Known, record_id: str) -> tuple[Story, ...]:
    store = known.world.store
    record = store.get(Account, record_id)
    if record is None:
        return ()
    orders = _current(store.find(ORDERS_BY_ACCOUNT, record.id))[-_MANY:]
    own = Story(known, f"account/{record.id}", account=record)
    return (own, *(of_order(known, order, own.subject) for order in orders))


def _certificate(known: Known, serial: str) -> tuple[Story, ...]:
    digits = serial.replace(":", "").lower().lstrip("0")
    found = known.world.store.find(CERTIFICATE_BY_SERIAL, digits)
    orders = [known.world.store.get(Order, record.order_id) for record in found]
    return tuple(of_order(known, order, f"certificate/{digits}") for order in orders if order is not None)


# What a request's subject calls it.
_KINDS = {"challenge": "authorization", "authz": "authorization", "cert": "certificate"}
_WORDS: Mapping[str, Callable[[Known, str], tuple[Story, ...]]] = {
    "order": _order,
    "authorization": _authorization,
    "authz": _authorization,
    "challenge": _challenge,
    "account": _account,
    "certificate": _certificate,
    "cert": _certificate,
}


def _of_word(known: Known, word: str, rest: str) -> tuple[Story, ...]:
    """A word of the server's may be one of Kubernetes too; what follows tells them apart."""
    found = _WORDS[word](known, rest) if word in _WORDS else ()
    if found or known.bridge is None:
        return found
    from gravel.explaining.bridge import stories_of

    return stories_of(known, word, rest, _by_url)


def _by_url(known: Known, url: str) -> tuple[Story, ...]:
    """Return the story of a URL, if it is one of this world's."""
    try:
        word, _, rest = _of_url(known, url).partition("/")
    except Unknown:
        return ()
    return _WORDS[word](known, rest)


def _of_bare(known: Known, text: str) -> tuple[Story, ...]:
    refusing = {name: Story(known, name, endpoint=ENDPOINTS[name]) for name in ("newAccount", "newOrder")}
    if text in refusing:
        return (refusing[text],)
    for look in (_order, _authorization, _account, _certificate):
        if found := look(known, text):
            return found
    found = _of_name(known, text.lower().removesuffix("."))
    return found if len(found) > 1 else (*found, *refusing.values())


def _of_name(known: Known, name: str) -> tuple[Story, ...]:
    """Return, of each account, what became of its orders for a name since the last that came out well."""
    by_account: dict[str, list[Order]] = {}
    for order in known.world.store.all(Order, name):
        if any(identifier.value == name for identifier in order.identifiers):
            by_account.setdefault(order.account_id, []).append(order)
    found = [of_order(known, order, name) for orders in by_account.values() for order in _current(orders)[-_MANY:]]
    return (Story(known, name, names=(name,)), *found)


def _current(orders: Iterable[Order]) -> list[Order]:
    """Return the last order with a certificate, and of those after it the last for each set of names."""
    current: dict[frozenset[str], Order] = {}
    for order in orders:
        if order.certificate_id is not None:
            current.clear()
        current.pop(names := frozenset(identifier.value for identifier in order.identifiers), None)
        current[names] = order
    return list(current.values())


def _known_names(known: Known) -> list[str]:
    store = known.world.store

    def names() -> Iterator[str]:
        for order in reversed(store.all(Order)):
            yield from (identifier.value for identifier in order.identifiers)
            yield order_name(order)
        yield from (f"account/{each.id}" for each in store.all(Account))
        if known.bridge is not None:
            from gravel.explaining.bridge import names_of

            yield from names_of(known.bridge.resources)

    return list(dict.fromkeys(islice(names(), _NAMES)))
