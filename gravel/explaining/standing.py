"""Where a story stands in its state machine, and so what is awaited, from whom and since when: right for any state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import attrs

from acme_server import authorizations, orders
from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.status import AccountStatus, AuthorizationStatus, ChallengeStatus, OrderStatus
from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.store import ORDERS_BY_ACCOUNT
from gravel.explaining.rules import CLIENT, NEW_ORDER, SERVER, TEST, Cause
from gravel.explaining.story import REFUSED, Story, challenge_name, order_name
from issuer_bridge.diagnosis.finding import Finding

# How long a client may rest in good health: cert-manager's wildcard and apex wait four minutes for DNS.
PATIENCE = timedelta(minutes=5)
# How much later than its settings say the server may be.
LATE = timedelta(minutes=1)
# What the answering of requests is no sign of: that the client goes on.
_NO_PROGRESS = (REFUSED, "FaultInjected")

NOT_RESPONDED = Cause(
    "challenge-not-responded",
    CLIENT,
    "put the challenge's answer in place and POST {} to its URL; the client's log says what it waits for",
)
NOT_FINALIZED = Cause(
    "order-not-finalized",
    CLIENT,
    "have the client POST a CSR to the order's finalize URL; its log says what it waits for",
    pain=12,
)
NOT_FETCHED = Cause(
    "certificate-not-fetched", CLIENT, "have the client poll the order, and POST-as-GET its certificate URL"
)
VALIDATING = Cause("validation-under-way", SERVER, "wait; if it lasts, look into the server's log", pain=8)
RETRYING = Cause("validation-retry", SERVER, "wait; or repair what the last one saw", blocks=False)
ISSUING = Cause("issuance-under-way", SERVER, "wait; if it lasts, look into the server's log", pain=11)
ORDER_FAILED = Cause("order-failed", CLIENT, "repair what the error says, and order again")
ORDER_EXPIRED = Cause("order-expired", CLIENT, "order again, and finalize in time")
LOST = Cause("authorization-lost", CLIENT, "order again")
REVOKED = Cause("certificate-revoked", CLIENT, "order a new one, with a new key if this one leaked")
EXPIRED = Cause("certificate-expired", CLIENT, "renew it; the client should do so in the window of its renewal info")
CLOSED = Cause("account-closed", CLIENT, "register a new account; this one never comes back")


@attrs.frozen
class Standing:
    """Whether it is at its end, well or failed, and what that or the waiting is, if anything is to be said."""

    finished: bool
    failed: bool = False
    findings: tuple[Finding, ...] = ()


DONE = Standing(finished=True)


def standing_of(story: Story) -> Standing:
    """Return where a story's main record stands."""
    now = story.known.now
    if story.order is not None:
        return ORDERS[orders.status_of(story.order, story.authorizations, now)](story, story.order)
    if story.authorizations:
        record = story.authorizations[0]
        return AUTHORIZATIONS[authorizations.status_of(record, now)](story, record)
    if story.certificate is not None:
        return _certificate(story, story.certificate)
    return DONE if story.account is None else ACCOUNTS[story.account.status](story, story.account)


def _waiting(*findings: Finding) -> Standing:
    return Standing(finished=False, findings=findings)


def _failed(finding: Finding) -> Standing:
    return Standing(finished=True, failed=True, findings=(finding,))


def _pending(story: Story, order: Order) -> Standing:
    del order
    return _waiting(*(finding for each in story.authorizations for finding in _awaits(story, each)))


def _unproved(story: Story, record: Authorization) -> Standing:
    return _waiting(*_awaits(story, record))


def _awaits(story: Story, record: Authorization) -> Iterator[Finding]:
    """Say what a pending authorization waits for: its validations, or a client that begins one."""
    if authorizations.status_of(record, story.known.now) is not AuthorizationStatus.PENDING:
        return
    busy = [index for index, each in enumerate(record.challenges) if each.status is ChallengeStatus.PROCESSING]
    yield from (_validation(story, record, index) for index in busy)
    if not busy:
        what = f"{record.covers.value} is not proved: none of its challenges has been responded to"
        awaited = (
            f"a POST to one of {', '.join(each.type for each in record.challenges)}, before {rfc3339(record.expires)}"
        )
        place = f"/authz/{record.id}"
        yield _of_client(story, NOT_RESPONDED, f"authorization/{record.id}", what, awaited, record.created, place)


