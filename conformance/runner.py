"""Runs checks one after the other and says of each what became of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence

import attrs

from conformance.check import Check, Sitting
from conformance.verdict import Failed, Level, Malformed, NotOffered, NotReachable, Outcome
from conformance.wire import Exchange


@attrs.frozen
class Verdict:
    """What is said of a check, and every exchange that it made.

    detail: why it is not offered, not reachable, left out or an error; expected, actual: of a failure; seconds: how
    long it took.
    """

    check: Check
    outcome: Outcome
    detail: str = ""
    expected: str = ""
    actual: str = ""
    exchanges: tuple[Exchange, ...] = attrs.field(default=(), repr=False)
    seconds: float = 0.0

    @property
    def breaks(self) -> bool:
        """Whether the server breaks a MUST."""
        return self.outcome is Outcome.FAIL and self.check.level is Level.MUST


def judge(check: Check, session: Sitting) -> Verdict:
    """Run one check; whatever it raises becomes a verdict."""
    began, first = time.monotonic(), len(session.wire.log)
    verdict = _judge(check, session)
    return attrs.evolve(verdict, exchanges=tuple(session.wire.log[first:]), seconds=time.monotonic() - began)


def _judge(check: Check, session: Sitting) -> Verdict:
    if session.late:
        return Verdict(check, Outcome.NOT_REACHABLE, "the run's time was over")
    if check.destructive and not session.options.may_harm:
        return Verdict(check, Outcome.LEFT_OUT, "it does harm; --destructive runs it")
    try:
        for member in check.needs:
            session.url(member)
        check.run(session)
    except Failed as failed:
        return Verdict(check, Outcome.FAIL, expected=failed.expected, actual=failed.actual)
    except Malformed as malformed:
        if check.section in malformed.sections:
            return Verdict(check, Outcome.FAIL, expected=malformed.expected, actual=malformed.actual)
        return Verdict(check, Outcome.NOT_REACHABLE, str(malformed))
    except NotOffered as error:
        return Verdict(check, Outcome.NOT_OFFERED, str(error))
    except NotReachable as error:
        return Verdict(check, Outcome.NOT_REACHABLE, str(error))
    except (KeyError, IndexError) as error:
        return Verdict(check, Outcome.NOT_REACHABLE, f"an object of the server's lacks what leads there: {error}")
    except Exception:  # noqa: BLE001 - the suite's mistake must not end the run, nor count against the server
        return Verdict(check, Outcome.ERROR, traceback.format_exc(limit=-3))
    return Verdict(check, Outcome.PASS)


def run(checks: Sequence[Check], session: Sitting) -> Iterator[Verdict]:
    """Yield a verdict per check, as they come."""
    for check in checks:
        yield judge(check, session)
