"""The table of phases: what holds in each, and where an abort leads."""

from datetime import UTC, datetime

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.cert_manager.local_signing import sign, template_of
from issuer_bridge.rotation.phases import PHASES, STATE, Authority, Phase, as_text, begun, rotation_of, towards
from tests.issuer_bridge.bridge_resources import csr_of, key_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def authority(name):
    """A CA whose Secret has a name of one letter; its anchor is its only certificate."""
    request = csr_of(name, common_name=name)
    template = template_of({"request": request, "isCA": True, "usages": ["cert sign"]}, {})
    pem = sign(template, None, key_of(name), bytes(range(20)), NOW).public_bytes(Encoding.PEM).decode()
    return Authority(name, pem, pem)


OLD, NEW = authority("a"), authority("b")
BEGUN = begun(OLD, NEW, NOW)
UNDER_WAY = [attrs.evolve(BEGUN, phase=phase) for phase in Phase if phase is not Phase.STABLE]


@pytest.mark.seed("B64")
def test_a_rotation_distributes_then_signs_then_retires():
    seen = [BEGUN]
    while seen[-1].phase is not Phase.STABLE:
        seen.append(seen[-1].moved(NOW))
    assert [(each.phase, each.signer.secret, each.trusted, each.distrusted) for each in seen] == [
        ("DistributingNewCA", "a", (OLD.anchor, NEW.anchor), ()),
        ("SigningWithNewCA", "b", (NEW.anchor, OLD.anchor), ()),
        ("RetiringOldCA", "b", (NEW.anchor,), (OLD.anchor,)),
        ("Stable", "b", (NEW.anchor,), (OLD.anchor,)),
    ]


def test_every_phase_has_a_row():
    assert list(PHASES) == list(Phase)


@pytest.mark.parametrize("rotation", UNDER_WAY, ids=lambda each: each.phase)
def test_an_abort_that_is_aborted_changes_nothing(rotation):
    assert rotation.aborted(NOW).aborted(NOW) == rotation
    assert towards(rotation, None, NOW) == rotation.aborted(NOW)
    assert towards(rotation, "c", NOW).new.secret == "a"


@given(st.lists(st.booleans()))
def test_whatever_is_aborted_when_the_stores_hold_all_that_live_certificates_need(aborts):
    """A move happens when its gate lets it: stores hold what is trusted, and what leaves are left is in the table."""
    rotation, live, held = BEGUN, {OLD.anchor}, {OLD.anchor}
    for abort in aborts:
        if rotation.phase is Phase.STABLE:
            break
        live = live | {rotation.signer.anchor}
        assert set(rotation.trusted) >= live
        if abort:
            held = held & set(rotation.trusted)  # some store had nothing, some all of what was to be done
            rotation = rotation.aborted(NOW)
        else:
            held = set(rotation.trusted)
            live = {rotation.new.anchor} if rotation.phase is Phase.SIGNING else live
            rotation = rotation.moved(NOW)
        assert held >= live


@pytest.mark.parametrize("rotation", UNDER_WAY, ids=lambda each: each.phase)
def test_it_comes_back_from_its_annotation(rotation):
    assert rotation_of({"metadata": {"annotations": {STATE: as_text(rotation)}}}) == rotation


@pytest.mark.parametrize(
    "text", ["x", "[]", "{}", as_text(BEGUN).replace("Distributing", "Hiding"), as_text(BEGUN).replace("MII", "XXX")]
)
def test_nonsense_in_its_place_is_refused(text):
    with pytest.raises(ValueError, match="is not as it was written"):
        rotation_of({"metadata": {"annotations": {STATE: text}}})


def test_an_issuer_without_the_annotation_is_in_no_rotation():
    assert rotation_of({"metadata": {}}) is None
