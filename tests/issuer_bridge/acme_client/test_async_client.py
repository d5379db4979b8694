"""The client for asyncio on real sockets: our server in each personality, Debian's pebble, and peers that misbehave."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.faults.personas import read_rules
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import dns01_name
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Fetch
from bench.servers import pebble
from gravel.free_port import free_port
from gravel.running import Running
from gravel.settings import Settings
from issuer_bridge.acme_client.async_client import AcmeClient
from issuer_bridge.acme_client.errors import NetworkError, Refused, TransportError
from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.acme_client.obtaining import http01_on
from issuer_bridge.acme_client.renewal import certificate_id
from solvers.dns.zone import Zone
from tests.issuer_bridge.acme_client.made_certificates import request

KEYS = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
NAME = "www.example.test"
CSR = request(NAME)


@attrs.frozen
class Site:
    """A server, what to trust it by, and the port that http-01 validation dials."""

    directory: str
    trust: str
    http01_port: int
    zone: Zone | None = None

    def client(self, key="ES256", **options):
        return AcmeClient(self.directory, KEYS[key], **{"trust": self.trust, **options})

    def solver(self):
        return http01_on("127.0.0.1", self.http01_port)


@asynccontextmanager
async def ours(persona=None, changes=None, **settings):
    ports = dict.fromkeys(("acme_port", "management_port", "dns_port"), 0)
    port = free_port()
    options = Settings(**{**ports, "http01_port": port, **settings})
    async with Running(options, bridge=False, changes=changes or {}) as running:
        for rule in read_rules({"persona": persona}) if persona else ():
            running.parts.world.faults.arm(rule, running.parts.driver.now())
        trust = Path(running.addresses.tls_ca).read_text()  # noqa: ASYNC240 - a file of one page
        yield Site(running.addresses.directory, trust, port, running.parts.zone)


def names_in(chain):
    leaf = x509.load_pem_x509_certificate(chain.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def der_of(chain):
    return x509.load_pem_x509_certificate(chain.encode()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("key", KEYS)
async def test_a_certificate_takes_a_few_lines_whatever_the_key(key):
    async with ours() as site, site.client(key) as acme, site.solver() as solver:
        chain = await acme.obtain(CSR, solver)
        assert names_in(chain) == [NAME]
        assert await acme.obtain(request("b.example.test", "a.example.test", encoding=Encoding.PEM), solver)


@pytest.mark.parametrize("personality", ["rfc8555", "pebble", "boulder"])
async def test_every_call_is_understood_by_our_server(personality):
    settings = {"personality": personality, "alternate_roots": 1}
    more = {"pre_authorization": True}
    async with ours(changes=more, **settings) as site, site.client() as acme, site.solver() as solver:
        account = await acme.register(["mailto:a@example.com"])
        assert (account.created, account.status) == (True, "valid")
        again = await acme.register(only_existing=True)
        assert (again.url, again.created) == (account.url, False)
        await acme.update_contact(["mailto:b@example.com"])
        placed = await acme.new_order([Identifier("dns", NAME)])
        (url,) = placed.authorizations
        offered = await acme.authorization(url)
        assert (await acme.challenge(offered.challenges[0].url)).status == "pending"
        assert (await acme.deactivate_authorization(url)).status == "deactivated"
        assert (await acme.preauthorize(Identifier("dns", NAME))).status == "pending"
        chain = await acme.obtain(CSR, solver)
        info = await acme.renewal_info(chain)
        assert info.start < info.end
        await acme.change_key(KEYS["ES384"])
        second = await acme.obtain(CSR, solver, replaces=certificate_id(chain))
        await acme.revoke(der_of(chain), reason=4)
        with pytest.raises(Problem, match="alreadyRevoked"):
            await acme.revoke(der_of(chain))
        await acme.revoke(der_of(second))
        assert (await acme.deactivate()).status == "deactivated"
        with pytest.raises(Problem, match="unauthorized"):
            await acme.new_order([Identifier("dns", NAME)])


async def test_the_chain_that_is_preferred_is_the_one_that_comes():
    async with ours(alternate_roots=2) as site, site.client() as acme, site.solver() as solver:
        asked = listen(acme)
        first = await acme.obtain(CSR, solver)
        url = asked[-1].url
        chains = await acme.chains(url)
        assert (chains[0], len({top(chain) for chain in chains})) == (first, 3)
        assert [await acme.certificate(url, top(chain)) for chain in chains] == list(chains)


def top(chain):
    last = chain.encode().split(b"-----BEGIN")[-1]
    (name,) = x509.load_pem_x509_certificate(b"-----BEGIN" + last).issuer.get_attributes_for_oid(
        x509.NameOID.COMMON_NAME
    )
    return name.value


def listen(acme):
    """Return a list of what the client will ask."""
    asked, ask = [], acme._answer

    def hear(question):
        if isinstance(question, Fetch):
            asked.append(question)
        return ask(question)

    acme._answer = hear
    return asked


async def test_a_revocation_needs_no_account_but_the_certificates_own_key():
    own = ec.generate_private_key(ec.SECP256R1())
    async with ours() as site, site.client() as acme, site.solver() as solver, site.client("ES384") as stranger:
        chain = await acme.obtain(request(NAME, key=own), solver)
        await stranger.revoke(der_of(chain), key=own)
        assert stranger.account_url is None
        with pytest.raises(Problem, match="alreadyRevoked"):
            await acme.revoke(der_of(chain))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_an_external_account_is_bound(algorithm):
    secret = bytes(range(64))
    async with ours(eab=(("kid-1", secret),), eab_required=True) as site, site.client() as acme:
        with pytest.raises(Problem, match="externalAccountRequired"):
            await acme.register()
        assert (await acme.register(external=ExternalAccount("kid-1", secret, algorithm))).created


@attrs.frozen
class InZone:
    """Shows dns-01 in a zone of this process."""

    zone: Zone
    type: str = "dns-01"

    async def present(self, presentation):
        self.zone.add_txt(dns01_name(presentation.dns_name), presentation.key)

    async def clean_up(self, presentation):
        self.zone.remove_txt(dns01_name(presentation.dns_name), presentation.key)


async def test_a_wildcard_and_its_name_are_shown_by_dns01():
    async with ours() as site, site.client() as acme:
        chain = await acme.obtain(request(f"*.{NAME}", NAME), InZone(site.zone))
        assert sorted(names_in(chain)) == [f"*.{NAME}", NAME]
        assert site.zone.own(dns01_name(NAME)) == {}


async def test_many_at_once_share_an_account_and_its_nonces():
    async with ours() as site, site.client() as acme, site.solver() as solver:
        await acme.register()
        chains = await asyncio.gather(*(acme.obtain(request(f"n{n}.example.test"), solver) for n in range(20)))
        assert [names_in(chain) for chain in chains] == [[f"n{n}.example.test"] for n in range(20)]


async def test_what_a_certificate_takes_is_asked_and_nothing_else():
    """With the first of the account: the directory, one nonce, and the account; polls depend on the server's pace."""
    async with ours() as site, site.client() as acme, site.solver() as solver:
        asked = listen(acme)
        await acme.obtain(CSR, solver)
        await acme.obtain(CSR, solver)
        assert [question.method for question in asked[:3]] == ["GET", "HEAD", "POST"]
        assert {question.method for question in asked[3:]} == {"POST"}
        posts = [question.url for question in asked[3:]]
        polled = [url for number, url in enumerate(posts) if url in posts[:number]]
        assert len(posts) - len(polled) == 2 * 6 - 1  # newOrder is one URL


