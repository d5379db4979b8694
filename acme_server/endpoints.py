"""What each resource answers, once the front end knows who asks.

An endpoint finds the records, gives a command to the registration authority,
has its outcome carried out, and says what came of it. It may run twice when
another writer was faster, so it reads what it decides on itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import attrs
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server import resources, revocation_lists
from acme_server.accounts import Account
from acme_server.authorizations import Authorization, Challenge
from acme_server.certificates import Certificate
from acme_server.chance import lucky, shuffled
from acme_server.exchange import Reply, json_reply
from acme_server.execution import Bend, carry_out
from acme_server.limits import ask_new_order
from acme_server.orders import Order
from acme_server.protocol.problem import Problem, unauthorized
from acme_server.protocol.status import AuthorizationStatus, ChallengeStatus, OrderStatus
from acme_server.registration_authority import challenges, finalization, orders, revocation
from acme_server.registration_authority.outcome import Deferred
from acme_server.renewal_info import find_certificate
from acme_server.request import SignedRequest
from acme_server.signers import Signer
from acme_server.store import REVOKED_BY_ISSUER, authorizations_of
from acme_server.world import World

Owned = TypeVar("Owned", Order, Authorization, Certificate)
CHAIN_TYPE = "application/pem-certificate-chain"
NO_RESOURCE = "there is no such resource"


@attrs.frozen
class Call:
    """One admitted request.

    document: its JSON payload, None for GET and POST-as-GET; bend: what a fault makes of its effects;
    peer: the address that it came from.
    """

    world: World
    now: datetime
    method: str
    parameters: Mapping[str, str]
    signed: SignedRequest | None = None
    document: Mapping[str, Any] | None = None
    bend: Bend | None = None
    peer: str = ""

    @property
    def signature(self) -> SignedRequest:
        """The request, where the route asks for a signature."""
        assert self.signed is not None
        return self.signed

    @property
    def account(self) -> Account:
        """The account that signed, where the route asks for one."""
        assert self.signature.account is not None
        return self.signature.account

    @property
    def payload(self) -> Mapping[str, Any]:
        """The JSON payload, where the route asks for one."""
        assert self.document is not None
        return self.document


@attrs.frozen
class Answer:
    """A reply, and the effects that need a driver."""

    reply: Reply
    effects: tuple[Deferred, ...] = ()


def not_found() -> Problem:
    """There is no such resource."""
    return Problem("malformed", NO_RESOURCE, 404)


def directory(call: Call) -> Answer:
    """Section 7.1.1."""
    return Answer(json_reply(200, resources.directory(call.world.links, call.world.settings)))


def new_nonce(call: Call) -> Answer:
    """Section 7.2; the front end adds the nonce."""
    return Answer(Reply(200 if call.method == "HEAD" else 204, (("Cache-Control", "no-store"),)))


def new_authorization(call: Call) -> Answer:
    """Section 7.4.1."""
    if not call.world.settings.pre_authorization:
        raise not_found()
    outcome = orders.new_authorization(call.world, call.account, call.payload, call.now)
    carry_out(call.world, outcome, call.now)
    links, record = call.world.links, outcome.record
    location = ("Location", links.authorization(record.id))
    return Answer(json_reply(201, resources.authorization(links, record, call.now), location))


def new_order(call: Call) -> Answer:
    """Section 7.4."""
    outcome = orders.new_order(call.world, call.account, call.payload, call.now)
    limits = call.world.limits
    asked = ask_new_order(limits, outcome.record, call.now) if limits.rates and outcome.changes else {}
    carry_out(call.world, outcome, call.now)
    limits.take(asked, call.now)
    return _order(call, outcome.record, 201, ("Location", call.world.links.order(outcome.record.id)))


def order(call: Call) -> Answer:
    """Section 7.1.3."""
    return _order(call, _own(call, Order), 200)


def finalize(call: Call) -> Answer:
    """Section 7.4; cert-manager's client polls the URL in Location."""
    record = _own(call, Order)
    outcome = finalization.finalize(
        call.world, record, authorizations_of(call.world.store, record), call.payload, call.now
    )
    effects = carry_out(call.world, outcome, call.now, call.bend)
    shown = _order(call, _own(call, Order), 200, ("Location", call.world.links.order(record.id)))
    return Answer(shown.reply, effects)


def authorization(call: Call) -> Answer:
    """Sections 7.5 and 7.5.2."""
    record = _own(call, Authorization)
    if call.document is not None:
        if call.document.get("status") != "deactivated":
            raise Problem("malformed", 'the one change to an authorization is "status": "deactivated"')
        outcome = challenges.deactivate(record, call.now)
        carry_out(call.world, outcome, call.now)
        record = outcome.record
    waiting = record.challenges if record.status is AuthorizationStatus.PENDING else ()
    document = _mixed(call, resources.authorization(call.world.links, record, call.now))
    return Answer(json_reply(200, document, *_validated_by(call, waiting)))


def challenge(call: Call) -> Answer:
    """Sections 7.5.1 and 8."""
    record = _own(call, Authorization)
    index = _challenge_index(record, call.parameters["index"])
    effects: tuple[Deferred, ...] = ()
    if call.document is not None:
        outcome = challenges.respond(record, index, call.now)
        effects = carry_out(call.world, outcome, call.now, call.bend)
        record = _own(call, Authorization)
    links = call.world.links
    waiting = _validated_by(call, record.challenges[index : index + 1])
    headers = (("Link", f'<{links.authorization(record.id)}>;rel="up"'), *waiting)
    return Answer(json_reply(200, resources.challenge(links, record, index), *headers), effects)


