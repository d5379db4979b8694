"""A challenge as the scheduler sees it: one stage, from which cert-manager's words are derived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs


class Stage(StrEnum):
    """Where our workflow is; *status* is the ACME server's word, *state* cert-manager's."""

    QUEUED = "queued"
    STARTING = "starting"
    FETCHING = "fetching"
    PRESENTING = "presenting"
    CHECKING = "checking"
    ACCEPTING = "accepting"
    VALIDATING = "validating"
    CLEANING_UP = "cleaning_up"
    RELEASING = "releasing"
    DONE = "done"


# cert-manager calls these final: pkg/acme/util.go.
FINAL_STATES = frozenset({"valid", "invalid", "expired", "errored"})
FAILURE_STATES = FINAL_STATES - {"valid"}


@attrs.frozen
class Challenge:
    """One challenge in the queue.

    key: `NAMESPACE/NAME`, unique; created: when the resource was; state and
    reason: what cert-manager's status would say; presented_at: first
    presentation; checks: self-checks since it got its slot; failures: errors in a
    row, for backoff; returned: when it gave its slot back undecided; removed: its
    removal was asked for, so that it is forgotten once it is clean.
    """

    key: str
    dns_name: str
    type: str
    created: datetime
    wildcard: bool = False
    stage: Stage = Stage.QUEUED
    state: str = ""
    reason: str = ""
    presented_at: datetime | None = None
    presented: bool = False
    checks: int = 0
    failures: int = 0
    labels: Mapping[str, str] = attrs.field(factory=dict)
    returned: datetime | None = None
    removed: bool = False

    @property
    def processing(self) -> bool:
        """Whether it holds one of the slots: from its selection until it is cleaned up."""
        return self.stage not in (Stage.QUEUED, Stage.DONE)

    @property
    def final(self) -> bool:
        """Whether its state will never change again."""
        return self.state in FINAL_STATES

    @property
    def queued(self) -> datetime:
        """Since when it waits for a slot."""
        return self.returned or self.created

    @property
    def conflict_key(self) -> tuple[str, str]:
        """What must not run twice at once: (DNS name, type), nothing else."""
        return (self.dns_name, self.type)
