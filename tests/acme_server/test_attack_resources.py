"""Attacks on accounts, orders, authorizations and certificates (rows 57 to 97), each over a real socket."""

from __future__ import annotations

import itertools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.renewal_info import certid_of
from tests.acme_server import test_attack_table, test_attack_wire
from tests.acme_server.attack_rig import attack, each, table
from tests.acme_server.rig import BASE, csr, key, make_server

NAMES = (f"n{number}.attack.example" for number in itertools.count())
NEW_ACCOUNT, NEW_ORDER, REVOKE = f"{BASE}/new-account", f"{BASE}/new-order", f"{BASE}/revoke-cert"
SMALL_RSA = rsa.generate_private_key(65537, 1024)


def stranger(attacker, payload):
    """Ask for an account with a key that has none."""
    return type(attacker)(attacker.server, attacker.url.geturl()).post(NEW_ACCOUNT, payload)


def again(attacker):
    """Ask for the account's own URL with its key, and contacts that must be ignored."""
    asked = {"contact": ["mailto:ignored@example.org"]}
    request = attacker.signed(NEW_ACCOUNT, asked, kid=None, jwk=attacker.members)
    response = attacker.send(request)
    assert response.header("Location") == attacker.kid
    assert response.json.get("contact", []) == []
    return response


def fifty_accounts(attacker):
    one = type(attacker)(attacker.server, attacker.url.geturl())
    replies = one.parallel(*(one.signed(NEW_ACCOUNT, {}) for _ in range(50)))
    assert sorted(reply.status for reply in replies) == [200] * 49 + [201]
    assert len({reply.header("Location") for reply in replies}) == 1
    return one.post(NEW_ACCOUNT, {})


def contacts(*values):
    return lambda attacker: attacker.post(attacker.kid, {"contact": list(values)})


def deactivated(url):
    def send(attacker):
        other = attacker.another()
        other.post(other.kid, {"status": "deactivated"})
        return other.post(url or other.kid, {} if url else None)

    return send


def orders(*names, **members):
    return lambda attacker: attacker.order(*names, **members)


def identifiers(value):
    return lambda attacker: attacker.post(NEW_ORDER, {"identifiers": value})


def foreign(pick):
    """Let another account ask for what pick chooses of an order and its authorizations."""

    def send(attacker):
        order = attacker.order(next(NAMES))
        return attacker.another().post(pick(order, attacker.authorizations(order)[0], attacker))

    return send


def ready(attacker, *names):
    order = attacker.order(*(names or (next(NAMES),)))
    attacker.authorize(order)
    return order, [identifier["value"] for identifier in order.json["identifiers"]]


def finalizing(make):
    """Finalize a ready order with what make returns of its names; a refused CSR leaves the order ready."""

    def send(attacker):
        order, names = ready(attacker)
        made = make(names)
        response = attacker.post(order.json["finalize"], {"csr": made if isinstance(made, str) else b64url(made)})
        refused = response.status >= 400
        assert (attacker.post(order.header("Location")).json["status"] == "ready") == refused
        return response

    return send


def built(names, *sans, private_key=None, algorithm=None, extensions=()):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    general = [*map(x509.DNSName, names), *sans]
    builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(private_key or key(900), algorithm or hashes.SHA256()).public_bytes(Encoding.DER)


def unsigned(names):
    der = bytearray(csr(names))
    der[-1] ^= 1
    return bytes(der)


def account_key(attacker):
    order, names = ready(attacker)
    return attacker.finalize(order, names, attacker.key)


def twenty_finalized(attacker):
    order, names = ready(attacker)
    requests = [attacker.signed(order.json["finalize"], {"csr": b64url(csr(names))}) for _ in range(20)]
    replies = sorted(attacker.parallel(*requests), key=lambda reply: reply.status)
    assert [reply.status for reply in replies] == [200] + [403] * 19
    return replies[-1]


def given_up(attacker):
    """Deactivate an authorization between ready and finalize: no certificate."""
    order, names = ready(attacker)
    attacker.post(order.json["authorizations"][0], {"status": "deactivated"})
    response = attacker.finalize(order, names)
    assert "certificate" not in attacker.post(order.header("Location")).json
    return response


def answered_twice(attacker):
    order = attacker.order(next(NAMES))
    url = attacker.show(attacker.authorizations(order)[0], "dns-01")
    replies = [attacker.post(url, {}) for _ in range(2)]
    assert attacker.driver.run() == 1
    assert attacker.post(url, {}).json["status"] == "valid"
    return replies[-1]