def _validation(story: Story, record: Authorization, index: int) -> Finding:
    challenge, now, name = record.challenges[index], story.known.now, challenge_name(record, index)
    since = story.since("ChallengeResponded", "ValidationFailed", challenge=f"{record.id}/{index}")
    what = f"{challenge.type} of {record.covers.value}"
    if challenge.due is not None and challenge.due > now:
        return RETRYING.found(
            name,
            f"{what} failed {len(challenge.failures)} times",
            f"the next validation at {rfc3339(challenge.due)}",
            since,
        )
    settings = story.known.world.settings
    began = challenge.due or now
    due = _delayed(story, "pending", began, settings.validation_delay, authorization=record.id)
    return _of_server(story, VALIDATING, name, f"{what} is being validated", "the validation's end", since, due)


def _ready(story: Story, order: Order) -> Standing:
    since = max(story.since("AuthorizationValidated") or order.created, order.created)
    what, awaited = "every name is proved, and the order ready", f"a POST to finalize, before {rfc3339(order.expires)}"
    place = f"/order/{order.id}"
    return _waiting(_of_client(story, NOT_FINALIZED, order_name(order), what, awaited, since, place))


def _processing(story: Story, order: Order) -> Standing:
    since = story.since("OrderFinalized")
    began = since or order.created
    due = _delayed(story, "processing", began, story.known.world.settings.issuance_delay, order=order.id)
    what = "the order is finalized, and its certificate not signed"
    return _waiting(_of_server(story, ISSUING, order_name(order), what, "the certificate", since, due))


def _valid(story: Story, order: Order) -> Standing:
    """A certificate that was issued is awaited by nobody, unless it is known that nobody came for it."""
    record = story.certificate
    if record is None:
        return DONE
    since = story.since("CertificateIssued", certificate=record.id)
    looks = story.known.world.looks
    known = since is not None and looks.since is not None and looks.since <= since
    if known and not story.looked(f"/cert/{record.id}") and record.revoked is None:
        what = "the certificate is issued, and nobody has come for it"
        place = f"/order/{order.id}"
        return _waiting(
            _of_client(story, NOT_FETCHED, order_name(order), what, "its download", since or story.known.now, place)
        )
    return _certificate(story, record)


def _invalid(story: Story, order: Order) -> Standing:
    if order.stage is OrderStatus.PENDING and story.known.now >= order.expires:
        cause = f"the order expired at {rfc3339(order.expires)} before it was finalized"
        return _failed(ORDER_EXPIRED.found(order_name(order), cause, "a new order", order.expires))
    error = orders.error_of(order, story.authorizations, story.known.now) or {}
    since = story.since("OrderFailed", "AuthorizationFailed", "AuthorizationDeactivated")
    cause = f"the order is invalid: {error.get('detail', 'it says no reason')}"
    return _failed(ORDER_FAILED.found(order_name(order), cause, NEW_ORDER, since, [str(error.get("type", ""))]))


def _lost(story: Story, record: Authorization) -> Standing:
    status = authorizations.status_of(record, story.known.now)
    since = story.since("AuthorizationFailed", "AuthorizationDeactivated") or min(record.expires, story.known.now)
    cause = f"the authorization of {record.covers.value} is {status}"
    return _failed(LOST.found(f"authorization/{record.id}", cause, NEW_ORDER, since))


def _certificate(story: Story, record: Certificate) -> Standing:
    name = f"certificate/{record.serial}"
    if _replaced(story, record):
        return DONE
    if record.revoked is not None:
        told = story.happened("CertificateRevoked", certificate=record.id)
        word = f", on the word of the {told[-1].data['authority']}" if told else ""
        cause = f"the certificate is revoked with reason {record.reason or 0}{word}"
        return _failed(REVOKED.found(name, cause, "a new certificate", record.revoked))
    if story.known.now >= record.not_after:
        cause = f"the certificate expired at {rfc3339(record.not_after)}"
        return _failed(EXPIRED.found(name, cause, "a new certificate", record.not_after))
    return DONE


