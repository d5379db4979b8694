"""The real server with a network that answers as it is told, and what is explained of it."""

import random

from acme_server.protocol.vantage import DnsAnswer, DnsRecord
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.world import create_world
from gravel.explaining.explanation import explain
from gravel.explaining.story import Known
from gravel.explaining.subjects import find
from tests.acme_server.rig import BASE, START, Client, Driver


class Net(Driver):
    """A driver whose questions to the network are answered by `hear` where that has an answer."""

    def __init__(self):
        super().__init__()
        self.hear = lambda question: None

    def answer(self, question):
        heard = self.hear(question)
        return super().answer(question) if heard is None else heard


def new_client(seed=1, **settings):
    """A client with an account on a new server; its http-01 goes to port 80."""
    entropy = random.Random(seed).randbytes
    client = Client(Server(create_world(BASE, Settings(**settings), entropy, START), Net()))
    client.register()
    return client


def explained(client, text, **known):
    """What `GET /explain` would answer."""
    world = client.server.world
    known = Known(world, client.driver.now(), **known)
    return explain(known, text, find(known, text), world.journal)


def codes(explanation, *, blocks=None):
    """The rules that found something: those in the way, the others, or all."""
    return [each.code for each in explanation.findings if blocks in (None, each.blocks)]


def challenge(client, order, kind="http-01"):
    """The first authorization of an order, and its challenge of a kind."""
    authorization = client.authorizations(order)[0]
    return authorization, next(each for each in authorization["challenges"] if each["type"] == kind)


def respond(client, order, kind="http-01"):
    """Respond without putting an answer in place, and let the server look."""
    client.post(challenge(client, order, kind)[1]["url"], {})
    client.driver.run()


def name_of(found):
    """`challenge/AUTHORIZATION/PLACE` of what a client was shown."""
    return "challenge/" + found["url"].partition("/chall/")[2]


def records(question, *values):
    """An answer with values of the type that is asked for."""
    return DnsAnswer(records=tuple(DnsRecord(question.name, question.rtype, value) for value in values))
