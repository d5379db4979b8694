"""All that the rules can find, for the page that lists it."""

from __future__ import annotations

from gravel.explaining import bridge, failed_validations, refused_requests, standing, surroundings
from gravel.explaining.rules import Cause

_MODULES = (standing, surroundings, bridge)
CAUSES: tuple[Cause, ...] = tuple(
    dict.fromkeys(
        [
            *(each for module in _MODULES for each in vars(module).values() if isinstance(each, Cause)),
            *(cause for cause, _ in failed_validations.CAUSES),
            *(cause for _, _, cause in refused_requests.CAUSES),
            refused_requests.OTHER,
        ]
    )
)
