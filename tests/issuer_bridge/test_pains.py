"""What people complain of at cert-manager: with `--compat cert-manager` it happens, and beside it what we do.

The issues are cert-manager's unless another project is named; all in virtual time.
"""

import attrs
import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.cert_manager.names import order_name
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import ORDER
from scheduler.policies import Policy
from scheduler.settings import CLUSTER, Settings
from scheduler.versions import NEWEST, version
from solvers.dns.writers import NOBODY
from solvers.timing import TIMINGS
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import DNS, Rig, kind_of, of_the_server
from tests.issuer_bridge.scripted_server import answer, problem

RESET = HttpAnswer(error="connection reset by peer")
CONDUCTS = pytest.mark.parametrize("compat", [None, NEWEST], ids=["ours", "cert-manager"])


def bridge(release=None, *, solvers=(HTTP01,), settings=None, **options):
    """A bridge with our conduct, or with that of a release of cert-manager."""
    pace = settings or (attrs.evolve(CLUSTER, version=release) if release else Settings())
    rig = Rig(errors=release, scheduler=pace, **options)
    rig.apply_issuer(solvers=list(solvers))
    rig.run(seconds=1)
    return rig


def outcome(rig, name="one"):
    return (rig.ready(name) or ("", ""))[1]


def instead(rig, kind, reply, *, until=None, times=None, since=lambda: True):
    """Let the server act on questions of a kind, and answer something else: until a second, or so many times."""
    began, left = rig.driver.now(), [times]

    def lose(question):
        seconds = (rig.driver.now() - began).total_seconds()
        over = (until is not None and seconds >= until) or left[0] == 0
        if kind_of(question) != kind or over or not since():
            return None
        left[0] = None if left[0] is None else left[0] - 1
        return reply(question) if callable(reply) else reply

    rig.lose = lose


@pytest.mark.seed("K29", "K34", "X18")
@CONDUCTS
def test_sixty_unsolvable_challenges_block_all_issuance_until_the_cap_is_wider(compat):
    """#3820, #2888, #1540: no timeout, no ageing, in either conduct; the cap can be sized here first."""
    for cap, expected in ((60, "Pending"), (61, "Issued")):
        rig = bridge(compat, settings=Settings(max_concurrent=cap))
        rig.hide = lambda question: "stuck" in question.url
        for number in range(60):
            rig.apply(f"s{number:02}", f"stuck{number:02}.http.test")
        rig.run(seconds=10)
        rig.apply("one", "one.http.test")
        rig.run(minutes=10)
        assert outcome(rig) == expected


@pytest.mark.seed("X18")
def test_a_policy_that_loses_patience_lets_others_have_the_slots():
    """The same 60, and nobody has sized anything."""
    rig = bridge(settings=Settings(policy=Policy(patience=3)))
    rig.hide = lambda question: "stuck" in question.url
    for number in range(60):
        rig.apply(f"s{number:02}", f"stuck{number:02}.http.test")
    rig.run(seconds=10)
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    assert outcome(rig) == "Issued"


@pytest.mark.seed("K35")
@pytest.mark.parametrize(("timing", "minutes"), [("cert-manager", 2), ("fast", 0)])
def test_wildcard_and_apex_wait_for_each_other_and_a_minute_each(timing, minutes):
    """#5430, #1323: one (name, type) at a time, and 60 s after each check; `--timing fast` has no such wait."""
    compat = NEWEST if timing == "cert-manager" else None
    rig = bridge(compat, solvers=[DNS01], timing=TIMINGS[timing])
    rig.apply("one", "*.dns.test", "dns.test")
    rig.run(minutes=minutes)
    assert outcome(rig) == "Pending"
    rig.run(seconds=15)
    assert outcome(rig) == "Issued"


@CONDUCTS
def test_a_zone_that_may_not_be_written_keeps_a_slot_that_others_wait_for(compat):
    """#7239: what cannot be presented is tried for ever, backed off, in its slot."""
    refused = {"dns01": {"rfc2136": {"nameserver": DNS}}, "selector": {"dnsZones": ["dns.test"]}}
    rig = bridge(compat, solvers=[refused, HTTP01], settings=Settings(max_concurrent=1))
    rig.writers = NOBODY
    rig.apply("no", "no.dns.test")
    rig.run(seconds=1)
    rig.apply("one", "one.http.test")
    rig.run(hours=1)
    assert [outcome(rig, "no"), outcome(rig)] == ["Pending", "Pending"]
    (held,) = [item for item in rig.challenges if item.get("status")]
    assert held["status"]["reason"] == "DNS update failed. Server replied: REFUSED"


