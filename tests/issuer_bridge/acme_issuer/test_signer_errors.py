"""What becomes of a request when its server errs: a test for each row of the classification, on the real server's faults."""

import itertools

import pytest

from issuer_bridge.resources import ACME_CLUSTER_ISSUER, CHALLENGE
from tests.issuer_bridge.acme_issuer.acme_rig import ISSUED, REFUSED, AcmeRig


def problem(type_, endpoint, count=1, **action):
    return {
        "match": {"endpoint": endpoint},
        "action": {"kind": "problem", "type": type_, "detail": f"{type_} it is", **action},
        "when": {"count": count},
    }


def page(endpoint, count=1, **action):
    return {"match": {"endpoint": endpoint}, "action": {"kind": "page", **action}, "when": {"count": count}}


def rig_with(*faults, **options):
    rig = AcmeRig(*faults, **options)
    rig.apply("one", "one.http.test")
    return rig


def accepted(rig):
    return len(rig.facts("acme_server", "CertificateIssued"))


@pytest.mark.parametrize(
    ("endpoint", "type_"),
    [
        ("newOrder", "rejectedIdentifier"),
        ("newOrder", "unsupportedIdentifier"),
        ("newOrder", "invalidProfile"),
        ("newOrder", "malformed"),
        ("newOrder", "urn:example:unheard-of"),
        ("finalize", "badCSR"),
        ("finalize", "badPublicKey"),
        ("finalize", "malformed"),
        ("finalize", "urn:example:unheard-of"),
    ],
)
def test_a_request_at_fault_fails_for_good_and_says_so(endpoint, type_):
    rig = rig_with(problem(type_, endpoint, status=400))
    rig.run(hours=1)
    status, reason, message = rig.ready("one")
    assert (status, reason) == ("False", "Failed")
    assert f"{endpoint}: 400 " in message
    assert f"{type_} it is" in message
    assert (rig.invalid("one"), rig.count("new-order")) == (True, 1)
    assert rig.request("one")["status"]["failureTime"]
    (order,) = rig.orders
    assert order["status"]["state"] == "errored"


VALIDATIONS = ["caa", "dns", "connection", "tls", "incorrectResponse", "unauthorized"]
DROPPING = [
    *(problem(kind, endpoint) for endpoint in ("order", "authorization", "challenge") for kind in ("malformed",)),
    *(problem("malformed", endpoint, status=404) for endpoint in ("order", "challenge", "certificate")),
    problem("urn:example:gone", "authorization", status=410),
    problem("unauthorized", "challenge"),
    *(problem(kind, "finalize") for kind in ("caa", "dns", "unauthorized")),
    *(
        {
            "match": {"endpoint": "challenge"},
            "action": {"kind": "fail-validation", "type": kind},
            "when": {"count": 1},
        }
        for kind in VALIDATIONS
    ),
]
NAMES = [f"{fault['match']['endpoint']}-{fault['action'].get('type')}" for fault in DROPPING]


@pytest.mark.parametrize("fault", DROPPING, ids=NAMES)
def test_an_order_that_fails_is_followed_by_another(fault):
    rig = rig_with(fault)
    rig.run(minutes=10)
    assert rig.ready("one") == ISSUED
    first, second = sorted((order["status"]["state"] for order in rig.orders), key=len)
    assert (first, second) == ("valid", "invalid")


@pytest.mark.parametrize("fault", DROPPING, ids=NAMES)
def test_the_last_order_that_fails_takes_the_request_with_it(fault):
    rig = rig_with({**fault, "when": {}})
    rig.run(hours=1)
    assert rig.ready("one")[:2] == ("False", "Failed")
    assert (rig.invalid("one"), len(rig.orders)) == (False, 2)
    assert rig.said()[:2] == ("True", "Checked")


def test_a_dropped_order_leaves_no_challenge_behind():
    rig = AcmeRig(problem("malformed", "order"))
    rig.apply("two", "a.http.test", "b.http.test")
    rig.hide = lambda question: "b.http.test" in question.url
    rig.arm({"match": {"endpoint": "challenge"}, "action": "fail-validation", "when": {"count": 1}})
    rig.run(minutes=1)
    rig.hide = lambda question: False
    rig.run(minutes=10)
    assert rig.ready("two") == ISSUED
    assert {challenge["status"]["state"] for challenge in rig.challenges} <= {"valid", "invalid"}


