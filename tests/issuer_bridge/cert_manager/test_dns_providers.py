"""The solver that an issuer's dns01 asks for."""

import base64
from datetime import UTC, datetime
from types import SimpleNamespace

import attrs
import pytest

from issuer_bridge.cert_manager.dns_providers import DnsProviders, nameserver_of
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import SECRET
from solvers.dns.keys import Key
from solvers.dns.zone import Zone
from solvers.dns01.authorities import Authorities
from solvers.dns01.propagation import Propagation
from solvers.dns01.provider import ZoneProvider
from solvers.dns01.rfc2136 import Rfc2136Provider
from solvers.dns01.solver import Dns01Solver
from solvers.solver import SolverError
from solvers.timing import TIMINGS

START = datetime(2026, 1, 1, tzinfo=UTC)
WEBHOOK = {"webhook": {"groupName": "acme.gravel.test", "solverName": "builtin"}}
REFERENCE = {"tsigKeyName": "cert-manager", "tsigSecretSecretRef": {"name": "tsig", "key": "secret"}}


def clock():
    return START


def drain(inquiry):
    for _ in inquiry:
        raise AssertionError("the store asks nobody")


@pytest.fixture
def builtin():
    propagation = Propagation(("192.0.2.53:53",), Authorities(clock), port=8053)
    return Dns01Solver(ZoneProvider(Zone()), propagation, TIMINGS["fast"])


@pytest.fixture
def store():
    return EmbeddedStore(clock, bytes)


@pytest.fixture
def providers(builtin, store):
    context = SimpleNamespace(resources=store, clock=clock, entropy=bytes)
    return DnsProviders(context, builtin, "kube-system")


def challenge(dns01, kind="Issuer"):
    spec = {"solver": {"dns01": dns01}, "issuerRef": {"name": "gravel", "kind": kind}}
    return {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}


def keep(store, octets, namespace="default", key="secret"):
    data = {key: base64.b64encode(octets).decode()}
    metadata = {"name": "tsig", "namespace": namespace}
    drain(store.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}))


def rfc2136(**config):
    return {"rfc2136": {"nameserver": "192.0.2.1", **config}}


def test_the_webhook_of_this_process_is_the_built_in_dns(providers, builtin):
    assert providers.solver(challenge(WEBHOOK)) == builtin


@pytest.mark.parametrize(("strategy", "follow"), [({}, False), ("None", False), ("Follow", True)])
def test_aliases_are_followed_when_the_strategy_says_so(providers, strategy, follow):
    dns01 = {**WEBHOOK, **({"cnameStrategy": strategy} if strategy else {})}
    assert providers.solver(challenge(dns01)).follow is follow


def test_nameservers_of_its_own_are_asked_alone(providers, builtin):
    found = providers.solver(challenge({**WEBHOOK, "nameservers": ["192.0.2.7:53", "192.0.2.8:53"]})).propagation
    assert (found.nameservers, found.authoritative) == (("192.0.2.7:53", "192.0.2.8:53"), False)
    assert found.authorities is builtin.propagation.authorities


def test_dns_over_https_is_refused_in_one_sentence(providers):
    with pytest.raises(
        SolverError, match=r"^nameserver https://1.1.1.1 is DNS over HTTPS, which is not supported; use"
    ):
        providers.solver(challenge({**WEBHOOK, "nameservers": ["https://1.1.1.1"]}))


@pytest.mark.parametrize(
    ("dns01", "named"),
    [
        ({"cloudflare": {"email": "x"}}, "cloudflare"),
        ({"webhook": {"groupName": "acme.example", "solverName": "builtin"}}, "webhook"),
        ({"cnameStrategy": "Follow"}, "nothing"),
    ],
)
def test_other_providers_are_refused_with_what_there_is_instead(providers, dns01, named):
    with pytest.raises(SolverError) as raised:
        providers.solver(challenge(dns01))
    assert str(raised.value) == (
        f"dns01 provider {named} is not supported; use webhook {{groupName: acme.gravel.test, solverName: builtin}}, "
        "which is the built-in DNS, or rfc2136"
    )


def test_without_a_key_updates_are_not_signed(providers):
    found = providers.solver(challenge(rfc2136())).provider
    assert isinstance(found, Rfc2136Provider)
    assert (found.nameserver, found.key, found.tcp) == ("192.0.2.1:53", None, False)


def test_the_protocol_is_udp_unless_told(providers):
    assert providers.solver(challenge(rfc2136(protocol="TCP"))).provider.tcp
    assert not providers.solver(challenge(rfc2136(protocol="UDP"))).provider.tcp


