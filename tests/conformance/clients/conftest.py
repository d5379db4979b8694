"""Told to drive clients against a server of ours, and recipes of small clients in sh."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from conformance.clients.matrix import Told
from conformance.clients.recipe import HTTP01, Act, Recipe
from gravel.announced import Addresses
from gravel.free_port import free_port
from tests.conformance.served import Served

NODE_MODULES = Path(__file__).parents[3] / ".npm" / "node_modules"
PORTS = {"http01_port": free_port(), "tls_alpn_port": free_port()}


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with Served(**PORTS) as found:
        yield found


@pytest.fixture
def told(addresses: Addresses) -> Told:
    return Told(
        directory=addresses.directory,
        ca_cert=Path(addresses.tls_ca),
        roots=x509.load_pem_x509_certificates(Path(addresses.issuing_roots).read_bytes()),
        chall_mgmt=addresses.management,
        dns=addresses.dns,
        python=sys.executable,
        node_modules=NODE_MODULES if NODE_MODULES.is_dir() else None,
        limit=60.0,
        **PORTS,
    )


@pytest.fixture
def recipe() -> type[Recipe]:
    """Make a recipe of a client that speaks http-01 and issues alone, unless told otherwise."""

    def make(issue: str, **changes: object) -> Recipe:
        own = {
            "name": "small",
            "found": "echo small 1.2",
            "challenges": {HTTP01: ""},
            "commands": {Act.ISSUE: issue},
            "cannot": dict.fromkeys((Act.RENEW, Act.REVOKE, "dns-01", "tls-alpn-01"), "is small"),
        }
        return Recipe(**{**own, **changes})

    return make
