"""Readiness: a request waits for its issuer, and hears of it."""

from __future__ import annotations

from conformance.issuer.check import CONVENTIONS, ISSUER_LIB, USAGE, check
from conformance.issuer.scene import FINAL, Scene
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotReachable, expect


def _waits(scene: Scene) -> None:
    """Expect that a request came to no end before it was woken."""
    over = [one for one in scene.until_woken if one.reason in FINAL or one.status.get("certificate")]
    expect(not over, "a request that waits", over[0] if over else "")


@check("readiness", Level.MUST, USAGE)
def a_request_waits_for_an_issuer_that_is_missing(walk: Walk) -> None:
    """A request whose issuer does not exist neither fails nor is issued."""
    _waits(walk.scene("missing"))


@check("readiness", Level.SHOULD, USAGE)
def a_request_says_that_it_waits(walk: Walk) -> None:
    """A request whose issuer does not exist is Ready=False with the reason Pending."""
    last = walk.scene("missing").until_woken[-1]
    if last.final:
        raise NotReachable(f"it does not wait: {last}")
    expect((last.ready.get("status"), last.reason) == ("False", "Pending"), "Ready=False/Pending", last)


@check("readiness", Level.MUST, ISSUER_LIB)
def an_issuer_that_comes_later_wakes_its_requests(walk: Walk) -> None:
    """A request is issued when its issuer comes after it."""
    scene = walk.woken()
    if any(one.final for one in scene.until_woken):
        raise NotReachable(f"it did not wait: {scene.last}")
    expect(scene.issued, f"Ready=True/Issued within {walk.options.patience:g} s of the issuer", scene.last)


@check("readiness", Level.MUST, ISSUER_LIB)
def an_issuer_that_is_not_ready_signs_nothing(walk: Walk) -> None:
    """A request whose issuer is not ready neither fails nor is issued."""
    if walk.options.unready is None:
        raise NotReachable("no issuer that is not ready was named; name one with --unready-issuer")
    _waits(walk.scene("unready"))


@check("readiness", Level.SHOULD, ISSUER_LIB)
def an_issuer_says_that_it_is_ready(walk: Walk) -> None:
    """An issuer that signs has the condition Ready=True."""
    expect(_ready(walk).get("status") == "True", "Ready=True of the issuer", _ready(walk) or "none")


@check("readiness", Level.SHOULD, CONVENTIONS)
def an_issuer_says_of_which_generation_it_is_ready(walk: Walk) -> None:
    """The condition Ready of an issuer has the issuer's generation as observedGeneration."""
    if not (ready := _ready(walk)):
        raise NotReachable("the issuer has no Ready")
    generation = walk.issuer["metadata"].get("generation")
    expect(ready.get("observedGeneration") == generation, f"{generation}", ready.get("observedGeneration"))


def _ready(walk: Walk) -> dict[str, object]:
    conditions = (walk.issuer.get("status") or {}).get("conditions") or ()
    return next((dict(one) for one in conditions if one.get("type") == "Ready"), {})
