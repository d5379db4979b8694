"""Which well-formed names a CA refuses all the same: its policy (RFC 8555 section 7.4), in Boulder's words."""

from __future__ import annotations

from collections.abc import Sequence

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem, malformed
from acme_server.settings import Settings

_FORBIDDEN = "The ACME server refuses to issue a certificate for this domain name, because it is forbidden by policy"


def check_names(identifiers: Sequence[Identifier], settings: Settings) -> None:
    """Raise what is wrong with the names of an order, all of them at once."""
    problems = [problem for each in identifiers if (problem := _refusal(each, settings))]
    if problems:
        raise together(problems)
    if not settings.personality.redundant:
        _check_redundant(identifiers)


def together(problems: Sequence[Problem]) -> Problem:
    """Say in one problem what is wrong with each identifier; only subproblems name identifiers."""
    alike = all(problem.kind == problems[0].kind for problem in problems)
    kind = problems[0].kind if alike else "compound"
    detail = problems[0].detail if len(problems) == 1 else f"{len(problems)} identifiers cannot be ordered"
    about = tuple(problem for problem in problems if problem.extra)
    return Problem(kind, detail, problems[0].status, about)


def _refusal(identifier: Identifier, settings: Settings) -> Problem | None:
    personality, name = settings.personality, identifier.base.value
    if any(_is_below(name, blocked) for blocked in settings.blocked_names):
        return _about(identifier, "rejectedIdentifier", _FORBIDDEN)
    checks = (
        (
            personality.max_labels is not None and name.count(".") >= personality.max_labels,
            f"Domain name has more than {personality.max_labels} labels (parts)",
        ),
        (
            any(_is_below(name, suffix) for suffix in personality.private_suffixes),
            "Domain name does not end with a valid public suffix (TLD)",
        ),
        (
            bool(personality.private_suffixes) and name in settings.public_suffixes,
            "Domain name is a wildcard for an ICANN TLD" if identifier.wildcard else "Domain name is an ICANN TLD",
        ),
    )
    return next((_about(identifier, "malformed", text) for wrong, text in checks if wrong), None)


def _check_redundant(identifiers: Sequence[Identifier]) -> None:
    wildcards = {each.base.value for each in identifiers if each.wildcard}
    for each in identifiers:
        if not each.wildcard and each.value.partition(".")[2] in wildcards:
            raise malformed(
                f'Error creating new order :: Domain name "{each.value}" is redundant with a wildcard domain in the same '
                "request. Remove one or the other from the certificate request."
            )


def _is_below(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _about(identifier: Identifier, kind: str, reason: str) -> Problem:
    detail = f'Invalid identifiers requested :: Cannot issue for "{identifier.value}": {reason}'
    return Problem(kind, detail, extra={"identifier": identifier.to_json()})
