"""Vault issuers (`spec.vault`): sign by a role of a Vault's PKI engine, authenticated by token, AppRole or Kubernetes.

Checks, their order, reasons and messages are upstream's (`pkg/issuer/vault/setup.go`, `internal/vault/vault.go`,
`pkg/controller/certificaterequests/vault/vault.go`); what Vault refuses is told as its Go client tells it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry, fetch
from issuer_bridge.cert_manager.certificates.matching import names_of
from issuer_bridge.cert_manager.local_issuers import Verdict
from issuer_bridge.cert_manager.local_signing import DEFAULT_DURATION, bundle
from issuer_bridge.cert_manager.remote_issuers import RemoteError, SecretNotFound, Secrets, bundle_of, json_of
from issuer_bridge.cert_manager.request_steps import Fail, Issue, Pending, Step
from issuer_bridge.context import Context
from issuer_bridge.durations import format_duration, parse_duration
from issuer_bridge.pem import encode, load_request
from issuer_bridge.resources import Resource

Spec: TypeAlias = Mapping[str, Any]

METHODS = ("tokenSecretRef", "appRole", "clientCertificate", "kubernetes", "aws")
# What wants TLS with a certificate of ours, Amazon, or a TokenRequest.
NOT_HERE = (
    "clientCertSecretRef",
    "clientKeySecretRef",
    "serverName",
    "auth.clientCertificate",
    "auth.kubernetes.serviceAccountRef",
    "auth.aws",
)
# sys/health of a Vault that can be used though it is not the active one, and of one that cannot.
STANDBY = (429, 472, 473)
UNUSABLE: Mapping[int, str] = {501: "Vault is not initialized", 503: "Vault is sealed"}


def _lacks(method: str, *fields: str) -> Callable[[Spec], bool]:
    """Whether a method is chosen and lacks one of its fields, `a.b` for one inside another."""

    def lacks(vault: Spec) -> bool:
        chosen = _auth(vault).get(method)
        return chosen is not None and not all(_at(chosen, field) for field in fields)

    return lacks


def _auth(vault: Spec) -> Spec:
    return vault.get("auth") or {}


def _at(value: Spec, path: str) -> Any:
    for field in path.split("."):
        value = value.get(field) or {}
    return value


def _chosen(vault: Spec) -> list[str]:
    return [method for method in METHODS if _auth(vault).get(method) is not None]


def _kubernetes(count: Callable[[int], bool]) -> Callable[[Spec], bool]:
    def wrong(vault: Spec) -> bool:
        kubernetes = _auth(vault).get("kubernetes")
        if kubernetes is None:
            return False
        return count(bool(_at(kubernetes, "secretRef.name")) + (kubernetes.get("serviceAccountRef") is not None))

    return wrong


CHECKS: tuple[tuple[Callable[[Spec], bool], str], ...] = (
    (lambda vault: not (vault.get("server") and vault.get("path")), "Vault server and path are required fields"),
    (
        lambda vault: not _chosen(vault),
        "Vault tokenSecretRef, appRole, clientCertificate, kubernetes, or aws is required",
    ),
    (lambda vault: len(_chosen(vault)) > 1, "Multiple auth methods cannot be set on the same Vault issuer"),
    (_lacks("tokenSecretRef", "name"), "Vault Token auth requires tokenSecretRef.name"),
    (_lacks("appRole", "roleId", "secretRef.name"), "Vault AppRole auth requires both roleId and tokenSecretRef.name"),
    (_lacks("appRole", "secretRef.key"), "Vault AppRole auth requires secretRef.key"),
    (_lacks("kubernetes", "role"), "Vault Kubernetes auth requires a role to be set"),
    (
        _kubernetes(lambda ways: ways == 0),
        "Vault Kubernetes auth requires either secretRef.name or serviceAccountRef.name to be set",
    ),
    (
        _kubernetes(lambda ways: ways == 2),
        "Vault Kubernetes auth cannot be used with both secretRef.name and serviceAccountRef.name",
    ),
)


@attrs.frozen
class Session:
    """Where a Vault is, and as whom it is asked; trust: PEM roots, None for the system's."""

    server: str
    namespace: str
    trust: str | None = attrs.field(repr=False)
    token: str = attrs.field(default="", repr=False)