async def test_what_the_ca_does_not_find_is_why_there_is_no_certificate():
    async with ours() as site, site.client() as acme, http01_on("127.0.0.1", 0) as nowhere:
        with pytest.raises(Refused, match=rf"the authorization of {NAME} is invalid: .*connection") as caught:
            await acme.obtain(CSR, nowhere)
        assert caught.value.problem.kind == "connection"


class Silent:
    """Shows nothing; `type` may be one that the server does not offer."""

    def __init__(self, type_="http-01"):
        self.type = type_
        self.calls = []

    async def present(self, presentation):
        self.calls.append(("present", presentation.dns_name))

    async def clean_up(self, presentation):
        self.calls.append(("clean_up", presentation.dns_name))


async def test_a_solver_cleans_up_whatever_happens():
    async with ours() as site, site.client() as acme:
        solver = Silent()
        with pytest.raises(Refused):
            await acme.obtain(CSR, solver)
        assert solver.calls == [("present", NAME), ("clean_up", NAME)]


async def test_a_type_that_is_not_offered_is_said_with_those_that_are():
    async with ours() as site, site.client() as acme:
        solver = Silent("tls-sni-01")
        with pytest.raises(Refused, match=rf"{NAME} cannot be shown by tls-sni-01; offered are: http-01, "):
            await acme.obtain(CSR, solver)
        assert solver.calls == []


