"""What `--state DIR` keeps beside the records: each part answers after a restart as it did before."""

from __future__ import annotations

import asyncio
import json
import subprocess
from datetime import timedelta
from functools import partial

import pytest

from acme_server.network import Network
from acme_server.protocol.times import parse_rfc3339
from acme_server.protocol.vantage import Resolve
from tests.gravel.acme_on_wire import WireClient

RATES = {"rates": {"DirectoryRequestsPerIPAddress": "1/d/2"}, "public_suffixes": ["co.test"]}


@pytest.fixture
def house(manage, tmp_path):
    """Open a house on the same folder each time."""

    async def opened(**changes):
        return await manage(state=str(tmp_path / "state"), **changes)

    return opened


async def close(house):
    """End a house as its process would; `manage` closes what is closed already once more."""
    await house.session.close()
    await house.running.__aexit__(None, None, None)


async def asked(house, name, rtype):
    network = Network(house.running.addresses.dns)
    try:
        answer = await network(Resolve(name, rtype))
        return answer.rcode, answer.values(rtype)
    finally:
        await network.close()


async def shown(house, path):
    return json.loads((await house.get(path))[1])


async def directory(house):
    async with house.session.get(house.running.addresses.directory) as answer:
        return answer.status, await answer.json(content_type=None)


EDITS = [
    ("/set-txt", {"host": "_acme-challenge.a.test.", "value": "one"}),
    ("/set-txt", {"host": "_acme-challenge.a.test.", "value": "two"}),
    ("/set-txt", {"host": "gone.a.test.", "value": "three"}),
    ("/clear-txt", {"host": "gone.a.test."}),
    ("/set-cname", {"host": "b.test", "target": "a.test"}),
    ("/set-caa", {"host": "c.test", "policies": [{"tag": "issue", "value": "ca.test"}]}),
    ("/set-default-ipv4", {"ip": "127.0.0.9"}),
    ("/add-aaaa", {"host": "six.test", "addresses": ["::1"]}),
    ("/set-default-ipv6", {"ip": "::9"}),
]
QUESTIONS = [
    ("_acme-challenge.a.test", "TXT"),
    ("gone.a.test", "TXT"),
    ("b.test", "CNAME"),
    ("c.test", "CAA"),
    ("a.test", "A"),
    ("six.test", "A"),
    ("six.test", "AAAA"),
    ("a.test", "AAAA"),
    ("a.test", "SOA"),
]


async def test_the_dns_answers_as_before_and_goes_on_from_there(house):
    first = await house()
    for path, body in EDITS:
        await first.ask(path, **body)
    answers = [await asked(first, *question) for question in QUESTIONS]
    assert sorted(answers[0][1]) == ["one", "two"]
    await close(first)
    second = await house()
    assert answers == [await asked(second, *question) for question in QUESTIONS]
    # What is a name's own and what the default is known too.
    await second.ask("/set-default-ipv4", ip="127.0.0.8")
    assert [await asked(second, "six.test", rtype) for rtype in ("A", "AAAA")] == [
        ("NOERROR", ("127.0.0.8",)),
        ("NOERROR", ("::1",)),
    ]


async def test_updates_are_kept_too(house):
    first = await house(dns_update_open=True)
    address, _, port = first.running.addresses.dns.rpartition(":")
    lines = (
        f"server {address} {port}\nzone a.test\nupdate add x.a.test 1 TXT here\nupdate add y.a.test 1 TXT there\nsend\n"
    )
    send = partial(subprocess.run, ["nsupdate"], input=lines, capture_output=True, text=True, check=False)
    done = await asyncio.to_thread(send)
    assert done.returncode == 0, done.stderr
    await close(first)
    second = await house()
    assert [await asked(second, f"{label}.a.test", "TXT") for label in "xy"] == [
        ("NOERROR", ("here",)),
        ("NOERROR", ("there",)),
    ]


async def test_accounts_of_acme_dns_still_write_their_names(house):
    first = await house()
    account = await first.ask("/acme-dns/register")
    headers = {"X-Api-User": account["username"], "X-Api-Key": account["password"]}
    update = {"subdomain": account["subdomain"]}
    assert (await first.post("/acme-dns/update", {**update, "txt": "a" * 43}, **headers))[0] == 200
    await close(first)
    second = await house()
    for letter in "bc":
        assert (await second.post("/acme-dns/update", {**update, "txt": letter * 43}, **headers))[0] == 200
    assert sorted((await asked(second, account["fulldomain"], "TXT"))[1]) == ["b" * 43, "c" * 43]


