"""Inquiries: generators that ask, drivers that answer."""

from datetime import timedelta

from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name, http01_url
from acme_server.protocol.vantage import (
    DnsAnswer,
    DnsRecord,
    Elapsed,
    Fetch,
    HttpAnswer,
    Pause,
    Resolve,
    conduct,
    fetch,
    pause,
    resolve,
)


def look_twice():
    answer = yield from resolve("a.test", "A")
    yield from pause(timedelta(seconds=2))
    yield from pause(timedelta(0))
    reply = yield from fetch(Fetch(f"http://{answer.values('A')[0]}/"))
    return reply.header("LOCATION")


async def test_an_inquiry_asks_in_order_and_returns_its_result():
    asked = []

    async def vantage(question):
        asked.append(question)
        return {
            Resolve: DnsAnswer(records=(DnsRecord("a.test", "CNAME", "b.test"), DnsRecord("b.test", "A", "192.0.2.7"))),
            Pause: Elapsed(),
            Fetch: HttpAnswer(302, (("Location", "/there"),)),
        }[type(question)]

    assert await conduct(look_twice(), vantage) == "/there"
    assert asked == [Resolve("a.test", "A"), Pause(timedelta(seconds=2)), Fetch("http://192.0.2.7/")]


def test_a_missing_header_is_none():
    assert HttpAnswer(200).header("Location") is None


def test_the_key_authorization_of_rfc_8555_is_shown_in_three_ways():
    """The digest of `token.thumbprint`, computed by hand with openssl."""
    key = KeyAuthorization("token", "thumbprint")
    assert key.http_body == "token.thumbprint"
    assert key.dns_value == "61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I"
    assert len(key.digest) == 32


def test_the_thumbprint_stays_out_of_the_repr():
    assert "secretish" not in repr(KeyAuthorization("token", "secretish"))


def test_where_the_challenges_look():
    assert http01_url("a.test", "tok") == "http://a.test/.well-known/acme-challenge/tok"
    assert http01_url("::1", "tok") == "http://[::1]/.well-known/acme-challenge/tok"
    assert dns01_name("*.a.test") == "_acme-challenge.a.test"
