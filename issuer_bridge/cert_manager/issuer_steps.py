"""What an issuer needs next: a table of checks in upstream's order (`pkg/issuer/acme/setup.go`), and no I/O.

Where upstream and ACME disagree, `upstream` chooses: cert-manager takes RSA
account keys alone, and binds external accounts by HS256 alone.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs
from cryptography.hazmat.primitives.asymmetric import rsa

from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.cert_manager.account_keys import hash_of, read_key
from issuer_bridge.cert_manager.accounts import Registration, Target, WorldAddress, acme_of
from issuer_bridge.conditions import READY, is_true
from issuer_bridge.resources import Resource

REGISTRATION_FAILED = "ErrRegisterACMEAccount"
VERIFICATION_FAILED = "ErrVerifyACMEAccount"
UPDATE_FAILED = "ErrUpdateACMEAccount"
MESSAGES: Mapping[str, str] = {
    REGISTRATION_FAILED: "Failed to register ACME account: ",
    VERIFICATION_FAILED: "Failed to verify ACME account: ",
    UPDATE_FAILED: "Failed to update ACME account:",
}
_V1, _V2 = "https://acme{}.api.letsencrypt.org/directory", "https://acme{}-v02.api.letsencrypt.org/directory"
V2_OF: Mapping[str, str] = {_V1.format("-v01"): _V2.format(""), _V1.format("-staging"): _V2.format("-staging")}
# Where the providers of dns01 name Secrets (internal/apis/certmanager/validation/issuer.go).
SOLVER_SECRETS: Mapping[str, tuple[str, ...]] = {
    "acmeDNS": ("accountSecretRef",),
    "akamai": ("accessTokenSecretRef", "clientSecretSecretRef", "clientTokenSecretRef"),
    "azureDNS": ("clientSecretSecretRef",),
    "cloudDNS": ("serviceAccountSecretRef",),
    "cloudflare": ("apiKeySecretRef", "apiTokenSecretRef"),
    "digitalocean": ("tokenSecretRef",),
    "rfc2136": ("tsigSecretSecretRef",),
    "route53": ("secretAccessKeySecretRef", "accessKeyIDSecretRef"),
}
# Where Vault and Venafi issuers name Secrets.
REMOTE_SECRETS: Mapping[str, tuple[str, ...]] = {
    "vault": ("caBundleSecretRef", "auth.tokenSecretRef", "auth.appRole.secretRef", "auth.kubernetes.secretRef"),
    "venafi": ("tpp.credentialsRef", "tpp.caBundleSecretRef", "cloud.apiTokenSecretRef"),
}


@attrs.frozen
class Nothing:
    """It is as it should be, or not ours."""


@attrs.frozen
class Refuse:
    """Say Ready=False; only a change of the issuer or of a Secret helps.

    keep: the account may be used meanwhile, for what is under way.
    """

    reason: str
    message: str
    keep: bool = False


@attrs.frozen
class CreateKey:
    """Make an account key and keep it in the Secret."""


@attrs.frozen
class Adopt:
    """Go on with the account that the status names; the server is not asked."""

    target: Target
    key: PrivateKey = attrs.field(repr=False, eq=False)
    uri: str


@attrs.frozen
class Register:
    """Register the account at the server; moved: what the status says is of another account."""

    target: Target
    key: PrivateKey = attrs.field(repr=False, eq=False)
    external: ExternalAccount | None = None
    moved: bool = False


class _Refused(Exception):  # noqa: N818 - says what happened
    """A check says no; its arguments are those of Refuse."""


@attrs.frozen
class Secrets:
    """Those of the issuer's Secrets that there are, by name; all are in one namespace."""

    namespace: str
    by_name: Mapping[str, Resource]

    def get(self, name: str) -> Resource | None:
        """Return a Secret."""
        return self.by_name.get(name)

    def missing(self, name: str) -> str:
        """Say, in the API server's words and with the namespace, that there is none of a name."""
        return f'secrets "{name}" not found in namespace "{self.namespace}"'


