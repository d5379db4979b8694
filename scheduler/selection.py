"""Whose turn it is: cert-manager's rule as a pure function.

Upstream is pkg/controller/acmechallenges/scheduler/scheduler.go. Wildcard,
issuer, namespace and solver take no part in a conflict: DNS name and type
alone do. There is no fairness and no ageing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import nsmallest
from typing import Any, Protocol, TypeAlias, TypeVar

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


def age(challenge: Candidate) -> tuple[datetime, str, str]:
    """Return the sort key of a queue: the oldest first, ties by name and type."""
    return (challenge.created, challenge.dns_name, challenge.type)


def select(challenges: Iterable[C], limit: int, maximum: int = 60, order: Callable[[C], Any] = age) -> list[C]:
    """Return the challenges to start now, first in `order` first: at most `limit`, and never more than `maximum` in progress.

    Whoever is processing is in progress, even when its state is final. What is
    equal in order keeps the order of the input. A younger duplicate has to wait
    for a later pass even when its elder is held up by somebody in progress: the
    key is the same, so it is held up too.
    """
    in_progress: list[C] = []
    first: dict[ConflictKey, C] = {}
    for challenge in challenges:
        if challenge.processing:
            in_progress.append(challenge)
        elif not challenge.final:
            key = (challenge.dns_name, challenge.type)
            known = first.setdefault(key, challenge)
            if known is not challenge and order(challenge) < order(known):
                first[key] = challenge
    for challenge in in_progress:
        first.pop((challenge.dns_name, challenge.type), None)
    return nsmallest(min(limit, maximum - len(in_progress)), first.values(), key=order)
