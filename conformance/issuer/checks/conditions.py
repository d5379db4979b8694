"""Conditions: which there are, when they moved, and whose they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from conformance.issuer.check import CONVENTIONS, EXTERNAL, ISSUER_LIB, USAGE, check
from conformance.issuer.walk import WITNESS, Walk
from conformance.verdict import Level, NotReachable, expect

READY = (
    ("False", "Pending"),
    ("False", "Failed"),
    ("False", "Denied"),
    ("True", "Issued"),
    ("Unknown", "Initializing"),
)
# How far the clocks of an API and of an issuer may be from each other.
SKEW = timedelta(seconds=10)
# Between two versions that were seen so many seconds apart, a clock of whole seconds has moved.
APART = 2.0


def moment(text: Any) -> datetime:
    """Read a time in RFC 3339; ValueError where it is none."""
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return found


def _is_later(after: Any, before: Any) -> bool:
    try:
        return moment(after) > moment(before)
    except ValueError:
        return False


@check("conditions", Level.MUST, f"{USAGE}, {ISSUER_LIB}")
def ready_is_one_of_a_few(walk: Walk) -> None:
    """Ready is False with Pending, Failed or Denied, True with Issued, or Unknown with Initializing."""
    for scene in walk.scenes():
        for one in scene.with_ready:
            expect((one.ready.get("status"), one.reason) in READY, "a status and a reason of the table", one)


@check("conditions", Level.MUST, CONVENTIONS)
def a_transition_time_stays_with_the_status(walk: Walk) -> None:
    """The lastTransitionTime of Ready does not move while its status stays."""
    for scene in walk.scenes():
        for old, new in pairwise(scene.with_ready):
            if old.ready.get("status") == new.ready.get("status"):
                before, after = (one.ready.get("lastTransitionTime") for one in (old, new))
                expect(
                    before == after, f"{before} as long as Ready is {old.ready['status']}", f"{after} ({scene.name})"
                )


@check("conditions", Level.MUST, CONVENTIONS)
def a_transition_time_moves_with_the_status(walk: Walk) -> None:
    """The lastTransitionTime of Ready moves on when its status does."""
    apart = False
    for scene in walk.scenes():
        changes = [next(group) for _, group in groupby(scene.with_ready, lambda one: one.ready.get("status"))]
        for old, new in pairwise(changes):
            if new.at - old.at >= APART:
                apart, (before, after) = True, (one.ready.get("lastTransitionTime") for one in (old, new))
                later = f"later than {before}, {new.at - old.at:.0f} s on"
                expect(_is_later(after, before), later, f"{after} ({scene.name})")
    if not apart:
        raise NotReachable(f"no Ready changed its status {APART:g} s after its last change; try a longer --quiet")


@check("conditions", Level.MUST, CONVENTIONS)
def a_transition_time_is_a_time_of_this_request(walk: Walk) -> None:
    """The lastTransitionTime of Ready is in RFC 3339, and not before the request was created."""
    for scene in walk.scenes():
        for one in scene.with_ready:
            created, text = one.object["metadata"]["creationTimestamp"], one.ready.get("lastTransitionTime")
            try:
                met = moment(text) >= moment(created) - SKEW
            except ValueError:
                met = False
            expect(met, f"a time not before {created}", f"{text} ({scene.name})")


@check("conditions", Level.MUST, CONVENTIONS)
def conditions_of_others_are_kept(walk: Walk) -> None:
    """A condition that somebody else set stays as it was set."""
    theirs = ("Approved", "Denied", WITNESS)
    for scene in walk.scenes():
        for old, new in pairwise(scene.versions):
            for kind in theirs:
                before, after = old.condition(kind), new.condition(kind)
                expect(
                    not before or before == after, f"the condition {kind} as it was", after or f"none ({scene.name})"
                )


@check("conditions", Level.MUST, EXTERNAL)
def issued_comes_with_its_certificate(walk: Walk) -> None:
    """A request that becomes Ready=True has its certificate in the same write."""
    for scene in walk.scenes():
        for one in scene.with_ready:
            if one.ready.get("status") == "True":
                expect(bool(one.status.get("certificate")), "a certificate in what is Ready=True", "none")
