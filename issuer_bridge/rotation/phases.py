"""The phases of a CA rotation as one table: which CAs are trusted in each, which of them signs, and what it waits for.

An abort is a rotation back: old and new change places, and the phase is the one that undoes what was done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs
from cryptography import x509

from acme_server.protocol.times import parse_rfc3339, rfc3339
from issuer_bridge.resources import Resource

STATE = "gravel.test/ca-rotation"
"""The annotation of an issuer that remembers a rotation under way."""


class Phase(StrEnum):
    """The reason of the condition CARotation."""

    STABLE = "Stable"
    DISTRIBUTING = "DistributingNewCA"
    SIGNING = "SigningWithNewCA"
    RETIRING = "RetiringOldCA"


class Gate(StrEnum):
    """What a phase waits for."""

    NOTHING = "at once"
    STORES = "every trust store holds them, no other of the two, and is acknowledged"
    LEAVES = "no live certificate is of the old CA"


@attrs.frozen
class Row:
    """A phase; trusted and signer: `old`, `new`; aborted: the phase of the rotation back."""

    trusted: tuple[str, ...]
    signer: str
    gate: Gate
    next: Phase
    aborted: Phase


PHASES: Mapping[Phase, Row] = {
    Phase.STABLE: Row(("new",), "new", Gate.NOTHING, Phase.DISTRIBUTING, Phase.STABLE),
    Phase.DISTRIBUTING: Row(("old", "new"), "old", Gate.STORES, Phase.SIGNING, Phase.RETIRING),
    Phase.SIGNING: Row(("old", "new"), "new", Gate.LEAVES, Phase.RETIRING, Phase.SIGNING),
    Phase.RETIRING: Row(("new",), "new", Gate.STORES, Phase.STABLE, Phase.DISTRIBUTING),
}


@attrs.frozen
class Authority:
    """A CA: the name of its Secret; the certificate that signs and the anchor to trust it by, both PEM."""

    secret: str
    signer: str
    anchor: str


@attrs.frozen
class Rotation:
    """A rotation from one CA to another; origin: the Secret that an abort goes back to; since: when the phase began."""

    phase: Phase
    old: Authority
    new: Authority
    origin: str
    since: datetime

    @property
    def row(self) -> Row:
        """What holds in the phase."""
        return PHASES[self.phase]

    @property
    def signer(self) -> Authority:
        """The CA that signs."""
        return self._named(self.row.signer)

    @property
    def trusted(self) -> tuple[str, ...]:
        """The anchors that every trust store holds, that of the signer first."""
        anchors = [self._named(name).anchor for name in self.row.trusted]
        return tuple(dict.fromkeys([self.signer.anchor, *anchors]))

    @property
    def distrusted(self) -> tuple[str, ...]:
        """The anchors that no trust store is to hold any more."""
        trusted = self.trusted
        return tuple(each.anchor for each in (self.old, self.new) if each.anchor not in trusted)

    def moved(self, now: datetime) -> Rotation:
        """Return it in the next phase."""
        return attrs.evolve(self, phase=self.row.next, since=now)

    def aborted(self, now: datetime) -> Rotation:
        """Return the rotation back."""
        return attrs.evolve(self, phase=self.row.aborted, old=self.new, new=self.old, since=now)

    def _named(self, name: str) -> Authority:
        return self.new if name == "new" else self.old


def begun(old: Authority, new: Authority, now: datetime) -> Rotation:
    """Return a rotation in its first phase."""
    return Rotation(PHASES[Phase.STABLE].next, old, new, old.secret, now)


def towards(rotation: Rotation, wanted: str | None, now: datetime) -> Rotation:
    """Return a rotation that leads to the wanted Secret; to the origin where that is neither of the two, or None."""
    goal = wanted if wanted in (rotation.old.secret, rotation.new.secret) else rotation.origin
    return rotation if rotation.new.secret == goal else rotation.aborted(now)


def rotation_of(issuer: Resource) -> Rotation | None:
    """Read the rotation under way; ValueError when somebody wrote nonsense over it."""
    text = (issuer["metadata"].get("annotations") or {}).get(STATE)
    if not text:
        return None
    try:
        found: dict[str, Any] = json.loads(text)
        old, new = (Authority(**found[name]) for name in ("old", "new"))
        for pem in (old.signer, old.anchor, new.signer, new.anchor):
            x509.load_pem_x509_certificate(pem.encode("ascii"))
        return Rotation(Phase(found["phase"]), old, new, str(found["origin"]), parse_rfc3339(found["since"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"the annotation {STATE} is not as it was written: {error}") from None


def as_text(rotation: Rotation) -> str:
    """Write a rotation down, for its annotation."""
    return json.dumps({**attrs.asdict(rotation), "since": rfc3339(rotation.since)}, sort_keys=True)
