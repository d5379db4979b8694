"""The queue as a cluster shows it is the order in which the scheduler then starts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from issuer_bridge.diagnosis.queue import queue_of
from issuer_bridge.resources import CHALLENGE
from scheduler.settings import CLUSTER, Settings
from scheduler.versions import NEWEST
from tests.issuer_bridge.bridge_rig import Rig


def challenge(name, dns_name, created=0, kind="HTTP-01", state="", *, processing=False, deleted=False):
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "creationTimestamp": f"2026-01-01T00:00:{created:02}Z",
            **gone,
        },
        "spec": {"dnsName": dns_name, "type": kind},
        "status": {"processing": processing, "state": state},
    }


def keys(seats):
    return [seat.key.removeprefix("default/") for seat in seats]


def test_slots_the_order_and_the_keys_are_read_from_statuses():
    queue = queue_of(
        [
            challenge("held", "a", processing=True, state="valid"),
            challenge("behind-held", "a", created=1),
            challenge("second", "c", created=9),
            challenge("first", "b", created=3),
            challenge("behind-first", "b", created=4),
            challenge("other-type", "b", created=5, kind="DNS-01"),
            challenge("over", "d", state="invalid"),
            challenge("going", "e", deleted=True),
        ],
        maximum=2,
    )
    assert (keys(queue.running), queue.free) == (["held"], 1)
    assert keys(queue.waiting) == ["first", "other-type", "second"]
    assert {key: seat.key for key, seat in queue.behind.items()} == {
        "default/behind-held": "default/held",
        "default/behind-first": "default/first",
    }


@given(names=st.lists(st.sampled_from("abcdef"), min_size=2, max_size=12), maximum=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_who_waits_starts_in_the_order_that_is_shown(names, maximum):
    rig = Rig(errors=NEWEST, scheduler=Settings(max_concurrent=maximum, workers=CLUSTER.workers, version=NEWEST))
    rig.apply_issuer()
    rig.hide = lambda question: True
    for number, name in enumerate(names):
        rig.apply(f"r{number:02}", f"{name}.http.test")
        rig.run(seconds=2)
    queue = queue_of(rig.store.list(CHALLENGE), maximum)
    assert len(queue.running) == min(maximum, len(dict.fromkeys(names)))
    assert len(queue.running) + len(queue.waiting) + len(queue.behind) == len(names)
    rig.hide = lambda question: False
    rig.run(minutes=10)
    started = [entry.subject["challenge"] for entry in rig.facts("scheduler", "ChallengeScheduled")]
    waited = [seat.key for seat in queue.waiting]
    assert len(started) == len(names)
    assert [key for key in started if key in waited] == waited
