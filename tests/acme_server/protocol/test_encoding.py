"""Strict base64url and JSON: one text, one meaning."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.encoding import _strictly, b64url, b64url_decode, load_json


@given(st.binary())
def test_what_is_encoded_decodes_to_itself(data):
    assert b64url_decode(b64url(data)) == data


@given(st.text(alphabet="ABCabc019-_+/= \n.", max_size=12))
def test_every_accepted_text_is_the_only_text_of_its_bytes(text):
    try:
        data = b64url_decode(text)
    except ValueError:
        return
    assert b64url(data) == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("aGk=", "carries '=' padding, which RFC 8555 section 6.1 forbids"),
        ("a+b/", "is not base64url"),
        ("aGk\n", "is not base64url"),
        ("aGkhx", "is not base64url"),
        ("aGl", "is not canonical base64url"),
        (None, "is not a string"),
        (7, "is not a string"),
        ("ä", "is not base64url"),
    ],
)
def test_a_second_spelling_of_the_same_bytes_is_refused(text, complaint):
    with pytest.raises(ValueError) as caught:
        b64url_decode(text)
    assert str(caught.value) == complaint


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**40), 10**40)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_plain_json_is_read_as_the_standard_library_reads_it(value):
    text = json.dumps(value)
    try:
        text.encode("utf-8")
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return
    assert load_json(text.encode()) == value


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b'{"alg":"a","alg":"b"}', "has the name 'alg' twice"),
        (b'{"a":{"b":1,"b":1}}', "has the name 'b' twice"),
        (b"[NaN]", "has the number NaN, which JSON does not know"),
        (b"-Infinity", "has the number -Infinity, which JSON does not know"),
        (b'"\\ud800"', "has a lone surrogate"),
        (b'{"\\udfff":1}', "has a lone surrogate"),
        (b"\xff\xfe", "is not UTF-8"),
        ("{}".encode("utf-16"), "is not UTF-8"),
        (b"\xef\xbb\xbf{}", "is not JSON (it starts with a byte order mark)"),
        (b"[" * 100_000, "is nested deeper than 20 levels"),
        (b'{"a":' * 21 + b"1" + b"}" * 21, "is nested deeper than 20 levels"),
        (b"", "is not JSON (Expecting value at character 0)"),
    ],
)
def test_json_with_two_meanings_is_refused_with_a_sentence(data, complaint):
    with pytest.raises(ValueError) as caught:
        load_json(data)
    assert str(caught.value) == complaint


def test_a_number_of_five_thousand_digits_is_refused_not_computed():
    with pytest.raises(ValueError, match="integer string conversion"):
        load_json(b"9" * 5000)


@pytest.mark.parametrize("filler", ['"', "\\", '\\"', "[", '"\\'])
def test_the_depth_check_is_linear_in_hostile_input(filler):
    """A quadratic scan of 64 KiB would not return within the test's time limit."""
    with pytest.raises(ValueError, match=r"is not JSON|is nested"):
        load_json(b'"' + filler.encode() * (65_000 // len(filler)) + b"x")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_value_error(data):
    with suppress(ValueError):
        load_json(data)


def test_brackets_inside_strings_do_not_count_as_depth():
    assert load_json(b'"' + b"[" * 100 + b'"') == "[" * 100


def test_the_standard_library_would_have_been_fooled():
    """Why this module exists: the lenient decoder reads garbage as `hi`."""
    assert base64.urlsafe_b64decode(b"a!G k\n=") == b"hi"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
texts = st.builds(
    lambda value, separators, escaped: json.dumps(value, separators=separators, ensure_ascii=escaped).encode(
        "utf-8", "surrogatepass"
    ),
    values,
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
changed = st.builds(
    lambda text, place, octet: text[: place % len(text)] + octet + text[place % len(text) + 1 :],
    texts,
    st.integers(0, 100),
    st.sampled_from([b"", b'"', b",", b"{", b"\\", b"9", b"\xff", b'"a":1,"a":2']),
)


@given(texts | changed | st.binary(max_size=40))
def test_what_is_read_quickly_is_read_as_strictly(data):
    def outcome(read):
        try:
            return read(data)
        except ValueError as error:
            return str(error)

    assert repr(outcome(load_json)) == repr(outcome(_strictly))
