"""Whose turn it is: cert-manager's rule as a pure function.

Upstream is pkg/controller/acmechallenges/scheduler/scheduler.go. Wildcard,
issuer, namespace and solver take no part in a conflict: DNS name and type
alone do. There is no fairness and no ageing.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

ConflictKey: TypeAlias = tuple[str, str]
"""What must not run twice at once: (DNS name, type)."""


class Candidate(Protocol):
    """What selection looks at; `scheduler.challenge.Challenge` is one."""

    @property
    def key(self) -> str:
        """A unique name."""
        ...

    @property
    def dns_name(self) -> str:
        """The name without `*.`; compared byte by byte."""
        ...

    @property
    def type(self) -> str:
        """HTTP-01, DNS-01, ..."""
        ...

    @property
    def created(self) -> datetime:
        """When the challenge came into being."""
        ...

    @property
    def processing(self) -> bool:
        """Whether it holds a slot."""
        ...

    @property
    def final(self) -> bool:
        """Whether its state will never change again."""
        ...


C = TypeVar("C", bound=Candidate)


def select(challenges: Iterable[C], limit: int, maximum: int = 60) -> list[C]:
    """Return the challenges to start now, oldest first: at most `limit`, and never more than `maximum` in progress.

    Whoever is processing is in progress, even when its state is final. Equal
    creation times keep the order of (DNS name, type), then of the input.
    """
    in_progress: list[C] = []
    candidates: list[C] = []
    for challenge in challenges:
        if challenge.processing:
            in_progress.append(challenge)
        elif not challenge.final:
            candidates.append(challenge)
    busy = {conflict_key(challenge) for challenge in in_progress}
    return oldest_of_each_key(sorted(candidates, key=age), busy, min(limit, maximum - len(in_progress)))


def oldest_of_each_key(ordered: Iterable[C], busy: Container[ConflictKey], room: int) -> list[C]:
    """Return the first `room` of those candidates that are the oldest of their key, unless the key is busy.

    A younger duplicate has to wait for a later pass even when its elder is
    held up by somebody in progress: the key is the same, so it is held up too.
    """
    chosen: dict[ConflictKey, C] = {}
    for challenge in ordered:
        if len(chosen) >= room:
            break
        key = conflict_key(challenge)
        if key not in busy:
            chosen.setdefault(key, challenge)
    return list(chosen.values())


def conflict_key(challenge: Candidate) -> ConflictKey:
    """Return what must not run twice at once."""
    return (challenge.dns_name, challenge.type)


def age(challenge: Candidate) -> tuple[datetime, str, str]:
    """Return the sort key of a queue: the oldest first, ties by name and type."""
    return (challenge.created, challenge.dns_name, challenge.type)
