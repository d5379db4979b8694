from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.cluster.election import Election, Terms
from issuer_bridge.resources import LEASE
from tests.issuer_bridge.cluster.virtual_cluster import Client, VirtualCluster

TERMS = Terms()


class Candidate:
    """A process that works while it leads."""

    def __init__(self, cluster, name):
        self.client = Client(cluster)
        self.working, self.spells = False, 0
        self.election = Election(self.client, cluster.random.randbytes, name, "kube-system", "gravel")
        self.election.start(self._elected, self._lost)

    def _elected(self):
        assert not self.working
        self.working, self.spells = True, self.spells + 1

    def _lost(self):
        assert self.working
        self.working = False

    def kill(self):
        self.client.alive = self.working = False


def candidates(count=2, seed=1):
    cluster = VirtualCluster(seed)
    return cluster, [Candidate(cluster, f"c{number}") for number in range(count)]


def lease(cluster):
    return cluster.store.get(LEASE, "kube-system", "gravel")["spec"]


def at_work(everyone):
    return [number for number, each in enumerate(everyone) if each.working]


def test_one_of_them_works_and_keeps_at_it():
    cluster, everyone = candidates(3)
    cluster.run(seconds=1)
    (leader,) = at_work(everyone)
    cluster.run(minutes=10)
    assert at_work(everyone) == [leader]
    assert [each.spells for each in everyone] == [int(number == leader) for number in range(3)]


def test_the_lease_says_who_since_when_and_for_how_long():
    cluster, _ = candidates(1)
    cluster.run(seconds=5)
    assert lease(cluster) == {
        "holderIdentity": "c0",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.005000Z",
        "renewTime": "2026-01-01T00:00:04.025000Z",
        "leaseTransitions": 0,
    }


def test_when_the_leader_is_killed_the_other_takes_over_within_the_duration_and_a_try():
    cluster, everyone = candidates()
    cluster.run(minutes=1)
    (leader,) = at_work(everyone)
    everyone[leader].kill()
    patience = TERMS.duration + 2 * TERMS.retry + timedelta(seconds=1)
    cluster.driver.run(until=cluster.driver.now() + patience)
    assert at_work(everyone) == [1 - leader]
    assert lease(cluster)["leaseTransitions"] == 1


def test_who_gives_the_lease_back_is_followed_at_the_next_try():
    cluster, everyone = candidates()
    cluster.run(minutes=1)
    (leader,) = at_work(everyone)
    everyone[leader].client.spawn(everyone[leader].election.release(), lambda _: everyone[leader].kill())
    cluster.run(seconds=5)
    assert at_work(everyone) == [1 - leader]


def test_who_cannot_renew_stops_before_another_may_begin():
    cluster, everyone = candidates()
    cluster.run(minutes=1)
    (leader,) = at_work(everyone)
    everyone[leader].client.cut_off = True
    cluster.driver.run(until=cluster.driver.now() + TERMS.deadline)
    assert at_work(everyone) == []
    cluster.run(seconds=15)
    assert at_work(everyone) == [1 - leader]
    everyone[leader].client.cut_off = False
    cluster.run(minutes=1)
    assert at_work(everyone) == [1 - leader]


def test_who_finds_another_in_the_lease_stops_at_once():
    cluster, everyone = candidates(1)
    cluster.run(minutes=1)
    held = cluster.store.get(LEASE, "kube-system", "gravel")
    cluster.store.replace(LEASE, {**held, "spec": {**held["spec"], "holderIdentity": "somebody"}})
    cluster.run(seconds=3)
    assert at_work(everyone) == []


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": ""}])
def test_a_lease_that_is_nobodys_is_taken(spec):
    cluster, _ = candidates(0)
    cluster.store.insert(LEASE, {"metadata": {"namespace": "kube-system", "name": "gravel"}, "spec": spec})
    everyone = [Candidate(cluster, "c0")]
    cluster.run(seconds=1)
    assert at_work(everyone) == [0]


MISHAPS = st.tuples(st.integers(0, 2), st.sampled_from(("cut", "mend", "kill", "revive")), st.integers(0, 20_000))


@given(st.lists(MISHAPS, max_size=20), st.integers(0, 1000))
def test_whatever_happens_never_two_are_at_work_and_in_the_end_one_is(mishaps, seed):
    cluster, everyone = candidates(3, seed)
    for number, (who, what, milliseconds) in enumerate(mishaps):
        for _ in range(milliseconds // 500):
            cluster.run(milliseconds=500)
            assert len(at_work(everyone)) <= 1
        match what:
            case "cut" | "mend":
                everyone[who].client.cut_off = what == "cut"
            case "kill":
                everyone[who].kill()
            case "revive" if not everyone[who].client.alive:
                everyone[who] = Candidate(cluster, f"again{number}")
    for each in everyone:
        each.client.cut_off = False
    cluster.run(minutes=2)
    assert len(at_work(everyone)) == min(1, sum(each.client.alive for each in everyone))
