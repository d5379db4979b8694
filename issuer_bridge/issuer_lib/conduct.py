"""Where the frame differs from issuer-lib on purpose: one table, a row each, with a column for issuer-lib and one for us.

cert-manager/issuer-lib is the source of all that is not in it; the numbers are those of its issues.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs

from issuer_bridge.issuer_lib.values import Issuer, Request


def _row(delta: str, ours: Any, upstream: Any, why: str) -> Any:
    return attrs.field(default=ours, kw_only=True, metadata={"delta": delta, "upstream": upstream, "why": why})


@attrs.frozen
class Conduct:
    """What the frame does where issuer-lib does not; the defaults are our column.

    There is no row D5: a failureTime with every end is issuer-lib's too.
    """

    denied_first: bool = _row("D1", True, False, "denied without approved is an end too, and wins over approved (#507)")
    quiet: bool = _row("D2", True, False, "a poll is told once, not in a warning each time")
    max_pending: timedelta | None = _row("D3", timedelta(days=7), None, "what is pending for ever is lost")  # noqa: RUF009
    pending_keeps_failures: bool = _row("D4", True, False, "polls between two errors must not reset the backoff")
    invalid_request: bool = _row("D6", True, False, "cert-manager's own word for a request at fault (#2289)")
    check_interval: timedelta | None = _row("D7", timedelta(minutes=10), None, "a broken issuer is found before use")  # noqa: RUF009
    spread_wake: bool = _row("D8", True, False, "after an outage not all requests come at once")
    request_workers: bool = _row("D9", True, False, "issuer-lib's worker count does not reach its request controllers")
    secrets_reopen: bool = _row("D10", True, False, "a rotated Secret mends an issuer that failed for good")
    keeps_report: bool = _row(
        "D11", True, False, "of an issuer in trouble, a fault for good is used, and no other cuts its backoff"
    )
    window_restarts: bool = _row("D12", True, False, "the outage of an issuer must not use up the time of its requests")


OURS = Conduct()
ISSUER_LIB = Conduct(**{field.name: field.metadata["upstream"] for field in attrs.fields(Conduct)})


def _at_least_one(workers: int) -> int:
    return max(workers, 1)


@attrs.frozen(kw_only=True)
class Options:
    """What an author may choose.

    field_owner: the issuer's name in messages and events; max_retry_duration: how long after its creation a request
    is tried again (issuer-lib has no default: 0, so that the first error is the last); poll: the wait of a `Pending`
    that names none; first_backoff, longest_backoff: between errors in a row; workers: how many requests, and how many
    issuers, are worked on at once; per_issuer: how many requests of one issuer; call_timeout: of one `check` or
    `sign`; set_ca: write `Bundle.ca`; cluster_resource_namespace: where cluster-wide issuers keep their Secrets;
    ignores_request, ignores_issuer: what is none of this controller's business.
    """

    field_owner: str
    max_retry_duration: timedelta = timedelta(minutes=15)
    poll: timedelta = timedelta(seconds=5)
    first_backoff: timedelta = timedelta(seconds=1)
    longest_backoff: timedelta = timedelta(minutes=5)
    workers: int = attrs.field(default=5, converter=_at_least_one)
    per_issuer: int = attrs.field(default=5, converter=_at_least_one)
    call_timeout: timedelta = timedelta(minutes=1)
    set_ca: bool = False
    cluster_resource_namespace: str = "kube-system"
    conduct: Conduct = OURS
    ignores_request: Callable[[Request], bool] | None = None
    ignores_issuer: Callable[[Issuer], bool] | None = None


def like_issuer_lib(field_owner: str, **chosen: Any) -> Options:
    """Return the options with which the frame does as issuer-lib does (its README and controller-runtime's defaults)."""
    upstream = {
        "max_retry_duration": timedelta(0),
        "poll": timedelta(seconds=1),
        "first_backoff": timedelta(milliseconds=5),
        "longest_backoff": timedelta(seconds=1000),
        "workers": 1,
        "conduct": ISSUER_LIB,
    }
    return Options(field_owner=field_owner, **{**upstream, **chosen})
