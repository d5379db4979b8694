"""The management API over HTTPS, as a test or a hook uses it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from acme_server.protocol.journal import Fact, Journal
from acme_server.protocol.vantage import Resolve
from solvers.dns.answer import answer_question

NAME = "a.test"


def values(management, rtype: str, name: str = NAME) -> tuple[str, ...]:
    return answer_question(management.running.parts.zone, Resolve(name, rtype)).values(rtype)


EDITS = [
    ([("/set-txt", {"host": "_acme-challenge.a.test.", "value": "v"})], "TXT", "_acme-challenge.a.test", ("v",)),
    ([("/set-txt", {"host": NAME, "value": "v"}), ("/set-txt", {"host": NAME, "value": "w"})], "TXT", NAME, ("v", "w")),
    ([("/set-txt", {"host": NAME, "value": "v"}), ("/clear-txt", {"host": NAME})], "TXT", NAME, ()),
    ([("/add-a", {"host": NAME, "addresses": ["192.0.2.1", "192.0.2.2"]})], "A", NAME, ("192.0.2.1", "192.0.2.2")),
    ([("/add-a", {"host": NAME, "addresses": ["192.0.2.1"]}), ("/clear-a", {"host": NAME})], "A", NAME, ("127.0.0.1",)),
    ([("/add-aaaa", {"host": NAME, "addresses": ["2001:db8::1"]})], "AAAA", NAME, ("2001:db8::1",)),
    ([("/add-aaaa", {"host": NAME, "addresses": ["::1"]}), ("/clear-aaaa", {"host": NAME})], "AAAA", NAME, ()),
    ([("/set-default-ipv4", {"ip": "192.0.2.9"})], "A", NAME, ("192.0.2.9",)),
    ([("/set-default-ipv4", {"ip": ""})], "A", NAME, ()),
    ([("/set-default-ipv6", {"ip": "2001:db8::9"})], "AAAA", NAME, ("2001:db8::9",)),
    ([("/set-cname", {"host": NAME, "target": "b.test"})], "CNAME", NAME, ("b.test.",)),
    ([("/set-cname", {"host": NAME, "target": "b.test"}), ("/clear-cname", {"host": NAME})], "CNAME", NAME, ()),
]


@pytest.mark.parametrize(("edits", "rtype", "name", "answer"), EDITS)
async def test_dns_is_edited_as_with_challtestsrv(manage, edits, rtype, name, answer):
    management = await manage()
    for path, body in edits:
        assert await management.post(path, body) == (200, "")
    assert answer == values(management, rtype, name)


BAD = [
    ("/set-txt", b"", "the body is not JSON"),
    ("/set-txt", [], "the body is not a JSON object"),
    ("/set-txt", {"host": NAME}, "'value' is wanted: a non-empty string"),
    ("/set-txt", {"host": "", "value": "v"}, "'host' is wanted: a non-empty string"),
    ("/set-txt", {"host": 1, "value": "v"}, "'host' is wanted: a non-empty string"),
    ("/set-txt", {"host": "a b", "value": "v"}, "'a b' is not a domain name"),
    ("/add-a", {"host": NAME, "addresses": []}, "'addresses' is wanted: a non-empty list of strings"),
    ("/add-a", {"host": NAME, "addresses": [1]}, "'addresses' is wanted: a non-empty list of strings"),
    ("/add-a", {"host": NAME, "addresses": ["::1"]}, "'::1' is not an IPv4 address"),
    ("/add-aaaa", {"host": NAME, "addresses": ["nowhere"]}, "'nowhere' does not appear to be an IPv4 or IPv6 address"),
    ("/set-default-ipv4", {}, "'ip' is wanted: a string"),
    ("/set-cname", {"host": NAME, "target": "a..b"}, "'a..b' is not a domain name"),
]


@pytest.mark.parametrize(("path", "body", "sentence"), BAD)
async def test_a_bad_body_is_answered_with_a_sentence(manage, path, body, sentence):
    status, text = await (await manage()).post(path, body)
    assert status == 400
    assert json.loads(text)["error"].startswith(sentence)


async def test_roots_and_intermediates_are_those_of_the_authority(manage):
    management = await manage()
    authority = management.running.parts.world.authority
    assert (200, authority.root_pem) == await management.get("/roots/0")
    assert (200, authority.intermediate_pem) == await management.get("/intermediates/0")
    assert await management.get("/roots/1") == (404, '{"error": "there is nothing at /roots/1"}')


async def test_the_journal_is_read_from_any_entry(manage):
    management = await manage()
    journal = management.running.parts.world.journal
    journal.append("test", [Fact("ThingDone", {"thing": str(number)}) for number in range(3)], datetime.now(UTC))
    entries = [entry.to_json() for entry in journal]
    for query, expected in (("", entries), ("?since=0", entries), ("?since=2", entries[2:])):
        status, text = await management.get(f"/journal{query}")
        assert (200, expected) == (status, [json.loads(line) for line in text.splitlines()])
    assert await management.get("/journal?since=999999") == (200, "")


async def test_a_long_journal_is_told_as_if_it_were_short(manage):
    management = await manage()
    journal, whole = management.running.parts.world.journal, Journal(recent=10_000)
    for number in range(1500):
        fact = Fact("ThingDone", {"thing": str(number), "a": "first"}, {"z": number, "b": ["ü", None]})
        for each in (journal, whole):
            each.append("test", [fact], datetime(2026, 1, 1, tzinfo=UTC))
    for since in (0, 1, 255, 256, 700, 1499, 1500):
        lines = [json.dumps(entry.to_json(), separators=(",", ":")) + "\n" for entry in whole.since(since)]
        assert await management.get(f"/journal?since={since}") == (200, "".join(lines))


@pytest.mark.parametrize("state", [False, True])
async def test_what_a_limit_has_dropped_is_gone_and_the_oldest_is_named(manage, tmp_path, state):
    management = await manage(journal_limit=300, **({"state": str(tmp_path / "state")} if state else {}))
    journal = management.running.parts.world.journal
    for number in range(1500):
        journal.append("test", [Fact("ThingDone", {}, {"number": number})], datetime(2026, 1, 1, tzinfo=UTC))
    oldest = journal.oldest
    assert 300 <= 1500 - oldest + 1 < 300 + 2 * 256
    status, text = await management.get("/journal?since=0")
    sentence = f"the journal has dropped the entries before {oldest}; ask for since={oldest - 1}"
    assert (status, json.loads(text)) == (410, {"error": sentence})
    for path in ("/journal", f"/journal?since={oldest - 1}", f"/journal?since={oldest - 1}&wait=1"):
        status, text = await management.get(path)
        assert (status, json.loads(text.partition("\n")[0])["seq"], text.count("\n")) == (200, oldest, 1501 - oldest)


@pytest.mark.parametrize("since", ["-1", "x", "1.5", "²", "9" * 30])
async def test_a_journal_entry_has_a_number(manage, since):
    status, text = await (await manage()).get(f"/journal?since={since}")
    assert status == 400
    assert "is not the number of an entry" in text


async def test_a_foreign_web_page_may_not_use_it(manage):
    management = await manage()
    body = {"host": NAME, "value": "v"}
    for origin in ("https://evil.example", "null", management.running.addresses.management.replace("https", "http")):
        status, text = await management.post("/set-txt", body, Origin=origin)
        assert (403, f"requests from the web page {origin} are not served here") == (status, json.loads(text)["error"])
    assert values(management, "TXT") == ()
    assert await management.post("/set-txt", body, Origin=management.running.addresses.management) == (200, "")


HOSTS = [
    ("localhost", 200),
    ("127.0.0.1:1", 200),
    ("[::1]:15000", 200),
    ("known.test:15000", 200),
    ("evil.example", 403),
    ("127.0.0.1.evil.example", 403),
    ("[", 403),
    ("", 403),
]


@pytest.mark.parametrize(("host", "status"), HOSTS)
async def test_without_a_token_a_name_that_could_be_rebound_is_refused(manage, host, status):
    management = await manage(tls_name=("known.test",))
    assert (await management.get("/healthz", Host=host))[0] == status


async def test_with_a_token_only_its_holder_is_served(manage):
    management = await manage(management_token="s3cret")
    assert (
        (await management.get("/journal"))[0],
        (await management.get("/journal", Authorization="Bearer wrong"))[0],
        (await management.post("/set-txt", {"host": NAME, "value": "v"}, Authorization="s3cret"))[0],
    ) == (401, 401, 401)
    assert values(management, "TXT") == ()
    assert await management.get("/journal", Authorization="Bearer s3cret") == (200, "")
    assert await management.get("/healthz") == (200, "ok\n")
    status, tls_ca = await management.get("/tls-ca")
    assert (status, tls_ca[:27]) == (200, "-----BEGIN CERTIFICATE-----")


async def test_a_get_changes_nothing(manage):
    assert (await (await manage()).get("/clear-txt"))[0] == 405


async def test_what_is_not_there_or_not_done_there_is_a_sentence_too(manage):
    management = await manage()
    assert await management.get("/nowhere") == (404, '{"error": "there is nothing at /nowhere"}')
    async with management.session.put(management.running.addresses.management + "/clock") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
        assert await answer.json() == {"error": "/clock takes GET, POST, not PUT"}
    too_large = io.BytesIO(b"[" * (1024 * 1024 + 1))
    async with management.session.post(management.running.addresses.management + "/faults", data=too_large) as answer:
        assert answer.status == 413
        assert await answer.json() == {"error": "the body has more than 1048576 bytes"}
