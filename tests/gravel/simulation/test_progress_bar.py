"""The bar of long runs: on a terminal, on standard error, after a second."""

from __future__ import annotations

import os
from contextlib import contextmanager, redirect_stderr

from gravel.simulation import progress_bar
from gravel.simulation.progress_bar import bar


@contextmanager
def terminal():
    """Make standard error a terminal; yield what reads all that it got."""
    master, slave = os.openpty()

    def shown():
        os.write(slave, b"<end>")
        text = ""
        while not text.endswith("<end>"):
            text += os.read(master, 4096).decode()
        return text.removesuffix("<end>")

    with os.fdopen(slave, "w") as file, redirect_stderr(file):
        yield shown
    os.close(master)


def test_a_terminal_sees_the_share_that_is_done(monkeypatch):
    monkeypatch.setattr(progress_bar, "_PATIENCE", 0)
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as seen:
        with bar("simulating") as told:
            told(0.5)
        shown = seen()
    assert "simulating" in shown
    assert "50%" in shown


def test_a_short_run_has_no_bar():
    with terminal() as seen:
        with bar("simulating") as told:
            told(0.5)
        assert seen() == ""


def test_what_is_no_terminal_sees_nothing(monkeypatch, capsys):
    monkeypatch.setattr(progress_bar, "_PATIENCE", 0)
    with bar("simulating") as told:
        told(0.5)
    assert capsys.readouterr().err == ""
