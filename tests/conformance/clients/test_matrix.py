"""What is said of a client that hangs, fails, is absent, or brings the wrong thing home."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import attrs
import pytest

from conformance.clients.certificate import mistake, read_chain
from conformance.clients.libraries import LIBRARIES
from conformance.clients.matrix import Word, cells, find
from conformance.clients.process import run
from conformance.clients.recipe import Act

(ACME, *_) = LIBRARIES


def issue_of(recipe, told):
    return next(cell for cell in cells([recipe], told) if (cell.challenge, cell.act) == ("http-01", Act.ISSUE))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def assert_ended(pid):
    """The kernel ends what was killed when it gets to it."""
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_that_hangs_is_killed_with_its_children(tmp_path):
    command = "trap '' TERM; sleep 600 & echo $! > child; echo started; wait; sleep 600"
    ended = run(command, tmp_path, dict(os.environ), 0.3)
    assert (ended.status, ended.output) == (None, "started\n")
    assert_ended(int((tmp_path / "child").read_text()))


def test_what_a_client_leaves_running_ends_with_it(tmp_path):
    ended = run("sleep 600 & echo $! > child", tmp_path, dict(os.environ), 30)
    assert ended.status == 0
    assert_ended(int((tmp_path / "child").read_text()))


def test_a_client_that_hangs_fails_and_its_words_are_kept(recipe, told):
    cell = issue_of(recipe("echo waiting; sleep 600"), attrs.evolve(told, limit=0.3))
    assert (cell.word, cell.why) == (Word.FAIL, "did not end within 0.3 s\nwaiting")


def test_a_client_that_fails_is_reported_with_its_command_and_its_last_words(recipe, told):
    small = recipe("seq 20; echo no luck with @name@ >&2; exit 7")
    cell = issue_of(small, told)
    assert cell.word is Word.FAIL
    assert cell.command == "seq 20; echo no luck with small.http-01.conformance.test >&2; exit 7"
    lines = cell.why.splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("exit status 7", "10", "no luck with small.http-01.conformance.test")
    assert cell.seconds > 0


def test_a_set_up_that_fails_is_the_failure_of_issue(recipe, told):
    cell = issue_of(recipe("true", setup="echo no account; exit 3"), told)
    assert (cell.word, cell.why) == (Word.FAIL, "echo no account; exit 3\nexit status 3\nno account")


def test_a_client_that_is_absent_is_not_present(recipe, told):
    found = list(cells([recipe("true", found="no-such-client --version")], told))
    assert [cell.word for cell in found if cell.challenge == "http-01"] == [Word.NOT_PRESENT] * 3


def test_what_a_client_cannot_do_is_not_spoken_and_says_why(recipe, told):
    found = {(cell.challenge, cell.act): cell for cell in cells([recipe("exit 1")], told)}
    assert (found["dns-01", "issue"].word, found["dns-01", "issue"].why) == (Word.NOT_SPOKEN, "is small")
    assert (found["http-01", "renew"].word, found["http-01", "renew"].why) == (Word.NOT_SPOKEN, "is small")


@pytest.mark.parametrize(
    ("changes", "challenge", "said"),
    [
        ({"chall_mgmt": None}, "dns-01", "--chall-mgmt is not given"),
        ({"dns": None}, "dns-01", "--dns is not given"),
    ],
)
def test_a_challenge_that_cannot_be_answered_here_is_not_reachable(recipe, told, changes, challenge, said):
    cannot = dict.fromkeys((Act.RENEW, Act.REVOKE, "tls-alpn-01"), "is small")
    small = recipe("true", challenges={"http-01": "", "dns-01": "@dns@"}, cannot=cannot)
    found = next(one for one in cells([small], attrs.evolve(told, **changes)) if one.challenge == challenge)
    assert found.word is Word.NOT_REACHABLE
    assert said in found.why


def test_a_port_that_is_taken_is_named(recipe, told):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cell = issue_of(recipe("true"), attrs.evolve(told, http01_port=port))
    assert (Word.NOT_REACHABLE, f"port {port} of 127.0.0.1 is in use") == (cell.word, cell.why)


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("rm chain.pem", "there is no chain.pem"),
        ("echo > chain.pem", "cannot be read"),
        ("openssl genrsa -out key.pem 2048 2> /dev/null", "is not of the client's key"),
    ],
)
def test_a_client_that_ends_well_without_a_good_certificate_fails(recipe, told, then, said):
    how = {"challenges": {"http-01": "http-01"}}
    cell = issue_of(recipe(f"{ACME.commands[Act.ISSUE]} && {then}", **how), told)
    assert cell.word is Word.FAIL
    assert said in cell.why


def test_a_renewal_that_brings_the_same_certificate_fails(told):
    lazy = attrs.evolve(ACME, commands={**ACME.commands, Act.RENEW: "true"})
    found = next(cell for cell in cells([lazy], told) if cell.act is Act.RENEW)
    assert (found.word, found.why) == (Word.FAIL, "the certificate is the same as before\n")


def test_a_chain_that_ends_at_another_root_fails(told):
    (root,) = told.roots
    stranger = attrs.evolve(told, roots=read_chain(told.ca_cert))
    assert root not in stranger.roots
    cell = issue_of(ACME, stranger)
    assert cell.word is Word.FAIL
    assert "no root of the server's signed CN=gravel intermediate" in cell.why


def test_the_version_of_a_python_library_is_that_of_the_interpreter(told):
    assert find(ACME, told)
    assert find(ACME, attrs.evolve(told, python=f"{sys.executable}-missing")) is None


@pytest.fixture
def issued(recipe, told, tmp_path):
    """A chain and its key, brought home by a real client."""
    keep = f"cp chain.pem key.pem {tmp_path}"
    how = {"challenges": {"http-01": "http-01"}}
    assert issue_of(recipe(f"{ACME.commands[Act.ISSUE]} && {keep}", **how), told).word is Word.PASS
    return read_chain(tmp_path / "chain.pem"), (tmp_path / "key.pem").read_bytes()


def test_a_chain_is_looked_at_signature_by_signature(told, issued):
    (leaf, intermediate), key = issued
    name = "small.http-01.conformance.test"
    assert mistake([leaf, intermediate], key, name, told.roots) is None
    assert mistake([leaf, intermediate], key, name, ()) is None
    assert "not for other.test" in mistake([leaf, intermediate], key, "other.test", ())
    assert "did not sign" in mistake([leaf, intermediate, intermediate], key, name, ())
    assert "no root" in mistake([leaf], key, name, told.roots)
