"""How the options say where and how validation looks: the server's settings of that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import click

from acme_server.settings import Settings as ServerSettings
from acme_server.settings import VantagePoint
from gravel.settings import Settings

OWN = re.compile(r"ns([1-9]\d?)", re.ASCII)


def resolver_of(dns: str | None, nameservers: Sequence[str]) -> str | None:
    """Return the `HOST:PORT` that is meant: `ns2` is the second of the built-in nameservers; ValueError if there is none."""
    found = OWN.fullmatch(dns or "")
    if not found:
        return dns
    if int(found[1]) > len(nameservers):
        raise ValueError(f"there is no {dns}: the built-in DNS has nameservers up to ns{len(nameservers)}")
    return nameservers[int(found[1]) - 1]


def with_validation(server: ServerSettings, settings: Settings, nameservers: Sequence[str]) -> ServerSettings:
    """Add to the server's settings what the options say of validation; UsageError when it cannot be."""
    given: dict[str, Any] = {
        "caa_identities": settings.caa_identity,
        "max_redirects": settings.max_redirects,
        "max_validations": settings.max_validations,
        "quorum": settings.quorum,
        "redirect_ports": settings.redirect_port,
        "ssrf_guard": settings.ssrf_guard,
        "validation_attempts": settings.validation_attempts,
        "validation_delay": timedelta(seconds=settings.validation_delay),
        "validation_timeout": timedelta(seconds=settings.validation_timeout),
    }
    if settings.challenge_type:
        given["challenge_types"] = settings.challenge_type
    named = settings.vantage
    unnamed = (VantagePoint(f"vantage-{number}") for number in range(len(named) + 2, settings.vantages + 1))
    try:
        vantages = (attrs.evolve(each, dns=resolver_of(each.dns, nameservers)) for each in (*named, *unnamed))
        return attrs.evolve(server, **given, vantages=tuple(vantages))
    except ValueError as error:
        raise click.UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
