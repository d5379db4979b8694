"""Principals by wildcard: tables of Istio's semantics, and two workloads that shake hands for real, each judging the other."""

import asyncio
import ssl

import pytest
import yaml
from cryptography import x509

from issuer_bridge.shims.istio_policy import Decision, Workload, decide, fits, principal_of
from tests.issuer_bridge.bridge_resources import key_of
from tests.issuer_bridge.local_rig import pem_key
from tests.issuer_bridge.shims.test_istio import API, WEB, Mesh, csr

# The policy of the document, word for word.
PAYMENTS = yaml.safe_load("""\
apiVersion: security.istio.io/v1beta1
kind: AuthorizationPolicy
metadata:
  name: require-valid-cert
  namespace: payments
spec:
  action: ALLOW
  rules:
  - from:
    - source:
        principals:
        - cluster.local/ns/payments/sa/*
""")
API_ID, WEB_ID = "cluster.local/ns/payments/sa/api", "cluster.local/ns/shop/sa/web"
HERE = Workload("payments", {"app": "api"})
ALLOWED = Decision(allowed=True, why="payments/require-valid-cert allows it")
REFUSED = Decision(allowed=False, why="none of payments/require-valid-cert allows it")


def policy(*sources, action="ALLOW", namespace="payments", labels=None, **spec):
    selector = {"selector": {"matchLabels": labels}} if labels else {}
    rules = [{"from": [{"source": source}]} if source else {} for source in sources]
    spec = {"action": action, "rules": rules, **selector, **spec}
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": spec}


@pytest.mark.parametrize(
    ("pattern", "value", "fit"),
    [
        ("a/sa/*", "a/sa/b", True),
        ("a/sa/*", "a/sa/", True),
        ("a/sa/*", "b/a/sa/b", False),
        ("*/sa/b", "a/sa/b", True),
        ("*/sa/b", "a/sa/bb", False),
        ("a/sa/b", "a/sa/b", True),
        ("a/sa/b", "A/sa/b", False),
        ("a/*/b", "a/sa/b", False),
        ("*", "a", True),
        ("*", "", False),
    ],
)
def test_a_pattern_is_a_beginning_an_end_or_all_of_it(pattern, value, fit):
    assert fits(pattern, value) is fit


@pytest.mark.seed("B43")
@pytest.mark.parametrize(
    ("principal", "decision"),
    [(API_ID, ALLOWED), (WEB_ID, REFUSED), ("other.domain/ns/payments/sa/api", REFUSED), (None, REFUSED)],
)
def test_the_documents_policy_lets_the_accounts_of_its_namespace_in(principal, decision):
    assert decide([PAYMENTS], HERE, principal) == decision


@pytest.mark.parametrize(
    ("policies", "principal", "allowed"),
    [
        ([], None, True),
        ([policy(action="ALLOW")], API_ID, False),
        ([policy(action="DENY")], API_ID, True),
        ([policy(None)], None, True),
        ([policy(None), policy({"principals": [API_ID]}, action="DENY")], API_ID, False),
        ([policy(None), policy({"principals": [API_ID]}, action="DENY")], WEB_ID, True),
        ([policy({"notPrincipals": ["*"]}, action="DENY")], None, False),
        ([policy({"notPrincipals": ["*"]}, action="DENY")], WEB_ID, True),
        ([policy({"namespaces": ["pay*"]})], API_ID, True),
        ([policy({"namespaces": ["pay*"]})], WEB_ID, False),
        ([policy({"namespaces": ["*"], "notPrincipals": [API_ID]})], API_ID, False),
        ([policy({"namespaces": ["*"], "notPrincipals": [API_ID]})], WEB_ID, True),
        ([policy({"notNamespaces": ["shop"]}, {"principals": [WEB_ID]})], WEB_ID, True),
        ([policy(namespace="shop")], API_ID, True),
        ([policy(namespace="istio-system")], API_ID, False),
        ([policy(labels={"app": "web"})], API_ID, True),
        ([policy(labels={"app": "api"})], API_ID, False),
    ],
)
def test_policies_are_judged_in_istios_order_and_scopes(policies, principal, allowed):
    assert decide(policies, HERE, principal).allowed is allowed


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (policy({"ipBlocks": ["10.0.0.0/8"]}), "payments/p: ipBlocks cannot be judged by a certificate"),
        (policy(rules=[{"to": [{"operation": {"paths": ["/"]}}]}]), "payments/p: to cannot be judged"),
        (policy(action="AUDIT"), "only the actions ALLOW and DENY"),
    ],
)
def test_what_is_not_about_identities_is_refused(one, text):
    with pytest.raises(ValueError, match=text):
        decide([one], HERE, API_ID)


def test_a_certificate_has_one_spiffe_id_or_no_principal():
    mesh = Mesh()
    leaf, roots = mesh.ask("api-token", csr(API))
    assert principal_of(x509.load_pem_x509_certificate(leaf.encode())) == API_ID
    with pytest.raises(ValueError, match="no URI where one SPIFFE ID is wanted"):
        principal_of(x509.load_pem_x509_certificate(roots.encode()))


NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME: the mesh has a clock of its own


class Peer:
    """A workload with the certificate that the mesh gave it; it wants one of everybody, as PeerAuthentication STRICT."""

    def __init__(self, folder, mesh, token, identity):
        chain = mesh.ask(token, csr(identity))
        pair, roots = folder / f"{token}.pem", folder / "roots.pem"
        pair.write_bytes(pem_key(key_of(identity)) + "".join(chain[:-1]).encode())
        roots.write_text(chain[-1])
        self.server, self.client = (ssl.SSLContext(each) for each in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
        for context in (self.server, self.client):
            context.check_hostname, context.verify_mode = False, ssl.CERT_REQUIRED
            context.verify_flags |= NO_CHECK_TIME
            context.load_cert_chain(pair)
            context.load_verify_locations(roots)


def peer_of(writer):
    """Return who the other side is, by the certificate that it showed and that was verified."""
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return principal_of(x509.load_der_x509_certificate(shown))


async def call(port, context):
    """Return what the server says of us, and who it is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="")
    try:
        return (await reader.readline()).decode().strip(), peer_of(writer)
    finally:
        writer.close()


@pytest.mark.seed("B42", "B43")
async def test_two_workloads_shake_hands_and_each_knows_the_other_by_its_certificate(tmp_path):
    mesh = Mesh()
    payments, shop = (Peer(tmp_path, mesh, *who) for who in (("api-token", API), ("web-token", WEB)))

    async def answer(_, writer):
        writer.write(f"{decide([PAYMENTS], HERE, peer_of(writer)).why}\n".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=payments.server) as server:
        port = server.sockets[0].getsockname()[1]
        assert await call(port, payments.client) == (ALLOWED.why, API_ID)
        assert await call(port, shop.client) == (REFUSED.why, API_ID)
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname, stranger.maximum_version = False, ssl.TLSVersion.TLSv1_2  # later ones end after it
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):  # it knows no roots of this mesh
            await call(port, stranger)
        stranger.verify_mode = ssl.CERT_NONE  # and now it trusts anybody, but has no certificate to show
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await call(port, stranger)
