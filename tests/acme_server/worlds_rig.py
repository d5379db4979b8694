"""Worlds without sockets: each asks a zone of its own in process; and a client that issues in one of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs

from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name
from acme_server.protocol.vantage import Fetch, HttpAnswer
from acme_server.runner import AsyncioDriver
from acme_server.settings import Settings
from acme_server.worlds import Options, Ports, Worlds
from gravel.entropy import entropy_of
from solvers.dns.answer import answer_question
from solvers.dns.zone import Zone
from tests.acme_server.rig import START, Client

BASE = "https://acme.test:14000"
AT_ONCE = timedelta(0)


@attrs.define
class ZoneView:
    """A view that is a zone; `closed` counts how often it was closed."""

    zone: Zone = attrs.field(factory=Zone)
    closed: int = 0

    def copy(self):
        return self.zone.copy()

    def restore(self, copied):
        self.zone.become(copied)

    def follow(self, world, driver):
        self.zone.clock = driver.now

    async def close(self):
        self.closed += 1

    async def __call__(self, question):
        if isinstance(question, Fetch):
            return HttpAnswer(404)
        return answer_question(self.zone, question)


async def open_view(options=None):
    """As with a socket, others have their turn while it opens."""
    await asyncio.sleep(0)
    return ZoneView()


def make_worlds(clock=lambda: START, **changes):
    return Worlds(BASE, attrs.evolve(Ports(clock, entropy_of, open_view, AsyncioDriver), **changes))


def seeded(seed=7, **settings):
    """Options of a world that repeats."""
    return Options(Settings(**settings), seed=seed, start=START, frozen=True)


def client_of(hosted, private_key=None) -> Client:
    client = Client(hosted.server, private_key)
    client.register()
    return client


async def authorize(hosted, client, order):
    """Put the answers into the world's DNS, respond, and let the world validate."""
    for authorization in client.authorizations(order):
        challenge = next(item for item in authorization["challenges"] if item["type"] == "dns-01")
        answer = KeyAuthorization(challenge["token"], client.thumbprint)
        hosted.view.zone.add_txt(dns01_name(authorization["identifier"]["value"]), answer.dns_value)
        assert client.post(challenge["url"], {}).status == 200
    await hosted.driver.advance(AT_ONCE)


async def issue(hosted, *names, client=None):
    """Issue a certificate; return the order and the chain."""
    client = client or client_of(hosted)
    order = client.order(*names)
    await authorize(hosted, client, order)
    done = client.finalize(order, names)
    assert done.json["status"] == "valid", done.json
    return done, client.post(done.json["certificate"]).reply.body
