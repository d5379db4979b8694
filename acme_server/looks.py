"""When clients last came for a resource, and whether they waited as long as they were told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import attrs

from acme_server.exchange import Reply

_MANY = 4096


@attrs.define
class Look:
    """Of one resource. times: how often; early: how often before `again`; again: what Retry-After said last."""

    times: int
    early: int
    last: datetime
    again: datetime


@attrs.define
class Looks:
    """The latest of a world, by path; not part of its state, and cheap, because every poll is noted.

    since: what was not looked at after this moment has no entry; None before anything was.
    """

    since: datetime | None = None
    _paths: dict[str, Look] = attrs.field(factory=dict)

    def note(self, path: str, reply: Reply, now: datetime) -> None:
        """A resource was asked for, and shown."""
        self.since = self.since or now
        again = _again(reply, now)
        look = self._paths.pop(path, None)
        if look is None:
            look = Look(0, 0, now, now)
            if len(self._paths) >= _MANY:
                self.since = self._paths.pop(next(iter(self._paths))).last
        look.times, look.early = look.times + 1, look.early + (now < look.again)
        look.last, look.again = now, again
        self._paths[path] = look

    def of(self, path: str) -> Look | None:
        """Return how a resource was looked at, or None."""
        return self._paths.get(path)


def _again(reply: Reply, now: datetime) -> datetime:
    """Return when a client may come again (RFC 9110 section 10.2.3); what cannot be read asks for no patience."""
    for name, value in reply.headers:
        if name == "Retry-After":
            try:
                return (
                    now + timedelta(seconds=int(value))
                    if value.isdigit()
                    else parsedate_to_datetime(value).astimezone(UTC)
                )
            except (ValueError, OverflowError):
                return now
    return now
