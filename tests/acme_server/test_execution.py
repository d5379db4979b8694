"""Several writers on one store: commands are decided again when another was faster."""

from __future__ import annotations

import attrs
import pytest

from acme_server import certificate_authority, front_end
from acme_server.execution import ATTEMPTS, retry_on_conflict
from acme_server.orders import Order
from acme_server.protocol.encoding import b64url
from acme_server.protocol.status import OrderStatus
from acme_server.registration_authority import finalization
from acme_server.settings import Settings
from acme_server.store import Conflict
from tests.acme_server.rig import START, Client, csr, make_server, registered

NAMES = ["www.example.org"]


class Overtaken:
    """A store on which another replica acts just before each of our first commits."""

    def __init__(self, store, overtakers):
        self._store = store
        self._overtakers = list(overtakers)
        self.journal = store.journal
        self.get, self.find = store.get, store.find

    def commit(self, changes, facts, at):
        if changes and self._overtakers:
            self._overtakers.pop(0)()
        self._store.commit(changes, facts, at)


def overtake(client, *overtakers):
    world = client.server.world
    world.store = Overtaken(world.store, overtakers)


def kinds(client):
    return [entry.kind for entry in client.server.world.journal]


def test_two_replicas_that_finalize_at_once_make_one_certificate():
    client = registered(Settings(always_valid=True))
    order = client.order(*NAMES)
    client.authorize(order)
    first, second = (client.signed(order.json["finalize"], {"csr": b64url(csr(NAMES))}) for _ in range(2))
    replica = attrs.evolve(client.server.world)
    winner = []
    overtake(client, lambda: winner.append(front_end.handle(replica, second, START)[0]))
    loser = client.send(first)
    assert [reply.status for reply in winner] == [200]
    assert loser.outcome == (403, "orderNotReady")
    assert kinds(client).count("CertificateIssued") == 1


def test_two_replicas_that_register_one_key_make_one_account():
    client = Client(make_server())
    replica = attrs.evolve(client.server.world)
    requests = [client.signed("https://acme.test:14000/new-account", {}) for _ in range(2)]
    overtake(client, lambda: front_end.handle(replica, requests[1], START))
    assert client.send(requests[0]).status == 200
    assert kinds(client) == ["AccountCreated"]


def test_a_verdict_is_recorded_although_the_authorization_changed_meanwhile():
    client = registered()
    order = client.order(*NAMES)
    (authorization,) = client.authorizations(order)
    client.post(client.show(authorization, "http-01"), {})
    give_up = client.signed(order.json["authorizations"][0], {"status": "deactivated"})
    replica = attrs.evolve(client.server.world)
    overtake(client, lambda: front_end.handle(replica, give_up, START))
    client.driver.run()
    shown = client.post(order.json["authorizations"][0]).json
    assert (shown["status"], [c["status"] for c in shown["challenges"]]) == ("deactivated", ["valid"])


def test_a_serial_number_that_was_drawn_before_is_drawn_again(monkeypatch):
    client = registered(Settings(always_valid=True))
    client.issue(*NAMES)
    (taken,) = [entry.data["serial"] for entry in client.server.world.journal if entry.kind == "CertificateIssued"]
    draw, drawn = finalization.new_serial, []

    def repeat_once(entropy):
        drawn.append(draw(entropy) if drawn else int(taken, 16))
        return drawn[-1]

    monkeypatch.setattr(finalization, "new_serial", repeat_once)
    assert client.issue(*NAMES).json["status"] == "valid"
    assert len(drawn) == 2


def test_a_writer_that_is_always_overtaken_gives_up_with_the_conflict():
    tried = []

    def attempt():
        tried.append(1)
        raise Conflict("again")

    with pytest.raises(Conflict):
        retry_on_conflict(attempt)
    assert len(tried) == ATTEMPTS


def test_an_order_is_processing_before_its_certificate_is_signed(monkeypatch):
    """So that whoever reads it meanwhile, or after a crash, sees that it was finalized."""
    client = registered(Settings(always_valid=True))
    order = client.order(*NAMES)
    client.authorize(order)
    seen = []
    issue = certificate_authority.issue

    def watch(*arguments):
        record = client.server.world.store.get(Order, order.header("Location").rpartition("/")[2])
        seen.append(record.stage)
        return issue(*arguments)

    monkeypatch.setattr(certificate_authority, "issue", watch)
    client.finalize(order, NAMES)
    assert seen == [OrderStatus.PROCESSING]
