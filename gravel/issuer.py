"""What the author of an issuer imports: the words of `check` and `sign`, and `run`, which is the whole program.

docs/issuer-library.md shows one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from issuer_bridge.issuer_lib.matching import IssuerKind
from issuer_bridge.issuer_lib.outcomes import Bundle, IssuerFault, Pending, Permanent, WithCondition
from issuer_bridge.issuer_lib.values import Check, Issuer, Request, Secret, Sign
from issuer_bridge.resources import Kind

__all__ = [
    "Bundle",
    "Issuer",
    "IssuerFault",
    "IssuerKind",
    "Pending",
    "Permanent",
    "Request",
    "Secret",
    "WithCondition",
    "run",
]


def run(name: str, kinds: Sequence[Kind], check: Check, sign: Sign, **chosen: Any) -> None:
    """Serve the issuers of some kinds until SIGTERM, as the options of the command line say; then exit.

    name: of the issuer in messages, events and of its Lease; chosen: what `issuer_bridge.issuer_lib.conduct.Options`
    has (`set_ca`, `max_retry_duration`, ...), where the command line does not say otherwise.
    """
    from gravel.issuer_program import program

    program(name, tuple(kinds), check, sign, chosen)(sys.argv[1:], prog_name=name)
