"""What stands in a line, and what never does."""

from __future__ import annotations

import base64
import io
import json
import logging

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from structlog.processors import LogfmtRenderer

from acme_server.ca_keys import key_pem
from acme_server.protocol.journal import Entry
from gravel.logs.lines import HIDDEN, flat, level_of, without_secrets
from gravel.logs.writing import opened

PEM = key_pem(ec.derive_private_key(7, ec.SECP256R1()))
TOKEN, THUMBPRINT = "t" * 22, "p" * 43
KEY_AUTHORIZATION = f"{TOKEN}.{THUMBPRINT}"
JWS = ".".join(base64.urlsafe_b64encode(part * 9).decode().rstrip("=") for part in (b'{"alg":', b"payload", b"signed"))
SECRETS = [
    (PEM.strip(), HIDDEN),
    (f"http://a.test/.well-known/acme-challenge/{TOKEN}", f"http://a.test/.well-known/acme-challenge/{HIDDEN}"),
    (KEY_AUTHORIZATION, HIDDEN),
    (JWS, HIDDEN),
    (f'{{"protected": "{"e" * 30}", "payload":"", "signature":"x"}}', f'{{"protected": "{HIDDEN}", "payload":"{HIDDEN}", "signature":"{HIDDEN}"}}'),
    ("Authorization: Bearer abcdefghij", f"Authorization: Bearer {HIDDEN}"),
    ("/x?token=abc&since=1", f"/x?token={HIDDEN}&since=1"),
]  # fmt: skip


@pytest.mark.parametrize(("secret", "shown"), SECRETS)
@given(before=st.sampled_from(["", "got ", "é\n", '"']), after=st.sampled_from(["", " instead", "\n", '"']))
def test_a_secret_is_hidden_wherever_it_stands(secret, shown, before, after):
    text = before + secret + after
    assert without_secrets({"data": [{"detail": text}]}) == {"data": [{"detail": before + shown + after}]}


@pytest.mark.parametrize("name", ["token", "key", "password", "mac_key", "client_secret", "keyAuthorization"])
def test_what_is_called_a_secret_is_hidden_and_nothing_else(name):
    assert without_secrets({name: "x", "key_type": "P-256", "n": 1}) == {name: HIDDEN, "key_type": "P-256", "n": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@given(st.dictionaries(st.text(min_size=1), JSON))
def test_any_members_are_one_line_of_text_that_moves_no_cursor(fields):
    line = LogfmtRenderer(bool_as_flag=False)(None, "", flat(fields))
    assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in line)
    assert len(line.splitlines()) <= 1


def entry(kind, **data):
    return Entry(1, "2026-01-01T00:00:00.000000Z", "default", "scheduler", kind, {}, data, "")


@pytest.mark.parametrize(
    ("fact", "level"),
    [
        (entry("ChallengeQueued"), "info"),
        (entry("SelfCheckFailed"), "warning"),
        (entry("RequestRefused"), "warning"),
        (entry("ChallengeDecided", state="valid"), "info"),
        (entry("ChallengeDecided", state="invalid"), "warning"),
    ],
)
def test_what_went_wrong_is_a_warning(fact, level):
    assert level_of(fact) == level


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("json", '"level":"error","event":"broken by hand","logger":"another.package","exception":"Traceback'),
        ("text", 'level=error event="broken by hand" logger=another.package exception="Traceback'),
    ],
)
async def test_what_libraries_log_stands_in_the_same_form_with_its_traceback_in_one_line(form, line):
    library, stream = logging.getLogger("another.package"), io.StringIO()
    with opened(form, "warning", stream):
        library.info("not asked for")
        try:
            int(KEY_AUTHORIZATION)
        except ValueError:
            library.exception("broken %s", "by hand")
    library.error("after the end")
    [said] = stream.getvalue().splitlines()
    assert line in said
    assert KEY_AUTHORIZATION not in said
    assert form == "text" or json.loads(said)["exception"].endswith(f": '{HIDDEN}'")
