"""Failure: for good, with its time, without a certificate."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.issuer.check import API, EXTERNAL, check
from conformance.issuer.scene import Version
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotReachable, expect

TIME = f"{API}: status.failureTime"


def _failed(walk: Walk) -> Iterator[Version]:
    """Yield the last version of each request that failed."""
    failed = False
    for scene in walk.scenes():
        if scene.last.reason == "Failed":
            failed = True
            yield scene.last
    if not failed:
        raise NotReachable("no request failed, not even the one whose signature is wrong")


@check("failure", Level.MUST, "RFC 2986 section 3")
def a_wrong_signature_is_not_signed(walk: Walk) -> None:
    """A CSR whose signature is wrong proves nothing, and gets no certificate."""
    scene = walk.scene("spoiled")
    expect(not scene.issued, "no certificate", "one")


@check("failure", Level.SHOULD, EXTERNAL)
def what_can_never_be_signed_fails(walk: Walk) -> None:
    """A CSR whose signature is wrong makes its request fail."""
    scene = walk.scene("spoiled")
    if scene.issued:
        raise NotReachable("it was signed")
    expect(scene.last.reason == "Failed", f"Ready=False/Failed within {walk.options.patience:g} s", scene.last)


@check("failure", Level.MUST, TIME)
def what_failed_has_a_failure_time(walk: Walk) -> None:
    """A request that failed has a failureTime, without which cert-manager makes no next one."""
    for last in _failed(walk):
        expect(bool(last.status.get("failureTime")), "a failureTime", "none")


@check("failure", Level.SHOULD, TIME)
def only_what_failed_has_a_failure_time(walk: Walk) -> None:
    """A request that neither failed nor was denied has no failureTime."""
    for scene in walk.scenes():
        for one in scene.versions:
            early = one.reason not in ("Failed", "Denied") and one.status.get("failureTime")
            expect(not early, "no failureTime", one)


@check("failure", Level.MUST, EXTERNAL)
def what_failed_has_no_certificate(walk: Walk) -> None:
    """A request that failed has no certificate."""
    for last in _failed(walk):
        expect(not last.status.get("certificate"), "no certificate", "one")
