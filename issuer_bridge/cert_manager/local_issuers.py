"""Issuers whose key is a Secret: CA (`spec.ca.secretName`) and SelfSigned, which signs with the request's own key.

Checks, reasons and messages are upstream's (`pkg/issuer/{ca,selfsigned}`,
`pkg/controller/certificaterequests/{ca,selfsigned}`).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from cryptography import x509

from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.certificates import PRIVATE_KEY_SECRET
from issuer_bridge.cert_manager.certificates.policies import data_of
from issuer_bridge.cert_manager.certificates.private_keys import public_key_of, read_key
from issuer_bridge.cert_manager.local_signing import SERIAL_OCTETS, bundle, is_ca, sign, template_of
from issuer_bridge.cert_manager.request_steps import Fail, Issue, Pending, Step
from issuer_bridge.context import Context
from issuer_bridge.pem import encode, read_request
from issuer_bridge.resources import SECRET, Resource

NO_PAIR = "the private key is not the key of the certificate"
NO_PEM = "no PEM data was found in given input"
EMPTY_ISSUER = (
    "Certificate will be issued with an empty Issuer DN, which contravenes RFC 5280 and could break some strict clients"
)


class _NotFoundError(LookupError):
    """There is no such Secret."""


class _KeysDifferError(ValueError):
    """A request was signed with another key."""


@attrs.frozen
class Verdict:
    """What Ready of an issuer is.

    error: what upstream tells once more, of an issuer that cannot be initialized; event: reason and message of what
    it tells when it has become ready.
    """

    ready: bool
    reason: str
    message: str
    error: str = ""
    event: tuple[str, str] | None = None


def verify(issuer: Resource, namespace: str, secret: Resource | None, *, upstream: bool = False) -> Verdict | None:
    """Return whether an issuer can sign; None for a type that is not of this module. secret: that of a CA.

    upstream: find out only when it signs that its key is another than its certificate's.
    """
    spec = issuer["spec"]
    if spec.get("selfSigned") is not None:
        return Verdict(ready=True, reason="IsReady", message="")
    if spec.get("ca") is None:
        return None
    text, place = "Error getting keypair for CA issuer: ", (namespace, spec["ca"].get("secretName", ""))
    try:
        chain = _chain(secret, *place)
        key = _key(secret, *place)
    except (ValueError, _NotFoundError) as error:
        return Verdict(ready=False, reason="ErrGetKeyPair", message=f"{text}{error}", error=str(error))
    if not is_ca(chain[0]):
        return Verdict(ready=False, reason="ErrInvalidKeyPair", message=text + "certificate is not a CA")
    if not upstream and key.public_key() != chain[0].public_key():
        return Verdict(ready=False, reason="ErrInvalidKeyPair", message=text + NO_PAIR, error=NO_PAIR)
    verified = ("KeyPairVerified", "Signing CA verified")
    return Verdict(True, *verified, event=verified)


class LocalSigner:
    """Signs requests of these issuers, and remembers which requests wait for which Secret.

    ailing: told of an issuer that something keeps from signing.
    """

    def __init__(self, context: Context, cluster_namespace: str, ailing: Callable[[Resource], None]) -> None:
        self._context = context
        self._cluster_namespace = cluster_namespace
        self._ailing = ailing
        self._waiting: dict[tuple[str, str], dict[tuple[str, str], None]] = {}

    def waiting_for(self, namespace: str, secret: str) -> list[tuple[str, str]]:
        """Return (and forget) namespace and name of the requests that wait for a Secret."""
        return list(self._waiting.pop((namespace, secret), {})) if self._waiting else []

    def sign(self, request: Resource, issuer: Resource) -> Step:
        """Return the certificate, or what is in the way."""
        spec = issuer["spec"]
        if spec.get("ca") is not None:
            if obstacle := self._context.disturbances.signing(issuer, request):
                self._ailing(issuer)
                return Pending(obstacle.reason, obstacle.message, retry=True)
            namespace = issuer["metadata"].get("namespace") or self._cluster_namespace
            name, step = spec["ca"].get("secretName", ""), self._by_ca
        else:
            namespace = request["metadata"]["namespace"]
            name, step = (request["metadata"].get("annotations") or {}).get(PRIVATE_KEY_SECRET, ""), self._by_itself
        result = step(request, spec, namespace, name)
        if isinstance(result, Pending):
            metadata = request["metadata"]
            self._waiting.setdefault((namespace, name), {})[metadata["namespace"], metadata["name"]] = None
        return result

    def _by_ca(self, request: Resource, spec: Resource, namespace: str, name: str) -> Step:
        secret = self._context.resources.get(SECRET, namespace, name)
        try:
            key, chain = _key(secret, namespace, name), _chain(secret, namespace, name)
            chain += _certificates(data_of(secret, "ca.crt"))[:1] if data_of(secret, "ca.crt") else []
        except _NotFoundError as error:
            return Pending("SecretMissing", f"Referenced secret {namespace}/{name} not found: {error}")
        except ValueError as error:
            text = f"Failed to parse signing CA keypair from secret {namespace}/{name}: {error}"
            return Pending("SecretInvalidData", text)
        try:
            template = template_of(request["spec"], spec["ca"])
        except ValueError as error:
            return Fail("SigningError", f"Error generating certificate template: {error}")
        try:
            leaf = sign(template, chain[0], key, self._context.entropy(SERIAL_OCTETS), self._context.clock())
            certificate, authority = bundle(leaf, chain)
        except (ValueError, TypeError, OverflowError) as error:
            return Fail("SigningError", f"Error signing certificate: {error}")
        return Issue(encode(certificate), encode(authority))

    def _by_itself(self, request: Resource, spec: Resource, namespace: str, name: str) -> Step:
        if not name:
            text = f'Annotation "{PRIVATE_KEY_SECRET}" missing or reference empty: secret name missing'
            return Fail("MissingAnnotation", text)
        try:
            key = _key(self._context.resources.get(SECRET, namespace, name), namespace, name)
        except _NotFoundError as error:
            return Pending("MissingSecret", f"Referenced secret {namespace}/{name} not found: {error}")
        except ValueError as error:
            text = f'Failed to get key "{name}" referenced in annotation "{PRIVATE_KEY_SECRET}": {error}'
            return Pending("ErrorParsingKey", text)
        urls = {"crlDistributionPoints": spec["selfSigned"].get("crlDistributionPoints")}
        try:
            template = template_of(request["spec"], urls)
            if read_request(request["spec"].get("request")).key != public_key_of(key):
                raise _KeysDifferError("CSR not signed by referenced private key")
        except ValueError as error:
            reason = "ErrorKeyMatch" if isinstance(error, _KeysDifferError) else "ErrorGenerating"
            return Fail(reason, f"Error generating certificate template: {error}")
        try:
            leaf = sign(template, None, key, self._context.entropy(SERIAL_OCTETS), self._context.clock())
        except (ValueError, TypeError, OverflowError) as error:
            return Fail("ErrorSigning", f"Error signing certificate: {error}")
        certificate, _ = bundle(leaf, ())
        warning = None if leaf.subject.rdns else ("BadConfig", EMPTY_ISSUER)
        return Issue(encode(certificate), encode(certificate), warning)


def _entry(secret: Resource | None, namespace: str, name: str, entry: str) -> bytes:
    if secret is None:
        raise _NotFoundError(f'secret "{name}" not found')
    if entry not in (secret.get("data") or {}):
        raise ValueError(f"no data for \"{entry}\" in secret '{namespace}/{name}'")
    return data_of(secret, entry)


def _key(secret: Resource | None, namespace: str, name: str) -> PrivateKey:
    pem = _entry(secret, namespace, name, "tls.key")
    if b"-----BEGIN " not in pem:
        raise ValueError(f"error decoding private key PEM block: {NO_PEM}")
    return read_key(pem)


def _chain(secret: Resource | None, namespace: str, name: str) -> list[x509.Certificate]:
    return _certificates(_entry(secret, namespace, name, "tls.crt"))


def _certificates(pem: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise ValueError("error decoding certificate PEM block: no valid certificates found")
    try:
        found = x509.load_pem_x509_certificates(pem)
        for each in found:
            each.extensions  # noqa: B018 - they are parsed when they are first read
    except (ValueError, x509.DuplicateExtension) as error:
        raise ValueError(f"error parsing X.509 certificate: {error}") from None
    return found
