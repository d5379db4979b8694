"""Issuers whose CA is asked over a protocol of its own, Vault's or Venafi's: the port, and what their Secrets hold."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from acme_server.protocol.vantage import HttpAnswer, Inquiry
from issuer_bridge.cert_manager.local_issuers import Verdict
from issuer_bridge.cert_manager.request_steps import Step
from issuer_bridge.resources import SECRET, Resource, Resources

TYPES = ("acme", "ca", "selfSigned", "vault", "venafi")


class RemoteIssuer(Protocol):
    """One type of issuer, under its field of `spec`."""

    def verify(self, issuer: Resource) -> Inquiry[Verdict]:
        """Say whether it can sign."""
        ...

    def sign(self, request: Resource, issuer: Resource) -> Inquiry[Step]:
        """Return the certificate, or what is in the way."""
        ...


class SecretNotFound(LookupError):  # noqa: N818 - says what happened
    """There is no such Secret, in the words of upstream's lister."""


class RemoteError(Exception):
    """The CA cannot be asked, or says no; final: asking again is of no use until the issuer changes."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@attrs.frozen
class Secrets:
    """The Secrets of one issuer, which are in one namespace."""

    resources: Resources
    namespace: str

    def entries(self, name: str) -> Mapping[str, str]:
        """Return a Secret's data, still in base64; SecretNotFound."""
        secret = self.resources.get(SECRET, self.namespace, name)
        if secret is None:
            raise SecretNotFound(f'secret "{name}" not found')
        return secret.get("data") or {}

    def text(self, reference: Mapping[str, Any], default: str = "") -> str:
        """Return what an entry says, without white space around it; RemoteError when there is none."""
        name, key = str(reference.get("name") or ""), str(reference.get("key") or default)
        data = self.entries(name)
        if key not in data:
            raise RemoteError(f"no data for \"{key}\" in secret '{self.namespace}/{name}'")
        return decoded(data[key])


def type_of(issuer: Resource) -> str:
    """Return the first field of an issuer's spec that says of which type it is, "" for none."""
    return next((name for name in TYPES if issuer["spec"].get(name) is not None), "")


def decoded(value: str) -> str:
    """Return the text in an entry of a Secret, without white space around it."""
    try:
        return base64.b64decode(value).decode("utf-8", "replace").strip()
    except binascii.Error:
        return ""


def bundle_of(spec: Mapping[str, Any], secrets: Secrets) -> str | None:
    """Return the roots that `caBundle` or `caBundleSecretRef` of a spec name, None for the system's."""
    if spec.get("caBundle"):
        pem = decoded(spec["caBundle"])
    elif spec.get("caBundleSecretRef"):
        pem = secrets.text(spec["caBundleSecretRef"], "ca.crt")
    else:
        return None
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise RemoteError("it holds no certificate")
    return pem


def json_of(answer: HttpAnswer) -> Mapping[str, Any]:
    """Return the object in an answer; RemoteError when it is none."""
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        raise RemoteError(f"unable to decode JSON payload: {error}") from None
    if not isinstance(document, dict):
        raise RemoteError("unable to decode JSON payload: it is no object")
    return document