def wrong_answer(change):
    """Let an honest challenge find something else; what came of it is shown by a reply that must be 200."""

    def send(attacker):
        order = attacker.order(next(NAMES))
        url = attacker.show(attacker.authorizations(order)[0], "http-01")
        place, body = attacker.driver.http.popitem()
        attacker.driver.http[place] = change(attacker, body)
        attacker.post(url, {})
        attacker.driver.run()
        response = attacker.post(url)
        assert response.json["status"] == "invalid"
        assert response.json["error"]["type"].endswith(("unauthorized", "incorrectResponse"))
        return response

    return send


def others_key(attacker, body):
    return body.partition(b".")[0] + b"." + attacker.another().thumbprint.encode()


def replacing(prepare):
    """Order with a `replaces` that prepare returns, of a certificate issued for the attacker."""

    def send(attacker):
        order, names = ready(attacker)
        url = attacker.finalize(order, names).json["certificate"]
        leaf = x509.load_pem_x509_certificates(attacker.post(url).reply.body)[0]
        return prepare(attacker, names, leaf)

    return send


def replaced_twice(attacker, names, leaf):
    assert attacker.order(*names, replaces=certid_of(leaf)).status == 201
    return attacker.order(*names, replaces=certid_of(leaf))


def revoking(reason=None, times=1, by=None):
    def send(attacker, names, leaf):
        signer = attacker.another() if by == "stranger" else attacker
        document = {"certificate": b64url(leaf.public_bytes(Encoding.DER))}
        document |= {} if reason is None else {"reason": reason}
        changes = {}
        if by == "certificate key":
            signer = type(attacker)(attacker.server, attacker.url.geturl(), key(900))
            changes = {"kid": None}
        return [signer.post(REVOKE, document, **changes) for _ in range(times)][-1]

    return replacing(send)


CA = x509.BasicConstraints(ca=True, path_length=None)
BAD_NAMES = ("bücher.example", "xn--ls8h=.example", "a\0b.example", "a_b.example", "a" * 64 + ".example")
BAD_NAMES += ("a." * 127 + "example", "example.org.", "ü" * 5000, "", " ", "a\r\nb.example", "\x1b[31m.example")
BAD_CERTIDS = ("x", "AA.AA", "A.B.C", "+.==")

