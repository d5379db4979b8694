"""What of the default world lasts beside its records: DNS, faults, limits, the clock, what was set while it ran.

Parts are rows of JSON in the file that has the records. What has changed is
written after each request and each change of the zone, in one transaction, and
before anybody is answered. A part that an option began is that of the option
again when the option has changed since the last start.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from acme_server.ca_pem import from_pem, to_pem
from acme_server.faults.armed import Armed
from acme_server.faults.rule import read_rule, write_rule
from acme_server.limit_presets import read_rates
from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.sqlite_store import SqliteStore
from gravel.lasting_kinds import Hosted, Names, Part, Table, Value
from gravel.management.acme_dns import Account

_dump = json.JSONEncoder(separators=(",", ":")).encode


def _same(value: Any) -> Any:
    return value


def _set_serial(hosted: Hosted, serial: int) -> None:
    hosted.view.zone.revise(hosted.view.zone, {}, serial)


def _set_defaults(hosted: Hosted, addresses: Mapping[str, list[str]]) -> None:
    hosted.view.book.have_defaults({int(family): tuple(values) for family, values in addresses.items()})


def _set_clock(hosted: Hosted, position: list[Any]) -> None:
    ahead, stopped = position
    hosted.driver.clock.place(timedelta(seconds=ahead), stopped and datetime.fromisoformat(stopped))


def _clock_json(position: tuple[timedelta, datetime | None]) -> list[Any]:
    ahead, stopped = position
    return [ahead.total_seconds(), stopped and stopped.isoformat()]


def _change_settings(hosted: Hosted, **changes: Any) -> None:
    hosted.world.settings = attrs.evolve(hosted.world.settings, **changes)


def _limits(hosted: Hosted) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    return hosted.world.limits.rates, hosted.world.limits.suffixes


def _limits_json(limits: tuple[Mapping[str, Any], tuple[str, ...]]) -> Any:
    rates, suffixes = limits
    return [{name: str(rate) for name, rate in rates.items()}, list(suffixes)]


def _set_limits(hosted: Hosted, limits: list[Any]) -> None:
    rates, suffixes = limits
    hosted.world.limits.rates, hosted.world.limits.suffixes = read_rates(rates), tuple(suffixes)


def _faults(hosted: Hosted) -> tuple[Any, ...]:
    return tuple((armed, armed.seen, armed.hits, armed.seed) for armed in hosted.world.faults.armed.values())


def _faults_json(faults: tuple[Any, ...]) -> Any:
    return [
        {
            "rule": write_rule(armed.rule),
            "since": armed.since and armed.since.isoformat(),
            "until": armed.until and armed.until.isoformat(),
            "seen": seen,
            "hits": hits,
            "seed": seed.hex(),
        }
        for armed, seen, hits, seed in faults
    ]


def _set_faults(hosted: Hosted, faults: list[Any]) -> None:
    moment = datetime.fromisoformat
    hosted.world.faults.armed = {
        each["rule"]["id"]: Armed(
            read_rule(each["rule"]),
            each["since"] and moment(each["since"]),
            each["until"] and moment(each["until"]),
            each["seen"],
            each["hits"],
            bytes.fromhex(each["seed"]),
        )
        for each in faults
    }


def _account(members: Mapping[str, Any]) -> Account:
    lists = {name: tuple(members[name]) for name in ("allowfrom", "values")}
    return Account(**{**members, **lists})


def _set_authority(hosted: Hosted, texts: Mapping[str, Any]) -> None:
    hosted.world.authority = from_pem(texts, hosted.world.named_links)


def _book(hosted: Hosted) -> Any:
    return hosted.view.book


def _limits_of(hosted: Hosted) -> Any:
    return hosted.world.limits


def _moments(attribute: str) -> Table:
    """Return a part of the limits: moments by pairs of texts."""
    read, split = datetime.fromisoformat, lambda name: tuple(name.split("\n"))
    return Table(attribute, _limits_of, attribute, datetime.isoformat, read, "\n".join, split)


def _parts() -> tuple[Part, ...]:
    """Return the parts in the order in which they are restored."""
    return (
        Value("clock", lambda hosted: hosted.driver.position, _clock_json, _set_clock),
        Value("authority", lambda hosted: hosted.world.authority, to_pem, _set_authority),
        Value(
            "terms-of-service",
            lambda hosted: hosted.world.settings.terms_of_service,
            _same,
            lambda hosted, terms: _change_settings(hosted, terms_of_service=terms),
        ),
        Value(
            "external-accounts",
            lambda hosted: hosted.world.settings.external_accounts,
            lambda known: {kid: b64url(key) for kid, key in known.items()},
            lambda hosted, known: _change_settings(
                hosted, external_accounts={kid: b64url_decode(key) for kid, key in known.items()}
            ),
        ),
        Value("rate-limits", _limits, _limits_json, _set_limits),
        _moments("buckets"),
        _moments("paused"),
        Table("issued", _limits_of, "issued", to_json=lambda _: True, from_json=lambda _: None),
        Value("faults", _faults, _faults_json, _set_faults),
        Value("default-addresses", lambda hosted: dict(_book(hosted).defaults), _same, _set_defaults),
        Names(),
        Value("serial", lambda hosted: hosted.view.zone.serial, _same, _set_serial),
        Table(
            "addresses",
            _book,
            "own",
            from_json=lambda own: {int(family): tuple(values) for family, values in own.items()},
        ),
        Table("acme-dns", lambda hosted: hosted.view.acme_dns, "accounts", attrs.asdict, _account),
    )


# What options begin -> what of it is the option's; it is kept too, to be compared at the next start.
_BEGUN = "options"
_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "terms-of-service": _same,
    "external-accounts": _same,
    "rate-limits": _same,
    "faults": lambda faults: [each["rule"] for each in faults],
    "default-addresses": _same,
}


class Lasting:
    """The parts of one world, and the file that they last in."""

    def __init__(self, store: SqliteStore, hosted: Hosted) -> None:
        self._store, self._hosted, self._parts = store, hosted, _parts()
        # What is in the file.
        self._texts = {part.name: dict(store.rows(part.name)) for part in self._parts}

    def begin(self) -> None:
        """Bring back what lasted, have the world as it is then in the file, and keep it there from now on."""
        hosted, began, before = self._hosted, {}, dict(self._store.rows(_BEGUN))
        for part in self._parts:
            part.begin(hosted)
            if part.name in _OPTIONS:
                ((_, value),) = part.changes(hosted)
                began[part.name] = _dump(_OPTIONS[part.name](value))
                part.begin(hosted)
            if before.get(part.name) == began.get(part.name):
                part.restore(hosted, {name: json.loads(text) for name, text in self._texts[part.name].items()})
        self._store.write_rows([*self._changes(), *((_BEGUN, name, text) for name, text in began.items())])
        hosted.keep = hosted.server.keep = hosted.view.zone.changed = self.save

    def save(self) -> None:
        """Write what has changed since this was done last."""
        if rows := self._changes():
            self._store.write_rows(rows)

    def _changes(self) -> list[tuple[str, str, str | None]]:
        rows: list[tuple[str, str, str | None]] = []
        for part in self._parts:
            texts = self._texts[part.name]
            for name, value in part.changes(self._hosted):
                text = None if value is None else _dump(value)
                if text == texts.get(name):
                    continue
                rows.append((part.name, name, text))
                if text is None:
                    del texts[name]
                else:
                    texts[name] = text
        return rows
