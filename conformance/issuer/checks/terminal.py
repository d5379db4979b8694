"""The end of a request: what is issued, failed or denied is left alone, also when it is looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.issuer.check import ISSUER_LIB, USAGE, check
from conformance.issuer.scene import Version
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotReachable, expect

LASTING = ("certificate", "ca", "failureTime")


def _state(version: Version) -> Mapping[str, Any]:
    """Return what must stay: Ready's status and reason, the certificate, its CA, the time of a failure."""
    ready = {name: version.ready.get(name) for name in ("status", "reason")}
    return {**ready, **{name: version.status.get(name) for name in LASTING}}


def _signed(version: Version) -> bool:
    return bool(version.status.get("certificate"))


def _stays(walk: Walk, reason: str) -> None:
    """Expect that nothing changed in what had once ended with a reason."""
    ended = False
    for scene in walk.scenes():
        after = iter(scene.versions)
        first = next((one for one in after if one.reason == reason and (reason != "Issued" or _signed(one))), None)
        if first is None:
            continue
        ended, before = True, _state(first)
        for later in after:
            moved = [name for name, value in _state(later).items() if value != before[name]]
            expect(not moved, f"the request as it was, {reason}", f"another {', '.join(moved)} ({scene.name}): {later}")
    if not ended:
        raise NotReachable(f"no request became {reason}")


@check("terminal", Level.MUST, USAGE)
def what_is_issued_stays_issued(walk: Walk) -> None:
    """A request that was issued keeps its certificate: there is no second."""
    _stays(walk, "Issued")


@check("terminal", Level.MUST, USAGE)
def what_failed_stays_failed(walk: Walk) -> None:
    """A request that failed is not tried again, and its failureTime does not move."""
    _stays(walk, "Failed")


@check("terminal", Level.MUST, ISSUER_LIB)
def what_is_denied_stays_denied(walk: Walk) -> None:
    """A request that was denied is left alone."""
    _stays(walk, "Denied")
