"""Pace: what waits or has ended costs next to nothing; a loop that turns is seen by what it writes."""

from __future__ import annotations

from conformance.issuer.check import CONVENTIONS, ISSUER_LIB, check
from conformance.issuer.walk import Walk
from conformance.verdict import Level, expect

# So many times a second may a request be written to, or told of, that waits or has ended.
OFTEN = 3.0


@check("pace", Level.MUST, f"{ISSUER_LIB}: retry with backoff")
def what_rests_is_not_written_to_again_and_again(walk: Walk) -> None:
    """A request that waits or has ended is written to three times a second at most."""
    limit = OFTEN * walk.options.quiet + 1
    for scene in walk.scenes():
        count = len(scene.at_rest)
        expect(count <= limit, f"{limit:.0f} versions in {walk.options.quiet:g} s", f"{count} ({scene.name})")


@check("pace", Level.SHOULD, f"{CONVENTIONS}: events")
def what_rests_is_not_told_of_again_and_again(walk: Walk) -> None:
    """Of a request that waits or has ended, events tell three times a second at most."""
    limit = OFTEN * walk.options.quiet + 1
    for scene in walk.scenes():
        count = scene.told_at_rest
        expect(count <= limit, f"{limit:.0f} events in {walk.options.quiet:g} s", f"{count} ({scene.name})")
