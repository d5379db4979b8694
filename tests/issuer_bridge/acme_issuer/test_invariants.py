"""What holds of AcmeIssuers whatever the server does, and whenever the bridge dies: twelve invariants.

Held to what the server was asked when it was asked, and to every version of every object that is written: a correct
server forgives a client that finalizes early or twice.
"""

import json
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer_bridge.resources import (
    ACME_CLUSTER_ISSUER,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    EVENT,
    KINDS,
    ORDER,
    SECRET,
)
from tests.issuer_bridge.acme_issuer.acme_rig import ISSUED, OfAcmeIssuers
from tests.issuer_bridge.bridge_rig import START, kind_of
from tests.issuer_bridge.mortal_rig import FAULTS, MortalRig, _identifiers
from tests.issuer_bridge.scripted_server import problem

REQUESTS = {"one": ("one.http.test",), "two": ("two.dns.test", "two.http.test")}
SOON, LATER = timedelta(minutes=5), timedelta(hours=1)
ENDS = ("Issued", "Failed", "Denied")
# In flight when the server says to wait, or killed before it was written down.
CROSSED = timedelta(milliseconds=100)
WORSE = {
    "not ready": problem("orderNotReady", 403),
    "gone": problem("malformed", 404),
    "caa": problem("caa", 403),
    "forbidden": problem("unauthorized", 403),
    "lost account": problem("accountDoesNotExist", 400),
    "terms": problem("userActionRequired", 403),
    "page": problem("serverInternal", 503, Retry_After="11"),
}


class Watchful(OfAcmeIssuers, MortalRig):
    """Looks over the bridge's shoulder at every request to the server, and at every write."""

    answers = FAULTS | WORSE

    def __init__(self, **options):
        self.gates, self.versions, self.writes, self.new_orders = [], {}, [], Counter()
        super().__init__(**options)

    def new_store(self):
        """Go on from what is on disk; what was written there last, nobody may have heard of."""
        store = super().new_store()
        for request in store.list(CERTIFICATE_REQUEST):
            self._judge_request(self.versions.get(request["metadata"]["uid"], {}), request)
        known = (*store.list(CERTIFICATE_REQUEST), *store.list(ACME_CLUSTER_ISSUER))
        self.versions = {one["metadata"]["uid"]: one for one in known}
        store.watch(self._wrote)
        return store

    def crash(self):
        super().crash()
        self.gates = [gate for gate in self.gates if gate[0] < self.driver.now() - CROSSED]

    def _acme(self, question):
        answer = super()._acme(question)
        wait = dict(answer.headers).get("Retry-After")
        if answer.status >= 400 and wait:
            now = self.driver.now()
            self.gates.append((now, now + timedelta(seconds=int(wait))))
        return answer

    def _judge(self, question):
        kind, now = kind_of(question), self.driver.now()
        if any(told + CROSSED < now < until for told, until in self.gates):
            self.wrong.append(f"5: {kind} before the server's Retry-After")
        if kind == "finalize" and self.read.get(question.url.removesuffix("/finalize")) != "ready":
            self.wrong.append("3: finalize, when the order was not last seen ready")
        if kind == "new-order":
            self.new_orders[_identifiers(question)] += 1

    def _wrote(self, event, kind, resource):
        self.writes.append((event, kind, resource["metadata"]["name"]))
        before = self.versions.get(resource["metadata"]["uid"], {})
        self.versions[resource["metadata"]["uid"]] = resource
        if kind in (CERTIFICATE_REQUEST, ACME_CLUSTER_ISSUER):
            self._judge_conditions(before, resource)
        if kind is CERTIFICATE_REQUEST:
            self._judge_request(before, resource)

    def _judge_conditions(self, before, resource):
        old = conditions_of(before)
        for type_, one in conditions_of(resource).items():
            if one.get("observedGeneration", 0) > resource["metadata"]["generation"]:
                self.wrong.append(f"10: {type_} has seen a generation that is to come")
            same = old.get(type_, {}).get("status") == one["status"]
            if same and old[type_]["lastTransitionTime"] != one["lastTransitionTime"]:
                self.wrong.append(f"10: {type_} has moved without changing")

    def _judge_request(self, before, resource):
        was, is_ = (conditions_of(one).get("Ready", {}) for one in (before, resource))
        if was.get("reason") in ENDS and was != is_:
            self.wrong.append(f"2: {was['reason']} became {is_}")
        status = resource.get("status", {})
        kept = {"Issued": ("certificate",), "Failed": ("failureTime",)}.get(is_.get("reason"), ())
        if tuple(field for field in ("certificate", "failureTime") if field in status) != kept:
            self.wrong.append(f"2: {is_.get('reason')} with {sorted(status)}")


