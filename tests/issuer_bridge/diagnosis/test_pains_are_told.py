"""The pains of tests/issuer_bridge/test_pains.py, made again: a diagnosis names each, who must act, and nothing else."""

import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.cert_manager.names import order_name
from issuer_bridge.diagnosis.readings import CA, DNS, OWNER, PLATFORM
from issuer_bridge.resources import ORDER
from scheduler.settings import Settings
from scheduler.versions import NEWEST, version
from solvers.dns.writers import NOBODY, Writers
from solvers.timing import TIMINGS
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import DNS as SERVER
from tests.issuer_bridge.bridge_rig import kind_of, of_the_server
from tests.issuer_bridge.diagnosis.diagnosed import findings, told
from tests.issuer_bridge.scripted_server import answer, problem
from tests.issuer_bridge.test_pains import RESET, UNDECIDED, bridge, instead, slow_ca

PENDING = {"status": "pending", "finalize": "https://acme.test:14000/f", "authorizations": []}


def capped(maximum):
    return Settings(max_concurrent=maximum, version=NEWEST)


def the_finding(rig):
    """The one that blocks."""
    (found,) = [one for one in findings(rig) if one.blocks]
    return found


def test_sixty_stuck_challenges_are_named_with_the_slots_that_they_hold_and_who_waits():
    rig = bridge(NEWEST, settings=capped(60))
    rig.hide = lambda question: "stuck" in question.url
    for number in range(60):
        rig.apply(f"s{number:02}", f"stuck{number:02}.http.test")
    rig.run(seconds=10)
    for name in ("one", "two"):
        rig.apply(name, f"{name}.http.test")
    rig.run(minutes=20)
    found = findings(rig)
    (full,) = [one for one in found if one.code == "slots-full"]
    assert (full.pain, full.blocks, full.evidence[0]) == (1, True, "60 http01-not-routed")
    assert told(found) == [("http01-not-routed", "challenge")] * 60 + [("slots-full", "scheduler")]
    assert [one.cause.partition("; ")[0] for one in found if not one.blocks] == [
        f"HTTP-01 of {name}.http.test is number {place} of 2 in the queue for a slot"
        for place, name in ((1, "one"), (2, "two"))
    ]


def test_slots_that_are_all_used_by_healthy_challenges_are_no_fault():
    rig = bridge(NEWEST, solvers=[DNS01], timing=TIMINGS["cert-manager"], settings=capped(1))
    for name in ("one", "two"):
        rig.apply(name, f"{name}.dns.test")
    rig.run(seconds=30)
    found = findings(rig)
    assert told(found) == []
    assert ("slots-full", "scheduler") in told(found, blocks=False)


def test_the_holder_of_a_name_and_type_is_named():
    rig = bridge(NEWEST, solvers=[DNS01], timing=TIMINGS["cert-manager"])
    rig.apply("one", "*.dns.test", "dns.test")
    rig.run(seconds=30)
    (waits,) = [one for one in findings(rig) if one.code == "key-taken"]
    (holder,) = [item for item in rig.challenges if item.get("status")]
    assert (waits.pain, waits.blocks) == (4, False)
    assert f"challenge/default/{holder['metadata']['name']} runs" in waits.cause


def test_a_zone_that_may_not_be_written_is_the_platform_s():
    refused = {"dns01": {"rfc2136": {"nameserver": SERVER}}, "selector": {"dnsZones": ["dns.test"]}}
    rig = bridge(NEWEST, solvers=[refused, HTTP01], settings=capped(2))
    rig.writers = NOBODY
    rig.apply("no", "no.dns.test")
    rig.run(minutes=10)
    found = the_finding(rig)
    assert (found.code, found.pain, found.who) == ("provider-refuses", 6, PLATFORM)
    assert found.evidence == ("status.reason: DNS update failed. Server replied: REFUSED",)


def reset_once(rig):
    instead(rig, "answer", HttpAnswer(error="connection reset by peer"), times=1)


def slow_verdict(rig):
    instead(rig, "authz", answer(200, UNDECIDED), until=60, since=lambda: rig.count("answer"))


def long_retry(rig):
    instead(rig, "authz", answer(200, UNDECIDED, Retry_After="86400"), times=1, since=lambda: rig.count("answer"))


def no_json(rig):
    instead(rig, "authz", HttpAnswer(200, (), b"<html>"), since=lambda: rig.count("answer"))


def lagging(rig):
    instead(rig, "order", answer(200, PENDING), until=3600)


def limited(kind):
    def arm(rig):
        left = [problem("rateLimited", 429, Retry_After="600")]
        rig.tamper = lambda question: left.pop() if left and kind_of(question) == kind else None

    return arm


