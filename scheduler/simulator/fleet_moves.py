"""The table of `scheduler.stages` as integers: what each move makes of each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scheduler.challenge import Stage
from scheduler.events import Move
from scheduler.stages import MOVES

STAGES = tuple(Stage)
NUMBER: Mapping[Stage, int] = {stage: number for number, stage in enumerate(STAGES)}
QUEUED, DONE = NUMBER[Stage.QUEUED], NUMBER[Stage.DONE]
STARTING, RELEASING = NUMBER[Stage.STARTING], NUMBER[Stage.RELEASING]
PRESENTING, CLEANING_UP = NUMBER[Stage.PRESENTING], NUMBER[Stage.CLEANING_UP]
ILLEGAL = -1
"""Fits into no column of stages (a bytearray): a move that is not in the table raises ValueError there."""


def after(*moves: type[Move], over: Mapping[Stage, Stage] | None = None) -> Sequence[int]:
    """Return, for each stage, the stage after these moves.

    over: the stages that are passed over, and where a challenge stands instead (`stages.passed_over`).
    """
    numbers = []
    for stage in STAGES:
        at: Stage | None = stage
        for move in moves:
            at = MOVES[at].get(move) if at is not None else None
            at = over.get(at, at) if over and at is not None else at
        numbers.append(ILLEGAL if at is None else NUMBER[at])
    return tuple(numbers)
