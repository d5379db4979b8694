"""No request works twice, whatever it was (RFC 8555 section 6.5)."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.encoding import b64url
from tests.acme_server.rig import BASE, Client, leaf_of, make_server


def whole_life():
    """A client that did everything there is to do, once."""
    client = Client(make_server())
    client.register(contact=["mailto:a@example.org"])
    client.post(client.kid, {"contact": []})
    order = client.issue("www.example.org", "*.example.org")
    chain = client.post(order.json["certificate"]).reply.body
    client.post(order.header("Location"))
    client.post(f"{client.kid}/orders")
    client.post(order.json["authorizations"][0], {"status": "deactivated"})
    client.post(f"{BASE}/revoke-cert", {"certificate": b64url(leaf_of(chain).public_bytes(Encoding.DER))})
    client.post(f"{BASE}/new-order", {"identifiers": []})
    client.post(client.kid, {"status": "deactivated"})
    return client


def test_every_request_of_a_whole_life_is_refused_when_it_is_sent_again():
    client = whole_life()
    tables = {kind: dict(table) for kind, table in client.server.world.store._tables.items()}
    assert len(client.history) > 12
    for request in client.history:
        assert client.send(request).outcome == (400, "badNonce"), request.path
    assert tables == client.server.world.store._tables
    assert client.driver.waiting == []
