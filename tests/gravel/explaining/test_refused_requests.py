"""A request that was refused, and not made good since, is told by its problem: each of RFC 8555's has a row."""

import json
from datetime import timedelta

import attrs
import pytest

from acme_server import limits
from acme_server.exchange import Request
from acme_server.protocol.encoding import b64url
from acme_server.protocol.problem import STATUS_OF
from acme_server.protocol.rate_limit import Rate
from gravel.explaining.refused_requests import CAUSES, STORM
from gravel.explaining.rules import CLIENT
from gravel.explaining.subjects import Unknown
from tests.acme_server.rig import BASE, JOSE, Client, csr, key
from tests.gravel.explaining.story_rig import codes, explained, new_client

# Types that are of validations or of nobody yet, and never refuse a request here.
ELSEWHERE = (
    "compound",
    "connection",
    "dns",
    "incorrectResponse",
    "malformed",
    "tls",
    "invalidContact",
    "unsupportedContact",
)


def ready(client, name="a.test"):
    order = client.order(name)
    client.authorize(order)
    return order


def test_every_type_of_problem_has_a_row():
    assert sorted({kind for kind, _, _ in CAUSES} | set(ELSEWHERE)) == sorted(STATUS_OF)


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        ("csr-names", lambda _: csr(["a.test", "b.test"])),
        ("csr-account-key", lambda client: csr(["a.test"], client.key)),
        ("bad-csr", lambda _: b"no CSR"),
    ],
)
def test_a_csr_that_does_not_fit_is_in_the_way_until_one_does(code, sent):
    client = new_client()
    order = ready(client)
    client.post(order.json["finalize"], {"csr": b64url(sent(client))})
    told = explained(client, order.header("Location"))
    assert (told.verdict, codes(told), told.findings[0].who) == ("stuck", [code], CLIENT)
    client.finalize(order, ["a.test"])
    assert code not in codes(explained(client, order.header("Location")))


REFUSED_ORDERS = [
    ("identifier-rejected", {"blocked_names": ("a.test",)}, {}),
    ("profile-unknown", {}, {"profile": "none"}),
    ("profile-unknown", {}, {"profile": 1}),
    ("terms-not-agreed", {"terms_of_service": "https://ca.test/terms/2"}, {}),
]


@pytest.mark.parametrize(("code", "settings", "payload"), REFUSED_ORDERS)
def test_an_order_that_was_refused_is_found_by_the_name_that_it_was_for(code, settings, payload):
    client = new_client()
    client.server.world.settings = attrs.evolve(client.server.world.settings, **settings)
    assert client.order("a.test", **payload).status >= 400
    told = explained(client, "A.test.")
    assert (told.verdict, codes(told), told.findings[0].blocks) == ("stuck", [code], True)


def limited(burst=1, name=limits.ORDERS):
    client = new_client()
    client.server.world.limits.rates = {name: Rate(1, timedelta(hours=3), burst)}
    return client


def test_a_rate_limit_passes_by_itself_and_says_when():
    """Pain 14."""
    client = limited()
    client.order("b.test")
    client.order("a.test")
    told = explained(client, "a.test")
    [found] = told.findings
    assert (told.verdict, found.code, found.blocks, found.pain) == ("waiting", "rate-limited", False, 14)
    assert "retry after 2026-11-22 15:00:00 UTC" in found.cause
    client.driver.pass_time(hours=3)
    client.order("a.test")
    assert "rate-limited" not in codes(explained(client, "a.test"))


def test_of_an_account_too_a_refusal_is_over_when_it_gets_on():
    client = limited()
    client.order("b.test")
    client.order("a.test")
    assert "rate-limited" in codes(explained(client, client.kid))
    client.driver.pass_time(hours=3)
    client.order("a.test")
    assert "rate-limited" not in codes(explained(client, client.kid))


def test_a_name_that_was_paused_stays_paused():
    client = limited(name=limits.PAUSING)
    for _ in range(3):
        order = client.order("a.test")
        if order.status == 201:
            client.post(client.authorizations(order)[0]["challenges"][0]["url"], {})
            client.driver.run()
    told = explained(client, "a.test")
    assert "identifier-paused" in codes(told, blocks=True)