@pytest.mark.parametrize(
    ("release", "expected"), [("1.20", "Failed"), ("1.21", "Issued"), (None, "Issued")], ids=["1.20", "1.21", "ours"]
)
def test_a_network_error_ended_a_challenge_for_good(release, expected):
    """#8747, #8696; cert-manager mended it in 1.21 (PR #8760)."""
    rig = bridge(version(release) if release else None)
    instead(rig, "answer", RESET, times=1)
    rig.apply("one", "one.http.test")
    rig.run(minutes=10)
    assert rig.challenges[0]["status"]["state"] == ("errored" if expected == "Failed" else "valid")
    assert outcome(rig) == expected


UNDECIDED = {
    "status": "pending",
    "identifier": {"type": "dns", "value": "x"},
    "challenges": [{"type": "http-01", "url": "https://acme.test:14000/x", "status": "processing", "token": "t"}],
}


@pytest.mark.parametrize(
    ("release", "state"),
    [("1.18.0", "errored"), ("1.18.1", "valid"), (None, "valid")],
    ids=["1.18.0", "1.18.1", "ours"],
)
def test_a_ca_that_takes_a_minute_was_given_twenty_seconds(release, state):
    """#7685, #7330, #7444, PR #8453."""
    rig = bridge(version(release) if release else None)
    instead(rig, "authz", answer(200, UNDECIDED), until=60, since=lambda: rig.count("answer"))
    rig.apply("one", "one.http.test")
    rig.run(minutes=10)
    assert rig.challenges[0]["status"]["state"] == state


@pytest.mark.parametrize(
    ("release", "minutes"), [("1.15", 24 * 60 - 1), ("1.21", 3), (None, 3)], ids=["1.15", "1.21", "ours"]
)
def test_a_retry_after_of_a_day_was_waited_for(release, minutes):
    """#5690: before 1.16 the poll had no end; now two minutes, then the authorization is read anew."""
    rig = bridge(version(release) if release else None)
    instead(rig, "authz", answer(200, UNDECIDED, Retry_After="86400"), times=1, since=lambda: rig.count("answer"))
    rig.apply("one", "one.http.test")
    rig.run(minutes=minutes)
    assert outcome(rig) == ("Pending" if release == "1.15" else "Issued")
    rig.run(minutes=3)
    assert outcome(rig) == "Issued"


@pytest.mark.parametrize(
    ("release", "least", "most"),
    [("1.15", 3000, 3600), ("1.21", 1000, 2000), (None, 5, 50)],
    ids=["1.15", "1.21", "ours"],
)
def test_an_authorization_that_is_no_json_is_asked_for_every_second(release, least, most):
    """#7152: for ever before 1.16, for two minutes and again since; we back off."""
    rig = bridge(version(release) if release else None)
    instead(rig, "authz", HttpAnswer(200, (), b"<html>"), since=lambda: rig.count("answer"))
    rig.apply("one", "one.http.test")
    rig.run(hours=1)
    assert least <= rig.count("authz") <= most
    assert rig.challenges[0]["status"]["state"] == "pending"


def processing(question):
    order_url = question.url.removesuffix("/finalize")
    document = {"status": "processing", "finalize": f"{order_url}/finalize", "authorizations": []}
    return answer(200, document)


def slow_ca(rig, minutes):
    """After finalize the order stays `processing`, and no answer has a Location."""
    began = []

    def lose(question):
        kind = kind_of(question)
        if kind == "finalize":
            began.append(rig.driver.now())
        over = not began or (rig.driver.now() - began[0]).total_seconds() >= minutes * 60
        return processing(question) if kind in ("finalize", "order") and not over else None

    rig.lose = lose


@CONDUCTS
def test_a_slow_ca_leaves_an_order_processing_for_ever(compat):
    """#5062, #1130, and pebble#508: a finalize without a Location; one more look comes 5 s later, and no other."""
    rig = bridge(compat)
    slow_ca(rig, minutes=10)
    rig.apply("one", "one.http.test")
    rig.run(minutes=9)
    assert rig.orders[0]["status"]["state"] == "processing"
    rig.run(hours=1)
    assert outcome(rig) == ("Issued" if compat is None else "Pending")
    assert (compat is None) == (rig.count("order") > 10)


def test_a_stuck_order_goes_on_when_somebody_touches_it():
    rig = bridge(NEWEST)
    slow_ca(rig, minutes=10)
    rig.apply("one", "one.http.test")
    rig.run(hours=1)
    touched = copy_json(rig.orders[0])
    touched["metadata"]["labels"] = {"touched": "yes"}
    rig.store.replace(ORDER, touched)
    rig.run(seconds=10)
    assert outcome(rig) == "Issued"