async def test_faults_are_armed_with_their_counts(house):
    first = await house()
    rule = {"id": "twice", "match": {"endpoint": "directory"}, "action": {"kind": "problem", "status": 503}}
    await first.ask("/faults", **rule, when={"count": 2})
    await first.ask("/set-servfail", host="broken.test")
    assert (await directory(first))[0] == 503
    armed = await shown(first, "/faults")
    await close(first)
    second = await house()
    assert armed == await shown(second, "/faults")
    assert [(await directory(second))[0] for _ in range(2)] == [503, 200]
    assert (await asked(second, "broken.test", "A"))[0] == "SERVFAIL"
    await second.delete("/faults")
    await close(second)
    assert (await shown(await house(), "/faults")) == {"faults": []}


async def test_rate_limits_their_buckets_and_what_was_issued_count_on(house):
    first = await house()
    async with first.session.put(f"{first.running.addresses.management}/rate-limits", json=RATES) as answer:
        assert answer.status == 200
    assert [(await directory(first))[0] for _ in range(3)] == [200, 200, 503]
    limits = await shown(first, "/rate-limits")
    await close(first)
    second = await house()
    assert limits == await shown(second, "/rate-limits")
    assert (await directory(second))[0] == 503
    await second.post("/rate-limits/reset", {})
    await close(second)
    assert [(await directory(third))[0] for third in [await house()]] == [200]


async def test_the_clock_is_where_it_was_and_stands_if_it_stood(house):
    first = await house()
    await first.ask("/clock", advance="60d")
    ahead = parse_rfc3339((await shown(first, "/clock"))["now"])
    await close(first)
    second = await house()
    now = await shown(second, "/clock")
    assert not now["frozen"]
    assert timedelta(0) <= parse_rfc3339(now["now"]) - ahead < timedelta(days=1)
    await second.ask("/clock", freeze=True)
    await second.ask("/clock", advance="1h")
    stands = await shown(second, "/clock")
    await close(second)
    assert stands == await shown(await house(), "/clock")


async def test_terms_and_external_accounts_that_were_changed_stay(house):
    first = await house(eab=(("kid-1", b"1" * 32),))
    await first.ask("/set-terms-of-service", url="https://ca.test/terms")
    made = await first.ask("/external-accounts")
    accounts = first.running.parts.world.settings.external_accounts
    await close(first)
    second = await house(eab=(("kid-1", b"1" * 32),))
    assert (await directory(second))[1]["meta"]["termsOfService"] == "https://ca.test/terms"
    assert second.running.parts.world.settings.external_accounts == accounts
    assert sorted(accounts) == sorted(["kid-1", made["kid"]])


async def test_an_issuer_that_a_fault_rotated_goes_on_issuing(house):
    first = await house()
    await first.ask("/faults", action={"kind": "rotate-issuer"}, when={"count": 1})
    await WireClient(first).issue("a.test")
    authority = first.running.parts.world.authority
    assert len(authority.retired) == 1
    await close(first)
    second = await house()
    again = second.running.parts.world.authority
    assert [each.id for each in authority.signers] == [each.id for each in again.signers]


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ({}, {}, "https://runtime.test"),
        ({"terms_of_service": "https://a.test"}, {"terms_of_service": "https://a.test"}, "https://runtime.test"),
        ({"terms_of_service": "https://a.test"}, {"terms_of_service": "https://b.test"}, "https://b.test"),
        ({"terms_of_service": "https://a.test"}, {}, None),
    ],
)
async def test_an_option_counts_again_once_it_has_changed(house, before, after, seen):
    first = await house(**before)
    await first.ask("/set-terms-of-service", url="https://runtime.test")
    await close(first)
    for _ in range(2):
        second = await house(**after)
        assert (await directory(second))[1]["meta"].get("termsOfService") == seen
        await close(second)


async def test_rules_of_a_file_are_armed_once(house, tmp_path):
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"action": {"kind": "problem", "status": 503}, "when": {"count": 1}}))
    first = await house(faults=(str(file),))
    assert [(await directory(first))[0] for _ in range(2)] == [503, 200]
    await close(first)
    second = await house(faults=(str(file),))
    assert (await directory(second))[0] == 200
    assert len((await shown(second, "/faults"))["faults"]) == 1
    await close(second)
    assert (await shown(await house(), "/faults"))["faults"] == []
