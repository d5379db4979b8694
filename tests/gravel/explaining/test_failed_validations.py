"""A validation that failed is told by what it saw, and by whose it is to repair."""

from datetime import timedelta

import attrs
import pytest

from acme_server.personality import PEBBLE
from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name
from acme_server.protocol.vantage import (
    REFUSED,
    RESET,
    TIMEOUT,
    DnsAnswer,
    DnsRecord,
    Fetch,
    Handshake,
    HttpAnswer,
    Resolve,
    TlsAnswer,
)
from acme_server.settings import VantagePoint
from gravel.check.rules import CLIENT, NETWORK, RESOLVER, WEB, ZONE
from gravel.explaining.failed_validations import CAUSES
from gravel.explaining.rules import SERVER
from tests.challenge_certificates import challenge_certificate
from tests.gravel.explaining.story_rig import challenge, codes, explained, name_of, new_client, records, respond

OTHER = "A" * 22


def fetched(**answer):
    return lambda question: HttpAnswer(**answer) if isinstance(question, Fetch) else None


def body(make):
    """A body made of the token that the URL names."""

    def hear(question):
        return (
            HttpAnswer(200, (), make(question.url.rpartition("/")[2]).encode()) if isinstance(question, Fetch) else None
        )

    return hear


def resolved(rtype, **answer):
    return lambda question: DnsAnswer(**answer) if isinstance(question, Resolve) and question.rtype == rtype else None


def named(**answer):
    return lambda question: DnsAnswer(**answer) if isinstance(question, Resolve) else None


def alias(question):
    """A CNAME to a zone in which the record is not."""
    target = "elsewhere.test"
    if question.rtype == "TXT" and question.name != target:
        return DnsAnswer(records=(DnsRecord(question.name, "CNAME", target),))
    return None


def loop(question):
    if not isinstance(question, Resolve):
        return None
    return DnsAnswer(records=(DnsRecord(question.name, "CNAME", f"x{question.name}"),))


def redirected(location):
    return fetched(status=302, headers=(("Location", location),))


def both_families(question):
    """Two addresses, of which the IPv6 one leads to another server."""
    if isinstance(question, Resolve):
        return records(question, *{"AAAA": ["2001:db8::1"], "A": ["192.0.2.1"]}.get(question.rtype, []))
    return HttpAnswer(200, (), b"hello", address=question.address)


def shaken(*answer, **error):
    return lambda question: TlsAnswer(*answer, **error) if isinstance(question, Handshake) else None


def caa(question):
    if isinstance(question, Resolve) and question.rtype == "CAA":
        return records(question, '0 issue "other.test"')
    return HttpAnswer(200, (), b"") if isinstance(question, Fetch) else None


# code, who, challenge type, what the network answers, settings of the server
TABLE = [
    ("not-found", WEB, "http-01", fetched(status=404), {}),
    ("bad-status", WEB, "http-01", fetched(status=503), {}),
    ("html-page", WEB, "http-01", body(lambda _: "<html>Welcome</html>"), {}),
    ("wrong-body", WEB, "http-01", body(lambda _: "hello"), {}),
    ("wrong-token", CLIENT, "http-01", body(lambda _: f"{OTHER}.thumbprint"), {}),
    ("other-account", CLIENT, "http-01", body(lambda token: f"{token}.{'x' * 43}"), {}),
    ("redirect-loop", WEB, "http-01", redirected("http://a.test/1"), {"max_redirects": 0}),
    ("redirect-refused", WEB, "http-01", redirected("ftp://a.test/"), {}),
    ("redirect-refused", WEB, "http-01", redirected("http://a.test:8080/"), {"redirect_ports": (80,)}),
    ("connection-refused", WEB, "http-01", fetched(error=REFUSED), {}),
    ("connection-timeout", NETWORK, "http-01", fetched(error=TIMEOUT), {}),
    ("connection-reset", WEB, "http-01", fetched(error=RESET), {}),
    ("connection-failed", NETWORK, "http-01", fetched(error="no route to host"), {}),
    ("tls", WEB, "http-01", fetched(error="TLS: wrong version number"), {}),
    ("private-address", ZONE, "http-01", fetched(status=404), {"ssrf_guard": True}),
    ("ipv6-first", ZONE, "http-01", both_families, {}),
    ("name-not-found", ZONE, "http-01", named(rcode="NXDOMAIN"), {}),
    ("name-not-found", ZONE, "dns-01", resolved("TXT", rcode="NXDOMAIN"), {}),
    ("dns-servfail", ZONE, "dns-01", resolved("TXT", rcode="SERVFAIL"), {}),
    ("dns-refused", RESOLVER, "http-01", named(rcode="REFUSED"), {}),
    ("dns-failed", ZONE, "http-01", named(rcode="NOTIMP"), {}),
    ("resolver-silent", RESOLVER, "dns-01", resolved("TXT", error=TIMEOUT), {}),
    ("resolver-silent", RESOLVER, "dns-01", resolved("TXT", error=REFUSED), {"dns": "[::1]:53"}),
    ("no-address", ZONE, "http-01", named(), {}),
    ("cname-loop", ZONE, "dns-01", loop, {}),
    ("txt-missing", CLIENT, "dns-01", resolved("TXT"), {}),
    ("txt-wrong", CLIENT, "dns-01", lambda question: records(question, "x"), {}),
    ("txt-behind-alias", CLIENT, "dns-01", alias, {}),
    ("alpn-protocol", WEB, "tls-alpn-01", shaken(challenge_certificate(("a.test",)), "h2"), {}),
    ("alpn-certificate", CLIENT, "tls-alpn-01", shaken(challenge_certificate(("b.test",)), "acme-tls/1"), {}),
    ("alpn-other-key", CLIENT, "tls-alpn-01", shaken(challenge_certificate(("a.test",)), "acme-tls/1"), {}),
    ("tls", WEB, "tls-alpn-01", shaken(error="TLS: no application protocol"), {}),
    ("connection-refused", WEB, "tls-alpn-01", shaken(error=REFUSED), {}),
]  # fmt: skip


