"""Carries out what `decisions` come to: one step with one Certificate, and the writes that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from acme_server.protocol.jwk import PrivateKey
from acme_server.protocol.vantage import Inquiry, compute
from issuer_bridge.cert_manager.certificates.decisions import ISSUING, decide
from issuer_bridge.cert_manager.certificates.index import CertificateIndex
from issuer_bridge.cert_manager.certificates.policies import (
    CERTIFICATE_NAME,
    PAIR,
    Input,
    data_of,
    first_violation,
    read_leaf,
)
from issuer_bridge.cert_manager.certificates.private_keys import RSA, RsaKeys, new_key, wanted, write_key
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from issuer_bridge.cert_manager.certificates.signing_requests import signing_request
from issuer_bridge.cert_manager.certificates.steps import (
    REVISION,
    CreateKey,
    CreateRequest,
    Delete,
    Issue,
    KeepSecret,
    Nothing,
    Save,
    Step,
    Tell,
    Told,
    View,
)
from issuer_bridge.cert_manager.certificates.tls_secrets import (
    Material,
    issued,
    kept,
    next_key_secret,
    tls_secret,
)
from issuer_bridge.cert_manager.names import request_name
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.references import controller_reference
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET, ApiError, Kind, Resource

ISSUED = "The certificate has been successfully issued"
PRIVATE_KEY_SECRET = "cert-manager.io/private-key-secret-name"  # noqa: S105 - the name of an annotation
# Upstream's default for --copied-annotation-prefixes: all but these.
NOT_COPIED = ("kubectl.kubernetes.io/", "fluxcd.io/", "argocd.argoproj.io/")


class Certificates:
    """The controller of Certificates.

    rsa_key: makes RSA keys, None to refuse them; owner_reference: a Certificate's Secret goes with it.
    """

    def __init__(
        self,
        context: Context,
        index: CertificateIndex,
        backoff: Backoff,
        rsa_key: RsaKeys | None = None,
        *,
        owner_reference: bool = False,
    ) -> None:
        self._context = context
        self._resources = context.resources
        self._index = index
        self._backoff = backoff
        self._rsa_key = rsa_key
        self._owner_reference = owner_reference

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Take one step with one Certificate."""
        certificate = self._resources.get(CERTIFICATE, namespace, name)
        if certificate is None or certificate["metadata"].get("deletionTimestamp"):
            return Done()
        secret = self._resources.get(SECRET, namespace, certificate["spec"]["secretName"])
        view = View(
            certificate,
            secret,
            self._owned(SECRET, certificate),
            self._owned(CERTIFICATE_REQUEST, certificate),
            self._found(CERTIFICATE, namespace, self._index.sharing(certificate)),
            self._context.clock(),
            self._backoff,
        )
        try:
            return (yield from self._take(certificate, secret, decide(view)))
        except ValueError as error:
            yield from self._tell(certificate, Told("Warning", "InvalidCertificateSpec", str(error)))
            return Done()
        except ApiError as error:
            if error.code == HTTPStatus.FORBIDDEN:  # upstream's log alone has it
                yield from self._tell(certificate, Told("Warning", "WriteForbidden", str(error)))
            raise

    def _owned(self, kind: Kind, certificate: Resource) -> list[Resource]:
        return self._found(kind, certificate["metadata"]["namespace"], self._index.owned(kind, certificate))

    def _found(self, kind: Kind, namespace: str, names: list[str]) -> list[Resource]:
        found = [self._resources.get(kind, namespace, name) for name in names]
        return [resource for resource in found if resource is not None]

    def _take(self, certificate: Resource, secret: Resource | None, step: Step) -> Inquiry[Outcome]:
        match step:
            case Nothing(after=after):
                return Wait(after) if after else Done()
            case Save(status=status, told=told, fact=fact):
                yield from self._save(certificate, status, told, fact)
            case Tell(told=told):
                yield from self._tell(certificate, told)
            case Delete(kind=kind, names=names, told=told):
                yield from self._tell(certificate, told)
                for name in names:
                    yield from self._resources.delete(kind, certificate["metadata"]["namespace"], name)
            case CreateKey(reused=reused):
                yield from self._create_key(certificate, reused)
            case CreateRequest():
                return (yield from self._create_request(certificate, step))
            case Issue():
                return (yield from self._issue(certificate, secret, step))
            case KeepSecret(then=then):
                if not (yield from self._keep(certificate, secret)):
                    return (yield from self._take(certificate, secret, then))
        return Done()

    def _tell(self, certificate: Resource, told: Told | None) -> Inquiry[None]:
        if told is not None:
            recorder = self._context.recorder
            record = recorder.warning if told.type == "Warning" else recorder.normal
            yield from record(certificate, told.reason, told.message)

    def _save(
        self,
        certificate: Resource,
        status: Mapping[str, Any],
        told: Told | None,
        fact: tuple[str, Mapping[str, Any]] | None,
    ) -> Inquiry[None]:
        """Write a status unless somebody wrote meanwhile: a user may have asked for a renewal."""
        yield from self._resources.update_status(CERTIFICATE, {**certificate, "status": dict(status)})
        if fact is not None:
            kind, data = fact
            self._context.note(kind, certificate, **data)
        yield from self._tell(certificate, told)

    def _create_key(self, certificate: Resource, reused: PrivateKey | None) -> Inquiry[None]:
        spec = certificate["spec"]
        key = reused or (yield from self._new_key(spec))
        secret = yield from self._resources.create(SECRET, next_key_secret(certificate, write_key(key, "PKCS8")))
        name = secret["metadata"]["name"]
        told = Told("Normal", "Generated", f'Stored new private key in temporary Secret resource "{name}"')
        if reused is not None:
            text = f'Reusing private key stored in existing Secret resource "{spec["secretName"]}"'
            told = Told("Normal", "Reused", text)
        yield from self._tell(certificate, told)

    def _new_key(self, spec: Mapping[str, Any]) -> Inquiry[PrivateKey]:
        make = partial(new_key, spec, self._context.entropy, self._rsa_key)
        if wanted(spec)[0] != RSA:
            return make()
        return (yield from compute(make))  # for a tenth of a second, or for several

    def _create_request(self, certificate: Resource, step: CreateRequest) -> Inquiry[Outcome]:
        metadata, spec = certificate["metadata"], certificate["spec"]
        copied = {
            name: value
            for name, value in (metadata.get("annotations") or {}).items()
            if not name.startswith(NOT_COPIED)
        }
        asked = {name: spec[name] for name in ("duration", "isCA", "usages") if spec.get(name)}
        request: Resource = {
            "apiVersion": CERTIFICATE_REQUEST.api_version,
            "kind": CERTIFICATE_REQUEST.kind,
            "metadata": {
                "name": request_name(metadata["name"], step.revision),
                "namespace": metadata["namespace"],
                **({"labels": dict(metadata["labels"])} if metadata.get("labels") else {}),
                "annotations": {
                    **copied,
                    CERTIFICATE_NAME: metadata["name"],
                    REVISION: str(step.revision),
                    PRIVATE_KEY_SECRET: step.secret,
                },
                "ownerReferences": [controller_reference(certificate, CERTIFICATE)],
            },
            "spec": {
                **asked,
                "issuerRef": dict(spec["issuerRef"]),
                "request": signing_request(spec, step.key),
            },
        }
        try:
            created = yield from self._resources.create(CERTIFICATE_REQUEST, request)
        except ApiError as error:
            text = f"Failed to create CertificateRequest: {error}"
            yield from self._tell(certificate, Told("Warning", "RequestFailed", text))
            return Retry(text)
        name = created["metadata"]["name"]
        self._context.note("RequestCreated", created, revision=step.revision)
        text = f'Created new CertificateRequest resource "{name}"'
        yield from self._tell(certificate, Told("Normal", "Requested", text))
        return Done()

    def _issue(self, certificate: Resource, secret: Resource | None, step: Issue) -> Inquiry[Outcome]:
        """Write the Secret, then the revision: after a crash between the two the same is written again."""
        spec = certificate["spec"]
        encoding = (spec.get("privateKey") or {}).get("encoding") or "PKCS1"
        material = issued(certificate, step.request, write_key(step.key, encoding))
        try:
            wanted = self._wanted(certificate, secret, material)
        except ValueError as error:
            text = f"Failed to write Secret {spec['secretName']}: {error}"
            yield from self._tell(certificate, Told("Warning", "SecretRefused", text))
            return Retry(text)
        yield from self._write_secret(secret, wanted)
        status = {
            name: value
            for name, value in certificate["status"].items()
            if name not in ("failedIssuanceAttempts", "lastFailureTime")
        }
        status["revision"] = step.revision
        status["conditions"] = [item for item in status["conditions"] if item["type"] != ISSUING]
        leaf = read_leaf(material.chain)
        data = {"revision": step.revision, "serial": f"{leaf.serial:x}", "secret": spec["secretName"]}
        yield from self._save(certificate, status, Told("Normal", "Issuing", ISSUED), ("SecretWritten", data))
        return Done()

    def _keep(self, certificate: Resource, secret: Resource | None) -> Inquiry[bool]:
        """Write the Secret where the spec wants something beside key and certificate that it lacks; say whether."""
        if secret is None or first_violation(PAIR, Input(certificate, secret, None, self._context.clock())):
            return False  # it will be issued anew
        try:
            wanted = self._wanted(certificate, secret, kept(secret))
        except ValueError as error:
            yield from self._tell(certificate, Told("Warning", "SecretRefused", str(error)))
            return False
        if wanted == secret:
            return False
        yield from self._write_secret(secret, wanted)
        return True

    def _wanted(self, certificate: Resource, secret: Resource | None, material: Material) -> Resource:
        def password(reference: Mapping[str, Any]) -> bytes:
            name, entry = reference["name"], reference.get("key") or "password"
            holder = self._resources.get(SECRET, certificate["metadata"]["namespace"], name)
            found = data_of(holder, entry)
            if not found:
                raise ValueError(f"the keystore's password is not there: Secret {name!r} has no {entry!r}")
            return found

        return tls_secret(certificate, secret, material, password, owned=self._owner_reference)

    def _write_secret(self, secret: Resource | None, wanted: Resource) -> Inquiry[None]:
        if secret is None:
            yield from self._resources.create(SECRET, wanted)
        elif wanted != secret:
            yield from self._resources.update(SECRET, wanted)