ENDPOINTS = {
    "newOrder": "new-order",
    "authorization": "authz",
    "challenge": "answer",
    "order": "order",
    "finalize": "finalize",
    "certificate": "cert",
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "fault",
    [
        lambda endpoint: problem("serverInternal", endpoint, 2),
        lambda endpoint: problem("rateLimited", endpoint, 2),
        lambda endpoint: problem("conflict", endpoint, 2, status=409),
        lambda endpoint: problem("badNonce", endpoint, 12),
        lambda endpoint: page(endpoint, 2, status=502),
        lambda endpoint: page(endpoint, 2, status=503),
        lambda endpoint: page(endpoint, 2, status=504),
    ],
    ids=["500", "429", "409", "badNonce", "502", "503", "504"],
)
def test_what_passes_by_itself_is_tried_again(endpoint, fault):
    rig = rig_with(fault(endpoint))
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    assert (len(rig.orders), accepted(rig)) == (1, 1)


@pytest.mark.parametrize("kind", ENDPOINTS.values())
def test_a_server_that_cannot_be_reached_is_tried_again(kind):
    rig = AcmeRig()
    rig.tamper_once(kind, REFUSED, REFUSED)
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    assert len(rig.orders) == 1


@pytest.mark.seed("B23")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "fault",
    [
        lambda endpoint: problem("rateLimited", endpoint, retry_after=600),
        lambda endpoint: problem("rateLimited", endpoint, status=503, retry_after=600),
        lambda endpoint: page(endpoint, status=503, retry_after=600),
        lambda endpoint: problem("serverInternal", endpoint, retry_after=600),
    ],
    ids=["429", "limited-503", "page-503", "500"],
)
def test_a_time_that_the_server_names_is_kept_by_the_whole_issuer(endpoint, fault):
    rig = rig_with(fault(endpoint))
    rig.run(seconds=30)
    asked = len(rig.asked)
    rig.apply("two", "two.http.test")
    rig.run(seconds=540)
    assert len(rig.asked) == asked
    assert rig.ready("two")[1] == "Pending"
    rig.run(minutes=5)
    assert (rig.ready("one"), rig.ready("two")) == (ISSUED, ISSUED)


def test_a_rate_limit_of_more_than_a_day_is_not_waited_for():
    rig = rig_with(problem("rateLimited", "newOrder", retry_after=86401))
    rig.run(minutes=1)
    assert rig.ready("one")[1] == "Failed"
    assert "it wants 1 day, 0:00:01 to pass, and no more than 1 day, 0:00:00 is waited" in rig.ready("one")[2]
    assert not rig.invalid("one")


def test_a_paused_account_waits_an_hour_and_says_who_can_help():
    detail = "Your account is paused. Please visit: https://ca.test/unpause?jwt=x"
    rig = rig_with({**problem("rateLimited", "newOrder"), "action": {"kind": "rateLimited", "detail": detail}})
    rig.run(minutes=59)
    assert rig.ready("one")[1] == "Pending"
    assert rig.said("AccountPaused")[0] == "True"
    assert detail in rig.said("AccountPaused")[2]
    assert rig.count("new-order") == 1
    rig.run(minutes=15)
    assert rig.ready("one") == ISSUED
    assert rig.said("AccountPaused")[0] == "False"


def test_an_order_that_is_not_ready_is_read_again_after_a_while():
    rig = rig_with(problem("orderNotReady", "finalize", 3))
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    times = rig.moments("finalize")
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == [5, 5, 5]


def test_a_server_that_never_takes_the_csr_is_asked_five_times_an_order():
    rig = rig_with(problem("orderNotReady", "finalize", 1000))
    rig.run(minutes=10)
    assert rig.ready("one")[1] == "Failed"
    assert (rig.count("finalize"), len(rig.orders)) == (10, 2)
    assert "the order stayed ready after 5 finalize requests" in rig.ready("one")[2]