class Vault:
    """The controller's part for `spec.vault`."""

    def __init__(self, context: Context, cluster_namespace: str) -> None:
        self._context = context
        self._cluster_namespace = cluster_namespace

    def verify(self, issuer: Resource) -> Inquiry[Verdict]:
        """Check the spec, log in, and ask whether the Vault is unsealed."""
        vault: Spec = issuer["spec"]["vault"]
        wrong = next((message for violated, message in CHECKS if violated(vault)), None)
        if wrong is not None:
            return Verdict(ready=False, reason="VaultError", message=wrong)
        step = "Failed to initialize Vault client"
        try:
            session = yield from self._session(issuer)
            step = "Failed to verify Vault is initialized and unsealed"
            yield from _check_health(session)
        except (RemoteError, SecretNotFound) as error:
            return Verdict(ready=False, reason="VaultError", message=f"{step}: {error}", error=str(error))
        return Verdict(ready=True, reason="VaultVerified", message="Vault verified")

    def sign(self, request: Resource, issuer: Resource) -> Inquiry[Step]:
        """Log in, and have the CSR signed; what Vault says no to has failed for good."""
        try:
            session = yield from self._session(issuer)
        except SecretNotFound as error:
            return Pending("SecretMissing", f"Required secret resource not found: {error}")
        except RemoteError as error:
            text = f"Failed to initialise vault client for signing: {error}"
            return Pending("VaultInitError", text, retry=not error.final)
        try:
            certificate, authority = yield from _signed(session, issuer["spec"]["vault"]["path"], request["spec"])
        except (RemoteError, ValueError) as error:
            return Fail("SigningError", f"Vault failed to sign certificate: {error}")
        return Issue(encode(certificate), encode(authority))

    def _session(self, issuer: Resource) -> Inquiry[Session]:
        vault: Spec = issuer["spec"]["vault"]
        secrets = Secrets(self._context.resources, str(issuer["metadata"].get("namespace") or self._cluster_namespace))
        absent = next((field for field in NOT_HERE if _at(vault, field)), None)
        if absent:
            raise RemoteError(f"spec.vault.{absent} does not work here", final=True)
        try:
            trust = bundle_of(vault, secrets)
        except (RemoteError, SecretNotFound) as error:
            raise RemoteError(f"failed to load vault CA bundle: {error}") from None
        session = Session(str(vault.get("server") or ""), str(vault.get("namespace") or ""), trust)
        method = next(iter(_chosen(vault)))
        token = yield from _LOGINS[method](session, _auth(vault)[method], secrets)
        return attrs.evolve(session, token=token)


def _by_token(_: Session, reference: Spec, secrets: Secrets) -> Inquiry[str]:
    yield from ()
    return secrets.text(reference, "token")


def _by_app_role(session: Session, role: Spec, secrets: Secrets) -> Inquiry[str]:
    body = {"role_id": str(role.get("roleId") or "").strip(), "secret_id": secrets.text(role.get("secretRef") or {})}
    path = f"/v1/auth/{role.get('path') or 'approle'}/login"
    return (yield from _login(session, path, body, "error logging in to Vault server"))


def _by_kubernetes(session: Session, auth: Spec, secrets: Secrets) -> Inquiry[str]:
    try:
        body = {"role": str(auth.get("role") or ""), "jwt": secrets.text(auth["secretRef"], "token")}
        path = f"{auth.get('mountPath') or '/v1/auth/kubernetes'}/login"
        return (yield from _login(session, path, body, "error calling Vault server"))
    except RemoteError as error:
        raise RemoteError(f"while requesting a Vault token using the Kubernetes auth: {error}") from None


