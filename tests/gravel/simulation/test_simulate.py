"""`gravel simulate`: the question in flags or a file, the answer as a table, JSON and files."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gravel import cli
from gravel.simulation.scenario_fields import FIELDS
from gravel.simulation.scenario_file import presets

DOCUMENT = (Path(__file__).parents[3] / "docs" / "simulate.md").read_text()
TWENTY = ("--challenges", "20")


@pytest.fixture
def simulate(capsys):
    """Run the verb; return what it printed."""

    def run(*arguments):
        assert cli.run(["simulate", *map(str, arguments)]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def simulate_json(simulate):
    """Run the verb; return its document."""
    return lambda *arguments: json.loads(simulate(*arguments, "--json"))


@pytest.fixture
def fleet_file(tmp_path):
    """A scenario of 30 certificates."""
    path = tmp_path / "fleet.yaml"
    path.write_text("certificates: 30\ncluster: {workers: 3}\nsolver: {type: dns01}\n")
    return path


def test_the_question_and_its_answer_are_on_one_screen(simulate):
    lines = [line.rstrip() for line in simulate("--challenges", 1000).splitlines()]
    assert lines[0] == "1,000 certificates over HTTP-01, cap 60, 5 workers, seed 0"
    assert lines[1].split(maxsplit=1) == ["makespan", "30 min"]
    assert len(lines) < 24


def test_flags_win_over_the_file(simulate_json, fleet_file):
    assert simulate_json(fleet_file)["scenario"]["cluster"] == {"workers": 3}
    scenario = simulate_json(fleet_file, "--workers", 7, "--cap", 9)["scenario"]
    assert scenario == {"certificates": 30, "solver": {"type": "DNS-01"}, "cluster": {"cap": 9, "workers": 7}}


def test_flags_win_over_a_preset(simulate_json):
    found = simulate_json("--scenario", "one-name", "--challenges", 5)
    assert found["scenario"] == {"certificates": 5, "name": "one-name", "names": {"shared": "100%"}}


def test_the_presets_are_listed_with_what_they_are(simulate):
    assert simulate("--list").splitlines() == [f"{name:20}{text}" for name, text in presets().items()]


def test_the_document_has_the_keys_that_are_documented(simulate_json, tmp_path):
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", DOCUMENT, re.MULTILINE)
    documented = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    assert [*simulate_json(*TWENTY, "--explain")] == [key for key in documented if key != "replay"]


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(simulate):
    asked = (*TWENTY, "--solver", "dns01", "--propagation", "exponential 30s", "--json")
    assert simulate(*asked, "--seed", 1) == simulate(*asked, "--seed", 1) != simulate(*asked, "--seed", 2)


REPEATED = [
    ("--scenario", "renewal-storm", "--challenges", "50", "--seed", "7"),
    ("--challenges", "3", "--names", "a.test,b.test,*.c.test", "--stuck-names", "a.test", "--until", "1h"),
    ("--challenges", "2", "--arrivals", "given", "--moments", "1s,2s", "--restarts", "5s,8s"),
    ("--challenges", "2", "--lifetime", "90d", "--until", "200d"),
    ("--challenges", "2", "--ari", "--until", "200d", "--title", "with a space"),
]


@pytest.mark.parametrize("asked", REPEATED)
def test_the_command_of_a_run_repeats_it(simulate_json, asked):
    first = simulate_json(*asked)
    words = shlex.split(first["command"])
    assert words[:2] == ["gravel", "simulate"]
    assert simulate_json(*words[2:]) == first


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_every_field_is_a_flag_that_help_explains(field, simulate):
    shown = " ".join(simulate("--help").split())
    assert f"--{field.flag}" in shown
    assert field.help in shown.replace("- ", "-") or field.help in shown


def test_an_explanation_is_words_and_the_runs_that_prove_them(simulate):
    shown = simulate("--challenges", 10_000, "--explain")
    sentence = "60 workers would take 25 min 4 s instead of 5 h (12.0 times as fast)."
    assert f"Workers were the bottleneck: all 5 were busy 100% of the time; {sentence}" in shown
    assert re.search(r"^60 workers +25 min 4 s .* 10,000 +12.0 times$", shown, re.MULTILINE)


def test_rows_of_every_challenge_are_written_as_csv(simulate, tmp_path):
    assert f"wrote {tmp_path / 'out' / 'challenges.csv'}\n" in simulate(*TWENTY, "--csv", tmp_path / "out")
    assert len((tmp_path / "out" / "challenges.csv").read_text().splitlines()) == 21


def test_the_page_has_the_explanation_and_the_command(simulate, tmp_path):
    pytest.importorskip("matplotlib")
    simulate(*TWENTY, "--explain", "--page", tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text()
    assert "Workers were the bottleneck" in text
    assert "gravel simulate --certificates 20" in text


def test_plots_are_written_and_json_alone_is_on_standard_output(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert cli.run(["simulate", *TWENTY, "--plots", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["seed"] == 0
    assert said.err.splitlines() == [f"wrote {path}" for path in map(Path, re.findall(r"wrote (.*)", said.err))]
    assert [path for path in tmp_path.iterdir() if path.suffix == ".svg"]


MISTAKES = [
    ([], "certificates: how many are wanted."),
    (["--challenges", "0"], "Invalid value for '--certificates' / '--challenges': '0' is no whole number from 1 to"),
    (["--wokers", "5"], "No such option"),
    ([*TWENTY, "--propagation", "slow"], "Invalid value for '--propagation': 'slow' is no duration; write 90s, 2m or 1h30m."),
    ([*TWENTY, "--solver", "tls"], "Invalid value for '--solver': 'tls' is unknown; did you mean"),
    (["missing.yaml"], "missing.yaml cannot be read: No such file or directory."),
    (["a.yaml", "b.yaml"], "one file is a scenario, and there is 'b.yaml' too."),
    (["a.yaml", "--scenario", "one-name"], "--scenario one-name goes without a file, and there is 'a.yaml'."),
    (["--scenario", "one-nam"], "one-nam: unknown; did you mean one-name?"),
    ([*TWENTY, "--seeds", "3"], "--seeds is of a --sweep, and there is none."),
    ([*TWENTY, "--sweep", "cap=1", "--explain"], "--explain is of one run, and goes without --sweep."),
    ([*TWENTY, "--sweep", "cap"], "'cap' is no knob with its settings; write cap=20,60,200."),
    ([*TWENTY, "--sweep", "capp=1"], "capp: unknown; did you mean cap?"),
    ([*TWENTY, "--sweep", "cap=1,x"], "cap: 'x' is no whole number from 1 to"),
    ([*TWENTY, "--sweep", "cap=1", "cap=2"], "cap: is swept twice."),
    ([*TWENTY, "--sweep", "seed=1,2"], "seed: is swept with --seeds."),
    ([*TWENTY, "--sweep", "restarts=1m,2m"], "restarts: is a list, and cannot be swept."),
    ([*TWENTY, "--processes", "2"], "--processes is of --sweep and --explain, and there is neither."),
    ([*TWENTY, "cap=1,2"], "cap=1,2 cannot be read: No such file or directory."),
    (["--replay", "missing.ndjson"], "missing.ndjson: No such file or directory."),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["simulate", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"gravel simulate: {sentence}")
    assert said.err.count("\n") == 1


def test_a_missing_extra_is_one_sentence(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from gravel import cli; sys.exit(cli.run(sys.argv[1:]))"
    asked = ["simulate", *TWENTY, "--plots", str(tmp_path / "plots")]
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'gravel[plots]'" in done.stderr


def test_completion_knows_the_words_of_a_flag_and_the_presets():
    for words, expected in (
        ("gravel simulate --arrivals tr", "trickle"),
        ("gravel simulate --scenario one", "one-name"),
    ):
        environment = {
            "_GRAVEL_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
            "PATH": "/usr/bin:/bin",
        }
        code = "from gravel.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        assert f"plain,{expected}" in done.stdout
