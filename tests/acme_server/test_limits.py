"""Rate limits as Let's Encrypt has them: what counts, for whom, and what a client is told."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from acme_server.limit_presets import PRESETS, preset, read_rates
from acme_server.limits import NAMES, registered_domain
from acme_server.renewal_info import certid_of
from acme_server.settings import Settings
from tests.acme_server.rig import Client, key, leaf_of, make_server
from tests.acme_server.worlds_rig import make_worlds, seeded

HELP = '<https://letsencrypt.org/docs/rate-limits>;rel="help"'
LIMITED = (429, "rateLimited")


class Peer(Client):
    """A client at an address."""

    peer = "192.0.2.1"

    def send(self, request):
        return super().send(attrs.evolve(request, peer=self.peer))

    def another(self, number, peer=None):
        other = Peer(self.server, key(number))
        other.peer = peer or self.peer
        return other


def limited(**rates):
    """A client with an account, where these limits hold."""
    client = Peer(make_server(Settings(rate_limits=read_rates(rates))))
    client.register()
    return client


def preset_client(name="letsencrypt"):
    rates = {limit: rate for limit, rate in preset(name).items() if not limit.endswith("RequestsPerIPAddress")}
    return Peer(make_server(Settings(rate_limits=rates)))


def failed(client, name):
    """Have a validation fail; return its order."""
    order = client.order(name)
    assert order.status == 201
    client.post(client.authorizations(order)[0]["challenges"][0]["url"], {})
    client.driver.run()
    return order


def test_nothing_is_limited_and_nothing_counted_unless_told():
    client = Peer(make_server())
    for number in range(20):
        assert client.another(number).register().status == 201
    client.register()
    client.issue("www.example.org")
    limits = client.server.world.limits
    assert (limits.rates, limits.buckets, limits.issued) == ({}, {}, {})


def test_an_address_has_ten_new_accounts_in_three_hours():
    client = preset_client()
    for number in range(10):
        assert client.another(number).register().status == 201
    refused = client.another(10).register()
    assert refused.outcome == LIMITED
    assert refused.header("Retry-After") == "1080"
    assert HELP in refused.headers("Link")
    assert refused.json["detail"] == (
        "too many new registrations (10) from this IP address in the last 3h0m0s, retry after 2026-11-22 12:18:00 UTC: "
        "see https://letsencrypt.org/docs/rate-limits/#new-registrations-per-ip-address"
    )
    assert client.another(0).register().status == 200
    assert client.another(10, "192.0.2.2").register().status == 201
    client.driver.pass_time(seconds=1080)
    assert client.another(11).register().status == 201
    assert client.another(12).register().outcome == LIMITED


def test_a_48_of_ipv6_has_a_limit_of_its_own():
    client = Peer(make_server(Settings(rate_limits=read_rates({"NewRegistrationsPerIPv6Range": "2/3h"}))))
    outcomes = [
        client.another(number, peer).register().status
        for number, peer in enumerate(
            ("2001:db8:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::1", "2001:db8:2::1", *["::ffff:192.0.2.9"] * 3)
        )
    ]
    assert outcomes == [201, 201, 429, 201, 201, 201, 201]


def test_an_account_has_so_many_new_orders_and_another_its_own():
    client = limited(NewOrdersPerAccount="2/h")
    assert [client.order(f"n{number}.example.org").status for number in range(3)] == [201, 201, 429]
    other = client.another(2)
    other.register()
    assert other.order("n2.example.org").status == 201
    client.driver.pass_time(minutes=30)
    assert [client.order(f"n{number}.example.org").status for number in range(2)] == [201, 429]


def test_an_order_that_is_wrong_takes_nothing():
    client = limited(NewOrdersPerAccount="1/h")
    assert client.order("not a name").outcome == (400, "malformed")
    assert client.order("good.example.org").status == 201


def test_a_registered_domain_has_so_many_certificates_whoever_asks():
    client = limited(CertificatesPerDomain="2/7d", NewOrdersPerAccount="9/h")
    for name in ("a.example.org", "b.example.org"):
        client.issue(name)
    other = client.another(2)
    other.register()
    refused = other.order("c.example.org", "www.example.net")
    assert refused.outcome == LIMITED
    assert refused.header("Retry-After") == str(7 * 86400 // 2)
    assert 'certificates (2) already issued for "example.org" in the last 168h0m0s' in refused.json["detail"]
    assert other.order("www.example.net").status == 201
    # The order that was refused took nothing of the account's own.
    assert len([bucket for bucket in client.server.world.limits.buckets if bucket[0] == "NewOrdersPerAccount"]) == 2


def test_names_that_had_a_certificate_together_are_renewed_without_counting():
    client = limited(CertificatesPerDomain="1/7d", NewOrdersPerAccount="1/h")
    client.issue("a.example.org", "b.example.org")
    assert client.order("a.example.org").outcome == LIMITED
    assert client.issue("b.example.org", "a.example.org").json["status"] == "valid"


def test_the_exact_set_has_a_limit_that_only_a_replacement_passes():
    client = limited(CertificatesPerFQDNSet="2/7d")
    for _ in range(2):
        order = client.issue("www.example.org")
    refused = client.order("www.example.org")
    assert refused.outcome == LIMITED
    assert "certificates (2) already issued for this exact set of identifiers" in refused.json["detail"]
    leaf = leaf_of(client.post(order.json["certificate"]).reply.body)
    assert client.order("www.example.org", replaces=certid_of(leaf)).status == 201
    assert client.order("www.example.org", "example.org").status == 201


def test_failed_validations_count_for_account_and_name():
    client = limited(FailedAuthorizationsPerDomainPerAccount="2/h")
    for _ in range(2):
        failed(client, "bad.example.org")
    refused = client.order("bad.example.org", "good.example.org")
    assert refused.outcome == LIMITED
    assert refused.header("Retry-After") == "1800"
    assert 'too many failed authorizations (2) for "bad.example.org"' in refused.json["detail"]
    assert client.order("good.example.org").status == 201
    other = client.another(2)
    other.register()
    assert other.order("bad.example.org").status == 201


def test_failures_in_a_row_pause_a_name_until_a_reset():
    client = limited(FailedAuthorizationsForPausingPerDomainPerAccount="1/d/2")
    for _ in range(3):
        failed(client, "zombie.example.org")
    refused = client.order("zombie.example.org")
    assert refused.outcome == LIMITED
    assert "temporarily prevented from requesting certificates for zombie.example.org" in refused.json["detail"]
    assert refused.header("Retry-After") is None
    assert [entry.kind for entry in client.server.world.journal].count("IdentifierPaused") == 1
    client.driver.pass_time(days=365)
    assert client.order("zombie.example.org").outcome == LIMITED
    client.server.world.limits.reset()
    assert client.order("zombie.example.org").status == 201


def test_a_success_between_failures_begins_their_count_anew():
    client = limited(FailedAuthorizationsForPausingPerDomainPerAccount="1/d/2")
    for _ in range(3):
        failed(client, "luck.example.org")
        client.issue("luck.example.org")
    assert client.order("luck.example.org").status == 201


def test_of_several_limits_the_last_to_end_is_told():
    client = limited(NewOrdersPerAccount="1/h", CertificatesPerDomain="1/7d")
    client.issue("a.example.org")
    refused = client.order("b.example.org")
    assert refused.header("Retry-After") == str(7 * 86400)
    assert "already issued" in refused.json["detail"]


def test_the_load_balancers_limits_are_503_by_address_and_route():
    client = limited(NewNonceRequestsPerIPAddress="1/s/2", DirectoryRequestsPerIPAddress="9/s")
    client.driver.pass_time(minutes=1)
    replies = [client.get("/nonce", "HEAD") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 503]
    assert (replies[2].type, replies[2].json["detail"]) == ("rateLimited", "Service busy; retry later.")
    assert replies[2].header("Retry-After") == "1"
    assert client.get("/dir").status == 200
    assert client.another(2, "192.0.2.2").get("/nonce").status == 204


def test_a_copy_of_a_world_has_its_buckets_and_goes_its_own_way():
    client = limited(NewOrdersPerAccount="1/h")
    copied = client.server.world.copy()
    client.order("a.example.org")
    assert client.order("b.example.org").outcome == LIMITED
    assert "NewOrdersPerAccount" in str(client.server.world.limits.buckets)
    assert "NewOrdersPerAccount" not in str(copied.limits.buckets)
    client.server.world = copied
    assert client.order("b.example.org").status == 201


async def test_limits_follow_the_worlds_clock():
    worlds = make_worlds()
    options = seeded(rate_limits=read_rates({"NewOrdersPerAccount": "1/90d"}))
    hosted = await worlds.create("slow", attrs.evolve(options, frozen=True))
    client = Client(hosted.server)
    client.register()
    assert [client.order(f"n{number}.example.org").status for number in range(2)] == [201, 429]
    await hosted.driver.advance(timedelta(days=90))
    assert client.order("n2.example.org").status == 201
    await worlds.close()


@pytest.mark.parametrize(
    ("name", "suffixes", "domain"),
    [
        ("www.example.org", (), "example.org"),
        ("example.org", (), "example.org"),
        ("a.b.example.co.uk", (), "co.uk"),
        ("a.b.example.co.uk", ("co.uk",), "example.co.uk"),
        ("co.uk", ("co.uk",), "co.uk"),
        ("a.example.github.io", ("io", "github.io"), "example.github.io"),
        ("www.notco.uk", ("co.uk",), "notco.uk"),
    ],
)
def test_a_registered_domain_is_one_label_below_a_public_suffix(name, suffixes, domain):
    assert domain == registered_domain(name, suffixes)


@pytest.mark.parametrize(
    ("name", "limit", "seconds"),
    [
        ("letsencrypt", "NewRegistrationsPerIPAddress", 1080),
        ("letsencrypt", "NewRegistrationsPerIPv6Range", 21.6),
        ("letsencrypt", "NewOrdersPerAccount", 36),
        ("letsencrypt", "CertificatesPerDomain", 12_096),
        ("letsencrypt", "CertificatesPerFQDNSet", 120_960),
        ("letsencrypt", "FailedAuthorizationsPerDomainPerAccount", 720),
        ("letsencrypt", "FailedAuthorizationsForPausingPerDomainPerAccount", 86_400),
        ("letsencrypt-staging", "NewOrdersPerAccount", 7.2),
        ("letsencrypt-staging", "FailedAuthorizationsPerDomainPerAccount", 18),
    ],
)
def test_a_preset_refills_as_lets_encrypt_says(name, limit, seconds):
    assert seconds == preset(name)[limit].interval.total_seconds()


def test_each_preset_names_every_limit_or_none():
    assert [len(rates) for rates in PRESETS.values()] == [0, len(NAMES), len(NAMES)]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "rate limits are an object"),
        ({"NewOrders": "1/s"}, "'NewOrders' is no rate limit; there are NewRegistrationsPerIPAddress"),
        ({"NewOrdersPerAccount": 3}, "the rate of NewOrdersPerAccount is not a text"),
        ({"NewOrdersPerAccount": "3"}, "'3' is no rate"),
    ],
)
def test_what_is_wrong_with_rates_is_named(document, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_rates(document)


def test_a_preset_that_is_none_is_named():
    with pytest.raises(ValueError, match="'zerossl' is no preset of rate limits; there are none, letsencrypt"):
        preset("zerossl")