def finalized_before(rig):
    began = []

    def lose(question):
        kind = kind_of(question)
        if kind == "finalize" and not began:
            began.append(rig.driver.now())
            return RESET
        document = {"status": "ready", "finalize": f"{question.url}/finalize", "authorizations": []}
        return answer(200, document) if kind == "order" else None

    rig.lose = lose


def unseen_by_the_ca(rig):
    rig.hide = of_the_server


def account_lost(rig):
    rig.new_server()


def seen_from_one_place_only(rig):
    text = "During secondary validation: 10.0.0.9: Invalid response"
    error = {"type": "urn:ietf:params:acme:error:unauthorized", "detail": text, "status": 403}
    challenge = {
        "type": "http-01",
        "url": "https://acme.test:14000/x",
        "status": "invalid",
        "token": "t",
        "error": error,
    }
    document = {"status": "invalid", "identifier": {"type": "dns", "value": "x"}, "challenges": [challenge]}
    instead(rig, "authz", answer(200, document), since=lambda: rig.count("answer"))


ENDS = [
    (version("1.20"), reset_once, "network-error-was-final", 7, "challenge", PLATFORM),
    (version("1.18.0"), slow_verdict, "verdict-late", 8, "challenge", CA),
    (version("1.15"), long_retry, "no-verdict", 9, "challenge", CA),
    (version("1.15"), no_json, "no-verdict", 9, "challenge", CA),
    (NEWEST, lambda rig: slow_ca(rig, minutes=60), "order-processing", 11, "order", CA),
    (NEWEST, lagging, "order-lags", 12, "order", CA),
    *((NEWEST, limited(kind), "rate-limited", 14, "order", PLATFORM) for kind in ("new-order", "authz", "finalize")),
    (NEWEST, limited("answer"), "rate-limited", 14, "challenge", PLATFORM),
    (NEWEST, finalized_before, "order-finalized-before", 20, "order", "cert-manager"),
    (NEWEST, unseen_by_the_ca, "ca-sees-another-answer", None, "challenge", OWNER),
    (NEWEST, seen_from_one_place_only, "secondary-validation", 23, "challenge", DNS),
    (NEWEST, account_lost, "account-unknown", 24, "order", PLATFORM),
]


@pytest.mark.parametrize(
    ("release", "arm", "code", "pain", "kind", "who"),
    ENDS,
    ids=[f"{pain}-{code}-{n}" for n, (_, _, code, pain, _, _) in enumerate(ENDS)],
)
def test_what_ends_an_issuance_is_told_once_at_the_object_that_shows_it(release, arm, code, pain, kind, who):
    rig = bridge(release)
    arm(rig)
    rig.apply("one", "one.http.test")
    rig.run(minutes=15)
    found = the_finding(rig)
    assert (found.code, found.pain, found.subject.partition("/")[0], found.who) == (code, pain, kind, who)


def test_our_own_conduct_gets_over_a_slow_ca_and_is_not_called_stuck_at_once():
    """cert-manager would never look again; we ask on, so that only the CA can be waited for."""
    rig = bridge(None)
    slow_ca(rig, minutes=60)
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    assert told(findings(rig)) == []
    assert told(findings(rig), blocks=False) == [("order-processing", "order")]


def test_a_request_whose_order_s_name_is_taken_is_told_by_whom():
    rig = bridge(NEWEST)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    (order,) = rig.orders
    rig = bridge(NEWEST)
    metadata = {"name": order["metadata"]["name"], "namespace": "default"}
    rig.create(ORDER, {key: order[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata})
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    found = [one for one in findings(rig) if one.pain == 21]
    assert [(one.code, one.subject, one.blocks) for one in found] == [
        ("order-foreign", "certificaterequest/default/one", True)
    ]
    assert order_name("one", order["spec"]) in found[0].cause


def test_a_name_without_a_solver_is_told_with_the_name():
    rig = bridge(NEWEST, solvers=[{**DNS01, "selector": {"dnsZones": ["dns.test"]}}])
    rig.apply("one", "one.http.test")
    rig.run(seconds=10)
    found = the_finding(rig)
    assert (found.code, found.who) == ("no-solver", PLATFORM)
    assert "one.http.test" in found.cause


def test_a_clean_up_that_is_refused_keeps_its_slot_and_its_namespace_and_is_told():
    rig = bridge(NEWEST, solvers=[{"dns01": {"rfc2136": {"nameserver": SERVER}}}], timing=TIMINGS["cert-manager"])
    rig.writers = Writers(anyone=True)
    rig.apply("one", "one.dns.test")
    rig.run(seconds=30)
    rig.writers = NOBODY
    rig.run(minutes=10)
    found = the_finding(rig)
    assert (found.code, found.pain, found.subject.partition("/")[0]) == ("provider-refuses", 22, "challenge")
    assert "it keeps its finalizer and its slot" in found.cause
    assert "finalizers" in found.attempt