def failed(code, kind, hear, settings):
    """Order, respond, let the validation fail; return what is explained of the name."""
    client = new_client(**settings)
    order = client.order("a.test")
    client.driver.hear = hear
    respond(client, order, kind)
    return client, order, explained(client, "a.test")


@pytest.mark.parametrize(
    ("code", "who", "kind", "hear", "settings"), TABLE, ids=[f"{row[0]}-{row[2]}" for row in TABLE]
)
def test_what_was_seen_names_the_cause_and_who_must_act(code, who, kind, hear, settings):
    client, order, told = failed(code, kind, hear, settings)
    [found] = told.findings
    assert (found.code, found.who, told.verdict) == (code, who, "failed")
    assert found.subject == name_of(challenge(client, order, kind)[1])
    assert found.blocks
    assert found.attempt
    assert found.since == client.driver.now()
    assert found.evidence


def test_the_texts_of_another_personality_are_understood():
    pebble = attrs.evolve(PEBBLE, paths={}, user_agent=False)
    _, _, told = failed("txt-wrong", "dns-01", lambda question: records(question, "x"), {"personality": pebble})
    assert "Correct value not found" in told.findings[0].cause
    assert codes(told) == ["txt-wrong"]


def test_caa_that_names_another_authority_is_the_zones_to_change():
    client = new_client(caa_identities=("gravel.test",))
    order = client.order("a.test")
    authorization, _ = challenge(client, order, "dns-01")
    client.show(authorization, "dns-01")
    client.driver.hear = caa
    respond(client, order, "dns-01")
    told = explained(client, "a.test")
    assert [(each.code, each.who) for each in told.findings] == [("caa", ZONE)]


def test_what_one_vantage_point_alone_does_not_see_is_told_as_its_disagreement():
    """Pain 23: the same name, asked elsewhere, has no such record."""
    client = new_client(vantages=(VantagePoint("north", "192.0.2.9:53"),))
    order = client.order("a.test")
    authorization, _ = challenge(client, order, "dns-01")
    client.show(authorization, "dns-01")
    client.driver.hear = lambda question: DnsAnswer(rcode="SERVFAIL") if question.server == "192.0.2.9:53" else None
    client.post(challenge(client, order, "dns-01")[1]["url"], {})
    client.driver.run()
    client.driver.run()
    [found] = explained(client, order.header("Location")).findings
    assert (found.code, found.who, found.pain) == ("secondary-validation", ZONE, 23)
    assert any("north" in line for line in found.evidence)


def answer_of(client, order, kind="dns-01"):
    authorization, found = challenge(client, order, kind)
    return authorization, KeyAuthorization(found["token"], client.thumbprint)


@pytest.mark.parametrize(("name", "code", "pain"), [("a.test", "txt-old", None), ("b.test", "txt-of-another", 19)])
def test_a_record_of_another_order_is_recognised(name, code, pain):
    """Pain 19: two names that share a CNAME overwrite each other's record."""
    client = new_client()
    _, answer = answer_of(client, client.order(name))
    order = client.order("a.test")
    client.driver.txt[dns01_name("a.test")] = [answer.dns_value]
    respond(client, order, "dns-01")
    [found] = explained(client, order.header("Location")).findings
    assert (found.code, found.pain) == (code, pain)
    assert f"the answer for {name}" in found.cause


def test_the_token_of_an_earlier_order_is_recognised():
    client = new_client()
    _, answer = answer_of(client, client.order("a.test"), "http-01")
    order = client.order("a.test")
    client.driver.hear = fetched(status=200, body=answer.http_body.encode())
    respond(client, order)
    assert codes(explained(client, order.header("Location"))) == ["old-token"]


def test_our_own_failure_is_the_servers():
    client = new_client()
    order = client.order("a.test")

    def fail(question):
        raise RuntimeError

    client.driver.hear = fail
    respond(client, order)
    [found] = explained(client, "a.test").findings
    assert (found.code, found.who) == ("server-failed", SERVER)


def test_while_there_are_attempts_left_nothing_is_in_the_way():
    client = new_client(validation_attempts=2, validation_retry_after=timedelta(seconds=60))
    order = client.order("a.test")
    respond(client, order)
    told = explained(client, "a.test")
    assert (told.verdict, codes(told)) == ("waiting", ["not-found", "validation-retry"])
    assert all("12:01:00Z" in found.awaited for found in told.findings)


def test_a_challenge_that_another_made_up_for_is_no_matter():
    client = new_client(validation_attempts=2)
    order = client.order("a.test", "b.test")
    authorization, found = challenge(client, order)
    respond(client, order)
    client.post(client.show(authorization, "dns-01"), {})
    client.driver.run()
    told = explained(client, name_of(found))
    assert (told.verdict, told.findings) == ("healthy", ())
    assert codes(explained(client, "a.test")) == ["challenge-not-responded"]


def test_every_cause_has_a_test():
    produced = {row[0] for row in TABLE}
    elsewhere = {"caa", "secondary-validation", "not-looked", "txt-old", "txt-of-another", "old-token", "surrounded"}
    assert produced | elsewhere | {"server-failed", "validation-failed"} == {cause.code for cause, _ in CAUSES}