@CONDUCTS
def test_an_order_that_lags_behind_its_challenges_is_looked_at_every_five_seconds(compat):
    """#2868, #5602, #3078: mended there by PR #3805."""
    rig = bridge(compat)
    pending = {"status": "pending", "finalize": "https://acme.test:14000/f", "authorizations": []}
    instead(rig, "order", answer(200, pending), until=60)
    rig.apply("one", "one.http.test")
    rig.run(seconds=55)
    assert 10 <= rig.count("order") <= 13
    assert [item["status"]["state"] for item in rig.challenges] == ["valid"]
    rig.run(seconds=20)
    assert outcome(rig) == "Issued"


@CONDUCTS
@pytest.mark.parametrize("kind", ["new-order", "authz", "answer", "finalize"])
def test_a_rate_limit_kills_what_it_meets(kind, compat):
    """#5867, #2741: Retry-After is not looked at; a request that failed is not tried again."""
    rig = bridge(compat)
    left = [problem("rateLimited", 429, Retry_After="600")]
    rig.tamper = lambda question: left.pop() if left and kind_of(question) == kind else None
    rig.apply("one", "one.http.test")
    rig.run(minutes=9)
    # A Challenge that the client gave up leaves an order that the server would still have.
    there = "Pending" if kind == "answer" else "Failed"
    assert outcome(rig) == ("Pending" if compat is None else there)
    rig.run(hours=2)
    assert outcome(rig) == ("Issued" if compat is None else there)


@CONDUCTS
@pytest.mark.parametrize("minutes", [0, 10])
def test_an_order_that_was_finalized_already_is_recovered_if_it_is_valid_by_then(minutes, compat):
    """#2765, #758: the answer to finalize is lost; cert-manager finalizes once more, and reads a 403."""
    rig = bridge(compat)
    began = []

    def lose(question):
        kind = kind_of(question)
        if kind == "finalize" and not began:
            began.append(rig.driver.now())
            return RESET
        over = not began or (rig.driver.now() - began[0]).total_seconds() >= minutes * 60
        if kind == "order" and not over:
            document = {"status": "ready" if compat else "processing", "finalize": f"{question.url}/finalize"}
            return answer(200, {**document, "authorizations": []})
        return None

    rig.lose = lose
    rig.apply("one", "one.http.test")
    rig.run(minutes=20)
    recovered = compat is None or not minutes
    assert outcome(rig) == ("Issued" if recovered else "Failed")
    if not recovered:
        assert rig.orders[0]["status"]["reason"].startswith("Failed to finalize Order: 403 ")


@CONDUCTS
def test_an_order_of_the_same_name_that_is_somebody_else_s_is_never_taken(compat):
    """#3864, #4740, #1888: the request waits, and its own Order comes when the other is gone."""
    rig = bridge(compat)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    (order,) = rig.orders
    rig = bridge(compat)
    metadata = {"name": order["metadata"]["name"], "namespace": "default"}
    rig.create(ORDER, {key: order[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata})
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert (rig.ready("one"), rig.count("new-order")) == (None, 0)
    rig.store.remove(ORDER, "default", metadata["name"])
    rig.run(minutes=5)
    assert outcome(rig) == "Issued"


def test_two_long_names_that_are_cut_alike_have_orders_of_their_own():
    """#3864 and PR #3866."""
    rig = bridge(NEWEST)
    names = ["x" * 60 + end for end in ("a", "b")]
    for name in names:
        rig.apply(name, "one.http.test")
    rig.run(minutes=1)
    assert [outcome(rig, name) for name in names] == ["Issued", "Issued"]
    spec = {"issuerRef": {"name": "gravel", "kind": "ClusterIssuer"}, "dnsNames": ["one.http.test"]}
    assert sorted(order_name(name, spec) for name in names) == [item["metadata"]["name"] for item in rig.orders]


@CONDUCTS
def test_one_failed_validation_ends_the_request_for_good(compat):
    """#3594, #6388: the CA's second look at the DNS failed once; a bare request is never tried again, by nobody."""
    rig = bridge(compat)
    rig.hide = of_the_server
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    rig.hide = lambda question: False
    rig.run(hours=8)
    assert (rig.orders[0]["status"]["state"], outcome(rig), rig.count("new-order")) == ("invalid", "Failed", 1)
    assert rig.ready("one")[2].endswith('order is in "invalid" state: ') == (compat is not None)
