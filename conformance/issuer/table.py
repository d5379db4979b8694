"""The table of topics, and so the order of all checks."""

from __future__ import annotations

from conformance.check import Check
from conformance.issuer.checks import approval, ca, certificate, conditions, denial, failure, pace, readiness, terminal

TOPICS = (approval, denial, readiness, certificate, ca, conditions, failure, terminal, pace)
CHECKS: tuple[Check, ...] = tuple(
    one
    for module in TOPICS
    for value in vars(module).values()
    for one in (value if isinstance(value, tuple) else (value,))
    if isinstance(one, Check)
)
