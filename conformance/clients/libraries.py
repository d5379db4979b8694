"""The recipes of libraries: each is driven by a short program of ours in `scripts/`, which does as its documents say."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.clients.recipe import DNS01, HTTP01, TLS_ALPN01, Act, Recipe


def _library(name: str, found: str, command: str, cannot: Mapping[str, str]) -> Recipe:
    return Recipe(
        name=name,
        found=found,
        challenges={HTTP01: HTTP01, DNS01: DNS01},
        commands={act: f"{command} {act} @directory@ @name@ @how@" for act in Act if act not in cannot},
        cannot={TLS_ALPN01: "leaves the responder to its caller", **cannot},
    )


def _python(module: str, distribution: str, script: str, **cannot: str) -> Recipe:
    found = f"""@python@ -c 'import {module}, importlib.metadata as m; print(m.version("{distribution}"))'"""
    return _library(
        f"{distribution}", found, f"SSL_CERT_FILE=ca.pem REQUESTS_CA_BUNDLE=ca.pem @python@ @scripts@/{script}", cannot
    )


LIBRARIES = (
    _python("acme.client", "acme", "acme_library.py"),
    _python("gufo.acme.clients.base", "gufo-acme", "gufo_library.py", revoke="has no such call"),
    _python("aioacme", "aioacme", "aioacme_library.py"),
    _library(
        "acme-client",
        "node -p 'require(\"acme-client/package.json\").version'",
        "NODE_EXTRA_CA_CERTS=ca.pem node @scripts@/acme_client.js",
        {},
    ),
)