Step: TypeAlias = Nothing | Refuse | CreateKey | Adopt | Register


def secret_names(issuer: Resource) -> tuple[str, ...]:
    """Return the names of the Secrets that an issuer refers to, all of them in one namespace."""
    acme: Any = acme_of(issuer) or {}
    binding = acme.get("externalAccountBinding") or {}
    references = [acme.get("privateKeySecretRef") or {}, binding.get("keySecretRef") or {}, *_solver_secrets(acme)]
    references.append({"name": (issuer["spec"].get("ca") or {}).get("secretName")})
    for type_, paths in REMOTE_SECRETS.items():
        references += [_at(issuer["spec"].get(type_), path) for path in paths]
    return tuple(str(reference["name"]) for reference in references if reference.get("name"))


def _at(spec: Any, path: str) -> Mapping[str, Any]:
    for field in path.split("."):
        spec = (spec or {}).get(field)
    return spec or {}


def decide(
    issuer: Resource,
    held: Secrets,
    worlds: Mapping[str, WorldAddress],
    registered: Target | None = None,
    refused: Registration | None = None,
    *,
    lost: bool = False,
    upstream: bool = False,
) -> Step:
    """Return what an issuer needs next.

    registered: what its client was made for; refused: what the server never
    will register; lost: the server has forgotten the account.
    """
    acme: Any = acme_of(issuer)
    if acme is None:
        return Nothing()
    try:
        bundle = _checked_bundle(acme)
        key = _account_key(acme, held, upstream)
        if key is None:
            return CreateKey()
        _check_solvers(acme, held)
        directory_url, trust = _checked_server(acme, worlds)
        target = Target(
            directory_url,
            bundle or trust,
            verify=not acme.get("skipTLSVerify"),
            key_hash=hash_of(key),
            email=str(acme.get("email") or ""),
            generation=issuer["metadata"].get("generation", 0),
        )
        known: Mapping[str, str] = (issuer.get("status") or {}).get("acme") or {}
        uri = known.get("uri") or ""
        moved = not _same_host(uri, directory_url) or known.get("lastPrivateKeyHash") != target.key_hash
        if is_true(issuer, READY) and not lost:
            if target == registered:
                return Nothing()
            elsewhere = registered is not None and registered.directory_url != directory_url
            if uri and not moved and not elsewhere and known.get("lastRegisteredEmail", "") == target.email:
                return Adopt(target, key, uri)
        external = _external_account(acme, held, upstream)
    except _Refused as no:
        return Refuse(*no.args)
    return Nothing() if (target, external) == refused else Register(target, key, external, moved)


def resolve_server(server: str, worlds: Mapping[str, WorldAddress]) -> tuple[str, str | None]:
    """Return a directory URL and the roots to trust; `gravel://NAME` is a world of this process."""
    try:
        url = urlsplit(server)
        host = url.hostname
    except ValueError as error:
        raise ValueError(f"spec.acme.server {server!r} is not a URL: {error}") from None
    if url.scheme == "gravel":
        world = worlds.get(url.netloc)
        if world is None:
            known = ", ".join(f"gravel://{name}" for name in sorted(worlds))
            raise ValueError(f"spec.acme.server {server!r} names a world that does not run here; these do: {known}")
        return world.directory_url, world.trust_pem
    if url.scheme not in ("http", "https") or not host:
        raise ValueError(f"spec.acme.server {server!r} is neither an http(s) URL nor gravel://WORLD")
    return server, None


def _checked_server(acme: Mapping[str, Any], worlds: Mapping[str, WorldAddress]) -> tuple[str, str | None]:
    try:
        return resolve_server(str(acme.get("server", "")), worlds)
    except ValueError as error:
        raise _Refused("InvalidURL", str(error)) from None


def _same_host(uri: str, directory_url: str) -> bool:
    try:
        return urlsplit(uri).netloc == urlsplit(directory_url).netloc
    except ValueError as error:
        raise _Refused("InvalidURL", f"Failed to parse existing ACME account URI {uri!r}: {error}") from None


