"""A client on PyPI's `gufo-acme`. Its HTTP client cannot be given a CA, so that it verifies none."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from gufo.acme.clients.base import AcmeClient
from gufo.acme.types import AcmeChallenge
from gufo.http.async_client import HttpClient
from josepy.jwk import JWKRSA


class Client(AcmeClient):
    """Answers one type of challenge through the hook."""

    wanted = ""

    def _get_client(self, auth: Any = None) -> HttpClient:
        return HttpClient(headers={"User-Agent": b"conformance"}, auth=auth, validate_cert=False)

    async def fulfill_http_01(self, domain: str, challenge: AcmeChallenge) -> bool:
        """Put the file."""
        del domain
        return self._answer("http-01", "put", challenge.token, self.get_key_authorization(challenge).decode())

    async def fulfill_dns_01(self, domain: str, challenge: AcmeChallenge) -> bool:
        """Set the record."""
        digest = hashlib.sha256(self.get_key_authorization(challenge)).digest()
        return self._answer("dns-01", "set-txt", domain, base64.urlsafe_b64encode(digest).decode().rstrip("="))

    def _answer(self, challenge: str, *answer: str) -> bool:
        if challenge != self.wanted:
            return False
        subprocess.run(["./hook", *answer], check=True)
        return True


async def main(act: str, directory: str, name: str, wanted: str) -> None:
    """Issue anew."""
    del act
    key = JWKRSA(key=load_pem_private_key(Path("account.pem").read_bytes(), None))
    async with Client(directory, key=key) as client:
        client.wanted = wanted
        await client.new_account("gufo@example.com")
        chain = await client.sign(name, Path("csr.pem").read_bytes())
        Path("chain.pem").write_bytes(chain)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    # gufo-http 0.7 sometimes aborts the interpreter while that shuts down.
    os._exit(0)
