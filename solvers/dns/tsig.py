"""Signed messages (TSIG, RFC 8945): dnspython reads the record and computes the MACs, the order of checks is here.

Imported only where there is a key, since dnspython is an extra.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable
from datetime import datetime

import attrs
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

from acme_server.protocol.driver import Clock
from solvers.dns.keys import Key
from solvers.dns.query import HEADER, QUESTION, RECORD, skip_name

BADSIG, BADKEY, BADTIME, BADTRUNC = 16, 17, 18, 22
_ERRORS = {BADSIG: "BADSIG", BADKEY: "BADKEY", BADTIME: "BADTIME", BADTRUNC: "BADTRUNC"}
FUDGE = 300
_KIND, _ANY = dns.rdatatype.TSIG, dns.rdataclass.ANY
# Of a TSIG record's data: all but the algorithm, the MAC and the other data.
_FIXED = 16


@attrs.frozen
class Signed:
    """A message that came with a TSIG record, and without it; `error` 0 means that the key's holder sent it, now."""

    message: bytes
    error: int
    owner: dns.name.Name
    record: TSIG
    key: dns.tsig.Key | None

    @property
    def room(self) -> int:
        """How many octets the TSIG record of a reply takes; only that of a late message has other data."""
        mac = dns.tsig.mac_sizes[self.key.algorithm] if self.key else 0
        return len(_wire(self.owner)) + RECORD.size + len(_wire(self.record.algorithm)) + _FIXED + mac


class Keyring:
    """The keys of this server; `clock` tells the time that signatures are held against."""

    def __init__(self, keys: Iterable[Key], clock: Clock) -> None:
        self._keys = {known.name: known for known in map(_known, keys)}
        self._clock = clock

    def check(self, message: bytes) -> Signed | None:
        """Check a message's signature, if it has one (section 5.2); ValueError when it is malformed."""
        try:
            found = _find(message)
            return self._check(message, *found) if found else None
        except (IndexError, struct.error):
            raise ValueError("the message ends too early") from None
        except dns.exception.DNSException as error:
            raise ValueError(f"the TSIG record is malformed: {error}") from None

    def _check(self, message: bytes, start: int, data: int) -> Signed:
        owner, _ = dns.name.from_wire(message, start)
        record = _record(message, data)
        *counts, others = HEADER.unpack_from(message)
        bare = HEADER.pack(*counts, others - 1) + message[HEADER.size : start]
        key = self._keys.get(owner)
        if key is None or key.algorithm != record.algorithm:
            return Signed(bare, BADKEY, owner, record, None)
        return Signed(bare, self._error(bare, key, record), owner, record, key)

    def _error(self, message: bytes, key: dns.tsig.Key, record: TSIG) -> int:
        expected = _signed(key, message, record, b"").mac
        if not max(10, len(expected) // 2) <= len(record.mac) <= len(expected):
            raise ValueError("the MAC is longer than its algorithm's, or shorter than can be accepted")
        if not hmac.compare_digest(expected[: len(record.mac)], record.mac):
            return BADSIG
        if abs(self._now() - record.time_signed) > record.fudge:
            return BADTIME
        return BADTRUNC if len(record.mac) < len(expected) else 0

    def sign(self, reply: bytes, signed: Signed) -> bytes:
        """Return the reply to a signed message with a TSIG record: without a MAC if that was bad (section 5.3.2)."""
        late, now = signed.error == BADTIME, self._now()
        record = TSIG(
            _ANY,
            _KIND,
            signed.record.algorithm,
            signed.record.time_signed if late else now,
            FUDGE,
            b"",
            HEADER.unpack_from(reply)[0],
            signed.error,
            now.to_bytes(6, "big") if late else b"",
        )
        if signed.key and signed.error != BADSIG:
            record = _signed(signed.key, reply, record, signed.record.mac)
        return _with_record(reply, signed.owner, record)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def sign_request(message: bytes, key: Key, now: datetime) -> tuple[bytes, bytes]:
    """Return a request signed by a client (section 5.1), and its MAC, by which the reply is checked."""
    known = _known(key)
    number = HEADER.unpack_from(message)[0]
    bare = TSIG(_ANY, _KIND, known.algorithm, int(now.timestamp()), FUDGE, b"", number, 0, b"")
    record = _signed(known, message, bare, b"")
    return _with_record(message, known.name, record), record.mac


def check_reply(reply: bytes, key: Key, mac: bytes, now: datetime) -> None:
    """Check the signature of the reply to a request with this MAC (section 5.3); ValueError says what is wrong with it."""
    try:
        found = _find(reply)
        if found is None:
            raise ValueError("the reply is not signed")
        start, data = found
        owner, _ = dns.name.from_wire(reply, start)
        dns.tsig.validate(reply, _known(key), owner, _record(reply, data), int(now.timestamp()), mac, start)
    except (IndexError, struct.error):
        raise ValueError("the reply ends too early") from None
    except dns.exception.DNSException as error:
        raise ValueError(f"the reply's signature is not valid: {error}") from None


def error_of(reply: bytes) -> str:
    """Return the word of the error in a reply's TSIG record (section 3), unchecked; "" when there is none."""
    try:
        found = _find(reply)
        number = _record(reply, found[1]).error if found else 0
    except (IndexError, ValueError, struct.error, dns.exception.DNSException):
        return ""
    return _ERRORS.get(number, f"TSIG error {number}") if number else ""


def _record(message: bytes, data: int) -> TSIG:
    """Read the data of the TSIG record, which ends the message."""
    record = dns.rdata.from_wire(_ANY, _KIND, message, data, len(message) - data)
    assert isinstance(record, TSIG)
    return record


def _known(key: Key) -> dns.tsig.Key:
    return dns.tsig.Key(dns.name.from_text(key.name), key.secret, key.algorithm)


def _with_record(message: bytes, owner: dns.name.Name, record: TSIG) -> bytes:
    """Return a message with its TSIG record behind it."""
    data = record.to_wire() or b""
    *counts, others = HEADER.unpack_from(message)
    head = HEADER.pack(*counts, others + 1) + message[HEADER.size :]
    return head + _wire(owner) + RECORD.pack(_KIND, _ANY, 0, len(data)) + data


def _wire(name: dns.name.Name) -> bytes:
    return name.to_wire() or b""


def _signed(key: dns.tsig.Key, message: bytes, record: TSIG, request_mac: bytes) -> TSIG:
    """Return the record with the MAC that it should have."""
    signed, _ = dns.tsig.sign(message, key, record, record.time_signed, request_mac)
    assert isinstance(signed, TSIG)
    return signed


def _find(message: bytes) -> tuple[int, int] | None:
    """Return where the TSIG record and its data begin; it is the last of the message, and the only one."""
    _, _, questions, *others = HEADER.unpack_from(message)
    offset = HEADER.size
    for _ in range(questions):
        offset = skip_name(message, offset) + QUESTION.size
    for _ in range(sum(others)):
        start, offset = offset, skip_name(message, offset)
        kind, rclass, ttl, size = RECORD.unpack_from(message, offset)
        offset += RECORD.size
        if kind == _KIND:
            if rclass != _ANY or ttl or offset + size != len(message):
                raise ValueError("a TSIG record is the last of a message")
            return start, offset
        offset += size
    return None