def certificate(call: Call) -> Answer:
    """Section 7.4.2."""
    record = _own_certificate(call)
    # No link "up": the chain is whole, and Caddy and Apache's mod_md append to it what such a link leads to.
    return _chain(call, record, 0)


def _own_certificate(call: Call) -> Certificate:
    record = _own(call, Certificate)
    if record.revoked is not None and call.world.settings.personality.revoked_hidden:
        raise not_found()
    return record


def alternate(call: Call) -> Answer:
    """Section 7.4.2: the same leaf with the chain to another root."""
    record = _own_certificate(call)
    for number in range(1, len(record.alternates) + 1):
        if call.parameters["number"] == str(number):
            return _chain(call, record, number)
    raise not_found()


def issuer(call: Call) -> Answer:
    """RFC 5280 section 4.2.2.1."""
    certificate = _signer(call).certificate.public_bytes(Encoding.DER)
    return Answer(Reply(200, (("Content-Type", "application/pkix-cert"),), certificate))


def revocation_list(call: Call) -> Answer:
    """RFC 5280 section 5."""
    world, signer = call.world, _signer(call)
    lists, revoked = world.revocation_lists, world.store.find(REVOKED_BY_ISSUER, signer.id)
    lifetime = world.settings.revocation_list_lifetime
    made = lists[signer.id] = revocation_lists.current(lists.get(signer.id), signer, revoked, call.now, lifetime)
    return Answer(Reply(200, (("Content-Type", "application/pkix-crl"),), made.der))


def renewal_info(call: Call) -> Answer:
    """RFC 9773 section 4; a text that was set is served as it is."""
    record = find_certificate(call.world.store, call.parameters["certid"], "the path")
    retry_after = _seconds(call.world.settings.renewal_info_retry_after)
    if record.renewal_info is None:
        return Answer(json_reply(200, resources.renewal_info(record, call.now), retry_after))
    headers = (("Content-Type", "application/json"), retry_after)
    return Answer(Reply(200, headers, record.renewal_info.encode()))


def revoke_certificate(call: Call) -> Answer:
    """Section 7.6."""
    signed = call.signature
    carry_out(call.world, revocation.revoke(call.world, signed.jwk, signed.account, call.payload, call.now), call.now)
    return Answer(Reply(200))


def _own(call: Call, kind: type[Owned]) -> Owned:
    record = call.world.store.get(kind, call.parameters[kind.__name__.lower()])
    if record is None:
        raise not_found()
    if call.signed is not None and record.account_id != call.account.id:
        raise unauthorized("the resource belongs to another account", case=f"foreign {kind.__name__.lower()}")
    return record


def _chain(call: Call, record: Certificate, number: int) -> Answer:
    """Answer with one of a certificate's chains, and lead to the others."""
    links = call.world.links
    urls = [links.certificate(record.id), *(links.alternate(record.id, n + 1) for n in range(len(record.alternates)))]
    others = [("Link", f'<{url}>;rel="alternate"') for n, url in enumerate(urls) if n != number]
    chain = record.leaf + (record.alternates[number - 1] if number else record.issuers)
    return Answer(Reply(200, (("Content-Type", CHAIN_TYPE), *others), chain.encode("ascii")))


def _signer(call: Call) -> Signer:
    for signer in call.world.authority.signers:
        if signer.id == call.parameters["signer"]:
            return signer
    raise not_found()


def _challenge_index(record: Authorization, text: str) -> int:
    for index in range(len(record.challenges)):
        if text == str(index):
            return index
    raise not_found()


def _order(call: Call, record: Order, status: int, *headers: tuple[str, str]) -> Answer:
    shown = resources.order(call.world.links, record, authorizations_of(call.world.store, record), call.now)
    document = _mixed(call, shown)
    waiting = record.stage is OrderStatus.PROCESSING
    return Answer(json_reply(status, document, *headers, *_retry_after(call, waiting)))


def _mixed(call: Call, document: resources.Document) -> resources.Document:
    """Give the arrays of a document another order, where the personality does."""
    if not call.world.settings.personality.shuffled:
        return document
    entropy = call.world.entropy
    return {name: shuffled(value, entropy) if isinstance(value, list) else value for name, value in document.items()}


def _retry_after(call: Call, waiting: bool) -> tuple[tuple[str, str], ...]:
    return (_wait(call, call.world.settings.retry_after),) if waiting else ()


def _validated_by(call: Call, challenges: Sequence[Challenge]) -> tuple[tuple[str, str], ...]:
    """Send clients away until something can have changed: a validation that is under way, or due (section 8.2)."""
    due = [item.due or call.now for item in challenges if item.status is ChallengeStatus.PROCESSING]
    return (_wait(call, max(min(due) - call.now, timedelta(0)) + call.world.settings.retry_after),) if due else ()


def _wait(call: Call, duration: timedelta) -> tuple[str, str]:
    """Return Retry-After in seconds, or as a date (RFC 9110 section 10.2.3) where the personality has both."""
    if call.world.settings.personality.retry_dates and lucky(0.5, call.world.entropy):
        return "Retry-After", format_datetime(call.now + duration, usegmt=True)
    return _seconds(duration)


def _seconds(duration: timedelta) -> tuple[str, str]:
    return "Retry-After", str(math.ceil(duration.total_seconds()))
