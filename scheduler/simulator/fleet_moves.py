"""The table of `scheduler.stages` as integers: what each move makes of each stage."""

from __future__ import annotations

from scheduler.challenge import Stage
from scheduler.events import CheckFailed, CheckPassed, CleanedUp, Decided, Move, Presented, Removed, Selected
from scheduler.stages import MOVES

STAGES = tuple(Stage)
QUEUED, PRESENTING, CHECKING, ACCEPTING, CLEANING_UP, DONE = range(len(STAGES))
ILLEGAL = -1
"""Fits into no column of stages (a bytearray): a move that is not in the table raises ValueError there."""


def after(move: type[Move]) -> tuple[int, ...]:
    """Return the stage that the move leads to, for each stage."""
    return tuple(STAGES.index(MOVES[stage][move]) if move in MOVES[stage] else ILLEGAL for stage in STAGES)


SELECTED = after(Selected)
PRESENTED = after(Presented)
CHECK_FAILED = after(CheckFailed)
CHECK_PASSED = after(CheckPassed)
DECIDED = after(Decided)
REMOVED = after(Removed)
CLEANED_UP = after(CleanedUp)
