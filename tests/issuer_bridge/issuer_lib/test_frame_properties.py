"""What holds of the frame whatever its author says, whoever rotates what, and whenever it crashes."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer_bridge.issuer_lib.conduct import ISSUER_LIB, OURS
from issuer_bridge.issuer_lib.outcomes import IssuerFault, Pending, Permanent, WithCondition
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.issuer_bridge.issuer_lib.frame_rig import FrameRig
from tests.issuer_bridge.issuer_lib.lib_resources import TEST_ISSUER

PLAIN = st.sampled_from(
    [
        None,
        Exception("no"),
        Pending("soon"),
        Pending("later", timedelta(seconds=90)),
        Permanent("never"),
        Permanent("bad", invalid_request=True),
        IssuerFault("broken"),
        IssuerFault("broken", after=timedelta(minutes=2)),
    ]
)
SAID = PLAIN | PLAIN.filter(bool).map(lambda inner: WithCondition(inner, "Own", "True", "r"))
CHECKED = st.sampled_from([None, Exception("no"), IssuerFault("broken")])
HAPPENS = st.sampled_from(["crash", "rotate", "edit", "delete", "nothing"])
APPROVED = ("a", "b", "c", "d")
LIFE = st.fixed_dictionaries(
    {
        "signs": st.lists(SAID, max_size=12),
        "checks": st.lists(CHECKED, max_size=6),
        "happens": st.lists(st.tuples(HAPPENS, st.integers(0, 120)), max_size=6),
        "conduct": st.sampled_from([OURS, ISSUER_LIB]),
        "per_issuer": st.sampled_from([1, 2, 5]),
    }
)


class Watched(FrameRig):
    """A rig that looks on: every version of every object, and what was true when the author was called."""

    def __init__(self, **chosen):
        self.seen = {}
        super().__init__(takes=timedelta(seconds=1), **chosen)
        self.store.watch(self.look)

    def look(self, event, kind, resource):
        if kind not in (CERTIFICATE_REQUEST, TEST_ISSUER):
            return
        key, status, ready = (kind, resource["metadata"]["name"]), resource.get("status") or {}, self.ready_of(resource)
        old, self.seen[key] = self.seen.get(key), ready
        if old is not None:
            assert (old["status"] != ready["status"]) or (old["lastTransitionTime"] == ready["lastTransitionTime"])
        if kind == CERTIFICATE_REQUEST and ready:
            if old is not None and old["reason"] in ("Issued", "Failed", "Denied"):
                assert old == ready, "what has ended changes no more"
            assert (ready["reason"] == "Issued") == ("certificate" in status)
            assert (ready["reason"] in ("Failed", "Denied")) == ("failureTime" in status)
        if kind == TEST_ISSUER and ready:
            assert ready["observedGeneration"] <= resource["metadata"]["generation"]

    def sign(self, request, issuer):
        assert request.name in APPROVED
        assert self.ready_of(self.store.get(TEST_ISSUER, "ns1", "issuer-1"))["status"] == "True"
        return (yield from super().sign(request, issuer))

    @staticmethod
    def ready_of(resource):
        conditions = (resource.get("status") or {}).get("conditions") or ()
        return next((item for item in conditions if item["type"] == "Ready"), None)


def lived(life):
    rig = Watched(signs=life["signs"], checks=life["checks"], conduct=life["conduct"], per_issuer=life["per_issuer"])
    rig.secret("first")
    rig.issuer(authSecretName="credentials")
    for name in APPROVED:
        rig.request(name)
    rig.request("undecided", approved=False)
    rig.request("denied", condition="Denied")
    for number, (what, seconds) in enumerate(life["happens"]):
        rig.run(seconds)
        match what:
            case "crash":
                rig.crash()
            case "rotate":
                rig.secret(f"token {number}")
            case "delete" if rig.store.get(CERTIFICATE_REQUEST, "ns1", "b"):
                rig.store.remove(CERTIFICATE_REQUEST, "ns1", "b")
            case "edit":
                issuer = rig.store.get(TEST_ISSUER, "ns1", "issuer-1")
                rig.store.replace(TEST_ISSUER, {**issuer, "spec": {**issuer["spec"], "n": number}})
    rig.run(4 * 3600)
    return rig


@pytest.mark.seed("L04", "E05")
@given(LIFE)
def test_every_approved_request_ends_and_no_other_is_touched(life):
    rig = lived(life)
    there = [name for name in APPROVED if rig.store.get(CERTIFICATE_REQUEST, "ns1", name)]
    assert [rig.ready(name=name)[1] in ("Issued", "Failed") for name in there] == [True] * len(there)
    assert rig.most_running <= life["per_issuer"]
    assert rig.ready(name="undecided") is None
    ended = rig.ready(name="denied")
    assert (ended and ended[1]) == ("Denied" if life["conduct"] is OURS else None)


@settings(max_examples=30)
@given(LIFE)
def test_the_same_life_leaves_the_same_trace(life):
    first, second = lived(life), lived(life)
    assert (first.calls, first.objects(), first.facts) == (second.calls, second.objects(), second.facts)


@given(LIFE)
def test_no_wake_up_is_lost(life):
    """After all has come to rest, beginning again changes nothing."""
    rig = lived(life)
    rig.checks.clear()
    before = rig.objects()
    rig.crash()
    rig.run(60)
    assert rig.objects() == before
