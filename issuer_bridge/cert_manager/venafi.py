"""Venafi issuers (`spec.venafi.tpp`): a certificate is requested of a Trust Protection Platform, and picked up when it is there.

Conditions, reasons and messages are upstream's (`pkg/issuer/venafi/setup.go`, `.../client`,
`pkg/controller/certificaterequests/venafi`), requests those of its library (vcert, `pkg/venafi/tpp`). The zone's policy is
asked for, as there; whether a request fits it, the platform says. `spec.venafi.cloud` and `ngts` do not work here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeAlias

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry, fetch, pause
from issuer_bridge.cert_manager.certificates.matching import names_of
from issuer_bridge.cert_manager.local_issuers import Verdict
from issuer_bridge.cert_manager.local_signing import DEFAULT_DURATION, bundle
from issuer_bridge.cert_manager.remote_issuers import (
    RemoteError,
    SecretNotFound,
    Secrets,
    bundle_of,
    decoded,
    json_of,
)
from issuer_bridge.cert_manager.request_steps import Fail, Issue, Pending, Step
from issuer_bridge.context import Context
from issuer_bridge.durations import parse_duration
from issuer_bridge.pem import encode, load_request
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource

Spec: TypeAlias = Mapping[str, Any]

CUSTOM_FIELDS, PICKUP_ID = "venafi.cert-manager.io/custom-fields", "venafi.cert-manager.io/pickup-id"
CLIENT, SCOPE = "cert-manager.io", "certificate:manage"
STARTED = "Certificate Manager issuer started"
VERIFIED = ("Ready", "Verified issuer with Certificate Manager server")
NO_SUBJECT = (
    "Certificate requests submitted to Venafi issuers must have the 'commonName' field "
    "or at least one other subject field set."
)
NOT_FOUND = "does not exist or you do not have sufficient rights to the object."
NOT_NEEDED = "Reset is not completed. No reset is required for the certificate."
END_DATES = tuple(f"{ca}Specific End Date" for ca in ("Microsoft CA:", "DigiCert CA:", "EntrustNET CA:", ""))
# How often, and how long at a time, a certificate is asked for that is not there yet.
POLL, PATIENCE = timedelta(seconds=2), timedelta(seconds=60)


class _NoAccess(RemoteError):  # noqa: N818 - says what happened
    """The credentials are refused."""


class _NotThereYet(Exception):  # noqa: N818 - says what happened
    """The certificate is still pending."""


class _BadFields(RemoteError):  # noqa: N818 - says what happened
    """A custom field has a type that there is not."""


@attrs.frozen
class Platform:
    """Where it is, which zone is asked, and as whom; trust: PEM roots, None for the system's."""

    url: str
    zone: str
    trust: str | None = attrs.field(repr=False)
    token: str = attrs.field(default="", repr=False)

    def dn(self, name: str = "") -> str:
        r"""Return the DN of the zone's policy, or of an object there: `\VED\Policy\ZONE\NAME`."""
        path = f"{self.zone}\\{name}" if name else self.zone
        return path if path.startswith("\\VED\\Policy") else "\\VED\\Policy\\" + path.removeprefix("\\")