def test_an_account_of_a_server_that_was_wiped_is_told_as_that():
    """Pain 24: the client goes on with an account that nobody knows."""
    client, old = new_client(), new_client(seed=2)
    client.kid = old.kid
    client.order("a.test")
    client.order("a.test")
    told = explained(client, old.kid)
    [found] = told.findings
    assert (told.verdict, found.code, found.who, found.pain) == ("stuck", "account-unknown", CLIENT, 24)
    assert "2 times" in found.cause
    assert codes(explained(client, f"account/{old.kid.rpartition('/')[2]}")) == ["account-unknown"]
    assert codes(explained(client, "a.test")) == codes(explained(client, "newOrder")) == ["account-unknown"]
    client.register()
    client.order("a.test")
    assert codes(explained(client, "a.test")) == ["challenge-not-responded"]


@pytest.mark.parametrize("place", ["order", "authz", "cert", "chall"])
def test_what_a_wiped_server_does_not_know_any_more_is_told_when_it_is_asked_for(place):
    """Pain 24."""
    client = new_client()
    url = f"{client.base}/{place}/old" + ("/0" if place == "chall" else "")
    with pytest.raises(Unknown):
        explained(client, url)
    client.post(url)
    told = explained(client, url)
    assert (told.verdict, codes(told)) == ("stuck", ["resource-unknown"])


def test_an_account_of_another_is_told_as_that():
    """Pain 21."""
    client = new_client()
    order = client.order("a.test")
    other = Client(client.server, key(2))
    other.register()
    other.post(order.header("Location"))
    told = explained(client, order.header("Location"))
    assert [(each.code, each.pain) for each in told.findings] == [("foreign-account", 21)]


@pytest.mark.parametrize(("times", "expected"), [(STORM - 1, []), (STORM, ["bad-nonce"])])
def test_a_nonce_that_is_used_up_is_a_storm_only_when_nothing_else_comes(times, expected):
    """Pain 25."""
    client = new_client()
    order = ready(client)
    for _ in range(times):
        client.post(order.json["finalize"], {"csr": ""}, nonce="AAAA")
    told = explained(client, order.header("Location"))
    assert codes(told, blocks=True) == expected
    client.finalize(order, ["a.test"])
    assert "bad-nonce" not in codes(explained(client, order.header("Location")))


def test_an_order_that_has_been_finalized_is_only_to_be_polled():
    """Pain 20."""
    client = new_client()
    order = ready(client)
    for _ in range(2):
        client.finalize(order, ["a.test"])
    found = explained(client, order.header("Location")).findings[0]
    assert (found.code, found.blocks, found.pain) == ("already-finalized", False, 20)


def test_an_order_that_is_finalized_too_early_is_told_with_what_it_waits_for():
    client = new_client()
    order = client.order("a.test")
    client.finalize(order, ["a.test"])
    assert codes(explained(client, "a.test")) == ["finalized-early", "challenge-not-responded"]


def refused_account(payload):
    client = new_client()
    world = client.server.world
    world.settings = attrs.evolve(
        world.settings, external_account_required=True, external_accounts={"k": b"secret" * 6}
    )
    other = Client(client.server, key(3))
    other.post(f"{other.base}/new-account", {"termsOfServiceAgreed": True, **payload})
    return client


BINDINGS = [
    ("external-account-missing", {}),
    ("external-account-unknown", {"kid": "other"}),
    ("external-account-key", {"kid": "k"}),
]


@pytest.mark.parametrize(("code", "header"), BINDINGS)
def test_an_account_without_its_external_account_is_told_where_accounts_are_made(code, header):
    url = f"{BASE}/new-account"
    binding = {"protected": {"alg": "HS256", "url": url, **header}, "payload": "e30", "signature": "AAAA"}
    binding["protected"] = b64url(json.dumps(binding["protected"]).encode())
    told = explained(refused_account({"externalAccountBinding": binding} if header else {}), "newAccount")
    assert (told.verdict, codes(told)) == ("stuck", [code])


def test_a_client_that_got_no_account_is_named_where_its_name_is_not_known():
    with pytest.raises(Unknown, match="refused at newAccount"):
        explained(refused_account({}), "a.test")


def test_a_problem_without_a_row_is_told_in_its_own_words():
    client = new_client()
    order = ready(client)
    client.post(order.json["finalize"], b"[]")
    [found] = explained(client, order.header("Location")).findings
    assert found.code == "request-refused"
    assert "finalize was refused" in found.cause


def test_what_was_no_request_at_all_is_nobodys_story():
    client = new_client()
    client.order("a.test")
    client.server.handle(Request("POST", "/new-order", JOSE, b"{}"))
    assert codes(explained(client, "a.test")) == ["challenge-not-responded"]