def test_a_finalize_whose_answer_was_lost_while_the_server_works_is_waited_for():
    rig = rig_with({"match": {"endpoint": "finalize"}, "action": {"kind": "processing", "seconds": 60}})
    rig.lose = lambda question: REFUSED if question.url.endswith("/finalize") else None
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    assert (rig.count("finalize"), len(rig.orders)) == (1, 1)


def test_a_lost_account_is_registered_again():
    rig = rig_with()
    rig.run(minutes=1)
    rig.new_server()
    rig.apply("two", "two.http.test")
    rig.run(minutes=2)
    assert rig.ready("two") == ISSUED
    assert len(rig.facts("acme_server", "AccountCreated")) == 1


def test_an_account_that_may_not_order_blames_the_issuer():
    rig = rig_with(problem("unauthorized", "newOrder"))
    rig.run(milliseconds=600)
    assert rig.said()[:2] == ("False", "Pending")
    assert "newOrder: 403 " in rig.said()[2]
    rig.run(minutes=5)
    assert (rig.said()[1], rig.ready("one")) == ("Checked", ISSUED)


def test_new_terms_of_service_are_told_and_looked_at_again_after_an_hour():
    rig = rig_with(problem("userActionRequired", "newOrder"))
    rig.run(minutes=59)
    assert (rig.said()[:2], rig.said("TermsChanged")[0]) == (("False", "Pending"), "True")
    assert (rig.ready("one")[1], rig.count("new-order")) == ("Pending", 1)
    rig.run(minutes=2)
    assert (rig.said()[1], rig.said("TermsChanged")[0], rig.ready("one")) == ("Checked", "False", ISSUED)


@pytest.mark.parametrize(
    "type_",
    ["externalAccountRequired", "badSignatureAlgorithm", "badPublicKey", "invalidContact", "unsupportedContact"],
)
def test_an_account_that_cannot_be_made_waits_for_another_issuer_or_secret(type_):
    rig = AcmeRig(issuer={"directory": "https://nowhere.test/dir"})
    rig.arm({**problem(type_, "newAccount", 1), "match": {"endpoint": "newAccount", "nth": 2}})
    rig.run(minutes=1)
    rig.driver.spawn(rig.store.update(*changed(rig, directory="gravel://default")), lambda _: None)
    rig.run(hours=1)
    assert rig.said()[:2] == ("False", "Failed")
    assert rig.count("new-account") == 2
    rig.driver.spawn(rig.store.update(*changed(rig, email="a@example.test")), lambda _: None)
    rig.run(minutes=1)
    assert rig.said()[:2] == ("True", "Checked")


def changed(rig, **spec):
    return ACME_CLUSTER_ISSUER, {**rig.issuer, "spec": {**rig.issuer["spec"], **spec}}


def test_subproblems_decide_and_every_name_is_told():
    inner = [
        {
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "no",
            "identifier": {"type": "dns", "value": name},
        }
        for name in ("a.http.test", "b.http.test")
    ]
    members = {"type": "urn:ietf:params:acme:error:compound", "detail": "two errors", "subproblems": inner}
    fault = {"match": {"endpoint": "newOrder"}, "action": {"kind": "rewrite", "status": 403, "members": members}}
    rig = AcmeRig(fault)
    rig.apply("one", "a.http.test", "b.http.test")
    rig.run(minutes=5)
    assert rig.ready("one")[1] == "Failed"
    assert "'a.http.test' rejectedIdentifier: no; 'b.http.test' rejectedIdentifier: no" in rig.ready("one")[2]
    assert rig.invalid("one")


def test_a_foreign_certificate_is_thrown_away_and_ordered_anew():
    for form in ("wrong-key", "wrong-name", "expired", "reversed"):
        rig = rig_with(
            {"match": {"endpoint": "certificate"}, "action": {"kind": "chain", "form": form}, "when": {"count": 1}}
        )
        rig.run(minutes=5)
        assert (rig.ready("one"), len(rig.orders)) == (ISSUED, 2), form


def test_the_errors_of_one_request_end_after_a_quarter_of_an_hour():
    rig = AcmeRig(page("finalize", 1000), issuer={"breakerThreshold": 1000})
    rig.apply("one", "one.http.test")
    rig.run(hours=1)
    assert rig.ready("one")[1] == "Failed"
    assert rig.store.list(CHALLENGE)
    assert not rig.invalid("one")
