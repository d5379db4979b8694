"""RS256 signatures whose padding is nearly right (RFC 8017 section 9.2): the classes of Wycheproof's JWS vectors.

The signer here is who has the key, and pads as a careless verifier would accept.
"""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_server.protocol.encoding import b64url
from acme_server.protocol.jose import jws_from, sign, verify
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.problem import Problem

KEY = rsa.generate_private_key(65537, 2048)
NUMBERS = KEY.private_numbers()
SIZE = 256
SHA256 = bytes.fromhex("0609608648016503040201")
SHA512 = bytes.fromhex("0609608648016503040203")
SHA1 = bytes.fromhex("06052b0e03021a")
NULL = b"\x05\x00"
HONEST = sign(KEY, {}, b"payload")
DIGEST = hashlib.sha256(f"{HONEST['protected']}.{HONEST['payload']}".encode()).digest()


def tlv(tag, content, length=None):
    return bytes([tag]) + (bytes([len(content)]) if length is None else length) + content


def info(algorithm=SHA256, parameters=NULL, digest=None, more=b""):
    return tlv(0x30, tlv(0x30, algorithm + parameters) + tlv(0x04, DIGEST if digest is None else digest) + more)


def padded(message, kind=1, filler=b"\xff", separator=b"\0"):
    rest = SIZE - 2 - len(separator) - len(message)
    return bytes([0, kind]) + filler * rest + separator + message


def signed(encoded):
    value = pow(int.from_bytes(encoded, "big"), NUMBERS.d, NUMBERS.public_numbers.n)
    return {**HONEST, "signature": b64url(value.to_bytes(SIZE, "big"))}


def refused(document):
    with pytest.raises(Problem) as caught:
        verify(jws_from(document), jwk_of(KEY.public_key()))
    return caught.value.kind == "malformed"


SHORT_FILLER = b"\0\1" + b"\xff" * 8 + b"\0" + info()
PADDINGS = {
    "length in long form": padded(tlv(0x30, info()[2:], b"\x81\x31")),
    "length with a leading zero": padded(tlv(0x30, info()[2:], b"\x82\x00\x31")),
    "length too long": padded(tlv(0x30, info()[2:], b"\x32")),
    "length too short": padded(tlv(0x30, info()[2:], b"\x30")),
    "indefinite length": padded(tlv(0x30, info()[2:] + b"\0\0", b"\x80")),
    "digest's length too long": padded(info()[:-33] + b"\x21" + DIGEST),
    "garbage after the structure": padded(info() + b"\0"),
    "garbage in the structure": padded(info(more=NULL)),
    "garbage in the parameters": padded(info(parameters=NULL + NULL)),
    "no parameters": padded(info(parameters=b"")),
    "parameters that are no NULL": padded(info(parameters=b"\x05\x01\0")),
    "another tag": padded(b"\x31" + info()[1:]),
    "no structure": padded(DIGEST),
    "another algorithm": padded(info(SHA512)),
    "SHA-1": padded(info(SHA1, digest=DIGEST[:20])),
    "digest cut short": padded(info(digest=DIGEST[:31])),
    "empty digest": padded(info(digest=b"")),
    "block type 0": padded(info(), 0, b"\0"),
    "block type 2": padded(info(), 2),
    "foreign filler": padded(info(), filler=b"\xfe"),
    "no separator": padded(info(), separator=b""),
    "garbage after a short filler": SHORT_FILLER + b"\x11" * (SIZE - len(SHORT_FILLER)),
    "garbage before the block": b"\0\1" + b"\xff" * 100 + b"\1" + padded(info())[103:],
}


def test_the_padding_that_all_others_differ_from_is_accepted():
    assert signed(padded(info())) == HONEST
    verify(jws_from(HONEST), jwk_of(KEY.public_key()))


@pytest.mark.parametrize("encoded", PADDINGS.values(), ids=PADDINGS)
def test_a_padding_that_is_nearly_right_is_refused(encoded):
    assert len(encoded) == SIZE
    assert refused(signed(encoded))


@settings(max_examples=40)
@given(st.integers(1, 8 * SIZE - 8))
def test_every_bit_of_the_padding_counts(bit):
    changed = int.from_bytes(padded(info()), "big") ^ 1 << bit
    if changed < NUMBERS.public_numbers.n:
        assert refused(signed(changed.to_bytes(SIZE, "big")))


@pytest.mark.parametrize("shift", [1, 2], ids=["plus n", "plus 2n"])
def test_a_signature_beyond_the_modulus_is_refused(shift):
    n = NUMBERS.public_numbers.n
    value = pow(int.from_bytes(padded(info()), "big"), NUMBERS.d, n) + shift * n
    octets = max(SIZE, (value.bit_length() + 7) // 8)
    assert refused({**HONEST, "signature": b64url(value.to_bytes(octets, "big"))})
