"""The command line's frame: help, mistakes, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from gravel import cli
from gravel.version import __version__


def test_help_lists_every_verb_with_a_line(capsys):
    assert cli.run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for verb, line in cli.VERBS.items():
        assert f"{verb} {line}" in shown
    assert "Shell completion:" in shown


def test_without_a_verb_there_is_help(capsys):
    assert cli.run([]) == 0
    assert capsys.readouterr().out.startswith("Usage: gravel [OPTIONS] VERB")


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_a_command_that_explains_itself(verb, capsys):
    assert cli.run([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: gravel {verb} ")


def test_the_version_is_told(capsys):
    assert cli.run(["--version"]) == 0
    assert f"gravel {__version__}\n" == capsys.readouterr().out


def test_listing_the_verbs_imports_no_house():
    code = "import sys; from gravel import cli; cli.run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("aiohttp", "cryptography", "rich", "yaml", "acme_server", "gravel.commands"):
        assert f"'{heavy}'" not in done.stderr


MISTAKES = [
    (["serv"], "gravel: No such verb 'serv'. Did you mean 'serve'?\n"),
    (["xyzzy"], "gravel: No such verb 'xyzzy'.\n"),
    (["--frob"], "gravel: No such option"),
    (["up", "--acme-prot", "1"], "gravel up: No such option"),
    (["up", "--acme-port", "x"], "gravel up: Invalid value for '--acme-port': 'x' is not a valid integer"),
    (["up", "--dns", "x"], "gravel up: Invalid value for '--dns': 'x' is not HOST:PORT.\n"),
    (["up", "--config", "missing.toml"], "gravel up: There is no file missing.toml.\n"),
    (["up", "--once"], "gravel up: --once waits for what --apply names, and there is no --apply.\n"),
    (
        ["up", "--apply", "missing.yaml"],
        "gravel up: Invalid value for '--apply': Path 'missing.yaml' does not exist.\n",
    ),
    (["serve", "--timing", "fast"], "gravel serve: No such option"),
    (["serve", "extra"], "gravel serve: Got unexpected extra argument"),
    (["serve", "--host", "0.0.0.0"], "gravel serve: --host 0.0.0.0 needs --base-url, a URL that clients can reach.\n"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1


def raising(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


ENDINGS = [
    (click.ClickException("no luck"), 1, "gravel: no luck\n"),
    (KeyboardInterrupt(), 130, "\n"),
    (click.Abort(), 130, ""),
    (
        ValueError("odd\nthing"),
        70,
        "gravel hit a bug: ValueError: odd thing; run with GRAVEL_DEBUG=1 for the traceback\n",
    ),
]


@pytest.mark.parametrize(("error", "code", "said"), ENDINGS)
def test_whatever_is_raised_ends_in_a_code_and_at_most_a_line(error, code, said, capsys, monkeypatch):
    monkeypatch.setattr(cli.Verbs, "get_command", lambda *_: raising(error))
    assert code == cli.run(["up"])
    assert said == capsys.readouterr().err


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setattr(cli.Verbs, "get_command", lambda *_: raising(ValueError("odd")))
    monkeypatch.setenv("GRAVEL_DEBUG", "1")
    with pytest.raises(ValueError, match="odd"):
        cli.run(["up"])


def test_a_reader_that_went_away_is_no_bug():
    code = "from gravel import cli\nfor _ in range(20000): code = cli.run(['--version'])\nraise SystemExit(code)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 1)


def test_the_completion_script_that_help_names_exists():
    variable = re.search(r"(_GRAVEL_COMPLETE)=(bash_source)", cli.EPILOG)
    code = "from gravel.cli import main; main()"
    environment = {variable[1]: variable[2], "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "complete " in done.stdout