def _checked_bundle(acme: Mapping[str, Any]) -> str | None:
    server, bundle = str(acme.get("server", "")), acme.get("caBundle")
    if newer := V2_OF.get(server.rstrip("/")):
        text = f'Your ACME server URL is set to a v1 endpoint ({server}). You should update the spec.acme.server field to "{newer}"'
        raise _Refused("InvalidConfig", text)
    if not bundle:
        return None
    try:
        text = base64.b64decode(bundle, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, TypeError):
        text = ""
    if not re.search("-----BEGIN CERTIFICATE-----", text):
        raise _Refused("InvalidConfig", "spec.acme.caBundle is not the base64 of PEM certificates")
    return text


def _account_key(acme: Mapping[str, Any], held: Secrets, upstream: bool) -> PrivateKey | None:
    """Return the account key; None when it is to be made."""
    reference = acme["privateKeySecretRef"]
    name = str(reference.get("name", ""))
    secret = held.get(name)
    if secret is None and acme.get("disableAccountKeyGeneration"):
        why = "the ACME issuer config has 'disableAccountKeyGeneration' set to true, but the secret was not found"
        raise _Refused(VERIFICATION_FAILED, f"{MESSAGES[VERIFICATION_FAILED]}{why}: {held.missing(name)}")
    if secret is None:
        return None
    try:
        key = read_key(secret, reference)
    except ValueError as error:
        text = f"Account private key is invalid: Secret {name!r}: {error}"
        raise _Refused(VERIFICATION_FAILED, text) from None
    if upstream and not isinstance(key, rsa.RSAPrivateKey):
        raise _Refused(VERIFICATION_FAILED, f'ACME private key in "{name}" is not of type RSA')
    return key


def _solver_secrets(acme: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for solver in acme.get("solvers") or ():
        for provider, config in (solver.get("dns01") or {}).items():
            for field in SOLVER_SECRETS.get(provider, ()):
                reference = config.get(field) or {}
                if reference.get("name"):
                    yield reference


def _check_solvers(acme: Mapping[str, Any], held: Secrets) -> None:
    complaints = []
    for reference in _solver_secrets(acme):
        name, key = reference["name"], reference.get("key")
        secret = held.get(name)
        if secret is None:
            complaints.append(f'failed to get secret "{name}": {held.missing(name)}')
        elif key and key not in (secret.get("data") or {}):
            complaints.append(f'the secret "{name}" does not have key "{key}"')
    if complaints:
        keep = True  # as upstream, which comes to the client only after this check
        raise _Refused("InvalidSolver", "; ".join(complaints), keep)


def _external_account(acme: Mapping[str, Any], held: Secrets, upstream: bool) -> ExternalAccount | None:
    binding = acme.get("externalAccountBinding")
    if not binding:
        return None
    try:
        key = _binding_key(binding["keySecretRef"], held)
    except ValueError as error:
        raise _Refused(REGISTRATION_FAILED, f"{MESSAGES[REGISTRATION_FAILED]}{error}") from None
    return ExternalAccount(str(binding["keyID"]), key, "HS256" if upstream else binding.get("keyAlgorithm") or "HS256")


def _binding_key(reference: Mapping[str, Any], held: Secrets) -> bytes:
    """Return a MAC key, which is base64url in the Secret's own base64, its line ends skipped as upstream does."""
    name, place = reference["name"], reference.get("key", "")
    secret = held.get(name)
    if secret is None:
        raise ValueError(held.missing(name))
    data = (secret.get("data") or {}).get(place)
    if not isinstance(data, str):
        raise ValueError(f'failed to find external account binding key data in Secret "{name}" at index "{place}"')
    try:
        return b64url_decode(re.sub(r"[\r\n]", "", base64.b64decode(data).decode("latin-1")))
    except ValueError as error:
        raise ValueError(f"failed to decode external account binding key data: it {error}") from None
