"""Real clients against our own server: each cell that a client speaks passes."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path

import pytest

from conformance.clients.matrix import Word, cells, find
from conformance.clients.table import RECIPES

# Those of `make clients` are in CI's machine: there, their absence is an error, not a skip.
NEEDED = [pytest.param(name, marks=pytest.mark.client(name)) for name in ("certbot", "lego", "dehydrated")]
OTHERS = [name for name in RECIPES if name not in ("certbot", "lego", "dehydrated")]


@pytest.mark.parametrize("name", [*NEEDED, *OTHERS])
def test_a_client_that_is_present_passes_in_all_that_it_speaks(told, addresses, name):
    if find(RECIPES[name], told) is None:
        pytest.skip(f"{name} is not installed; get it with: make all-clients")
    found = list(cells([RECIPES[name]], told))
    failed = [cell for cell in found if cell.word not in (Word.PASS, Word.NOT_SPOKEN)]
    assert [(cell.challenge, cell.act, cell.word, cell.why) for cell in failed] == []
    trust = ssl.create_default_context(cafile=Path(addresses.tls_ca))
    with urllib.request.urlopen(f"{addresses.management}/certificates", context=trust) as answer:
        certificates = json.load(answer)["certificates"]
    label = name.lower().replace("_", "-")
    ours = [one for one in certificates if any(f".{label}." in f".{each}" for each in one["identifiers"])]
    passed = [cell.act for cell in found if cell.word is Word.PASS]
    assert len(ours) == passed.count("issue") + passed.count("renew")
    assert sum(one["revoked"] is not None for one in ours) == passed.count("revoke")
