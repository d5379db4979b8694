"""What the management API tells of a world's certificate authority; paths and members are Pebble's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from acme_server.ca_keys import key_pem
from acme_server.certificate_authority import CertificateAuthority, pem
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem
from acme_server.registration_authority.revocation import REASONS, withdraw_all
from acme_server.root_rotation import add_root, drop_root, prefer_root
from acme_server.store import CERTIFICATE_BY_SERIAL
from gravel.management.operation import COUNT, FLAG, PEM, STRING, TEXT, array, closed, described, members, number, words
from gravel.management.request_body import read_body
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


@described(
    body=closed(members(serials=array(TEXT), reason=number(0, max(REASONS)))),
    optional=True,
    free=True,
    answers={200: members({"revoked": COUNT})},
)
async def revoke_certificates(hosted: Hosted, request: web.Request) -> web.Response:
    """Revoke what is valid, as a CA does in an incident: all of it, or `serials` alone; renewal information says now."""
    body = read_body(await request.read(), empty=True)
    body.only(("serials", "reason"))
    serials = body.texts("serials") if "serials" in body else None
    reason = body.number("reason", 0, max(REASONS)) if "reason" in body else None
    now = hosted.driver.now()
    try:
        revoked, facts = withdraw_all(hosted.world, reason, serials, now)
    except LookupError as error:
        return web.json_response({"error": str(error)}, status=404)
    except Problem as problem:
        raise ValueError(problem.detail) from None
    hosted.world.store.commit(revoked, facts, now)
    return web.json_response({"revoked": len(revoked)})


@described(
    body=closed(members(add=FLAG, prefer=number(1, 999), drop=number(1, 999))),
    free=True,
    answers={200: members({"roots": array(STRING)})},
)
async def change_roots(hosted: Hosted, request: web.Request) -> web.Response:
    """Rotate the root in three steps, `add`, `prefer` and `drop`, the others by a root's number; answer with all roots."""
    body = read_body(await request.read())
    body.only(("add", "prefer", "drop"))
    if len(body.members) != 1 or ("add" in body and not body.flag("add")):
        raise ValueError("one is wanted: 'add': true, or 'prefer' or 'drop' with the number of an alternate root")
    world, now = hosted.world, hosted.driver.now()
    (change,) = body.members
    if change == "add":
        new_key = world.settings.authority.new_key
        changed = add_root(world.authority, world.entropy, now, world.named_links, new_key)
    elif change == "prefer":
        changed = prefer_root(world.authority, body.number(change, 1, 999), world.named_links)
    else:
        changed = drop_root(world.authority, body.number(change, 1, 999))
    world.authority = changed
    names = [each.certificate.subject.rfc4514_string() for each in changed.roots]
    world.store.commit((), (Fact("RootsChanged", {}, {"change": change, "roots": names}),), now)
    return web.json_response({"roots": names})


AUTHORITY_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    **{("GET", f"/{name}/{{number:[0-9]{{1,3}}}}"): _part(name) for name in _PARTS},
    ("GET", "/cert-status-by-serial/{serial:[0-9a-fA-F]{1,40}}"): certificate_status,
    ("POST", "/revoke-certificates"): revoke_certificates,
    ("POST", "/roots"): change_roots,
}
