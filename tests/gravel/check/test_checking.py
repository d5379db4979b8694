"""What `gravel check` looks at, whom it asks, and that no answer of a stranger's server breaks it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.vantage import DnsAnswer, DnsRecord, HttpAnswer, Pause, Resolve
from gravel.check.findings import conclude
from gravel.check.looking import DNS, HTTP, GivenValue, Plan, look, look_up
from gravel.check.output import print_report, to_json
from gravel.output import console
from scheduler.simulator.loop import VirtualDriver
from tests.gravel.check.check_rig import (
    HERE,
    KEY,
    NAME,
    NS1,
    NS2,
    START,
    THERE,
    TOKEN,
    TXT,
    VALUE,
    WEB,
    check,
    codes,
    forever,
    healthy,
    page,
    says,
)
from tests.solvers.vantages import perform


def test_every_resolver_and_every_nameserver_is_asked():
    net = healthy()
    seen, _ = check(net, DNS, resolvers=(HERE, "10.0.0.11:53"))
    assert [view.server for view in seen.texts] == [HERE, "10.0.0.11:53", THERE]
    assert seen.zone == "example.test"
    shown = [(each.name, each.view.server, each.view.values, each.serial) for each in seen.nameservers]
    one, two = "ns1.example.test", "ns2.example.test"
    assert shown == [(host, at, (VALUE,), net.zone.serial) for host, at in ((one, NS1), (two, NS2))]


def test_a_dead_resolver_is_told_and_the_next_one_is_asked():
    net = healthy()
    net.servers[HERE] = forever
    seen, conclusion = check(net, DNS, resolvers=(HERE, "10.0.0.11:53"))
    assert (conclusion.verdict, codes(conclusion), seen.zone) == ("pass", ["resolver-silent"], "example.test")
    assert [each.view.values for each in seen.nameservers] == [(VALUE,), (VALUE,)]


def test_aliases_lead_to_the_zone_whose_nameservers_are_asked():
    net = healthy()
    net.zone.clear_txt(TXT)
    net.zone.set_cname(TXT, "a.other.test")
    net.zone.add_txt("a.other.test", VALUE)
    seen, conclusion = check(net, DNS)
    assert (seen.texts[0].aliases, seen.zone, conclusion.verdict) == (("a.other.test",), "other.test", "pass")
    assert {each.view.name for each in seen.nameservers} == {"a.other.test"}


def test_an_alias_that_a_server_leaves_to_us_is_asked_for():
    answers = [
        DnsAnswer("NOERROR", (DnsRecord("a.test.", "CNAME", "B.test."),)),
        DnsAnswer("NOERROR", (DnsRecord("b.test.", "TXT", "v", 7),)),
    ]
    view, asked = perform(look_up("a.test", "TXT", HERE), answers)
    assert (view.aliases, view.values, view.ttl) == (("b.test",), ("v",), 7)
    assert [question.name for question in asked] == ["a.test", "b.test"]


def test_nobody_follows_aliases_for_ever():
    def endless(question):
        number = int(question.name.split(".")[0])
        return says("NOERROR", (f"{question.name}.", "CNAME", f"{number + 1}.test."))(question)

    driver, done = VirtualDriver(START, lambda question: (timedelta(0), endless(question))), []
    driver.spawn(look_up("1.test", "TXT", HERE), done.append)
    driver.run()
    assert len(done[0].aliases) == 16


def test_no_question_waits_longer_than_is_said():
    asked, patience = [], timedelta(seconds=2)

    def network(question):
        asked.append(question)
        return question.timeout, DnsAnswer(error="timeout")

    plan = Plan(name=NAME, types=(HTTP, DNS), resolvers=(HERE,), server_dns=THERE, key=KEY, timeout=patience)
    driver = VirtualDriver(START, network)
    driver.spawn(look(plan, driver.now), lambda _: None)
    driver.run()
    assert {question.server for question in asked} == {HERE, THERE}
    assert max(question.timeout for question in asked) == patience


def test_of_a_token_alone_the_rest_of_the_body_may_be_any_thumbprint():
    net = healthy()
    assert check(net, HTTP, key=None)[1].verdict == "pass"
    net.web[f"{WEB}:80"] = page(f"{TOKEN}.short")
    _, conclusion = check(net, HTTP, key=None)
    assert (conclusion.verdict, codes(conclusion)) == ("fail", ["wrong-body"])


def test_a_given_value_is_what_both_look_for():
    net = healthy()
    seen, conclusion = check(net, DNS, key=GivenValue("", "", VALUE), token=None)
    assert (conclusion.verdict, [each.passed for each in seen.checks]) == ("pass", [True, True])
    seen, conclusion = check(net, DNS, key=GivenValue("", "", "x"), token=None)
    assert (codes(conclusion), [each.passed for each in seen.checks]) == (["other-challenge"], [False, False])


@pytest.mark.parametrize(("value", "code"), [(KEY.http_body, "key-authorization"), ('"x"', "quotes")])
def test_some_values_are_wrong_whatever_is_expected(value, code):
    net = healthy()
    net.zone.clear_txt(TXT)
    net.zone.add_txt(TXT, value)
    _, conclusion = check(net, DNS, key=None, token=None)
    assert (conclusion.verdict, codes(conclusion)) == ("fail", [code])


def test_a_late_nameserver_is_told_with_both_serials_and_nobody_else_is_blamed():
    net = healthy()
    net.zone.clear_txt(TXT)
    net.servers[NS2] = net.zone.copy()
    net.zone.add_txt(TXT, VALUE)
    _, conclusion = check(net, DNS)
    [finding] = conclusion.findings
    assert (finding.code, finding.where) == ("stale", (f"ns2.example.test ({NS2})",))
    serials = (net.servers[NS2].serial, net.zone.serial)
    assert finding.cause.endswith("its SOA serial is {}, the newest {}".format(*serials))


def test_one_cause_is_one_finding_with_all_the_places():
    net = healthy()
    net.zone.clear_txt(TXT)
    _, conclusion = check(net, DNS)
    [finding] = conclusion.findings
    assert [where.split()[0] for where in finding.where] == [
        "resolver",
        "resolver",
        "ns1.example.test",
        "ns2.example.test",
    ]
    assert set(finding.to_json()) == {"code", "type", "where", "cause", "who", "try", "blocks"}


def test_a_failed_check_is_told_even_if_no_rule_knows_why():
    net = healthy()
    answers = iter([HttpAnswer(200, (), KEY.http_body.encode())])
    net.web[f"{WEB}:80"] = lambda _: next(answers, HttpAnswer(500))
    _, conclusion = check(net, HTTP)
    assert codes(conclusion) == ["check-failed"]
    assert [each.where for each in conclusion.findings] == [("solver",), ("acme-server",)]


def test_a_redirect_is_followed_to_the_hosts_own_address():
    net = healthy()
    net.zone.set_addresses("b.example.test", ["192.0.2.90", "192.0.2.91"])
    net.web[f"{WEB}:80"] = page("", 302, Location="https://b.example.test/x")
    net.web["192.0.2.91:443"] = page()
    seen, _ = check(net, HTTP)
    visits = [(each.target.url, each.address, each.answer.status) for each in seen.traces[0].visits]
    there = "https://b.example.test/x"
    assert visits[1:] == [(there, "192.0.2.90:443", 0), (there, "192.0.2.91:443", 200)]


NAMES = st.sampled_from((f"{NAME}.", f"{TXT}.", "example.test.", "ns.example.test.", "."))
ADDRESSES = {"A": ("10.0.0.1", "192.0.2.1"), "AAAA": ("2001:db8::1", "::1")}
SOA = "ns.example.test. root.example.test. 5 1 1 1 1"


def record(name, rtype, target, number):
    values = {**ADDRESSES, "SOA": (SOA, SOA), "TXT": (VALUE, '"'), "CNAME": (target, target), "NS": (target, target)}
    return DnsRecord(name, rtype, values[rtype][number], number * 86400)


RECORDS = st.builds(
    record, NAMES, st.sampled_from(("A", "AAAA", "SOA", "TXT", "CNAME", "NS")), NAMES, st.integers(0, 1)
)
DNS_ANSWERS = st.builds(
    DnsAnswer,
    st.sampled_from(("NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP")),
    st.lists(RECORDS, max_size=4).map(tuple),
    error=st.sampled_from((None, None, None, "timeout", "connection refused", "malformed reply")),
)
LOCATIONS = st.sampled_from(
    ("https://b.test/", "http://[::1]:8080/", "//", "ftp://x", "http://www.example.test/a", "\x00")
)
HTTP_ANSWERS = st.builds(
    HttpAnswer,
    st.sampled_from((200, 301, 404, 503)),
    st.builds(lambda location: (("Location", location), ("Server", "\x1b[31m")), LOCATIONS),
    st.one_of(st.binary(max_size=80), st.just(KEY.http_body.encode())),
    error=st.sampled_from((None, None, None, "timeout", "TLS: no", "malformed response")),
)


@given(st.data(), st.sampled_from((KEY, None, GivenValue("", "", "é"))))
def test_whatever_servers_say_there_is_a_verdict_with_findings_when_it_is_bad(data, key):
    def network(question):
        answers = DNS_ANSWERS if isinstance(question, Resolve) else HTTP_ANSWERS
        assert not isinstance(question, Pause)
        return timedelta(0), data.draw(answers)

    types = (DNS,) if isinstance(key, GivenValue) else (HTTP, DNS)
    token = key.token if key else None
    plan = Plan(name=f"*.{NAME}", types=types, resolvers=(HERE,), server_dns=THERE, key=key, token=token)
    driver, done = VirtualDriver(START, network), []
    driver.spawn(look(plan, driver.now), done.append)
    driver.run()
    conclusion = conclude(done[0])
    document = json.loads(json.dumps(to_json(done[0], conclusion)))
    assert set(document) == {"name", "verdict", "checks", "zone", "nameservers", "findings"}
    if conclusion.verdict == "fail":
        assert any(each.blocks for each in conclusion.findings)
    screen = console()
    with screen.capture() as captured:
        print_report(screen, done[0], conclusion)
    assert "\x1b" not in captured.get()
