"""Approval: nothing is signed before it, everything after it, and nobody else's requests at all."""

from __future__ import annotations

from conformance.issuer.check import EXTERNAL, ISSUER_LIB, USAGE, check
from conformance.issuer.scene import Scene
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotReachable, expect


def _undecided(walk: Walk) -> Scene:
    """Return the request that nobody decided on; NotReachable where somebody did."""
    scene = walk.scene("unapproved")
    if any(one.condition("Approved") or one.condition("Denied") for one in scene.until_woken):
        raise NotReachable("somebody else decides on requests; switch the approver off for this issuer")
    return scene


@check("approval", Level.MUST, EXTERNAL)
def an_unapproved_request_is_not_signed(walk: Walk) -> None:
    """A request that nobody approved gets no certificate."""
    signed = [one for one in _undecided(walk).until_woken if one.status.get("certificate")]
    expect(not signed, "no certificate before the approval", "one")


@check("approval", Level.SHOULD, EXTERNAL)
def an_unapproved_request_is_not_processed(walk: Walk) -> None:
    """The status of a request that nobody approved is left as it is."""
    written = [one for one in _undecided(walk).until_woken if one.status]
    if any(one.status.get("certificate") for one in written):
        raise NotReachable("it was signed")
    expect(not written, "no status before the approval", written[0] if written else "")


@check("approval", Level.MUST, USAGE)
def an_approved_request_is_signed(walk: Walk) -> None:
    """A request that is approved is issued."""
    scene = walk.scene("plain")
    expect(scene.issued, f"Ready=True/Issued within {walk.options.patience:g} s", scene.last)


@check("approval", Level.MUST, USAGE)
def an_approval_may_come_late(walk: Walk) -> None:
    """A request that is approved when the issuer has seen it already is issued."""
    scene = _undecided(walk)
    expect(scene.issued, f"Ready=True/Issued within {walk.options.patience:g} s of the approval", scene.last)


@check("approval", Level.MUST, ISSUER_LIB)
def a_request_of_another_group_is_left_alone(walk: Walk) -> None:
    """A request whose issuerRef names another group is nobody's business."""
    scene = walk.scene("foreign")
    written = [one for one in scene.versions if one.ready or one.status.get("certificate")]
    expect(not written, "no Ready and no certificate", written[0] if written else "")


@check("approval", Level.MUST, ISSUER_LIB)
def a_request_of_another_kind_is_not_signed(walk: Walk) -> None:
    """A request whose issuerRef names another kind of the group gets no certificate."""
    signed = [one for one in walk.scene("unknown").versions if one.status.get("certificate")]
    expect(not signed, "no certificate", "one")
