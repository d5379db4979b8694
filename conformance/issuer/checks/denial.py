"""Denial: never signed, and said to be over."""

from __future__ import annotations

from conformance.issuer.check import ISSUER_LIB, USAGE, check
from conformance.issuer.scene import Scene
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotReachable, expect


@check("denial", Level.MUST, USAGE)
def a_denied_request_is_never_signed(walk: Walk) -> None:
    """A request that is denied gets no certificate."""
    signed = [one for one in walk.scene("denied").versions if one.status.get("certificate")]
    expect(not signed, "no certificate", "one")


def _unsigned(walk: Walk) -> Scene:
    scene = walk.scene("denied")
    if scene.last.status.get("certificate"):
        raise NotReachable("it was signed")
    return scene


@check("denial", Level.SHOULD, ISSUER_LIB)
def a_denied_request_says_so(walk: Walk) -> None:
    """A request that is denied becomes Ready=False with the reason Denied."""
    last = _unsigned(walk).last
    expect((last.ready.get("status"), last.reason) == ("False", "Denied"), "Ready=False/Denied", last)


@check("denial", Level.SHOULD, ISSUER_LIB)
def a_denied_request_has_a_failure_time(walk: Walk) -> None:
    """A request that is Ready=False with the reason Denied has a failureTime."""
    last = _unsigned(walk).last
    if last.reason != "Denied":
        raise NotReachable(f"it is not said to be denied: {last}")
    expect(bool(last.status.get("failureTime")), "a failureTime", "none")
