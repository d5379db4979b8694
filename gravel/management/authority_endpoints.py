"""What the management API tells of a world's certificate authority; paths and members are Pebble's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from acme_server.ca_keys import key_pem
from acme_server.certificate_authority import CertificateAuthority, pem
from acme_server.store import CERTIFICATE_BY_SERIAL
from gravel.management.operation import COUNT, PEM, STRING, described, members, words
from gravel.management.world_endpoints import Endpoint, Hosted

_Part: TypeAlias = Callable[[CertificateAuthority, int], str]

_KEY = "application/x-pem-file"
# What there is one of for each root; of several chains, one key signs the leaves.
_PARTS: Mapping[str, tuple[_Part, str, str]] = {
    "roots": (lambda ca, number: pem(ca.roots[number].certificate), PEM, "A root, from 0 on."),
    "intermediates": (
        lambda ca, number: pem((*ca.chain(number), ca.root)[0]),
        PEM,
        "What signs certificates, as the root of this number signed it.",
    ),
    "root-keys": (lambda ca, number: key_pem(ca.roots[number].key), _KEY, "A root's private key."),
    "intermediate-keys": (lambda ca, _: key_pem(ca.issuer.key), _KEY, "The private key that signs certificates."),
}


def _part(name: str) -> Endpoint:
    part, content_type, summary = _PARTS[name]

    @described(summary, answers={200: content_type})
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        authority, number = hosted.world.authority, int(request.match_info["number"])
        count = len(authority.roots)
        if number >= count:
            raise web.HTTPNotFound
        path = f"{request.url.origin()}{request.path}".rpartition("/")[0]
        others = [("Link", f'<{path}/{n}>;rel="alternate"') for n in range(count) if n != number]
        return web.Response(text=part(authority, number), content_type=content_type, headers=others)

    return endpoint


@described(
    answers={
        200: members(
            {"Certificate": STRING, "Serial": STRING, "Status": words("Valid", "Revoked")},
            Reason=COUNT,
            RevokedAt=STRING,
        )
    }
)
async def certificate_status(hosted: Hosted, request: web.Request) -> web.Response:
    """Whether a certificate is revoked; `RevokedAt` is written as Go prints a time."""
    serial = request.match_info["serial"].lower().lstrip("0")
    found = hosted.world.store.find(CERTIFICATE_BY_SERIAL, serial)
    if not found:
        return web.json_response({"error": f"there is no certificate with the serial number {serial[:64]}"}, status=404)
    (record,) = found
    document: dict[str, object] = {"Certificate": record.leaf, "Serial": record.serial, "Status": "Valid"}
    if record.revoked is not None:
        revoked_at = record.revoked.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".") + " +0000 UTC"
        document |= {"Status": "Revoked", "Reason": record.reason or 0, "RevokedAt": revoked_at}
    return web.json_response(document)


AUTHORITY_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    **{("GET", f"/{name}/{{number:[0-9]{{1,3}}}}"): _part(name) for name in _PARTS},
    ("GET", "/cert-status-by-serial/{serial:[0-9a-fA-F]{1,40}}"): certificate_status,
}
