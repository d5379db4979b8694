"""What is wrong with a name is found, each thing by a world that has it, in virtual time."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import pytest

from acme_server.protocol.vantage import HttpAnswer
from gravel.check.findings import RULES
from gravel.check.looking import DNS, HTTP
from solvers.dns.zone import Zone
from tests.gravel.check.check_rig import (
    HERE,
    KEY,
    NAME,
    NS1,
    NS2,
    THERE,
    TOKEN,
    TXT,
    VALUE,
    WEB,
    check,
    codes,
    fails,
    forever,
    healthy,
    page,
    says,
)

DIGEST = hashlib.sha256(KEY.http_body.encode()).digest()
OTHER = "o" * 43
DOWN = says("NOERROR", error="connection refused")
NOTHING = says("NOERROR")
LINK = page("", 301, Location="https://www.example.test/")


def replaced(value):
    """The TXT record has another value."""

    def damage(net):
        net.zone.clear_txt(TXT)
        net.zone.add_txt(TXT, value)

    return damage


def late(net):
    net.servers[NS2] = net.zone.copy()
    net.zone.add_txt(TXT, "new")
    net.servers[NS2].clear_txt(TXT)


def lead(target):
    def damage(net):
        net.zone.clear_txt(TXT)
        net.zone.set_cname(TXT, target)

    return damage


def circle(net):
    lead("a.example.test")(net)
    net.zone.set_cname("a.example.test", TXT)


def silent_circle(net):
    """As resolvers that say no more than SERVFAIL."""

    def resolver(question):
        target = {TXT: "a.example.test", "a.example.test": TXT}.get(question.name)
        if target is None or question.rtype != "CNAME":
            return says("SERVFAIL")(question)
        return says("NOERROR", (f"{question.name}.", "CNAME", f"{target}."))(question)

    net.servers[THERE] = resolver


def at(server, answer, name=TXT):
    return lambda net: net.bend(server, name, answer)


def web(answer, port=80):
    return lambda net: net.web.update({f"{WEB}:{port}": answer})


def redirected(url, there=None, port=443):
    def damage(net):
        net.web[f"{WEB}:80"] = page("", 302, Location=url)
        if there:
            net.web[f"{WEB}:{port}"] = there

    return damage


def addresses(*values):
    return lambda net: net.zone.set_addresses(NAME, values)


def inside(net):
    """The solver's resolver gives an inside address, where nobody listens."""
    net.bend(
        HERE,
        NAME,
        lambda question: says("NOERROR", *([(f"{NAME}.", "A", "10.0.0.80")] * (question.rtype == "A")))(question),
    )


def no_way_back(net):
    """The address of the outside answers nobody who is inside."""
    net.zone.set_addresses(NAME, ["8.8.4.4"])
    net.web["8.8.4.4:80"] = lambda _: (timedelta(days=1), HttpAnswer())
    inside(net)
    net.web["10.0.0.80:80"] = page()


def outside(net):
    """For the internet the zone is another one, at nameservers of its own."""
    net.servers[THERE] = Zone(default_addresses=(), nameserver_addresses=("192.0.2.9",), apexes=("example.test",))


def both_families(net):
    net.zone.set_addresses(NAME, [WEB, "2001:db8::80"])


def several(*damages):
    return lambda net: [damage(net) for damage in damages]


def no_nameserver_address(net):
    net.bend(HERE, "ns2.example.test", NOTHING)


def two_addresses_of_ns2(net):
    net.bend(
        HERE,
        "ns2.example.test",
        says("NOERROR", ("ns2.example.test.", "A", "192.0.2.2"), ("ns2.example.test.", "A", "192.0.2.3")),
    )
    net.servers["192.0.2.3:53"] = forever


def serials_differ(net):
    net.servers[NS2] = net.zone.copy()
    net.zone.add_txt("other.example.test", "x")


