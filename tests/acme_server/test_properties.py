"""What must hold whatever clients do in whatever order: hypothesis drives the server as several of them.

The properties are those that formal analyses of ACME prove (ePrint 2021/1457),
as far as the server has the commands they speak of:

P1 an authorization is valid only when its account's key authorization was seen after its challenge was made;
P2 a certificate is issued only when its account has a valid authorization for each of its names;
P3 nothing changes without a fresh nonce and a signature by the account's key over this very URL;
P4 no order moves to another account; P5 each account has one key and each key one account.

HYPOTHESIS_STEPS=1000 looks longer.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from acme_server.accounts import Account
from acme_server.authorizations import Authorization, status_of
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.encoding import b64url
from acme_server.protocol.key_authorization import KeyAuthorization, http01_url
from acme_server.protocol.status import AuthorizationStatus
from acme_server.settings import Settings
from tests.acme_server.rig import Client, csr, key, make_server

KEYS, NAMES = 3, ("a.example.org", "b.example.org", "*.b.example.org")
EXAMPLES = int(os.environ.get("HYPOTHESIS_STEPS", "40"))
SETTINGS = Settings(
    authorization_reuse=1.0,
    order_lifetime=timedelta(days=2),
    pending_authorization_lifetime=timedelta(days=2),
    valid_authorization_lifetime=timedelta(days=3),
)
ACCOUNTS, STRANGERS = st.integers(0, KEYS - 1), st.integers(0, KEYS - 1)


class Clients(RuleBasedStateMachine):
    """Several accounts, honest or not, on one server; the model is only what each has seen."""

    orders = Bundle("orders")
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.server = make_server(SETTINGS)
        self.clients = [Client(self.server, key(2000 + number)) for number in range(KEYS)]
        # Order -> the account that made it.
        self.owners: dict[str, str] = {}

    @property
    def store(self):
        return self.server.world.store

    @property
    def now(self):
        return self.server._driver.now()

    def untouched(self, send):
        """Send what must be refused; return the reply, after nothing has changed but the history."""
        kinds = (Account, Order, Authorization, Certificate)
        before = [self.store.all(kind) for kind in kinds]
        response = send()
        assert [self.store.all(kind) for kind in kinds] == before
        assert response.header("Replay-Nonce")
        return response

    @initialize()
    def register(self):
        for client in self.clients:
            client.register()

    @rule(who=ACCOUNTS)
    def register_again(self, who):
        client, kid = self.clients[who], self.clients[who].kid
        assert client.register().status == 200
        assert client.kid == kid

    @rule(target=orders, who=ACCOUNTS, names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    def order(self, who, names):
        response = self.clients[who].order(*names)
        assert response.status == 201
        self.owners[response.header("Location").rpartition("/")[2]] = self.clients[who].kid.rpartition("/")[2]
        return who, response, names

    @rule(order=orders, honest=st.booleans(), shown_by=STRANGERS, kind=st.sampled_from(["http-01", "dns-01"]))
    def answer(self, order, honest, shown_by, kind):
        """Answer a challenge: with the account's own key authorization, with another's, or with none shown at all."""
        who, response, _ = order
        client = self.clients[who]
        for url in response.json["authorizations"]:
            authorization = client.post(url).json
            challenge = next((item for item in authorization["challenges"] if item["type"] == kind), None)
            if challenge is None or challenge["status"] in ("valid", "invalid"):
                continue
            if honest:
                client.show(authorization, kind)
            elif kind == "http-01":
                name = authorization["identifier"]["value"]
                foreign = KeyAuthorization(challenge["token"], self.clients[shown_by].thumbprint)
                client.driver.http[http01_url(name, challenge["token"])] = foreign.http_body.encode()
            client.post(challenge["url"], {})

    @rule()
    def validate(self):
        self.server._driver.run()

    @rule(order=orders, private_key=st.integers(0, 4), extra=st.booleans())
    def finalize(self, order, private_key, extra):
        """Finalize; the CSR may be for an account's key or for a name too many, and then comes to nothing."""
        who, response, names = order
        wrong = private_key < KEYS or extra
        signer = self.clients[private_key].key if private_key < KEYS else key(900)
        der = csr([*names, "extra.example.org"] if extra else names, signer)
        before = len(self.store.all(Certificate))
        finalized = self.clients[who].post(response.json["finalize"], {"csr": b64url(der)})
        assert len(self.store.all(Certificate)) == before + (finalized.status == 200)
        assert not (wrong and finalized.status == 200)
        if finalized.status == 200:
            self.check_issued(finalized.json["certificate"].rpartition("/")[2])

    def check_issued(self, certificate_id):
        """P2."""
        certificate = self.store.get(Certificate, certificate_id)
        authorizations = self.store.all(Authorization)
        for identifier in certificate.identifiers:
            assert any(
                authorization.covers == identifier
                and authorization.account_id == certificate.account_id
                and status_of(authorization, self.now) is AuthorizationStatus.VALID
                for authorization in authorizations
            )

    @rule(order=orders, index=st.integers(0, 2))
    def give_up(self, order, index):
        who, response, _ = order
        urls = response.json["authorizations"]
        self.clients[who].post(urls[index % len(urls)], {"status": "deactivated"})

    @rule(order=orders, who=ACCOUNTS)
    def read_anothers(self, order, who):
        """P4."""
        owner, response, names = order
        if owner != who:
            other = self.clients[who]
            for url, payload in (
                (response.header("Location"), None),
                (response.json["finalize"], {"csr": b64url(csr(names))}),
                (response.json["authorizations"][0], {"status": "deactivated"}),
            ):
                refused = self.untouched(lambda url=url, payload=payload: other.post(url, payload))
                assert refused.outcome == (403, "unauthorized")

    @rule(who=ACCOUNTS, minutes=st.integers(1, 3000))
    def wait(self, who, minutes):
        self.server._driver.pass_time(minutes=minutes)

    @rule(target=requests, who=ACCOUNTS, contact=st.sampled_from(["a", "b"]))
    def update(self, who, contact):
        client = self.clients[who]
        client.post(client.kid, {"contact": [f"mailto:{contact}@example.org"]})
        return multiple(client.history[-1])

    @rule(request=consumes(requests))
    def replay(self, request):
        """P3: a nonce is good once."""
        assert self.untouched(lambda: self.clients[0].send(request)).outcome == (400, "badNonce")

    @rule(who=ACCOUNTS, signer=STRANGERS, elsewhere=st.booleans())
    def forge(self, who, signer, elsewhere):
        """P3: signed by another, or for another URL."""
        client, mallory = self.clients[who], self.clients[signer]
        if who == signer and not elsewhere:
            return
        signed_for = f"{client.kid}/orders" if elsewhere else client.kid
        request = mallory.signed(signed_for, {"status": "deactivated"}, kid=client.kid)
        request = attrs.evolve(request, path=client.kid.removeprefix(client.base))
        assert self.untouched(lambda: client.send(request)).status in (400, 403)

    @rule(request=requests, at=st.integers(0, 10_000))
    def flip(self, request, at):
        """P3: with one character of the payload changed."""
        document = json.loads(request.body)
        payload = document["payload"]
        at %= len(payload) - 1
        changed = payload[:at] + ("A" if payload[at] != "A" else "B") + payload[at + 1 :]
        body = json.dumps({**document, "payload": changed}).encode()
        assert self.untouched(lambda: self.clients[0].send(attrs.evolve(request, body=body))).outcome == (
            400,
            "malformed",
        )

    @invariant()
    def valid_means_seen(self):
        """P1: the key authorization of its own account is what the network shows for the challenge that is valid."""
        driver = self.server._driver
        for authorization in self.store.all(Authorization):
            if authorization.status is not AuthorizationStatus.VALID:
                continue
            thumbprint = self.store.get(Account, authorization.account_id).thumbprint
            valid = [challenge for challenge in authorization.challenges if challenge.validated is not None]
            assert valid
            assert all(challenge.validated >= authorization.created for challenge in valid)
            assert any(
                seen(driver, authorization.identifier.value, KeyAuthorization(challenge.token, thumbprint))
                for challenge in valid
            )

    @invariant()
    def orders_stay_where_they_are(self):
        """P4."""
        assert {order.id: order.account_id for order in self.store.all(Order)} == self.owners

    @invariant()
    def one_key_one_account(self):
        """P5."""
        thumbprints = [account.thumbprint for account in self.store.all(Account)]
        assert len(thumbprints) == len(dict.fromkeys(thumbprints)) <= KEYS
        for client in self.clients:
            if client.kid:
                account = self.store.get(Account, client.kid.rpartition("/")[2])
                assert account.thumbprint == client.thumbprint


def seen(driver, name, answer):
    """Whether the network shows an answer to http-01 or dns-01."""
    web = driver.http.get(http01_url(name, answer.token)) == answer.http_body.encode()
    return web or answer.dns_value in driver.txt.get(f"_acme-challenge.{name}", [])


TestClients = Clients.TestCase
TestClients.settings = settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None)
