"""Who may update the DNS, by the options: holders of the keys given, anyone on this machine, or nobody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from gravel.management.guard import is_loopback
from gravel.settings import Settings
from solvers.dns.keys import Key, read_key_file
from solvers.dns.writers import Writers


def writers_of(settings: Settings) -> Writers:
    """Return who may write; UsageError when the options do not go together, or a file holds no key."""
    if settings.dns_update_open and not is_loopback(settings.host):
        raise click.UsageError(f"--dns-update-open is for loopback; with --host {settings.host}, give a key.")
    keys = [*settings.dns_update_key, *_from_files(settings.dns_update_key_file)]
    names = [key.name for key in keys]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"There are two keys called {name}.")
    if not keys:
        return Writers(anyone=settings.dns_update_open)
    try:
        from solvers.dns.tsig import Keyring
    except ModuleNotFoundError as error:
        if error.name != "dns":
            raise
        raise click.UsageError("A key for DNS updates needs dnspython: pip install 'gravel[rfc2136]'.") from None
    return Writers(Keyring(keys, lambda: datetime.now(UTC)), anyone=settings.dns_update_open)


def _from_files(paths: Iterable[str]) -> Iterable[Key]:
    for path in paths:
        try:
            yield from read_key_file(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise click.UsageError(f"{path} cannot be read: {error.strerror}.") from None
        except ValueError as error:
            raise click.UsageError(f"{path}: {error}.") from None