# code, type, what is done to a healthy world; all of them are in the way.
BLOCKING = [
    ("alias-loop", DNS, circle),
    ("alias-loop", DNS, silent_circle),
    ("alias-to-nowhere", DNS, lead("gone.example.test")),
    (
        "alias-to-nowhere",
        HTTP,
        lambda net: (net.zone.clear_addresses(NAME), net.zone.set_cname(NAME, "gone.example.test")),
    ),
    ("nxdomain", DNS, lambda net: net.zone.clear_txt(TXT)),
    ("nxdomain", HTTP, lambda net: (net.zone.clear_addresses(NAME), net.zone.clear_txt(TXT))),
    ("no-record", DNS, lambda net: (net.zone.clear_txt(TXT), net.zone.set_addresses(TXT, [WEB]))),
    ("no-address", HTTP, lambda net: (net.zone.clear_addresses(NAME), net.zone.add_txt(NAME, "x"))),
    ("servfail", DNS, at(THERE, says("SERVFAIL"))),
    ("servfail", DNS, at(NS2, says("SERVFAIL"))),
    ("servfail", HTTP, at(HERE, says("SERVFAIL"), NAME)),
    ("refused", DNS, at(NS1, says("REFUSED"))),
    ("rcode", DNS, at(NS1, says("NOTIMP"))),
    ("resolver-silent", DNS, at(THERE, forever)),
    ("resolver-silent", HTTP, at(THERE, DOWN, NAME)),
    ("no-zone", DNS, at(HERE, says("SERVFAIL"), "example.test")),
    ("nameserver-without-address", DNS, no_nameserver_address),
    ("nameserver-silent", DNS, at(NS2, forever)),
    ("stale", DNS, late),
    ("cached", DNS, at(THERE, says("NOERROR", (f"{TXT}.", "TXT", "old", 300)))),
    ("cached", DNS, at(THERE, says("NXDOMAIN"))),
    ("other-nameservers", DNS, outside),
    ("key-authorization", DNS, replaced(KEY.http_body)),
    ("quotes", DNS, replaced(f'"{VALUE}"')),
    ("whitespace", DNS, replaced(f"{VALUE}\n")),
    ("encoding", DNS, replaced(DIGEST.hex())),
    ("encoding", DNS, replaced(base64.urlsafe_b64encode(DIGEST).decode())),
    ("encoding", DNS, replaced(base64.b64encode(DIGEST).decode())),
    ("other-challenge", DNS, replaced(OTHER)),
    ("wrong-value", DNS, replaced("v=spf1 -all")),
    ("hairpin", HTTP, inside),
    ("hairpin", HTTP, no_way_back),
    ("connection-refused", HTTP, lambda net: net.web.clear()),
    ("timeout", HTTP, web(lambda _: (timedelta(days=1), HttpAnswer()))),
    ("tls", HTTP, redirected("https://www.example.test/", fails("TLS: wrong version number"))),
    ("no-http", HTTP, web(fails("malformed response"))),
    ("redirect-refused", HTTP, redirected("ftp://www.example.test/")),
    ("redirect-refused", HTTP, redirected("http://gone.example.test/")),
    ("not-found", HTTP, web(page("", 404, Server="nginx/1.27"))),
    ("bad-status", HTTP, web(page("", 503))),
    ("trailing-whitespace", HTTP, web(page(f"{KEY.http_body}\n"))),
    ("surrounded", HTTP, web(page(f"<p>{KEY.http_body}</p>"))),
    ("other-account", HTTP, web(page(f"{TOKEN}.{OTHER}"))),
    ("wrong-body", HTTP, web(page("<html>Welcome"))),
]


def told(code):
    return code if isinstance(code, str) else getattr(code, "__name__", None)


@pytest.mark.seed("B60")
@pytest.mark.parametrize(("code", "kind", "damage"), BLOCKING, ids=told)
def test_what_is_in_the_way_is_found_and_the_check_would_fail(code, kind, damage):
    net = healthy()
    damage(net)
    seen, conclusion = check(net, kind)
    assert (conclusion.verdict, codes(conclusion, blocking=True)) == ("fail", [code])
    assert not all(each.passed for each in seen.checks)


# What is told, although the check passes.
NOTES = [
    ("nameserver-address-silent", DNS, two_addresses_of_ns2),
    ("serials-differ", DNS, serials_differ),
    ("long-ttl", DNS, at(THERE, says("NOERROR", (f"{TXT}.", "TXT", VALUE, 86400)))),
    (
        "split-horizon",
        HTTP,
        several(
            addresses(WEB, "192.0.2.81"),
            at(THERE, says("NOERROR", (f"{NAME}.", "A", WEB)), NAME),
            lambda net: net.web.update({"192.0.2.81:80": page()}),
        ),
    ),
    ("ipv6-silent", HTTP, both_families),
    ("redirect-to-https", HTTP, redirected("https://www.example.test/", page())),
    (
        "redirect-elsewhere",
        HTTP,
        several(
            lambda net: net.zone.set_addresses("b.example.test", [WEB]),
            redirected("http://b.example.test:8080/", page(), 8080),
        ),
    ),
    ("redirect-to-odd-port", HTTP, redirected("http://www.example.test:8080/", page(), 8080)),
]


@pytest.mark.parametrize(("code", "kind", "damage"), NOTES, ids=told)
def test_what_is_only_odd_is_told_and_the_check_would_pass(code, kind, damage):
    net = healthy()
    damage(net)
    seen, conclusion = check(net, kind)
    assert (conclusion.verdict, codes(conclusion, blocking=True)) == ("pass", [])
    assert code in codes(conclusion)
    assert all(each.passed for each in seen.checks)


def test_every_rule_has_a_world_that_breaks_it():
    types = [(rule.code, each) for rule in RULES for each in rule.types]
    shown = {code for code, *_ in (*BLOCKING, *NOTES)}
    assert sorted({code for code, _ in types}) == sorted(shown)


@pytest.mark.parametrize("kind", [HTTP, DNS])
@pytest.mark.parametrize(("key", "token"), [(KEY, TOKEN), (None, TOKEN), (None, None)])
def test_nothing_is_found_wrong_with_a_healthy_name(kind, key, token):
    seen, conclusion = check(healthy(), kind, key=key, token=token)
    assert (conclusion.verdict, conclusion.findings) == ("pass", ())
    assert {each.passed for each in seen.checks} == {None if key is None else True}


def test_a_name_at_rest_is_healthy():
    net = healthy()
    net.zone.clear_txt(TXT)
    net.web[f"{WEB}:80"] = page("", 404)
    for kind in (HTTP, DNS):
        assert check(net, kind, key=None, token=None)[1].findings == ()


def test_other_values_beside_the_expected_one_are_no_matter():
    net = healthy()
    net.zone.add_txt(TXT, OTHER)
    net.zone.add_txt(TXT, '"quoted"')
    assert check(net, DNS)[1].findings == ()
