"""The rate limits that the options ask for: a preset or a file, and single limits over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from acme_server.limit_presets import PRESETS, preset, read_rates
from acme_server.protocol.encoding import load_json
from acme_server.protocol.rate_limit import Rate
from gravel.settings import Settings


def rates_of(settings: Settings) -> Mapping[str, Rate]:
    """Return limits and their rates."""
    try:
        rates = _named(settings.rate_limits)
    except (ValueError, OSError) as error:
        raise click.BadParameter(f"{_reason(error)}.", param_hint="--rate-limits") from None
    for text in settings.rate_limit:
        name, _, rate = text.partition("=")
        try:
            rates |= read_rates({name: rate})
        except ValueError as error:
            raise click.BadParameter(f"{error}.", param_hint="--rate-limit") from None
    return rates


def _named(text: str) -> dict[str, Rate]:
    if text in PRESETS or not Path(text).exists():
        return preset(text)
    return read_rates(load_json(Path(text).read_bytes()))


def _reason(error: Exception) -> str:
    return f"the file cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