def conditions_of(resource):
    return {one["type"]: one for one in resource.get("status", {}).get("conditions", ())}


def lived(deaths, faults, end=LATER, **options):
    """Return a rig after the lives that these deaths end, and the last, which nothing ends."""
    rig = Watchful(**options)
    rig.apply_issuer()
    for name, names in REQUESTS.items():
        rig.apply(name, *names)
    rig.run(milliseconds=1)  # whoever applied them was told so
    rig.faults = faults
    rig.live(START + end, deaths)
    rig.fuse.left = None
    for _ in range(len(faults)):  # new terms cost an hour each
        if not all(rig.ready(name)[1] in ENDS for name in REQUESTS):
            rig.run(hours=2)
    return rig


def check(rig):
    """All that holds in any case."""
    assert rig.wrong == []
    for name, names in REQUESTS.items():
        assert rig.ready(name)[1] in ENDS  # 6
        orders = [order for order in rig.orders if order["spec"]["dnsNames"] == sorted(names)]
        assert len(orders) <= 2  # 4
        assert rig.new_orders[tuple(sorted(names))] <= 8
    assert not any(rig.shown.values())  # 11
    assert not rig.zone.stored("_acme-challenge.two.dns.test")
    check_secrecy(rig)
    check_quiet(rig)


def check_secrecy(rig):
    """8: the account key is in its Secret, and nowhere else."""
    (secret,) = rig.store.list(SECRET)
    pem = secret["data"]["tls.key"]
    others = [item for kind in KINDS if kind is not SECRET for item in rig.store.list(kind)]
    told = json.dumps(others) + "".join(json.dumps(entry.to_json()) for entry in rig.world.journal)
    assert pem[40:80] not in told
    assert "PRIVATE KEY" not in told


def check_quiet(rig):
    """7: everything is as it should be, so that looking at it again changes nothing."""
    if rig.faults:
        rig.faults = {}
        rig.run(hours=2)
    rig.crash()
    rig.writes.clear()
    rig.start()
    rig.run(minutes=1)
    assert [write for write in rig.writes if write[1] is not EVENT] == []


def check_issued(rig):
    """9: what passes by itself, and no death, costs no second certificate."""
    check(rig)
    assert [rig.ready(name) for name in REQUESTS] == [ISSUED] * len(REQUESTS)
    assert len(rig.facts("acme_server", "CertificateIssued")) == len(REQUESTS)
    assert len(rig.orders) == len(REQUESTS)


def moments():
    rig = lived((), {}, SOON)
    passed = rig.fuse.passed
    check_issued(rig)
    return passed


MOMENTS = moments()
DEATHS = st.lists(st.tuples(st.integers(0, MOMENTS), st.sampled_from([0, 1, 30, 600])), max_size=6)


@pytest.mark.seed("B20")
@pytest.mark.parametrize("moment", range(0, MOMENTS, 4))
def test_it_may_die_once_at_any_moment(moment):
    check_issued(lived([(moment, 1)], {}, SOON))


@given(DEATHS, st.dictionaries(st.integers(1, 60), st.sampled_from(sorted(FAULTS)), max_size=6))
@settings(max_examples=25)
def test_it_may_die_often_while_the_server_passes_through_bad_hours(deaths, faults):
    check(lived(deaths, faults))


@given(DEATHS, st.dictionaries(st.integers(1, 60), st.sampled_from(sorted(FAULTS | WORSE)), max_size=20))
@settings(max_examples=25)
def test_whatever_the_server_says_all_come_to_an_end(deaths, faults):
    check(lived(deaths, faults))


@given(DEATHS, st.dictionaries(st.integers(1, 60), st.sampled_from(sorted(FAULTS | WORSE)), max_size=8))
@settings(max_examples=5)
def test_the_same_seed_makes_the_same_run(deaths, faults):
    """12."""
    digests = [list(lived(deaths, faults).world.journal)[-1].digest for _ in range(2)]
    assert digests[0] == digests[1]


@pytest.mark.seed("E05", "X8")
def test_what_nobody_approved_is_asked_of_nobody_and_not_written_to():
    """1."""
    rig = lived((), {}, approver=False)
    assert rig.new_orders == {}
    assert [write for write in rig.writes if write[1] in (CERTIFICATE_REQUEST, ORDER, CHALLENGE)] == [
        ("ADDED", CERTIFICATE_REQUEST, name) for name in REQUESTS
    ]
