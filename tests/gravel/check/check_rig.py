"""A small internet in virtual time for `gravel check`: a zone with two nameservers, resolvers, and web servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.vantage import DnsAnswer, DnsRecord, HttpAnswer
from gravel.check.findings import conclude
from gravel.check.looking import Plan, look
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from solvers.dns.answer import answer_question
from solvers.dns.zone import Zone

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME, TXT = "www.example.test", "_acme-challenge.www.example.test"
HERE, THERE = "10.0.0.10:53", "1.1.1.1:53"
NS1, NS2 = "192.0.2.1:53", "192.0.2.2:53"
WEB, PATH = "192.0.2.80", "/.well-known/acme-challenge/"
TOKEN = "A" * 22
KEY = KeyAuthorization(TOKEN, "LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo")
VALUE = KEY.dns_value


def forever(_):
    """What never answers."""
    return timedelta(days=1), DnsAnswer()


def says(rcode, *records, **members):
    """A server that says the same to every question."""
    return lambda _: DnsAnswer(rcode, tuple(DnsRecord(*record) for record in records), **members)


def page(body=KEY.http_body, status=200, **headers):
    """A web server that has one page."""
    content = body if isinstance(body, bytes) else body.encode()
    return lambda _: HttpAnswer(status, tuple(headers.items()), content)


def fails(error):
    return lambda _: HttpAnswer(error=error)


@attrs.define
class Internet:
    """servers: `HOST:PORT` -> a zone, or a function of the question; web: `HOST:PORT` -> what answers there."""

    zone: Zone = attrs.field(
        factory=lambda: Zone(default_addresses=(), nameservers=("192.0.2.1", "192.0.2.2"), apexes=("example.test",))
    )
    servers: dict = attrs.field(factory=dict)
    web: dict = attrs.field(factory=dict)

    def dns(self, question):
        server = self.servers.get(question.server, self.zone)
        return answer_question(server, question) if isinstance(server, Zone) else server(question)

    def bend(self, server, name, answer):
        """Have a server answer one name in another way."""
        self.servers[server] = lambda question: (
            answer(question) if question.name == name else answer_question(self.zone, question)
        )


def healthy():
    """All that both types want is there."""
    net = Internet()
    net.zone.set_addresses(NAME, [WEB])
    net.zone.add_txt(TXT, VALUE)
    net.web[f"{WEB}:80"] = page()
    return net


def check(net, kind, *, key=KEY, token=TOKEN, **changes):
    """Look at the name; return what was seen and what follows from it."""
    plan = Plan(
        **{
            "name": NAME,
            "types": (kind,),
            "resolvers": (HERE,),
            "server_dns": THERE,
            "key": key,
            "token": token,
            **changes,
        }
    )
    driver, done = VirtualDriver(START, VirtualNetwork(net.web, net.dns)), []
    driver.spawn(look(plan, driver.now), done.append)
    driver.run()
    return done[0], conclude(done[0])


def codes(conclusion, *, blocking=None):
    """The codes of what was found, each once."""
    found = (each.code for each in conclusion.findings if blocking is None or each.blocks == blocking)
    return list(dict.fromkeys(found))