class Venafi:
    """The controller's part for `spec.venafi`."""

    def __init__(self, context: Context, cluster_namespace: str) -> None:
        self._context = context
        self._cluster_namespace = cluster_namespace

    def verify(self, issuer: Resource) -> Inquiry[Verdict]:
        """Log in, and see whether the platform answers."""
        try:
            platform = yield from self._platform(issuer)
        except _NoAccess as error:
            text = f"OAuth token request failed: {error}"
            return Verdict(ready=False, reason="AuthFailed", message=text, error=text)
        except (RemoteError, SecretNotFound) as error:
            return _not_set_up(f"error building client: {error}")
        try:
            answer = yield from _ask(platform, "GET", "vedsdk/")
        except RemoteError as error:
            return _not_set_up(f"error pinging Certificate Manager: {error}")
        if answer.status != HTTPStatus.OK:
            return _not_set_up(f"error pinging Certificate Manager: {_status(answer)}")
        return Verdict(ready=True, reason=STARTED, message=STARTED, event=VERIFIED)

    def sign(self, request: Resource, issuer: Resource) -> Inquiry[Step]:
        """Request the certificate, and at the next look pick it up; the request's annotation says what was requested."""
        try:
            platform = yield from self._platform(issuer)
        except SecretNotFound as error:
            return Pending("SecretMissing", f"Required secret resource not found: {error}")
        except RemoteError as error:
            why = f"OAuth token request failed: {error}" if isinstance(error, _NoAccess) else str(error)
            text = f"Failed to initialise Certificate Manager client for signing: {why}"
            return Pending("VenafiInitError", text, retry=True)
        fields: dict[str, Spec] = {}
        for one in (issuer, request):
            try:
                fields |= _custom_fields(one)
            except (ValueError, TypeError, LookupError) as error:
                text = f'Failed to parse {one["metadata"]["name"]} "{CUSTOM_FIELDS}" annotation: {error}'
                return Fail("CustomFieldsError", text)
        pickup = (request["metadata"].get("annotations") or {}).get(PICKUP_ID)
        if pickup:
            return (yield from _picked_up(platform, pickup))
        return (yield from self._requested(platform, request, fields))

    def _requested(self, platform: Platform, request: Resource, fields: Mapping[str, Spec]) -> Inquiry[Step]:
        try:
            pickup = yield from self._request(platform, request["spec"], fields)
        except _BadFields as error:
            return Fail("CustomFieldsError", f"{error}: {error}")  # upstream tells it twice
        except (RemoteError, ValueError) as error:
            return Fail("RequestError", f"Failed to request certificate from Certificate Manager: {error}")
        yield from self._context.write_annotation(CERTIFICATE_REQUEST, request, PICKUP_ID, pickup)
        return Pending("IssuancePending", "certificate is requested")

    def _request(self, platform: Platform, spec: Spec, fields: Mapping[str, Spec]) -> Inquiry[str]:
        """Return the DN under which the certificate will be."""
        yield from _read_zone(platform)
        csr = load_request(spec.get("request"))
        names = names_of(csr)
        if not csr.subject.rdns:
            raise RemoteError(NO_SUBJECT)
        unknown = next((one for one in fields.values() if one.get("type") not in (None, "", "Plain")), None)
        if unknown is not None:
            raise _BadFields(f'certificate request contains an invalid custom fields type: "{unknown["type"]}"')
        friendly = [names.common_name, *names.dns_names, *names.uris, *names.emails, *names.ip_addresses]
        name = next(filter(None, friendly), "")
        yield from _reset(platform, name)
        lifetime = parse_duration(spec["duration"]) if spec.get("duration") else DEFAULT_DURATION
        end = rfc3339(self._context.clock() + lifetime)
        body = {
            "PolicyDN": platform.dn(),
            "ObjectName": name,
            "PKCS10": csr.public_bytes(Encoding.PEM).decode("ascii"),
            "CertificateType": "AUTO",
            "DisableAutomaticRenewal": True,
            "Origin": "cert-manager",
            "CASpecificAttributes": [
                {"Name": "Origin", "Value": "cert-manager"},
                *({"Name": attribute, "Value": end} for attribute in END_DATES),
            ],
            "CustomFields": [{"Name": name, "Values": [fields[name].get("value")]} for name in sorted(fields)],
        }
        answer = yield from _ask(platform, "POST", "vedsdk/certificates/request", body)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
            told = answer.body.decode("utf-8", "replace")
            text = (
                f"Unexpected status code on TPP Certificate Request.\n Status:\n {_status(answer)}. \n Body:\n {told}\n"
            )
            raise RemoteError(text)
        return str(json_of(answer).get("CertificateDN") or "")

    def _platform(self, issuer: Resource) -> Inquiry[Platform]:
        """Return the platform with a token that it has taken; _NoAccess when it took none."""
        venafi: Spec = issuer["spec"]["venafi"]
        tpp: Spec | None = venafi.get("tpp")
        if tpp is None:
            raise RemoteError("only spec.venafi.tpp works here")
        namespace = str(issuer["metadata"].get("namespace") or self._cluster_namespace)
        secrets = Secrets(self._context.resources, namespace)
        held = secrets.entries(str((tpp.get("credentialsRef") or {}).get("name") or ""))
        credentials = {name: decoded(value) for name, value in held.items()}
        url = str(tpp.get("url") or "").rstrip("/").removesuffix("/vedsdk")
        platform = Platform(url, str(venafi.get("zone") or ""), bundle_of(tpp, secrets))
        if credentials.get("access-token"):
            return (yield from _verified(attrs.evolve(platform, token=credentials["access-token"])))
        if credentials.get("username") and credentials.get("password"):
            return (yield from _logged_in(platform, credentials))
        raise _NoAccess("no TPP credentials configured")


def _not_set_up(why: str) -> Verdict:
    text = f"Failed to setup Certificate Manager issuer: {why}"
    return Verdict(ready=False, reason="ErrorSetup", message=text, error=text)


