"""A check of an issuer: a function of the walk, whose sentence ends with the source that it rests on."""

from __future__ import annotations

from collections.abc import Callable

from conformance.check import Check
from conformance.issuer.walk import Walk
from conformance.verdict import Level

# Where the sentences come from: cert-manager's documents and source, issuer-lib's README.
USAGE = "cert-manager: CertificateRequest resource"
EXTERNAL = "cert-manager: implementing external issuers"
API = "cert-manager API"
ISSUER_LIB = "issuer-lib README"
CONVENTIONS = "Kubernetes API conventions"


def check(topic: str, level: Level, source: str) -> Callable[[Callable[[Walk], None]], Check]:
    """Make a function a check of a topic; its docstring, and the source, are the sentence."""

    def made(function: Callable[[Walk], None]) -> Check:
        sentence = " ".join((function.__doc__ or "").split()).removesuffix(".")
        return Check(topic, level, function.__name__, f"{sentence} ({source}).", (), destructive=False, run=function)

    return made
