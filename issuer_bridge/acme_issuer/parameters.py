"""How patient the ACME signer is: all its numbers, with their defaults.

Those that an issuer may choose for itself are fields of its spec, in camelCase; the others are the frame's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from issuer_bridge.durations import parse_duration
from issuer_bridge.issuer_lib.conduct import OURS, Options


def _own(meaning: str) -> dict[str, Any]:
    return {"meaning": meaning, "own": True}


def _frames(meaning: str) -> dict[str, Any]:
    return {"meaning": meaning, "own": False}


@attrs.frozen(kw_only=True)
class Parameters:
    """Numbers, and durations as timedeltas; the meaning of each stands beside it."""

    max_retry_duration: timedelta = attrs.field(
        default=timedelta(minutes=15),
        metadata=_own("how long errors are tried again, since the request, or since its issuer became Ready"),
    )
    pending_poll: timedelta = attrs.field(
        default=timedelta(seconds=5), metadata=_own("between two looks where the server names no time")
    )
    max_orders: int = attrs.field(default=2, metadata=_own("orders of one request"))
    max_new_order_calls: int = attrs.field(default=8, metadata=_own("newOrder requests of one request"))
    max_finalize_calls: int = attrs.field(default=5, metadata=_own("finalize requests of one order"))
    max_rate_limit_wait: timedelta = attrs.field(
        default=timedelta(hours=24), metadata=_own("the longest Retry-After that is waited for")
    )
    breaker_threshold: int = attrs.field(
        default=5, metadata=_own("errors in a row, of all requests of an issuer, after which it is not Ready")
    )
    first_backoff: timedelta = attrs.field(
        default=timedelta(seconds=1), metadata=_frames("after the first error; it doubles with each")
    )
    longest_backoff: timedelta = attrs.field(
        default=timedelta(minutes=5), metadata=_frames("the longest wait after an error")
    )
    jitter: float = attrs.field(
        default=0.2,
        metadata=_frames("how much longer than the server's Retry-After a request may wait, at most a minute"),
    )
    max_pending: timedelta = attrs.field(
        default=timedelta(days=7), metadata=_frames("how old a request may become that waits")
    )
    check_interval: timedelta = attrs.field(
        default=timedelta(minutes=10), metadata=_frames("between two checks of a Ready issuer, 20 % more or less")
    )
    workers: int = attrs.field(default=5, metadata=_frames("requests that are worked on at once"))
    per_issuer: int = attrs.field(default=5, metadata=_frames("of them, requests of one issuer"))

    def of(self, spec: Mapping[str, Any]) -> Parameters:
        """Return what holds for an issuer; ValueError names the field of its spec that cannot be."""
        chosen: dict[str, Any] = {}
        for field in own_fields():
            name = spec_name(field.name)
            if spec.get(name) is not None:
                chosen[field.name] = _read(name, spec[name], field.default)
        return attrs.evolve(self, **chosen)

    def options(self, cluster_resource_namespace: str) -> Options:
        """Return the frame's options; its own limit of errors is never met, as the signer keeps each issuer's."""
        return Options(
            field_owner="gravel",
            max_retry_duration=timedelta(days=3650),
            poll=self.pending_poll,
            first_backoff=self.first_backoff,
            longest_backoff=self.longest_backoff,
            workers=self.workers,
            per_issuer=self.per_issuer,
            set_ca=True,
            cluster_resource_namespace=cluster_resource_namespace,
            conduct=attrs.evolve(OURS, max_pending=self.max_pending, check_interval=self.check_interval),
        )


def own_fields() -> list[Any]:
    """Return the parameters that an issuer may choose."""
    return [field for field in attrs.fields(Parameters) if field.metadata["own"]]


def spec_name(name: str) -> str:
    """Return the name of a parameter in a spec."""
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def _read(name: str, value: Any, default: Any) -> Any:
    try:
        found = value if isinstance(default, int) else parse_duration(value)
    except ValueError as error:
        raise ValueError(f"spec.{name}: {error}") from None
    if found <= type(default)(0):
        raise ValueError(f"spec.{name}: {value!r} is not more than 0")
    return found
