"""A client on PyPI's `aioacme`."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path

import aioacme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

WAITING = ("pending", "processing")


async def issue(client: aioacme.Client, name: str, wanted: str) -> None:
    """Order, answer, finalize, and write the chain."""
    order = await client.new_order([aioacme.Identifier(name)])
    for uri in order.authorizations:
        authorization = await client.get_authorization(uri)
        if authorization.status.value == "valid":
            continue
        challenge = next(one for one in authorization.challenges if one.type.value == wanted)
        digest = client.get_dns_challenge_validation(challenge.token)
        text = f"{challenge.token}.{client._account_key_jwk_thumbprint}" if wanted == "http-01" else digest  # noqa: SLF001
        answer = ["put", challenge.token, text] if wanted == "http-01" else ["set-txt", name, text]
        subprocess.run(["./hook", *answer], check=True)
        await client.answer_challenge(challenge.url)
        while (authorization := await client.get_authorization(uri)).status.value in WAITING:
            await asyncio.sleep(0.2)
    request = x509.load_pem_x509_csr(Path("csr.pem").read_bytes())
    order = await client.finalize_order(order.finalize, request)
    while order.status.value in WAITING:
        await asyncio.sleep(0.2)
        order = await client.get_order(order.uri)
    if order.certificate is None:
        sys.exit(f"the order is {order.status.value}: {order.error}")
    Path("chain.pem").write_bytes(await client.get_certificate(order.certificate))


async def main(act: str, directory: str, name: str, wanted: str) -> None:
    """Issue anew, or revoke what was issued."""
    key = load_pem_private_key(Path("account.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    trust = ssl.create_default_context(cafile="ca.pem")
    async with aioacme.Client(account_key=key, directory_url=directory, ssl=trust) as client:
        if act == "revoke":
            await client.revoke_certificate(x509.load_pem_x509_certificates(Path("chain.pem").read_bytes())[0])
        else:
            await issue(client, name, wanted)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