ATTACKS = table(
    attack(57, "newAccount again", again, rfc8555="200"),
    attack(58, "newAccount fifty times", fifty_accounts, rfc8555="200"),
    attack(
        59,
        "onlyReturnExisting",
        lambda one: stranger(one, {"onlyReturnExisting": True}),
        rfc8555="400 accountDoesNotExist",
    ),
    attack(
        60,
        "contact",
        {
            "header fields": contacts("mailto:a@example.org?subject=x"),
            "two addresses": contacts("mailto:a@example.org,b@example.org"),
            "10,000": contacts(*["mailto:a@example.org"] * 2000),
            "line break": contacts("mailto:a@example.org\r\nX: y"),
        },
        rfc8555="400 invalidContact",
    ),
    attack(60, "contact by telephone", contacts("tel:+1"), rfc8555="400 unsupportedContact"),
    attack(
        61,
        "deactivated account at",
        {url or "itself": deactivated(url) for url in (None, NEW_ORDER, REVOKE)},
        rfc8555="401 unauthorized",
        pebble="403 unauthorized",
        boulder="403 unauthorized",
    ),
    attack(
        64,
        "foreign order",
        foreign(lambda order, _, __: order.header("Location")),
        rfc8555="403 unauthorized",
        boulder="404 malformed",
    ),
    attack(
        64,
        "foreign orders list",
        foreign(lambda _, __, one: f"{BASE}/account/{one.kid.rpartition('/')[2]}/orders"),
        rfc8555="403 unauthorized",
        pebble="404 malformed",
    ),
    attack(
        64,
        "foreign",
        {
            "authorization": foreign(lambda order, _, __: order.json["authorizations"][0]),
            "challenge": foreign(lambda _, authorization, __: authorization["challenges"][0]["url"]),
            "account": foreign(lambda _, __, one: one.kid),
        },
        rfc8555="403 unauthorized",
    ),
    attack(
        68,
        "identifiers:",
        {
            "none": identifiers([]),
            "101": orders(*(f"n{number}.example" for number in range(101))),
            "no list": identifiers({}),
            "no object": identifiers(["a.example"]),
            "no strings": identifiers([{"type": "dns", "value": 7}]),
        },
        rfc8555="400 malformed",
    ),
    attack(68, "duplicate identifiers", orders("twice.example", "TWICE.example"), rfc8555="201"),
    attack(
        68,
        "e-mail",
        identifiers([{"type": "email", "value": "a@b.example"}]),
        rfc8555="400 unsupportedIdentifier",
        pebble="400 malformed",
    ),
    attack(69, "name", each(BAD_NAMES, lambda one, name: one.order(name)), rfc8555="400 malformed"),
    attack(
        70,
        "wildcard",
        each(("*.*.example.org", "a*.example.org", "*", "*.com", "a.*.org"), lambda one, name: one.order(name)),
        rfc8555="400 malformed",
    ),
    attack(
        71,
        "address as name",
        each(("127.0.0.1", "127.1", "0x7f.1", "::ffff:127.0.0.1", "[::1]"), lambda one, name: one.order(name)),
        rfc8555="400 malformed",
    ),
    attack(
        72,
        "finalize a pending order",
        lambda one: one.finalize(one.order("pending.example"), ["pending.example"]),
        rfc8555="403 orderNotReady",
    ),
    attack(
        73,
        "CSR",
        {
            "superset": finalizing(lambda names: csr([*names, "more.example"])),
            "other name": finalizing(lambda _: csr(["other.example"])),
        },
        rfc8555="400 badCSR",
        pebble="403 unauthorized",
        boulder="403 unauthorized",
    ),
    attack(
        73,
        "CSR",
        {
            "twice the name": finalizing(lambda names: csr([*names, *names])),
            "other case": finalizing(lambda names: csr([name.upper() for name in names])),
        },
        rfc8555="200",
    ),
    attack(73, "CSR without a name", finalizing(lambda _: csr([])), rfc8555="400 badCSR"),
    attack(74, "CSR for the account key", account_key, rfc8555="400 badCSR"),
    attack(
        75,
        "CSR",
        {
            "signature": finalizing(unsigned),
            "SHA-224": finalizing(lambda names: built(names, algorithm=hashes.SHA224())),
            "1,024 bits": finalizing(lambda names: built(names, private_key=SMALL_RSA)),
            "curve": finalizing(lambda names: built(names, private_key=ec.derive_private_key(7, ec.SECP256K1()))),
        },
        rfc8555="400 badCSR",
    ),
    attack(
        76,
        "CSR with 1,000 names",
        finalizing(lambda _: built([f"n{number}.example" for number in range(1000)])),
        rfc8555="400 badCSR",
        pebble="403 unauthorized",
        boulder="403 unauthorized",
    ),
    attack(76, "CSR of 33 kB", finalizing(lambda _: b"0" * 33_000), rfc8555="400 badCSR"),
    attack(
        76,
        "CSR",
        {
            "indefinite length": finalizing(lambda _: b"\x30\x80\0\0"),
            "nested sets": finalizing(lambda _: b"\x31\x7f" * 5000),
            "object identifier": finalizing(lambda _: b"\x30\x82\x10\x04\x06\x82\x10\x00" + b"\xff" * 4096),
        },
        rfc8555="400 badCSR",
        pebble="400 malformed",
        boulder="400 malformed",
    ),
    attack(
        77,
        "CSR asks for",
        {
            "a CA": finalizing(lambda names: built(names, extensions=[CA])),
            "NUL in a name": finalizing(lambda names: built([*names, "a\0b.example"])),
        },
        rfc8555="400 badCSR",
    ),
    attack(
        77,
        "CSR has an",
        {
            "e-mail address": finalizing(lambda names: built(names, x509.RFC822Name("a@b.example"))),
            "URI": finalizing(lambda names: built(names, x509.UniformResourceIdentifier("https://b.example"))),
        },
        rfc8555="400 badCSR",
        pebble="200",
    ),
    attack(
        78,
        "CSR with an octet more",
        finalizing(lambda names: csr(names) + b"\0"),
        rfc8555="400 badCSR",
        pebble="400 malformed",
        boulder="400 malformed",
    ),
    attack(
        78,
        "CSR",
        {
            "padded": finalizing(lambda _: "AAA="),
            "no base64url": finalizing(lambda _: "+/+/"),
            "PEM": finalizing(lambda _: "-----BEGIN CERTIFICATE REQUEST-----"),
        },
        rfc8555="400 malformed",
    ),
    attack(79, "twenty finalizes", twenty_finalized, rfc8555="403 orderNotReady"),
    attack(80, "authorization given up", given_up, rfc8555="403 orderNotReady"),
    attack(81, "challenge twice", answered_twice, rfc8555="200"),
    attack(83, "key authorization of another", wrong_answer(others_key), rfc8555="200"),
    attack(
        84,
        "validity",
        {
            "backwards": orders("v.example", notBefore="2027-01-02T00:00:00Z", notAfter="2027-01-01T00:00:00Z"),
            "year 10000": orders("v.example", notAfter="10000-01-01T00:00:00Z"),
            "too long": orders("v.example", notAfter="2999-01-01T00:00:00Z"),
            "no moment": orders("v.example", notAfter="tomorrow"),
        },
        rfc8555="400 malformed",
    ),
    attack(
        85,
        "replaces another's",
        replacing(lambda one, names, leaf: one.another().order(*names, replaces=certid_of(leaf))),
        rfc8555="403 unauthorized",
    ),
    attack(85, "replaces again", replacing(replaced_twice), rfc8555="409 alreadyReplaced"),
    attack(
        85,
        "replaces",
        {
            "other names": replacing(lambda one, _, leaf: one.order("disjoint.example", replaces=certid_of(leaf))),
            **each(("x", 7), lambda one, text: one.order("a.example", replaces=text)),
        },
        rfc8555="400 malformed",
    ),
    attack(
        92,
        "answer with",
        {
            "prefix": wrong_answer(lambda _, body: b"x" + body),
            "suffix": wrong_answer(lambda _, body: body + b"x"),
            "BOM": wrong_answer(lambda _, body: b"\xef\xbb\xbf" + body),
            "other case": wrong_answer(lambda _, body: body.swapcase()),
        },
        rfc8555="200",
    ),
    attack(95, "revoke as a stranger", revoking(by="stranger"), rfc8555="403 unauthorized"),
    attack(95, "revoke twice", revoking(times=2), rfc8555="400 alreadyRevoked"),
    attack(95, "revoke for reason 7", revoking(reason=7), rfc8555="400 badRevocationReason"),
    attack(95, "revoke with the certificate's key", revoking(by="certificate key"), rfc8555="200"),
    attack(
        95, "revoke", each(("A", 7), lambda one, der: one.post(REVOKE, {"certificate": der})), rfc8555="400 malformed"
    ),
    attack(95, "revoke a foreign one", lambda one: one.post(REVOKE, {"certificate": "AAAA"}), rfc8555="404 malformed"),
    attack(
        96,
        "renewalInfo of",
        each(BAD_CERTIDS, lambda one, text: one.get(f"/renewal-info/{text}")),
        rfc8555="400 malformed",
    ),
    attack(96, "renewalInfo of nothing", lambda one: one.get("/renewal-info/"), rfc8555="404 malformed", pebble="404"),
)

