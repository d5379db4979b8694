"""The management API's side of accounts: terms of service that change, and external accounts to bind new ones to."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from acme_server.protocol.encoding import b64url
from acme_server.registration_authority.external_accounts import with_external_account
from acme_server.registration_authority.terms import with_terms
from gravel.account_options import read_mac_key, read_url
from gravel.management.operation import STRING, TEXT, closed, described, members
from gravel.management.request_body import read_body
from gravel.management.world_endpoints import Endpoint, Hosted


@described(body=closed(members({"url": STRING})), free=True)
async def set_terms_of_service(hosted: Hosted, request: web.Request) -> web.Response:
    """Have other terms at `url`, or none: accounts must agree to them before they order again."""
    body = read_body(await request.read())
    body.only(("url",))
    url = body.text("url", empty=True)
    terms = read_url(url) if url else None
    hosted.world.reconfigure(*with_terms(hosted.world.settings, terms), hosted.driver.now())
    return web.Response()


@described(
    body=closed(members(kid=TEXT, key=TEXT)),
    optional=True,
    free=True,
    answers={201: members({"kid": TEXT, "key": TEXT})},
)
async def add_external_account(hosted: Hosted, request: web.Request) -> web.Response:
    """Answer with `kid` and `key` of an external account, made up as far as they were not given."""
    body = read_body(await request.read(), empty=True)
    body.only(("kid", "key"))
    world = hosted.world
    kid = body.text("kid") if "kid" in body else world.new_id()
    key = read_mac_key(body.text("key")) if "key" in body else world.entropy(32)
    world.reconfigure(*with_external_account(world.settings, kid, key), hosted.driver.now())
    return web.json_response({"kid": kid, "key": b64url(key)}, status=201)


ACCOUNT_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", "/set-terms-of-service"): set_terms_of_service,
    ("POST", "/external-accounts"): add_external_account,
}
