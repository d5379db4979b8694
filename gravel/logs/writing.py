"""Writes the log: facts of the journals it follows, and what Python's `logging` is told, in one form to one stream."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO

import structlog
from structlog.processors import JSONRenderer, LogfmtRenderer, add_log_level, format_exc_info
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from acme_server.protocol.journal import Entry
from acme_server.protocol.times import rfc3339_micro
from acme_server.world import World
from gravel.logs.lines import fields_of, flat, level_of, without_secrets
from gravel.logs.stories import Stories, resources_of

# Seconds that a line, and those after it, wait for facts that tell of which request it is.
PATIENCE = 5.0
# Facts of an earlier run that are read, so that what goes on is known: those of a thousand certificates.
_EARLIER = 20_000


class Log:
    """Follows worlds: every fact is a line for `logger`, in order; then `stream` is told that there is no more for now."""

    def __init__(self, logger: Any, stream: Lines) -> None:
        self._logger, self._stream = logger, stream
        self._loop = asyncio.get_running_loop()
        self._stories = Stories()
        self._waiting: deque[tuple[float, Entry, tuple[str, ...]]] = deque()
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.Handle | None = None

    def follow(self, world: World) -> None:
        """Write all that will happen in a world; told anew when it was brought back: its journal is another one."""
        journal = world.journal
        for entry in journal.since(max(len(journal) - _EARLIER, journal.oldest - 1)):
            self._stories.learn(entry, resources_of(entry, world.links))
        journal.subscribe(partial(self._heard, world))

    def close(self) -> None:
        """Write what still waits, and nothing later."""
        for handle in (self._soon, self._later):
            if handle is not None:
                handle.cancel()
        while self._waiting:
            self._write_first()
        self._stream.flush()

    def _heard(self, world: World, entry: Entry) -> None:
        named = resources_of(entry, world.links)
        self._stories.learn(entry, named)
        self._waiting.append((self._loop.time() + PATIENCE, entry, named))
        if self._soon is None:
            self._soon = self._loop.call_soon(self._write)

    def _write(self) -> None:
        """Write up to the first line that is to wait: no fact stands before an earlier one."""
        self._soon = None
        if self._later is not None:
            self._later.cancel()
        while self._waiting:
            until, entry, named = self._waiting[0]
            if until > self._loop.time() and self._stories.awaits(entry, named):
                self._later = self._loop.call_at(until, self._write)
                break
            self._write_first()
        self._stream.flush()

    def _write_first(self) -> None:
        _, entry, named = self._waiting.popleft()
        say = self._logger.warning if level_of(entry) == "warning" else self._logger.info
        say(entry.kind, **fields_of(entry, *self._stories.of(entry, named)))


class Lines:
    """A stream that gets many lines in one piece; what nobody reads is thrown away."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []

    def msg(self, line: str) -> None:
        """Take a line."""
        self._lines.append(line + "\n")

    debug = info = warning = error = critical = msg

    def flush(self) -> None:
        """Hand the lines on."""
        if self._lines:
            text = "".join(self._lines)
            self._lines.clear()
            with suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()


@contextmanager
def opened(form: str, level: str, stream: TextIO) -> Iterator[Log]:
    """Log in a form, `text` or `json`, from a level on; what `logging` was before, it is again afterwards."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    render = _FORMS[form]
    lines = Lines(stream)
    logger = structlog.wrap_logger(
        lines,
        (add_log_level, *render),
        structlog.make_filtering_bound_logger(threshold),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            processors=[ProcessorFormatter.remove_processors_meta, *render], foreign_pre_chain=_OF_LOGGING
        )
    )
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(threshold)
    log = Log(logger.bind(), lines)
    try:
        yield log
    finally:
        log.close()
        root.removeHandler(handler)
        root.setLevel(before)


def _told(_: Any, __: str, fields: EventDict) -> EventDict:
    """Say who told `logging`, and when: in the machine's time, where facts have their world's."""
    record: logging.LogRecord = fields["_record"]
    return {"at": rfc3339_micro(datetime.fromtimestamp(record.created, UTC)), "logger": record.name, **fields}


def _hide(_: Any, __: str, fields: EventDict) -> EventDict:
    hidden: EventDict = without_secrets(fields)
    return hidden


def _flatten(_: Any, __: str, fields: EventDict) -> EventDict:
    return flat(fields)


def _order(_: Any, __: str, fields: EventDict) -> EventDict:
    return {**{name: fields.pop(name) for name in ("at", "level", "event")}, **fields}


_OF_LOGGING: Sequence[Processor] = (_told, add_log_level, format_exc_info)
_FORMS: dict[str, Sequence[Processor]] = {
    "json": (_order, _hide, JSONRenderer(separators=(",", ":"))),
    "text": (_order, _hide, _flatten, LogfmtRenderer(bool_as_flag=False)),
}
