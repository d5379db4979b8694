"""An ACME client for one world, on the event loop: just enough to get a certificate over dns-01."""

from __future__ import annotations

import json
from types import SimpleNamespace

from acme_server.protocol.encoding import b64url
from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name
from tests.acme_server.rig import JOSE, Client, csr


class WireClient:
    """Speaks to a directory; `prefix` is where the management API has the same world."""

    def __init__(self, management, world_id="default", private_key=None):
        self.management, self.session = management, management.session
        self.prefix = "" if world_id == "default" else f"/worlds/{world_id}"
        path = "" if world_id == "default" else f"/w/{world_id}"
        self.base = management.running.parts.world.base_url + path
        self.signer = Client(SimpleNamespace(world=SimpleNamespace(base_url=self.base)), private_key)
        self.nonce = None

    async def post(self, url, payload=None):
        """Return status, headers and body; the nonce is the last answer's."""
        if self.nonce is None:
            async with self.session.head(f"{self.base}/nonce") as answer:
                self.nonce = answer.headers["Replay-Nonce"]
        request = self.signer.signed(url, payload, nonce=self.nonce)
        async with self.session.post(url, data=request.body, headers=JOSE) as answer:
            self.nonce = answer.headers["Replay-Nonce"]
            return answer.status, answer.headers, await answer.read()

    async def get(self, url):
        return json.loads((await self.post(url))[2])

    async def register(self):
        _, headers, _ = await self.post(f"{self.base}/new-account", {"termsOfServiceAgreed": True})
        self.signer.kid = headers["Location"]

    async def order(self, *names):
        """Return the order's URL and the order."""
        identifiers = [{"type": "dns", "value": name} for name in names]
        _, headers, body = await self.post(f"{self.base}/new-order", {"identifiers": identifiers})
        return headers["Location"], json.loads(body)

    async def authorize(self, order):
        """Set each TXT record, respond, and let the world come to rest."""
        for url in order["authorizations"]:
            authorization = await self.get(url)
            challenge = next(item for item in authorization["challenges"] if item["type"] == "dns-01")
            value = KeyAuthorization(challenge["token"], self.signer.thumbprint).dns_value
            owner = dns01_name(authorization["identifier"]["value"])
            await self.management.ask(f"{self.prefix}/set-txt", host=owner, value=value)
            assert (await self.post(challenge["url"], {}))[0] == 200
        await self.management.ask(f"{self.prefix}/clock", advance=0)

    async def issue(self, *names):
        """Return the chain of a new certificate."""
        await self.register()
        url, order = await self.order(*names)
        await self.authorize(order)
        await self.post(order["finalize"], {"csr": b64url(csr(names))})
        order = await self.get(url)
        assert order["status"] == "valid", order
        return (await self.post(order["certificate"]))[2]
