"""When clients last came for a resource, and whether they waited as long as they were told to."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

import attrs

from acme_server.exchange import Reply

_MANY, _RECENT = 4096, 8


@attrs.define
class Look:
    """Of one resource. times: how often; recent: the last of them, each with the Retry-After that was sent along."""

    times: int = 0
    recent: deque[tuple[datetime, str | None]] = attrs.field(factory=lambda: deque(maxlen=_RECENT))

    @property
    def last(self) -> datetime:
        """When it was looked at last."""
        return self.recent[-1][0]

    @property
    def again(self) -> datetime:
        """When it may be looked at again."""
        return _again(*self.recent[-1])

    @property
    def early(self) -> int:
        """How many of the recent ones came before they might."""
        return sum(after < _again(before, wait) for (before, wait), (after, _) in pairwise(self.recent))


@attrs.define
class Looks:
    """The latest of a world, by path; not part of its state, and cheap, because every poll is noted.

    since: what was not looked at after this moment has no entry; None before anything was.
    """

    since: datetime | None = None
    _paths: dict[str, Look] = attrs.field(factory=dict)

    def note(self, path: str, reply: Reply, now: datetime) -> None:
        """A resource was asked for, and shown."""
        paths = self._paths
        look = paths.pop(path, None)
        if look is None:
            look = Look()
            self.since = self.since or now
            if len(paths) >= _MANY:
                self.since = paths.pop(next(iter(paths))).last
        wait = None
        for name, value in reply.headers:
            if name == "Retry-After":
                wait = value
        look.times += 1
        look.recent.append((now, wait))
        paths[path] = look

    def of(self, path: str) -> Look | None:
        """Return how a resource was looked at, or None."""
        return self._paths.get(path)


def _again(now: datetime, value: str | None) -> datetime:
    """Read Retry-After (RFC 9110 section 10.2.3); what cannot be read asks for no patience."""
    try:
        if value is None or value.isdigit():
            return now + timedelta(seconds=int(value or 0))
        return parsedate_to_datetime(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return now
