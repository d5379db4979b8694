"""`gravel check` as a process, against a gravel with two nameservers, its faults, and a web server."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import attrs
import pytest

from acme_server import network
from acme_server.protocol.key_authorization import KeyAuthorization
from gravel import cli
from solvers.http01.responder import Responder
from solvers.http01.server import serve_http01
from solvers.http01.site import Site
from tests.gravel.conftest import GRAVEL, Management

NAME, TXT = "www.example.test", "_acme-challenge.www.example.test"
KEY = KeyAuthorization("A" * 22, "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo")
TWO = ("127.0.0.1", "127.0.0.2")
DNS01 = ("--type", "dns-01", "--key-authorization", KEY.http_body)


@attrs.frozen
class Rig:
    """A house, and `gravel check` beside it, as `gravel run` would start it."""

    management: Management
    responder: Responder
    http01: str

    @property
    def servers(self) -> tuple[str, ...]:
        port = self.management.running.addresses.dns.rpartition(":")[2]
        return tuple(f"{host}:{port}" for host in TWO)

    async def check(self, *arguments, **variables):
        """Return the exit status and what was printed."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GRAVEL_", "ACME_"))}
        place = {"ACME_DNS": self.servers[0], "ACME_HTTP01_PORT": self.http01.rpartition(":")[2]}
        process = await asyncio.create_subprocess_exec(
            *GRAVEL,
            "check",
            *arguments,
            env={**inherited, "PYTHONPATH": str(Path(__file__).parents[3]), **place, **variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert err == b""
        return process.returncode, out.decode()

    async def report(self, *arguments, **variables):
        """Return the exit status and the object that is printed."""
        code, text = await self.check("--json", *arguments, **variables)
        assert text.count("\n") == 1
        return code, json.loads(text)


@pytest.fixture
async def rig(manage):
    responder = Responder()
    server = await serve_http01(Site(responder), "127.0.0.1", 0)
    yield Rig(await manage(nameserver=TWO), responder, server.address)
    await server.close()


async def publish(rig, value=KEY.dns_value):
    assert (await rig.management.post("/set-txt", {"host": TXT, "value": value}))[0] == 200


def found(report):
    return [(each["code"], tuple(each["where"])) for each in report["findings"] if each["blocks"]]


async def test_a_name_that_shows_everything_passes_every_check(rig):
    await publish(rig)
    rig.responder.add(NAME, KEY.token, KEY.http_body)
    code, report = await rig.report(NAME, "--key-authorization", KEY.http_body)
    assert (code, report["verdict"], report["findings"]) == (0, "pass", [])
    checks = [(each["type"], each["by"], each["passed"]) for each in report["checks"]]
    assert checks == [(kind, by, True) for kind in ("http-01", "dns-01") for by in ("solver", "acme-server")]
    [request] = report["checks"][0]["requests"]
    assert (request["status"], request["address"]) == (200, rig.http01)
    assert [(each["name"], each["address"]) for each in report["nameservers"]] == [
        ("ns1.example.test", rig.servers[0]),
        ("ns2.example.test", rig.servers[1]),
    ]
    assert {(each["rcode"], *each["values"], each["serial"]) for each in report["nameservers"]} == {
        ("NOERROR", KEY.dns_value, 2)
    }


FAULTS = [
    ("servfail", {}, ["servfail"]),
    ({"kind": "cname-loop"}, {}, ["alias-loop"]),
    ("refused", {"server": "ns2.*"}, ["refused"]),
    ("no-answer", {"server": "ns2.*"}, ["nameserver-silent"]),
    ({"kind": "propagation", "seconds": 3600}, {"server": "ns2.*"}, ["stale"]),
]


@pytest.mark.parametrize(("action", "match", "expected"), FAULTS, ids=str)
async def test_armed_faults_of_the_dns_are_found_where_they_are(rig, action, match, expected):
    rule = {"match": {"endpoint": "dns", "identifier": TXT, **match}, "action": action}
    assert (await rig.management.post("/faults", rule))[0] == 201
    await publish(rig)
    code, report = await rig.report(NAME, *DNS01, "--timeout", "1")
    blocking = found(report)
    assert (code, list(dict.fromkeys(each for each, _ in blocking))) == (1, expected)
    second = f"ns2.example.test ({rig.servers[1]})"
    if match:
        assert [where for _, where in blocking] == [(second,)]


async def test_a_value_that_is_kept_or_wrong_is_told_with_the_words_of_the_checks(rig):
    await publish(rig, KEY.http_body)
    code, report = await rig.report(NAME, *DNS01)
    assert (code, [each for each, _ in found(report)]) == (1, ["key-authorization"])
    solver, server = report["checks"]
    assert solver["reason"] == f'DNS record for "{NAME}" not yet propagated'
    assert server["reason"].startswith("Incorrect TXT record ")
    assert server["record"][0]["server"] == rig.servers[0]


async def test_one_type_that_passes_is_enough_for_an_authorization(rig):
    await publish(rig)
    code, report = await rig.report(NAME, "--key-authorization", KEY.http_body)
    assert (code, report["verdict"], [each for each, _ in found(report)]) == (0, "pass", ["not-found"])


async def test_a_wildcard_and_a_given_value_are_looked_at_by_dns01_alone(rig):
    await rig.management.post("/set-txt", {"host": "_acme-challenge.example.test", "value": "v"})
    code, report = await rig.report("*.Example.test.", "--value", "v")
    assert (code, report["name"], {each["type"] for each in report["checks"]}) == (0, "*.example.test", {"dns-01"})
    code, report = await rig.report("example.test", "--value", "w")
    assert (code, [each for each, _ in found(report)]) == (1, ["wrong-value"])


async def test_the_acme_servers_resolver_is_looked_at_from_its_own_side(rig):
    world = await rig.management.ask("/worlds")
    await rig.management.ask(f"/worlds/{world['id']}/set-txt", host=TXT, value="other")
    await publish(rig)
    code, report = await rig.report(NAME, *DNS01, "--server-dns", world["dns"])
    solver, server = report["checks"]
    assert (code, solver["passed"], server["passed"]) == (1, True, False)
    assert found(report) == [("other-nameservers", (f"resolver {world['dns']}",))]


async def test_resolver_and_ports_are_those_that_are_named(rig):
    await publish(rig)
    port = rig.servers[0].rpartition(":")[2]
    named = ("--dns", rig.servers[1], "--nameserver-port", port)
    code, report = await rig.report(NAME, *DNS01, *named, ACME_DNS="127.0.0.1:1")
    assert (code, report["checks"][0]["lookups"][0]["server"]) == (0, rig.servers[1])


async def test_a_gravel_that_answers_is_the_acme_server_whatever_the_solver_asks(rig):
    await publish(rig)
    port = rig.servers[0].rpartition(":")[2]
    code, report = await rig.report(NAME, *DNS01, "--dns", rig.servers[1], "--nameserver-port", port)
    asked = [each["lookups"][0]["server"] for each in report["checks"]]
    assert (code, asked) == (0, [rig.servers[1], rig.servers[0]])


def test_with_no_resolver_at_all_it_says_how_to_name_one(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACME_DNS", "127.0.0.1:1")
    monkeypatch.setattr(network, "_RESOLV_CONF", tmp_path / "none")
    assert cli.run(["check", NAME]) == 1
    assert capsys.readouterr().err.startswith("gravel: There is no resolver to ask (")


async def test_for_people_there_are_tables_then_findings_then_the_verdict(rig):
    code, text = await rig.check(NAME, "--type", "http-01", "--token", KEY.token)
    sections = text.rstrip().split("\n\n")
    assert [section.split()[0] for section in sections] == [
        "Resolvers",
        "Nameservers",
        "Requests",
        "http-01",
        f"{NAME}:",
    ]
    assert code == 1
    assert "  whoever runs the web server or ingress: " in text
    assert "http-01 not-found (in the way): 404 for " in text
    assert "\x1b" not in text


async def test_what_strangers_send_reaches_no_terminal_as_it_is(rig):
    await publish(rig, "\x1b[2Jcleared")
    _, text = await rig.check(NAME, *DNS01)
    assert "\x1b" not in text
    assert r"\x1b[2Jcleared" in text


MISTAKES = [
    (["localhost"], "gravel check: 'localhost' has only one label.\n"),
    (["192.0.2.1"], "gravel check: '192.0.2.1' looks like an IP address.\n"),
    ([NAME, "--type", "tls"], "gravel check: Invalid value for '--type': 'tls' is not one of 'http-01', 'dns-01'.\n"),
    (["*.a.test", "--type", "http-01"], "gravel check: --type http-01 does not fit: a wildcard has dns-01 only.\n"),
    ([NAME, "--type", "http-01", "--value", "v"], "gravel check: --type http-01 does not fit: --value is of dns-01.\n"),
    ([NAME, "--value", "v", "--token", "t"], "gravel check: --value goes without --token and --key-authorization"),
    ([NAME, "--token", "a/b"], "gravel check: A --token has letters, digits, - and _ only.\n"),
    ([NAME, "--key-authorization", "a"], "gravel check: A --key-authorization is TOKEN.THUMBPRINT.\n"),
    ([NAME, "--key-authorization", "a.b", "--token", "c"], "gravel check: --key-authorization begins with another"),
    ([NAME, "--dns", "x"], "gravel check: Invalid value for '--dns': 'x' is not HOST:PORT.\n"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES, ids=str)
def test_a_mistake_is_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["check", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(sentence)
    assert (said.out, said.err.count("\n")) == ("", 1)
