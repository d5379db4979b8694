"""Rotations under crashes, partitions, late readers, aborts and second thoughts: nothing ever breaks."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.issuer_bridge.rotation.rotation_rig import RotationRig

MISHAPS = {
    "crash": lambda rig: rig.crash(),
    "start": lambda rig: rig.start() if not rig.mortal.alive else None,
    "shut a store": lambda rig: setattr(rig.store, "shut", ("roots-0",)),
    "shut a secret": lambda rig: setattr(rig.store, "shut", ("w0-tls",)),
    "shut the issuer": lambda rig: setattr(rig.store, "shut", ("mesh-ca",)),
    "heal": lambda rig: setattr(rig.store, "shut", ()),
    "rotate": lambda rig: rig.rotate(),
    "abort": lambda rig: rig.rotate(None),
    "renew": lambda rig: rig.renew("w1"),
    "meddle": lambda rig: rig.sign_with(rig.ca["spec"]["ca"]["secretName"]),
}


@pytest.mark.seed("B64")
@settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate))  # to shrink would take minutes
@given(
    delays=st.lists(st.integers(0, 50), min_size=1, max_size=3),
    window=st.sampled_from([None, "10m", "1h"]),
    mishaps=st.lists(st.tuples(st.sampled_from(sorted(MISHAPS)), st.integers(0, 40)), max_size=12),
)
def test_every_live_certificate_verifies_at_every_store_at_every_minute(delays, window, mishaps):
    rig = RotationRig(delays=delays, annotations={"renew_within": window} if window else {})
    rig.rotate()
    for mishap, minutes in mishaps:
        MISHAPS[mishap](rig)
        rig.live(minutes)
        assert rig.broken == []
    rig.store.shut = ()
    if not rig.mortal.alive:
        rig.start()
    rig.live(420)
    signer = rig.ca["spec"]["ca"]["secretName"]
    assert rig.broken == []
    assert rig.told[:2] == ("False", "Stable")
    assert rig.signers() == [{"root": "old", "root-2": "new"}[signer]]
    assert signer == "root-2" or rig.wanted is None  # what is done already, taking the wish away does not undo
    assert {bundle.count("BEGIN") for _, bundle in rig.bundles()} == {1}
