"""JSON replies are the same bytes with the fast encoder and without it."""

from __future__ import annotations

import json

import pytest

from acme_server.exchange import encode_json, json_reply

DOCUMENTS = {
    "plain": {"status": "valid", "authorizations": ["a", "b"], "wildcard": True, "error": None, "status code": 400},
    "beyond ASCII": {"detail": "b\u00fccher \u2603 \U0001f600"},
    "controls and quotes": {"detail": '"\\/\b\f\n\r\t\x00\x1f\x7f'},
    "a lone surrogate": {"detail": "a\udcffb"},
    "a large number": {"serial": 1 << 100},
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_reply_is_the_same_whichever_encoder_wrote_it(document):
    assert encode_json(document) == json_reply(200, document).body
    assert document == json.loads(encode_json(document))