def _replaced(story: Story, record: Certificate) -> bool:
    """Whether its account has a younger certificate for the same names."""
    return any(
        each.certificate_id is not None and each.id != record.order_id and each.identifiers == record.identifiers
        for each in story.known.world.store.find(ORDERS_BY_ACCOUNT, record.account_id)
        if each.created > record.not_before
    )


def _closed(story: Story, record: Account) -> Standing:
    since = story.since("AccountDeactivated")
    cause = f"the account is {record.status}: every request of it is refused"
    return _failed(CLOSED.found(f"account/{record.id}", cause, "another account", since))


def _of_client(
    story: Story, cause: Cause, subject: str, what: str, awaited: str, since: datetime, path: str
) -> Finding:
    """Say that it is the client's turn, what is known of its visits, and whether that is too long by now."""
    active = [
        parse_rfc3339(each.at)
        for each in story.entries
        if each.house == "acme_server" and each.kind not in _NO_PROGRESS
    ]
    look, looks = story.looked(path), story.known.world.looks
    evidence = []
    if look is not None:
        evidence.append(f"it came for {path[1:]} {look.times} times, last at {rfc3339(look.last)}")
    elif looks.since is not None and looks.since <= since:
        evidence.append(f"it has never come for {path[1:]}")
    blocks = story.known.now - max([since, *active]) >= PATIENCE
    if blocks and look is not None:
        gone = story.known.now - look.last >= PATIENCE
        what += ", and the client has gone" if gone else ", and the client only polls"
    return _late(cause.found(subject, what, awaited, since, evidence), blocks)


def _of_server(
    story: Story, cause: Cause, subject: str, what: str, awaited: str, since: datetime | None, due: datetime | None
) -> Finding:
    """Say that it is the server's turn, until when, and whether it is late; due: None for never."""
    until = "never, by a fault" if due is None else f"at {rfc3339(due)}" if due > story.known.now else ""
    if due is None:
        cause = attrs.evolve(cause, who=TEST, attempt="disarm the fault, and order again")
    blocks = due is None or story.known.now - due >= LATE
    return _late(cause.found(subject, what, f"{awaited}{until and f': {until}'}", since), blocks)


def _late(finding: Finding, blocks: bool) -> Finding:
    """What is not too long yet is nobody's pain."""
    return attrs.evolve(finding, blocks=blocks, pain=finding.pain if blocks else None)


def _delayed(story: Story, kind: str, began: datetime, usual: timedelta, **subject: str) -> datetime | None:
    """Return when the server is due that began at a moment, as faults have put it off; None for never."""
    fired = [each.data["action"] for each in story.happened("FaultInjected", **subject)]
    delays = [action.get("seconds") for action in fired if action["kind"] == kind]
    return None if None in delays else began + max([usual, *(timedelta(seconds=each) for each in delays if each)])


ORDERS: Mapping[OrderStatus, Callable[[Story, Order], Standing]] = {
    OrderStatus.PENDING: _pending,
    OrderStatus.READY: _ready,
    OrderStatus.PROCESSING: _processing,
    OrderStatus.VALID: _valid,
    OrderStatus.INVALID: _invalid,
}
AUTHORIZATIONS: Mapping[AuthorizationStatus, Callable[[Story, Authorization], Standing]] = {
    AuthorizationStatus.PENDING: _unproved,
    AuthorizationStatus.VALID: lambda *_: DONE,
    AuthorizationStatus.INVALID: _lost,
    AuthorizationStatus.DEACTIVATED: _lost,
    AuthorizationStatus.EXPIRED: _lost,
    AuthorizationStatus.REVOKED: _lost,
}
ACCOUNTS: Mapping[AccountStatus, Callable[[Story, Account], Standing]] = {
    AccountStatus.VALID: lambda *_: DONE,
    AccountStatus.DEACTIVATED: _closed,
    AccountStatus.REVOKED: _closed,
}