@pytest.mark.parametrize(
    ("csr", "complaint"),
    [
        (b"", "cannot be read"),
        (b"no CSR", "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "cannot be read"),
        (request(), "names nothing"),
    ],
    ids=["nothing", "no DER", "a certificate", "no names"],
)
async def test_what_is_no_csr_is_said_before_anything_is_asked(csr, complaint):
    async with AcmeClient("https://127.0.0.1:9/dir", KEYS["ES256"]) as acme:
        with pytest.raises(ValueError, match=f"the CSR {complaint}"):
            await acme.obtain(csr, Silent())


async def test_a_server_that_nobody_vouches_for_is_not_spoken_to():
    async with ours() as site, site.client(trust=None) as wary, site.client(trust=None, verify=False) as careless:
        with pytest.raises(NetworkError, match=r"^GET https://\S+/dir: TLS: "):
            await wary.register()
        assert (await careless.register()).created


def test_roots_that_are_no_pem_are_refused_at_once():
    with pytest.raises(ValueError, match="trust: not certificates in PEM"):
        AcmeClient("https://127.0.0.1:9/dir", KEYS["ES256"], trust="no PEM")


async def test_proxies_of_the_environment_are_not_followed(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with ours() as site, site.client() as acme:
        assert (await acme.register()).created


async def test_it_is_used_between_its_beginning_and_its_end():
    acme = AcmeClient("https://127.0.0.1:9/dir", KEYS["ES256"])
    with pytest.raises(RuntimeError, match="inside `async with`"):
        await acme.register()


@pytest.mark.parametrize(
    ("persona", "complaint"),
    [
        ("step-ca", None),
        ("dogtag", None),
        ("rate-limited", "429 urn:ietf:params:acme:error:rateLimited: too many new orders recently"),
        ("vault", "gave no Replay-Nonce"),
        ("hostile", "the server's challenge has a 'token' that is not base64url"),
    ],
)
async def test_a_server_with_quirks_gives_a_certificate_or_a_sentence(persona, complaint):
    """The second order of two, as there are quirks that begin there."""
    async with ours(persona=persona) as site, site.client() as acme, site.solver() as solver:
        try:
            await acme.obtain(CSR, solver)
            assert names_in(await acme.obtain(CSR, solver)) == [NAME]
            said = None
        except (Problem, TransportError) as error:
            said = str(error)
        assert said == complaint or (complaint and complaint in said)


@asynccontextmanager
async def saying(octets):
    """A server that says these octets to whoever comes, and hangs up."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(octets)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/dir"


def http(body, status="200 OK", *headers):
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (b"", "connection reset"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "malformed response"),
        (http(b"{}")[:-1], "connection reset"),
        (http(b" " * 2**21), "the answer is longer than 1048576 bytes"),
        (http(b"{}"), "has no 'newAccount'"),
        (http(b'{"newAccount": "ftp://127.0.0.1/"}'), "has no 'newNonce'"),
        (http(b'{"newAccount": "ftp://a.test/", "newNonce": "http://a b/"}'), "'http://a b/' is no URL to follow"),
    ],
    ids=["nothing", "no HTTP", "a body cut short", "a giant body", "an empty directory", "no nonces", "no URL"],
)
async def test_a_peer_that_misbehaves_is_one_sentence(octets, complaint):
    async with saying(octets) as directory, AcmeClient(directory, KEYS["ES256"]) as acme:
        with pytest.raises(TransportError) as caught:
            await acme.register()
        assert complaint in str(caught.value)


async def test_a_redirect_is_not_followed():
    octets = http(b"", "302 Found", "Location: http://127.0.0.1:9/dir")
    async with saying(octets) as directory, AcmeClient(directory, KEYS["ES256"]) as acme:
        with pytest.raises(Problem, match="302"):
            await acme.register()


async def test_nobody_there_is_said_in_the_systems_words():
    async with AcmeClient("http://127.0.0.1:9/dir", KEYS["ES256"]) as acme:
        with pytest.raises(NetworkError, match=r"^GET http://127\.0\.0\.1:9/dir: connection refused$"):
            await acme.register()


async def test_patience_ends_where_the_server_does_not_decide():
    async def say_nothing(reader, writer):
        await reader.read()
        writer.close()

    async with ours() as site, site.client() as acme:
        server = await asyncio.start_server(say_nothing, "127.0.0.1", site.http01_port)
        async with server:
            with pytest.raises(NetworkError, match=r"the server did not decide within 0\.2 s"):
                await acme.obtain(CSR, Silent(), patience=timedelta(seconds=0.2))


@pytest.fixture(scope="module")
def debians(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield Site(running.directory, running.ca.read_text(), running.http01_port)


@pytest.mark.client("pebble")
@pytest.mark.parametrize("key", ["RS256", "ES256"])
async def test_debians_pebble_understands_it_too(debians, key):
    async with debians.client(key) as acme, debians.solver() as solver:
        account = await acme.register(["mailto:a@example.com"])
        assert (await acme.register(only_existing=True)).url == account.url
        chain = await acme.obtain(CSR, solver)
        assert names_in(chain) == [NAME]
        await acme.change_key(ec.generate_private_key(ec.SECP256R1()))
        await acme.update_contact(["mailto:b@example.com"])
        await acme.revoke(der_of(chain))
        assert (await acme.deactivate()).status == "deactivated"