_LOGINS: Mapping[str, Callable[[Session, Spec, Secrets], Inquiry[str]]] = {
    "tokenSecretRef": _by_token,
    "appRole": _by_app_role,
    "kubernetes": _by_kubernetes,
}


def _login(session: Session, path: str, body: Spec, while_doing: str) -> Inquiry[str]:
    answer = yield from _ask(session, "POST", path, body, while_doing)
    token = (json_of(answer).get("auth") or {}).get("client_token")
    if not token:
        raise RemoteError("no token returned")
    return str(token)


def _check_health(session: Session) -> Inquiry[None]:
    root = attrs.evolve(session, namespace="")  # sys/health is of no namespace
    answer = yield from fetch(_request(root, "GET", "/v1/sys/health"))
    if answer.error is None and answer.status in UNUSABLE:
        raise RemoteError(UNUSABLE[answer.status])
    if answer.error is None and answer.status in STANDBY:
        return
    _check(root, "GET", "/v1/sys/health", answer, "error calling Vault /v1/sys/health")


def _signed(session: Session, path: str, spec: Spec) -> Inquiry[tuple[str, str]]:
    """Return the chain and the CA at its top, in PEM; RemoteError or ValueError says why there is none."""
    try:
        csr = load_request(spec.get("request"))
        names = names_of(csr)
    except ValueError as error:
        raise ValueError(f"failed to decode CSR for signing: {error}") from None
    body = {
        "common_name": names.common_name,
        "alt_names": ",".join(names.dns_names),
        "ip_sans": ",".join(names.ip_addresses),
        "uri_sans": ",".join(names.uris),
        "ttl": format_duration(parse_duration(spec["duration"]) if spec.get("duration") else DEFAULT_DURATION),
        "csr": csr.public_bytes(Encoding.PEM).decode("ascii"),
        "exclude_cn_from_sans": "true",
    }
    answer = yield from _ask(session, "POST", f"/v1/{path}", body, "failed to sign certificate by vault")
    data: Spec = json_of(answer).get("data") or {}
    parts = [data.get("certificate"), data.get("issuing_ca"), *(data.get("ca_chain") or ())]
    try:
        leaf, *authorities = [x509.load_pem_x509_certificate(str(part).encode()) for part in parts if part]
        return bundle(leaf, authorities)
    except ValueError as error:
        raise RemoteError(f"failed to parse certificate chain from vault: {error}") from None


def _ask(session: Session, method: str, path: str, body: Spec, while_doing: str) -> Inquiry[HttpAnswer]:
    answer = yield from fetch(_request(session, method, path, json.dumps(body).encode()))
    return _check(session, method, path, answer, while_doing)


def _request(session: Session, method: str, path: str, body: bytes = b"") -> Fetch:
    headers = [("X-Vault-Request", "true"), ("Content-Type", "application/json")]
    headers += [("X-Vault-Token", session.token)] if session.token else []
    headers += [("X-Vault-Namespace", session.namespace)] if session.namespace else []
    return Fetch(_url(session, path), method, tuple(headers), body, trust=session.trust, limit=1 << 20)


def _url(session: Session, path: str) -> str:
    return f"{session.server.rstrip('/')}/{path.lstrip('/')}"


def _check(session: Session, method: str, path: str, answer: HttpAnswer, while_doing: str) -> HttpAnswer:
    """Return the answer when it is a good one; RemoteError as Vault's Go client words it."""
    url = _url(session, path)
    if answer.error is not None:
        raise RemoteError(f'{while_doing}: {method.capitalize()} "{url}": {answer.error}')
    if answer.status < 400:
        return answer
    try:
        errors = [str(one) for one in json_of(answer).get("errors") or ()]
    except RemoteError:
        errors = []
    told = "".join(f"* {one}" for one in errors)
    text = f"Error making API request.\n\nURL: {method} {url}\nCode: {answer.status}. Errors:\n\n{told}"
    raise RemoteError(f"{while_doing}: {text}")
