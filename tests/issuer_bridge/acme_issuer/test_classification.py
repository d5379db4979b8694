"""The one table of errors: a row each, with what cert-manager makes of it beside."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.problem import STATUS_OF, Problem
from issuer_bridge.acme_client.errors import NetworkError, TransportError
from issuer_bridge.acme_issuer.classification import (
    CERT_MANAGER,
    READS,
    ROWS,
    SEVERITY,
    Class,
    Operation,
    Row,
    verdict,
    worst,
)

NOW, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
P, IP, ISSUER, D, W, R, F = (
    *(Class.PERMANENT, Class.ISSUER_PERMANENT, Class.ISSUER, Class.DROP),
    *(Class.WAIT, Class.RETRY, Class.REFRESH),
)
NEW, FIN, ACC, VAL, REV, ORD, CHA = (
    *(Operation.NEW_ORDER, Operation.FINALIZE, Operation.ACCOUNT, Operation.VALIDATION),
    *(Operation.REVOKE, Operation.ORDER, Operation.CHALLENGE),
)
LIMIT, RA = "rateLimited", "30"


def problem(kind, status=0, retry_after=None, detail="it is", **fields):
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return Problem(kind, detail, status or STATUS_OF.get(kind, 400), headers=headers, **fields)


TABLE = [
    ("badCSR", 0, FIN, P, P),
    ("rejectedIdentifier", 0, NEW, P, P),
    ("unsupportedIdentifier", 0, NEW, P, P),
    ("invalidProfile", 0, NEW, P, P),
    ("malformed", 0, NEW, P, P),
    ("malformed", 0, FIN, P, P),
    *(("malformed", status, operation, D, P) for operation in READS for status in (400, 404, 410)),
    ("alreadyReplaced", 0, NEW, Class.WITHOUT_REPLACES, P),
    ("orderNotReady", 0, FIN, F, F),
    ("caa", 0, VAL, D, P),
    ("caa", 0, FIN, D, F),
    ("dns", 0, VAL, D, P),
    ("connection", 0, VAL, D, P),
    ("tls", 0, VAL, D, P),
    ("incorrectResponse", 0, VAL, D, P),
    ("unauthorized", 0, VAL, D, P),
    ("unauthorized", 0, CHA, D, P),
    ("unauthorized", 0, FIN, D, F),
    ("unauthorized", 0, NEW, ISSUER, P),
    ("unauthorized", 0, ORD, ISSUER, P),
    ("unauthorized", 0, ACC, ISSUER, ISSUER),
    ("rateLimited", 0, NEW, R, P),
    ("rateLimited", 0, ACC, R, ISSUER),
    ("serverInternal", 0, NEW, R, R),
    ("about:blank", 502, ORD, R, R),
    ("about:blank", 504, FIN, R, R),
    ("about:blank", 503, FIN, R, R),
    ("badNonce", 0, ORD, R, P),
    ("conflict", 409, ACC, R, ISSUER),
    ("externalAccountRequired", 0, ACC, IP, ISSUER),
    ("accountDoesNotExist", 0, NEW, ISSUER, P),
    ("accountDoesNotExist", 0, FIN, ISSUER, P),
    ("userActionRequired", 0, ORD, ISSUER, P),
    ("badSignatureAlgorithm", 0, ACC, IP, ISSUER),
    ("badPublicKey", 0, ACC, IP, ISSUER),
    ("badPublicKey", 0, FIN, P, P),
    ("invalidContact", 0, ACC, IP, ISSUER),
    ("unsupportedContact", 0, ACC, IP, ISSUER),
    ("alreadyRevoked", 0, REV, Class.DONE, P),
    ("badRevocationReason", 0, REV, P, P),
    ("urn:example:unheard-of", 418, NEW, P, P),
    ("urn:example:unheard-of", 418, FIN, P, P),
    ("urn:example:unheard-of", 418, ORD, D, P),
]


@pytest.mark.seed("B23")
@pytest.mark.parametrize(("kind", "status", "operation", "ours", "upstreams"), TABLE)
def test_a_problem_has_a_class(kind, status, operation, ours, upstreams):
    error = problem(kind, status)
    assert verdict(error, operation, NOW, DAY).becomes is ours
    assert verdict(error, operation, NOW, DAY, CERT_MANAGER).becomes is upstreams


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("error", [NetworkError("refused"), TransportError("HTML")])
def test_what_is_no_answer_is_tried_again_by_both(operation, error):
    for rows in (ROWS, CERT_MANAGER):
        assert verdict(error, operation, NOW, DAY, rows).becomes is R


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (problem(LIMIT, retry_after=RA), W),
        (problem(LIMIT, 503, retry_after=RA), W),
        (problem("urn:example:busy", 429, retry_after=RA), W),
        (problem("about:blank", 503, retry_after=RA), W),
        (problem("serverInternal", 503, retry_after=RA), R),
        (problem("serverInternal", 500, retry_after="Thu, 01 Jan 2026 00:00:30 GMT"), R),
    ],
)
def test_a_time_that_the_server_names_closes_the_gate(operation, error, becomes):
    found = verdict(error, operation, NOW, DAY)
    assert (found.becomes, found.after, found.gate) == (becomes, timedelta(seconds=30), True)


def test_a_refusal_to_replace_is_no_refusal_to_issue():
    error = problem("malformed", detail='unknown certificate in "replaces"')
    assert verdict(error, NEW, NOW, DAY).becomes is Class.WITHOUT_REPLACES


def test_the_message_lists_every_identifier_and_where_to_look():
    identifier = {"identifier": {"type": "dns", "value": "a.test"}}
    inner = (Problem("caa", "no", 403, extra=identifier), Problem("dns", "gone", 400))
    error = problem("compound", subproblems=inner, extra={"instance": "https://ca.test/doc"})
    assert verdict(error, FIN, NOW, DAY).message == (
        "finalize: 403 urn:ietf:params:acme:error:compound: it is ['a.test' caa: no; dns: gone]; "
        "see https://ca.test/doc (a CAA record forbids this server, account or method)"
    )


def test_cert_manager_looks_at_no_subproblem():
    error = problem("compound", 400, subproblems=(Problem("serverInternal", "x", 500),))
    assert (verdict(error, NEW, NOW, DAY).becomes, verdict(error, NEW, NOW, DAY, CERT_MANAGER).becomes) == (R, P)


@given(st.lists(st.sampled_from(SEVERITY), min_size=1))
def test_the_worst_class_is_the_first_of_the_severities(classes):
    found = worst([Row("", (), one) for one in classes])
    assert found.becomes is next(one for one in SEVERITY if one in classes)


@given(
    st.sampled_from([*STATUS_OF, "about:blank", "urn:example:x"]),
    st.integers(400, 599),
    st.sampled_from(Operation),
    st.none() | st.sampled_from(["0", "30", "soon", "9999999999999999999", "Thu, 01 Jan 2026 00:00:30 GMT"]),
    st.text(max_size=9),
)
def test_every_problem_has_a_class(kind, status, operation, retry_after, detail):
    error = problem(kind, status, retry_after, detail)
    for rows in (ROWS, CERT_MANAGER):
        found = verdict(error, operation, NOW, DAY, rows)
        assert found.message.startswith(f"{operation}: {status} ")
        assert found.after is None or timedelta(0) <= found.after