def _verified(platform: Platform) -> Inquiry[Platform]:
    step = "tppClient.VerifyAccessToken"
    answer = yield from _ask(platform, "GET", "vedauth/authorize/verify", step=step)
    if answer.status != HTTPStatus.OK:
        raise _NoAccess(f"{step}: failed to verify token. Message: {_status(answer)}")
    return platform


def _logged_in(platform: Platform, credentials: Mapping[str, str]) -> Inquiry[Platform]:
    step = "tppClient.GetRefreshToken"
    body = {"client_id": credentials.get("client-id") or CLIENT, "scope": SCOPE}
    body |= {name: credentials[name] for name in ("username", "password")}
    answer = yield from _ask(platform, "POST", "vedauth/authorize/oauth", body, step)
    if answer.status != HTTPStatus.OK:
        told = "unexpected status code on CyberArk Certificate Manager, Self-Hosted Authorize. Status: "
        raise _NoAccess(f"{step}: {told}{_status(answer)}")
    return attrs.evolve(platform, token=str(json_of(answer).get("access_token") or ""))


def _read_zone(platform: Platform) -> Inquiry[None]:
    if not platform.zone:
        raise RemoteError("empty zone")
    answer = yield from _ask(platform, "POST", "vedsdk/certificates/checkpolicy", {"PolicyDN": platform.dn()})
    if answer.status != HTTPStatus.OK:
        told = answer.body.decode("utf-8", "replace")
        raise RemoteError(f"Invalid status: {_status(answer)} Server response: {told}")


def _reset(platform: Platform, name: str) -> Inquiry[None]:
    """Let go of an enrollment that failed earlier, which would be in the way."""
    body = {"CertificateDN": platform.dn(name)}
    answer = yield from _ask(platform, "POST", "vedsdk/certificates/reset", body)
    if answer.status == HTTPStatus.BAD_REQUEST:
        error = str(json_of(answer).get("Error") or "")
        if error != NOT_NEEDED and not error.endswith(NOT_FOUND):
            raise RemoteError(f"while resetting: {error}")
    elif answer.status != HTTPStatus.OK:
        told = answer.body.decode("utf-8", "replace")
        raise RemoteError(f"while resetting. Status: {_status(answer)}, Body: {told}")


def _picked_up(platform: Platform, pickup: str) -> Inquiry[Step]:
    try:
        pem = yield from _retrieved(platform, pickup)
    except _NotThereYet as error:
        text = f"certificate still in a pending state, the request will be retried: {error}"
        return Pending("IssuancePending", text, retry=True)
    except RemoteError as error:
        text = f"Failed to obtain certificate from Certificate Manager: unable to retrieve: {error}"
        return Fail("RetrieveError", text)
    try:
        leaf, *others = x509.load_pem_x509_certificates(pem)
        certificate, authority = bundle(leaf, others)
    except ValueError as error:
        return Fail("ParseError", f"Failed to parse returned certificate bundle: {error}")
    return Issue(encode(certificate), encode(authority))


def _retrieved(platform: Platform, pickup: str) -> Inquiry[bytes]:
    body = {"CertificateDN": pickup, "Format": "base64", "IncludeChain": True}
    for _ in range(PATIENCE // POLL):
        answer = yield from _ask(platform, "POST", "vedsdk/certificates/retrieve", body)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            raise RemoteError(f"Unexpected status code on TPP Certificate Retrieval. Status: {_status(answer)}")
        data = json_of(answer).get("CertificateData")
        if data:
            return base64.b64decode(data)
        yield from pause(POLL)
    raise _NotThereYet(f"Operation timed out. You may try retrieving the certificate later using Pickup ID: {pickup}")


def _custom_fields(resource: Resource) -> dict[str, Spec]:
    """Return the fields of an annotation by name: `[{"name": ..., "value": ..., "type": "Plain"}]`."""
    text = (resource["metadata"].get("annotations") or {}).get(CUSTOM_FIELDS)
    return {str(field["name"]): field for field in json.loads(text)} if text else {}


def _ask(platform: Platform, method: str, path: str, body: Spec | None = None, step: str = "") -> Inquiry[HttpAnswer]:
    """Return an answer, whatever it says; RemoteError when there is none."""
    headers = [("Content-Type", "application/json")]
    headers += [("Authorization", f"Bearer {platform.token}")] if platform.token else []
    url = f"{platform.url}/{path}"
    content = json.dumps(body).encode() if body is not None else b""
    answer = yield from fetch(Fetch(url, method, tuple(headers), content, trust=platform.trust, limit=1 << 20))
    if answer.error is not None:
        raise RemoteError(f'{f"{step}: " if step else ""}{method.capitalize()} "{url}": {answer.error}')
    return answer


def _status(answer: HttpAnswer) -> str:
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)
