"""The records obey the tables of RFC 8555 section 7.1.6: every state, every event.

Legal moves change the record; illegal ones raise and leave it equal.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from acme_server import accounts, authorizations, certificates, orders
from acme_server.accounts import Account
from acme_server.authorizations import Authorization, Challenge
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import IllegalTransition, Problem
from acme_server.protocol.status import (
    ACCOUNT,
    AUTHORIZATION,
    CHALLENGE,
    ORDER,
    AccountStatus,
    AuthorizationStatus,
    ChallengeStatus,
    OrderStatus,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
NAME = Identifier("dns", "example.org")
PROBLEM = Problem("dns", "no such name")
TABLES = [
    (ACCOUNT, AccountStatus),
    (ORDER, OrderStatus),
    (AUTHORIZATION, AuthorizationStatus),
    (CHALLENGE, ChallengeStatus),
]


def account(status):
    return Account("a", "thumb", {}, NOW, status=status)


def authorization(status, challenge=ChallengeStatus.PENDING, **changes):
    item = Challenge("dns-01", "token", challenge)
    return attrs.evolve(Authorization("z", "a", NAME, False, (item,), NOW, LATER, status), **changes)


def order(stage, **changes):
    return attrs.evolve(Order("o", "a", (NAME,), ("z",), NOW, LATER, stage=stage), **changes)


def check(table, status, event, record, transition, status_of):
    """Apply a transition and compare with the table."""
    before = attrs.evolve(record)
    if event in table[status]:
        assert table[status][event] == status_of(transition(record))
    else:
        with pytest.raises(IllegalTransition):
            transition(record)
    assert before == record


@pytest.mark.parametrize(("table", "statuses"), TABLES)
def test_tables_have_a_row_for_every_state_and_lead_to_states(table, statuses):
    assert list(statuses) == list(table)
    assert all(target in table for row in table.values() for target in row.values())


@pytest.mark.parametrize("status", AccountStatus)
def test_an_account_is_deactivated_by_the_table(status):
    check(ACCOUNT, status, "deactivate", account(status), accounts.deactivate, lambda a: a.status)


CHALLENGE_MOVES = {
    "respond": lambda a: authorizations.respond(a, 0, NOW),
    "retry": lambda a: authorizations.retry(a, 0, LATER, PROBLEM),
    "validate": lambda a: authorizations.validate(a, 0, (), NOW, LATER),
    "fail": lambda a: authorizations.fail(a, 0, PROBLEM, (), NOW),
}


@pytest.mark.parametrize("status", ChallengeStatus)
@pytest.mark.parametrize("event", CHALLENGE_MOVES)
def test_a_challenge_moves_by_the_table(status, event):
    record = authorization(AuthorizationStatus.PENDING, status)
    check(CHALLENGE, status, event, record, CHALLENGE_MOVES[event], lambda a: a.challenges[0].status)


@pytest.mark.parametrize("status", AuthorizationStatus)
@pytest.mark.parametrize("event", ["validate", "fail"])
def test_an_authorization_is_decided_once_by_the_table(status, event):
    """A verdict that comes too late changes its challenge only: that is no mistake of ours."""
    record = authorization(status, ChallengeStatus.PROCESSING)
    decided = CHALLENGE_MOVES[event](record)
    expected = AUTHORIZATION[status].get(event, status) if status is AuthorizationStatus.PENDING else status
    assert expected == decided.status
    assert decided.challenges[0].status == CHALLENGE[ChallengeStatus.PROCESSING][event]


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_an_authorization_is_deactivated_by_the_table(status):
    record = authorization(status)
    check(AUTHORIZATION, status, "deactivate", record, lambda a: authorizations.deactivate(a, NOW), lambda a: a.status)


@pytest.mark.parametrize("status", AuthorizationStatus)
def test_an_authorization_expires_by_the_table_when_it_is_read(status):
    record = authorization(status)
    assert status == authorizations.status_of(record, LATER - timedelta(microseconds=1))
    assert AUTHORIZATION[status].get("expire", status) == authorizations.status_of(record, LATER)


def test_a_verdict_after_expiry_does_not_revive_an_authorization():
    record = authorization(AuthorizationStatus.PENDING, ChallengeStatus.PROCESSING)
    decided = authorizations.validate(record, 0, (), LATER, LATER + timedelta(days=30))
    assert authorizations.status_of(decided, LATER) is AuthorizationStatus.EXPIRED


# Ready is derived, never stored.
STAGES = [stage for stage in OrderStatus if stage is not OrderStatus.READY]
ORDER_MOVES = {
    "issue": lambda o: orders.issue(o, "c"),
    "fail": lambda o: orders.fail(o, PROBLEM),
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("event", ORDER_MOVES)
def test_an_order_moves_by_the_table(stage, event):
    check(ORDER, stage, event, order(stage), ORDER_MOVES[event], lambda o: o.stage)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("status", AuthorizationStatus)
def test_an_order_is_finalized_only_when_it_is_ready(stage, status):
    record, authorized = order(stage), [authorization(status)]
    derived = orders.status_of(record, authorized, NOW)
    assert (derived is OrderStatus.READY) == (stage is OrderStatus.PENDING and status is AuthorizationStatus.VALID)
    check(
        ORDER,
        derived,
        "finalize",
        record,
        lambda o: orders.finalize(o, authorized, "csr", "thumb", NOW),
        lambda o: o.stage,
    )


PENDING, VALID, INVALID, DEACTIVATED, EXPIRED = (
    authorization(status)
    for status in (
        AuthorizationStatus.PENDING,
        AuthorizationStatus.VALID,
        AuthorizationStatus.INVALID,
        AuthorizationStatus.DEACTIVATED,
        AuthorizationStatus.EXPIRED,
    )
)


@pytest.mark.parametrize(
    ("authorized", "status"),
    [
        ([PENDING], OrderStatus.PENDING),
        ([PENDING, VALID], OrderStatus.PENDING),
        ([VALID, VALID], OrderStatus.READY),
        ([VALID, INVALID], OrderStatus.INVALID),
        ([PENDING, INVALID], OrderStatus.INVALID),
        ([VALID, DEACTIVATED], OrderStatus.INVALID),
        ([PENDING, EXPIRED], OrderStatus.INVALID),
    ],
)
def test_a_pending_order_is_what_its_authorizations_make_of_it(authorized, status):
    assert status == orders.status_of(order(OrderStatus.PENDING), authorized, NOW)
    assert (status is OrderStatus.INVALID) == (orders.error_of(order(OrderStatus.PENDING), authorized, NOW) is not None)


@pytest.mark.parametrize("stage", [OrderStatus.PROCESSING, OrderStatus.VALID, OrderStatus.INVALID])
def test_from_finalization_on_neither_authorizations_nor_time_matter(stage):
    assert stage == orders.status_of(order(stage), [INVALID, DEACTIVATED], LATER)


@pytest.mark.parametrize("authorized", [[PENDING], [VALID]])
def test_an_order_that_is_not_finalized_in_time_is_invalid(authorized):
    record = order(OrderStatus.PENDING)
    forever = [attrs.evolve(item, expires=LATER + timedelta(days=9)) for item in authorized]
    assert orders.status_of(record, forever, LATER - timedelta(microseconds=1)) is not OrderStatus.INVALID
    assert orders.status_of(record, forever, LATER) is OrderStatus.INVALID
    assert "expired at 2026-11-23T00:00:00Z" in orders.error_of(record, forever, LATER)["detail"]


def test_the_error_of_an_order_gathers_those_of_its_authorizations():
    failed = authorization(AuthorizationStatus.PENDING, ChallengeStatus.PROCESSING)
    dns = authorizations.fail(failed, 0, PROBLEM, (), NOW)
    error = orders.error_of(order(OrderStatus.PENDING), [dns, VALID], NOW)
    assert error["type"] == PROBLEM.type
    assert "no such name" in error["detail"]
    assert "identifier" not in error
    assert [item["identifier"] for item in error["subproblems"]] == [{"type": "dns", "value": "example.org"}]
    mixed = orders.error_of(order(OrderStatus.PENDING), [dns, DEACTIVATED], NOW)
    assert mixed["type"].endswith(":compound")
    assert [item["type"][item["type"].rindex(":") :] for item in mixed["subproblems"]] == [":dns", ":unauthorized"]


def test_a_failed_order_keeps_its_own_error():
    failed = orders.fail(order(OrderStatus.PROCESSING), PROBLEM)
    assert orders.error_of(failed, [INVALID], LATER) == PROBLEM.to_json()


def test_a_certificate_is_revoked_once():
    certificate = Certificate("c", "a", "o", (NAME,), "5", "f", "t", "LEAF", "ISSUERS", NOW, LATER)
    revoked = certificates.revoke(certificate, 4, NOW)
    assert (revoked.revoked, revoked.reason) == (NOW, 4)
    with pytest.raises(IllegalTransition):
        certificates.revoke(revoked, 4, LATER)