@pytest.mark.parametrize(
    ("algorithm", "wire"),
    [
        (None, "hmac-md5.sig-alg.reg.int"),
        ("HMACMD5", "hmac-md5.sig-alg.reg.int"),
        ("HMACSHA1", "hmac-sha1"),
        ("hmacsha256", "hmac-sha256"),
        ("HMACSHA512", "hmac-sha512"),
    ],
)
def test_the_secret_is_the_base64_that_a_secret_holds(providers, store, algorithm, wire):
    keep(store, b"c2VjcmV0IHNlY3JldA==\n")
    config = REFERENCE | ({"tsigAlgorithm": algorithm} if algorithm else {})
    found = providers.solver(challenge(rfc2136(**config))).provider
    assert found.key == Key("cert-manager", wire, b"secret secret")
    assert "secret secret" not in repr(found)


@pytest.mark.parametrize(("kind", "namespace"), [("Issuer", "default"), ("ClusterIssuer", "kube-system")])
def test_the_secret_is_beside_the_issuer(providers, store, kind, namespace):
    keep(store, b"b25l", namespace)
    assert providers.solver(challenge(rfc2136(**REFERENCE), kind)).provider.key.secret == b"one"
    other = {"Issuer": "ClusterIssuer", "ClusterIssuer": "Issuer"}[kind]
    with pytest.raises(SolverError, match='secret "tsig" not found in namespace'):
        providers.solver(challenge(rfc2136(**REFERENCE), other))


@pytest.mark.parametrize(
    ("kept", "changes", "text"),
    [
        (None, {}, 'secret "tsig" not found in namespace "default"'),
        (
            {"key": "other"},
            {},
            'data entry with key "secret" not found in secret "tsig" of namespace "default"',
        ),
        ({}, {"tsigSecretSecretRef": {"name": "tsig"}}, "key of data in Secret resource must be specified"),
        (
            {"octets": b"no base64!"},
            {},
            'data entry with key "secret" in secret "tsig" is not a TSIG secret in base64',
        ),
        (
            {},
            {"tsigAlgorithm": "HMACSHA384"},
            "algorithm 'HMACSHA384' is not supported; there are HMACMD5, HMACSHA1, HMACSHA256, HMACSHA512",
        ),
        ({}, {"tsigKeyName": "a..b"}, "'a..b' is not a domain name"),
        ({}, {"nameserver": ":53"}, "RFC2136 nameserver has no host defined, :53"),
    ],
)
def test_what_is_missing_for_a_signature_is_one_clear_sentence(providers, store, kept, changes, text):
    if kept is not None:
        keep(store, **{"octets": b"c2VjcmV0", **kept})
    with pytest.raises(SolverError) as raised:
        providers.solver(challenge(rfc2136(**{**REFERENCE, **changes})))
    assert str(raised.value) == text


def test_a_key_name_without_a_secret_signs_nothing(providers):
    """pkg/issuer/acme/dns/rfc2136/rfc2136.go: both or neither."""
    assert providers.solver(challenge(rfc2136(tsigKeyName="k"))).provider.key is None


def test_what_an_issuer_asks_for_changes_no_other_solver(providers, builtin):
    before = attrs.evolve(builtin)
    providers.solver(challenge({**rfc2136(), "cnameStrategy": "Follow", "nameservers": ["192.0.2.7:53"]}))
    assert providers.solver(challenge(WEBHOOK)) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.8.8.8", "8.8.8.8:53"),
        ("8.8.8.8:", "8.8.8.8:53"),
        ("8.8.8.8:5353", "8.8.8.8:5353"),
        ("[2001:db8::1]", "[2001:db8::1]:53"),
        ("[2001:db8::1]:", "[2001:db8::1]:53"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ("nameserver.com", "nameserver.com:53"),
        (" nameserver.com:5353 ", "nameserver.com:5353"),
    ],
)
def test_a_nameserver_is_read_as_upstream_reads_it(text, expected):
    """internal/apis/certmanager/validation/util/nameserver.go."""
    assert nameserver_of(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "nameserver missing"),
        ("  ", "nameserver missing"),
        (":53", "has no host defined"),
        ("2001:db8::1", "is invalid"),
        ("a:b", "is invalid"),
        ("a:0", "is invalid"),
        ("a:65536", "is invalid"),
        ("a b", "is invalid"),
        ("[::1", "is invalid"),
    ],
)
def test_what_is_no_nameserver_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        nameserver_of(text)
