"""Begins a log where one is wanted; without one, its library is not even imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from acme_server.world import World


def open_log(stack: AsyncExitStack, form: str | None, level: str) -> Callable[[World], None]:
    """Log to standard error until the stack closes; return what a world is given to, so that its facts are told."""
    if form is None:
        return lambda _: None
    if find_spec("structlog") is None:
        raise click.ClickException("--log-format: logs need structlog: pip install 'gravel[logs]'.")
    from gravel.logs.writing import opened

    return stack.enter_context(opened(form, level, sys.stderr)).follow