# Rows that are held elsewhere.
ELSEWHERE = {
    30: "test_nonces.py: the pool is bounded",
    50: "test_web.py: slow clients are sent away",
    55: "test_front_end.py: our own failure is a problem without details",
    62: "registration_authority/test_key_change.py: what is wrong with an inner JWS",
    63: "registration_authority/test_key_change.py: a key in use, and one that was taken meanwhile",
    65: "registration_authority/test_external_accounts.py",
    66: "below: 128 random bits",
    67: "registration_authority/test_accounts.py: terms of service",
    82: "test_caa.py",
    86: "test_addresses.py: the guard dials no special address",
    87: "test_validation_authority.py: the address that was looked up is the one dialled",
    88: "test_validation_authority.py: redirects",
    89: "test_network.py: sizes and times",
    90: "test_network.py: resets, noise and failures of TLS",
    91: "test_dns_messages.py, test_dns_exchange.py",
    93: "below: 128 random bits",
    94: "test_validation_authority.py: what a stranger sent is quoted escaped",
    97: "test_limits.py",
    98: "gravel/management/test_management.py",
    99: "gravel/management/test_authority_endpoints.py: the management API has them, and wants a token beyond loopback",
    100: "issuer_bridge",
    101: "issuer_bridge",
    102: "issuer_bridge",
    103: "issuer_bridge",
}


@pytest.mark.parametrize("row", ATTACKS, ids=str)
def test_each_attack_has_one_answer(attacker, row, personality):
    row.carry_out(attacker, personality)


def test_ids_and_tokens_are_128_random_bits():
    """Rows 66 and 93: each bit is set in about half of them, and no two are the same."""
    world = make_server().world
    drawn = [world.new_id() for _ in range(20_000)]
    values = [int.from_bytes(b64url_decode(text), "big") for text in drawn]
    assert {len(text) for text in drawn} == {22}
    assert len(dict.fromkeys(drawn)) == len(drawn)
    assert all(9_500 < sum(value >> bit & 1 for value in values) < 10_500 for bit in range(128))


def test_no_row_is_forgotten():
    rows = {row.row for module in (test_attack_table, test_attack_wire) for row in module.ATTACKS}
    rows |= {row.row for row in ATTACKS}
    assert sorted(rows | ELSEWHERE.keys()) == list(range(1, 104))
    assert sorted(rows & ELSEWHERE.keys()) == []
