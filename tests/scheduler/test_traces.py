"""Reading recorded inputs, and the command that answers them."""

import contextlib
import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scheduler.__main__ import main
from scheduler.traces import RecordedChallenge, Trace, parse_trace

ROOT = Path(__file__).parent.parent.parent
FIXTURE = ROOT / "tests" / "fixtures" / "scheduler-traces.jsonl"

CHALLENGE = {
    "name": "c0",
    "created": 1700059222,
    "spec": {"dnsName": "h.test", "type": "HTTP-01", "wildcard": False},
    "status": {"state": "pending", "processing": True},
}
TRACE = {"n": 20, "max": 60, "challenges": [CHALLENGE]}


def without(name, **more):
    return {key: value for key, value in {**CHALLENGE, **more}.items() if key != name}


def with_challenge(challenge):
    return {**TRACE, "challenges": [CHALLENGE, challenge]}


def run_main(monkeypatch, lines):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    return main(["select"])


def test_a_trace_is_read():
    created = datetime(2023, 11, 15, 14, 40, 22, tzinfo=UTC)
    recorded = RecordedChallenge("c0", "h.test", "HTTP-01", created, processing=True, state="pending")
    assert Trace(20, 60, (recorded,)) == parse_trace(json.dumps(TRACE).encode())


def test_a_challenge_without_a_status_is_new():
    trace = parse_trace(json.dumps({**TRACE, "challenges": [without("status")]}).encode())
    assert [(each.processing, each.state, each.final) for each in trace.challenges] == [(False, "", False)]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "is not a JSON object"),
        ({"n": 1, "max": 1}, 'has no list "challenges"'),
        ({"max": 1, "challenges": []}, 'has no integer "n" in the trace'),
        ({"n": 1, "max": True, "challenges": []}, 'has no integer "max" in the trace'),
        (with_challenge("c1"), "has a challenge 1 that is not an object"),
        (with_challenge(without("name")), 'has no string "name" in challenge 1'),
        (with_challenge(without("spec")), 'has no object "spec" in challenge 1'),
        (with_challenge(without("x", spec={"type": "DNS-01"})), 'has no string "dnsName" in challenge 1'),
        (with_challenge(without("x", spec={"dnsName": "a"})), 'has no string "type" in challenge 1'),
        (with_challenge(without("x", created="now")), 'has no integer "created" in challenge 1'),
        (with_challenge(without("x", created=10**20)), 'has an impossible moment "created" in challenge 1'),
        (with_challenge(without("x", status=[])), 'has no object "status" in challenge 1'),
        (with_challenge(without("x", status={"processing": 1})), 'has no boolean "processing" in challenge 1'),
        (with_challenge(without("x", status={"state": None})), 'has no string "state" in challenge 1'),
    ],
)
def test_what_is_wrong_with_a_trace_is_said_in_one_sentence(document, complaint):
    with pytest.raises(ValueError) as caught:
        parse_trace(json.dumps(document).encode())
    assert complaint == str(caught.value)


def test_the_command_names_the_line_that_it_cannot_read(monkeypatch, capsys):
    lines = json.dumps({**TRACE, "challenges": []}).encode() + b"\n\n{oops\n"
    assert run_main(monkeypatch, lines) == 2
    captured = capsys.readouterr()
    assert captured.out == "[]\n"
    assert captured.err.startswith("python -m scheduler: line 3 is not JSON")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(("lines", "complaint"), [(b"\xff\n", "line 1 is not UTF-8"), (b"[" * 99, "line 1 is nested")])
def test_no_bytes_make_the_command_stumble(monkeypatch, capsys, lines, complaint):
    assert run_main(monkeypatch, lines) == 2
    assert complaint in capsys.readouterr().err


def test_the_command_answers_every_trace_on_standard_input():
    run = subprocess.run(
        [sys.executable, "-m", "scheduler", "select"],
        cwd=ROOT,
        input=FIXTURE.read_bytes(),
        capture_output=True,
        check=True,
    )
    expected = [json.loads(line)["expected"] for line in FIXTURE.read_bytes().splitlines()]
    assert expected == [json.loads(line) for line in run.stdout.splitlines()]
    assert run.stderr == b""


def test_a_reader_that_goes_away_is_no_accident():
    lines = (json.dumps(TRACE).encode() + b"\n") * 20_000
    command = [sys.executable, "-m", "scheduler", "select"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(lines)
        process.stdin.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)
