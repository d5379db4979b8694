"""Updates as a client writes them, read back by another implementation and by the server."""

import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.dns.update_message import read_update
from solvers.dns.update_request import TxtChange, rcode_of, write_update

CHANGE = TxtChange("example.test", "_acme-challenge.www.example.test", "value")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=1000)


def test_dnspython_reads_an_insertion():
    message = dns.message.from_wire(write_update(4711, CHANGE))
    assert isinstance(message, dns.update.UpdateMessage)
    assert (message.id, str(message.zone[0].name), message.prerequisite) == (4711, "example.test.", [])
    (rrset,) = message.update
    assert rrset.to_text() == '_acme-challenge.www.example.test. 60 IN TXT "value"'


def test_dnspython_reads_a_removal():
    message = dns.message.from_wire(write_update(1, TxtChange("test", "a.test", "value", remove=True)))
    (rrset,) = message.update
    assert (rrset.deleting, rrset.ttl, rrset[0].to_text()) == (dns.rdataclass.NONE, 0, '"value"')


@given(TEXTS, st.booleans(), st.integers(0, 65535))
def test_the_server_reads_what_the_client_wrote(value, remove, number):
    message = write_update(number, TxtChange("example.test", "a.example.test", value, remove))
    (record,) = read_update(message).updates
    assert (record.name, record.value, record.rclass) == ("a.example.test", value, 254 if remove else 1)
    assert int.from_bytes(message[:2]) == number


def test_a_long_value_is_cut_into_strings():
    message = dns.message.from_wire(write_update(1, TxtChange("test", "a.test", "x" * 600)))
    assert [len(string) for string in message.update[0][0].strings] == [255, 255, 90]


def test_a_value_has_an_end():
    with pytest.raises(ValueError, match="at most 65535 octets"):
        write_update(1, TxtChange("test", "a.test", "x" * 65536))


@pytest.mark.parametrize(("number", "word"), [(0, "NOERROR"), (5, "REFUSED"), (9, "NOTAUTH"), (11, "RCODE11")])
def test_an_rcode_is_a_word(number, word):
    assert rcode_of(bytes([0, 1, 0xA8, number]) + bytes(8)) == word


def test_a_message_without_a_header_has_none():
    with pytest.raises(ValueError, match="ends too early"):
        rcode_of(b"\0" * 11)
