"""One Order on a bench: a real store, the controller, and an ACME server that is a list of answers."""

import base64
import hashlib
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_client.client import Client
from issuer_bridge.cert_manager.accounts import Accounts, Target
from issuer_bridge.cert_manager.children import build_challenges, build_order
from issuer_bridge.cert_manager.orders import Orders
from issuer_bridge.context import Context
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.pem import read_request
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, EVENT, ORDER
from tests.issuer_bridge.bridge_resources import HTTP01, csr_of, issuer, key_of, request
from tests.issuer_bridge.scripted_server import BASE, NOW, ScriptedServer, answer

ORDER_URL, FINALIZE_URL, CERT_URL = f"{BASE}/order/1", f"{BASE}/order/1/finalize", f"{BASE}/cert/1"
NEW, LOOK, AUTHZ, FINALIZE, CERT = (
    "POST /order",
    "POST /order/1",
    "POST /authz/1",
    "POST /order/1/finalize",
    "POST /cert/1",
)
PLACED = {"url": ORDER_URL, "finalizeURL": FINALIZE_URL, "state": "pending"}


def entropy(size):
    return hashlib.shake_256(b"bench").digest(size)


def counted():
    numbers = iter(range(1 << 30))
    return lambda size: hashlib.shake_256(str(next(numbers)).encode()).digest(size)


def authorization(state="pending", types=("http-01",), name="a.test"):
    """What the Order's status knows of its authorization."""
    offers = [{"type": kind, "url": f"{BASE}/chall/1", "token": "token"} for kind in types]
    found = {"url": f"{BASE}/authz/1", "identifier": name, "wildcard": False, "initialState": state}
    return {**found, "challenges": offers}


def described(*types):
    """An Order that has read its authorization."""
    return {**PLACED, "authorizations": [authorization(types=types or ("http-01",))]}


def order_answer(status, *, code=200, location=None, **headers):
    """What the server says of the order."""
    document = {"status": status, "finalize": FINALIZE_URL, "authorizations": [f"{BASE}/authz/1"]}
    if status == "valid":
        document["certificate"] = CERT_URL
    return answer(code, document, **({"Location": location} if location else {}), **headers)


def authorization_answer(status="pending", kind="http-01"):
    challenge = {"type": kind, "url": f"{BASE}/chall/1", "status": "pending", "token": "token"}
    document = {"status": status, "identifier": {"type": "dns", "value": "a.test"}, "challenges": [challenge]}
    return answer(200, document)


def chain_of(*issuers, names=("a.test",)):
    """A chain in PEM for the CSR of these names; its certificates were issued, leaf first, by these common names."""
    chain, subject, public = [], "a.test", key_of(*names).public_key()
    signer = ec.derive_private_key(99, ec.SECP256R1())
    for name in issuers:
        builder = x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named(name)).serial_number(1)
        builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90)).public_key(public)
        chain.append(builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.PEM))
        subject, public = name, signer.public_key()
    return b"".join(chain).decode()


def named(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def chain_answer(*issuers, alternates=(), body=None):
    links = tuple(("Link", f'<{url}>;rel="alternate"') for url in alternates)
    content = (("Content-Type", "application/pem-certificate-chain"),)
    return HttpAnswer(200, content + links, (body or chain_of(*issuers)).encode())


class OrderBench:
    """An Order of one name (unless the request says otherwise), its issuer registered.

    script: the server's answers; status: the Order's; states: of its Challenges,
    None to have none of them; acme: of the issuer; spec: what the Order has beyond
    what its request gives it; directory: what the server's has beyond the usual.
    """

    def __init__(
        self, *script, status=None, states=None, conduct, acme=None, spec=None, directory=None, names=("a.test",), **csr
    ):
        self.server = ScriptedServer(answer(201, {"status": "valid"}, Location=f"{BASE}/account/1"), *script)
        self.server.directory.update(directory or {})
        self.store = EmbeddedStore(self.server.clock, counted())
        client = Client(f"{BASE}/dir", ec.derive_private_key(7, ec.SECP256R1()), self.server.clock)
        self.server.run(client.register())
        made = issuer(**{"solvers": [HTTP01], **(acme or {})})
        self.issuer = self.keep(CLUSTER_ISSUER, {**made, "metadata": {"name": "gravel"}})
        asked = request(*names, csr=csr_of(*names, **csr))
        asked["metadata"] = {"name": "one", "namespace": "default"}
        self.request = self.keep(CERTIFICATE_REQUEST, asked)
        wanted = build_order(self.request, read_request(self.request["spec"]["request"]), self.issuer)
        wanted["spec"].update(spec or {})
        order = self.keep(ORDER, {**wanted, "status": status or {}})
        for number, state in enumerate(states or ()):
            (challenge,) = build_challenges(order, made["spec"]["acme"]["solvers"], client.key_authorization)[number:][
                :1
            ]
            self.keep(CHALLENGE, {**challenge, "status": {"state": state}})
        accounts, self.lost = Accounts(), []
        accounts.put(self.issuer, Target("", None, verify=True, key_hash="", email="", generation=1), client)
        recorder = Recorder(self.store, self.server.clock, counted())
        context = Context(self.store, self.server.clock, entropy, recorder, lambda house, facts: None)
        self.orders = Orders(
            context,
            accounts,
            lambda order: [item["metadata"]["name"] for item in self.store.list(CHALLENGE)],
            self.lost.append,
            keep_challenges=conduct.explains,
            conduct=conduct,
        )
        self.began = len(self.server.asked)

    def keep(self, kind, resource):
        created = self.server.run(self.store.create(kind, resource))
        if not resource.get("status"):
            return created
        return self.server.run(self.store.update_status(kind, {**created, "status": resource["status"]}))

    def sync(self):
        return self.server.run(self.orders.sync("default", self.order["metadata"]["name"]))

    @property
    def order(self):
        (order,) = self.store.list(ORDER)
        return order

    @property
    def status(self):
        return self.order.get("status") or {}

    @property
    def calls(self):
        """What the controller asked the ACME server, nonces apart."""
        asked = [item for item in self.server.asked[self.began :] if isinstance(item, str)]
        return [item for item in asked if "/nonce" not in item and "/dir" not in item]

    @property
    def events(self):
        return [(event["type"], event["reason"], event["message"]) for event in self.store.list(EVENT)]

    @property
    def certificate(self):
        return base64.b64decode(self.status.get("certificate", "")).decode()
