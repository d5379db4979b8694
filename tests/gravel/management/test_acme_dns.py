"""The HTTP API of acme-dns, as its clients use it; statuses and words are those of joohoi/acme-dns."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.request
from uuid import UUID

import pytest
from dnslib import DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.vantage import Resolve
from gravel.entropy import entropy_of
from gravel.management import acme_dns
from gravel.management.acme_dns import AcmeDns, Refused
from solvers.dns.answer import answer_question
from solvers.dns.zone import Zone

DOMAIN = "auth.acme-dns.test"
TXT, OTHER, THIRD = "a" * 43, "B" * 43, "_-0" + "c" * 40


async def register(management, base="/acme-dns", **members):
    status, text = await management.post(f"{base}/register", members or b"")
    assert status == 201, text
    return json.loads(text)


async def update(management, account, txt=TXT, base="/acme-dns", **changes):
    """Return status and what came back; changes: of what is sent."""
    sent = {"subdomain": account["subdomain"], "txt": txt, **account, **changes}
    body = {name: sent[name] for name in ("subdomain", "txt")}
    headers = {"X-Api-User": sent["username"], "X-Api-Key": sent["password"]}
    status, text = await management.post(f"{base}/update", body, **headers)
    return status, json.loads(text)


def texts(zone, name):
    return answer_question(zone, Resolve(name, "TXT")).values("TXT")


async def test_an_account_has_the_members_and_the_shapes_of_acme_dns(manage):
    account = await register(await manage())
    assert list(account) == ["username", "password", "fulldomain", "subdomain", "allowfrom"]
    assert (UUID(account["username"]).version, UUID(account["subdomain"]).version) == (4, 4)
    assert (len(account["password"]), account["allowfrom"]) == (40, [])
    assert account["fulldomain"] == f"{account['subdomain']}.{DOMAIN}"


async def test_what_is_updated_is_found_at_the_alias_that_a_client_was_told_to_set(manage):
    management = await manage()
    account = await register(management)
    await management.ask("/set-cname", host="_acme-challenge.a.test", target=account["fulldomain"])
    assert await update(management, account) == (200, {"txt": TXT})
    host, port = management.running.addresses.dns.split(":")
    question = DNSRecord.question("_acme-challenge.a.test", "TXT")
    reply = DNSRecord.parse(await asyncio.to_thread(question.send, host, int(port), timeout=10))
    found = [(str(record.rname), str(record.rdata).strip('"')) for record in reply.rr]
    assert found == [("_acme-challenge.a.test.", f"{account['fulldomain']}."), (f"{account['fulldomain']}.", TXT)]


async def test_members_are_read_in_any_case_as_goacmedns_writes_them(manage):
    management = await manage()
    account = await register(management, AllowFrom=["127.0.0.0/8"])
    assert account["allowfrom"] == ["127.0.0.0/8"]
    headers = {"X-Api-User": account["username"].upper(), "X-Api-Key": account["password"]}
    body = {"SubDomain": account["subdomain"], "Txt": TXT}
    assert (await management.post("/acme-dns/update", body, **headers))[0] == 200


@pytest.mark.parametrize("domain", ["auth.example.com", "acme-dns.test.", "Test"])
def test_accounts_live_below_the_domain_that_was_chosen(domain, launch):
    ready = launch("serve", "--acme-dns-domain", domain).ready
    trust = ssl.create_default_context(cafile=ready["tls_ca"])
    request = urllib.request.Request(f"{ready['management']}/acme-dns/register", method="POST", data=b"")
    with urllib.request.urlopen(request, context=trust) as answer:
        account = json.load(answer)
    assert account["fulldomain"] == f"{account['subdomain']}.{domain.lower().removesuffix('.')}"


async def test_health_is_200_and_empty(manage):
    assert await (await manage()).get("/acme-dns/health") == (200, "")


CIDRS = ["123.123.123.123/32", "2001:db8:a0b:12f0::1/32", "[::1]/64", "127.0.0.1/0"]


async def test_cidrs_are_shown_as_they_were_given_but_for_brackets(manage):
    account = await register(await manage(), allowfrom=CIDRS)
    assert account["allowfrom"] == [cidr.replace("[", "").replace("]", "") for cidr in CIDRS]


NO_CIDRS = [
    "invalid",
    "1.2.3.4/33",
    "1.2/24",
    "1.2.3.4",
    "12345:db8::1/32",
    "1::2::3/32",
    "1.2.3.4/255.0.0.0",
    "::%1/8",
]
MALFORMED = [b"{", b"x", b"[]", b'"x"', b"1", b" ", b'{"allowfrom": "1.1.1.1/32"}', b'{"allowfrom": [1]}', b"\xff"]
REGISTRATIONS = [
    *((json.dumps({"allowfrom": [cidr]}).encode(), 400, "invalid_allowfrom_cidr") for cidr in (*NO_CIDRS, "")),
    *((body, 400, "malformed_json_payload") for body in MALFORMED),
]


async def test_a_registration_that_cannot_be_is_refused_with_the_word_of_acme_dns(manage):
    management = await manage()
    for body, status, word in REGISTRATIONS:
        answer = await management.post("/acme-dns/register", body)
        assert answer == (status, json.dumps({"error": word})), body


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"allowfrom": null}', b'{"allowfrom": []}', b'{"x": 1}'])
async def test_everybody_may_use_an_account_that_names_no_networks(manage, body):
    management = await manage()
    status, text = await management.post("/acme-dns/register", body)
    assert (status, json.loads(text)["allowfrom"]) == (201, [])
    assert (await update(management, json.loads(text)))[0] == 200


NOBODY = "a097455b-52cc-4569-90c8-7a4b97c6eba8"
UPDATES = [
    ({"username": NOBODY}, 401, "forbidden"),
    ({"username": ""}, 401, "forbidden"),
    ({"username": "ü"}, 401, "forbidden"),
    ({"password": "x" * 40}, 401, "forbidden"),
    ({"password": ""}, 401, "forbidden"),
    ({"password": "ü"}, 401, "forbidden"),
    ({"subdomain": NOBODY}, 401, "forbidden"),
    ({"subdomain": "example.com"}, 401, "forbidden"),
    ({"subdomain": None}, 401, "forbidden"),
    ({"subdomain": ["x"]}, 401, "forbidden"),
    ({"txt": "a" * 42}, 400, "bad_txt"),
    ({"txt": "a" * 44}, 400, "bad_txt"),
    ({"txt": "a" * 42 + "="}, 400, "bad_txt"),
    ({"txt": "a" * 43 + "\n"}, 400, "bad_txt"),
    ({"txt": ""}, 400, "bad_txt"),
    ({"txt": 1234567890}, 400, "bad_txt"),
    ({"txt": None}, 400, "bad_txt"),
]


async def test_an_update_that_may_not_be_is_refused_with_the_word_of_acme_dns(manage):
    management = await manage()
    account = await register(management)
    for changes, status, word in UPDATES:
        assert await update(management, account, **changes) == (status, {"error": word}), changes
    assert texts(management.running.parts.zone, account["fulldomain"]) == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
async def test_an_update_without_a_subdomain_is_forbidden_whatever_else_it_is(manage, body):
    management = await manage()
    account = await register(management)
    headers = {"X-Api-User": account["username"], "X-Api-Key": account["password"]}
    assert await management.post("/acme-dns/update", body, **headers) == (401, '{"error": "forbidden"}')


@pytest.mark.parametrize(
    ("networks", "status"),
    [(["127.0.0.0/8"], 200), (["192.0.2.0/24", "127.0.0.1/32"], 200), (["192.0.2.0/24"], 401), (["::1/128"], 401)],
)
async def test_an_account_is_used_from_its_networks_only(manage, networks, status):
    management = await manage()
    assert (await update(management, await register(management, allowfrom=networks)))[0] == status


async def test_one_account_writes_no_name_of_another(manage):
    management = await manage()
    one, other = await register(management), await register(management)
    assert await update(management, one, subdomain=other["subdomain"]) == (401, {"error": "forbidden"})
    assert await update(management, one, OTHER) == (200, {"txt": OTHER})
    assert texts(management.running.parts.zone, other["fulldomain"]) == ()


async def test_worlds_have_accounts_of_their_own_and_bring_them_back(manage):
    management = await manage()
    seeded = {"seed": 7, "start": "2026-01-01T00:00:00Z", "frozen": True}
    accounts = []
    for world in ("one", "two"):
        await management.ask("/worlds", id=world, **seeded)
        accounts.append(await register(management, f"/worlds/{world}/acme-dns"))
    assert accounts[0] == accounts[1]
    account, base = accounts[0], "/worlds/one/acme-dns"
    assert await update(management, account) == (401, {"error": "forbidden"})
    await update(management, account, TXT, base)
    snapshot = (await management.ask("/worlds/one/snapshot"))["snapshot"]
    await update(management, account, OTHER, base)
    await update(management, account, THIRD, base)
    zone = management.running.worlds.get("one").view.zone
    assert texts(zone, account["fulldomain"]) == (OTHER, THIRD)
    await management.ask("/worlds/one/restore", snapshot=snapshot)
    assert texts(zone, account["fulldomain"]) == (TXT,)
    await update(management, account, OTHER, base)
    assert texts(zone, account["fulldomain"]) == (TXT, OTHER)
    await management.ask("/worlds/one/reset")
    assert await update(management, account, TXT, base) == (401, {"error": "forbidden"})
    assert await register(management, base) == account


async def test_beyond_loopback_the_password_of_an_account_is_enough(manage):
    management = await manage(management_token="s3cret")
    assert (await management.post("/worlds", {"id": "w"}, Authorization="Bearer s3cret"))[0] == 201
    for base in ("/acme-dns", "/worlds/w/acme-dns"):
        account = await register(management, base)
        assert await update(management, account, base=base) == (200, {"txt": TXT})
        assert await management.get(f"{base}/health") == (200, "")
        assert (await management.get(f"{base}/accounts"))[0] == 401
    assert (await management.get("/worlds/w%2Facme-dns%2Fhealth"))[0] == 401
    assert (await management.post("/acme-dns/register", b"", Origin="https://evil.example"))[0] == 403


async def test_a_world_that_is_not_there_is_said_to_be_so(manage):
    status, text = await (await manage()).post("/worlds/x/acme-dns/register", b"")
    assert (status, text) == (404, '{"error": "there is no world \'x\'"}')


@given(st.lists(st.sampled_from([TXT, OTHER, THIRD]), max_size=8))
def test_a_name_has_the_values_of_its_last_two_updates(updates):
    zone = Zone()
    accounts = AcmeDns(zone)
    account = accounts.register(entropy_of(7), DOMAIN)
    for txt in updates:
        accounts.update(accounts.authenticate(account.username, account.password, "127.0.0.1"), txt)
    assert sorted(texts(zone, account.fulldomain)) == sorted(frozenset(updates[-2:]))


@given(st.text(), st.text(), st.text())
def test_no_text_that_is_not_an_accounts_own_gets_in(username, password, txt):
    accounts = AcmeDns(Zone())
    account = accounts.register(entropy_of(7), DOMAIN)
    for name, key in ((username, password), (account.username, password), (username, account.password)):
        with pytest.raises(Refused, match="forbidden"):
            accounts.authenticate(name, key, "127.0.0.1")
    if len(txt) != 43:
        with pytest.raises(Refused, match="bad_txt"):
            accounts.update(account, txt)


def test_there_is_an_end_to_accounts(monkeypatch):
    monkeypatch.setattr(acme_dns, "MAX_ACCOUNTS", 1)
    accounts = AcmeDns(Zone())
    accounts.register(entropy_of(7), DOMAIN)
    with pytest.raises(Refused) as refused:
        accounts.register(entropy_of(7), DOMAIN)
    assert (refused.value.status, refused.value.word) == (503, "too_many_accounts")


def test_a_password_is_not_shown_by_its_account():
    account = AcmeDns(Zone()).register(entropy_of(7), DOMAIN)
    assert account.password not in repr(account)
