"""What is wrong with a name, from what was seen of it: rules that say cause, who must act and what to try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from gravel.check.dns_rules import DNS_RULES
from gravel.check.http_rules import HTTP_RULES
from gravel.check.looking import SOLVER, Check, Seen
from gravel.check.rules import Blocks, Rule
from gravel.check.txt_rules import TXT_RULES

RULES: tuple[Rule, ...] = (*DNS_RULES, *TXT_RULES, *HTTP_RULES)
PASS, FAIL = "pass", "fail"


@attrs.frozen
class Finding:
    """One thing that is wrong; where: the servers that showed it; attempt: what to try; blocks: it is in the way."""

    code: str
    type: str
    where: tuple[str, ...]
    cause: str
    who: str
    attempt: str
    blocks: bool

    def to_json(self) -> dict[str, Any]:
        """Return it with JSON's names."""
        found = attrs.asdict(self)
        return {"try" if name == "attempt" else name: value for name, value in found.items()}


@attrs.frozen
class Conclusion:
    """The verdict of each type, `pass` or `fail`, and of all of them; findings, those in the way first."""

    verdict: str
    verdicts: Mapping[str, str]
    findings: tuple[Finding, ...]


def conclude(seen: Seen) -> Conclusion:
    """Apply every rule.

    A type passes when its checks do; without an expectation, when nothing is in
    its way. One type that passes is enough for an authorization; without an
    expectation none may fail.
    """
    findings: list[Finding] = []
    verdicts: dict[str, str] = {}
    for each in seen.plan.types:
        found, verdicts[each] = _of_type(seen, each)
        findings += found
    enough = any if seen.plan.key is not None else all
    verdict = PASS if enough(one == PASS for one in verdicts.values()) else FAIL
    findings.sort(key=lambda finding: not finding.blocks)
    return Conclusion(verdict, verdicts, tuple(findings))


def _of_type(seen: Seen, challenge_type: str) -> tuple[list[Finding], str]:
    checks = [check for check in seen.checks if check.type == challenge_type and check.passed is not None]
    expects = seen.plan.expects(challenge_type)
    found: dict[tuple[str, str], Finding] = {}
    for rule in RULES:
        if challenge_type not in rule.types:
            continue
        blocks = rule.blocks is Blocks.ALWAYS or (rule.blocks is Blocks.EXPECTED and expects)
        for where, cause in rule.find(seen, challenge_type):
            finding = found.get((rule.code, cause)) or Finding(
                rule.code, challenge_type, (), cause, rule.who, rule.attempt, blocks
            )
            places = tuple(dict.fromkeys((*finding.where, where)))
            found[rule.code, cause] = attrs.evolve(finding, where=places)
    findings = list(found.values())
    if checks and all(check.passed for check in checks):
        return [attrs.evolve(finding, blocks=False) for finding in findings], PASS
    if not any(finding.blocks for finding in findings):
        findings += _unexplained(checks)
    return findings, FAIL if any(finding.blocks for finding in findings) else PASS


def _unexplained(checks: Iterable[Check]) -> Iterable[Finding]:
    """Failed checks that no rule explains are told in their own words."""
    for check in checks:
        if not check.passed:
            who = "whoever presents the challenge" if check.by == SOLVER else "whoever runs the server"
            reason = check.reason or "the check failed"
            yield Finding("check-failed", check.type, (check.by,), reason, who, "read the reason; try again", True)
