"""Tokens of service accounts (TokenRequest): signed with a key of this process, so that none has to be kept.

A token is a JWT (RFC 7519) with Kubernetes' claims; its signature is an HMAC, since nobody else verifies it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

from acme_server.protocol.encoding import b64url, b64url_decode, load_json
from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.bodies import check_type, read_object
from issuer_bridge.kube_api.paths import TOKEN_REQUEST, Target
from issuer_bridge.kube_api.rest import Answer, Call
from issuer_bridge.kube_api.statuses import bad_request, invalid, invalid_value, not_found
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import Access, User, service_account
from issuer_bridge.resources import SERVICE_ACCOUNT, ApiError

_HEADER = b64url(b'{"alg":"HS256","typ":"JWT"}')
_LASTS, _LEAST, _MOST = 3600, 600, 1 << 32
_AUDIENCE = "https://kubernetes.default.svc.cluster.local"


def issue(store: EmbeddedStore, access: Access, target: Target, call: Call) -> Answer:
    """Answer the creation of a TokenRequest for the service account of a path."""
    if call.method != "POST" or not access.key:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    namespace, name = target.namespace or "", target.name
    account = store.get(SERVICE_ACCOUNT, namespace, name)
    if account is None:
        raise not_found(SERVICE_ACCOUNT, name)
    sent = read_object(call.content_type, call.body, TOKEN_REQUEST)
    check_type(TOKEN_REQUEST, sent)
    spec = sent.get("spec") or {}
    if not isinstance(spec, dict):
        raise bad_request("the spec of a TokenRequest is an object")
    seconds = spec.get("expirationSeconds", _LASTS)
    if type(seconds) is not int or not _LEAST <= seconds <= _MOST:
        text = "may not specify a duration less than 10 minutes, or larger than 2^32 seconds"
        cause = invalid_value("spec.expirationSeconds", json.dumps(seconds), text)
        raise invalid(TOKEN_REQUEST.group, TOKEN_REQUEST.kind, name, [cause])
    audiences = spec.get("audiences") or [_AUDIENCE]
    now = store.clock()
    expiry = now + timedelta(seconds=seconds)
    uid = account["metadata"]["uid"]
    about = {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}}
    claims = {
        "aud": audiences,
        "exp": int(expiry.timestamp()),
        "iat": int(now.timestamp()),
        "iss": _AUDIENCE,
        "kubernetes.io": about,
        "sub": service_account(namespace, name).name,
    }
    status = {"token": _signed(access.key, claims), "expirationTimestamp": rfc3339(expiry)}
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": rfc3339(now)}
    shown = {"audiences": audiences, "expirationSeconds": seconds}
    kind = {"kind": TOKEN_REQUEST.kind, "apiVersion": TOKEN_REQUEST.api_version}
    return Answer(201, kind | {"metadata": metadata, "spec": shown, "status": status})


def _signed(key: bytes, claims: dict[str, Any]) -> str:
    text = f"{_HEADER}.{b64url(json.dumps(claims).encode())}"
    return f"{text}.{_signature(key, text)}"


def _signature(key: bytes, text: str) -> str:
    return b64url(hmac.digest(key, text.encode(), hashlib.sha256))


def account_with(store: EmbeddedStore, access: Access, token: str) -> User | None:
    """Return the service account whose token it is: one that is signed, not over, and of an account that is there."""
    text, _, signature = token.rpartition(".")
    if not access.key or not hmac.compare_digest(_signature(access.key, text).encode(), signature.encode()):
        return None
    claims = load_json(b64url_decode(text.partition(".")[2]))
    about: dict[str, Any] = claims["kubernetes.io"]
    namespace, known = about["namespace"], about["serviceaccount"]
    account = store.get(SERVICE_ACCOUNT, namespace, known["name"])
    if account is None or account["metadata"]["uid"] != known["uid"] or _is_over(claims["exp"], store.clock()):
        return None
    return service_account(namespace, known["name"])


def _is_over(expiry: int, now: datetime) -> bool:
    return now.timestamp() >= expiry
