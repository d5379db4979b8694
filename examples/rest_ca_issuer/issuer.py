"""Signs what names a RestCaIssuer or a RestCaClusterIssuer, at a CA behind HTTP whose token is in a Secret."""

import aiohttp

from gravel.issuer import Bundle, Issuer, IssuerFault, IssuerKind, Permanent, Request, run

KINDS = (
    IssuerKind("rest-ca.example.com", "v1alpha1", "RestCaIssuer", "restcaissuers"),
    IssuerKind("rest-ca.example.com", "v1alpha1", "RestCaClusterIssuer", "restcaclusterissuers", namespaced=False),
)


async def check(issuer: Issuer) -> None:
    await ask(issuer, "GET", "/health")


async def sign(request: Request, issuer: Issuer) -> Bundle:
    path = f"/sign?seconds={request.duration.total_seconds():.0f}"
    return Bundle(await ask(issuer, "POST", path, request.csr))


async def ask(issuer: Issuer, method: str, path: str, body: bytes = b"") -> bytes:
    token = issuer.secret(issuer.spec["authSecretName"], "token").decode()
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.request(method, issuer.spec["url"] + path, data=body, headers=headers) as answer:
        if answer.status in (401, 403):
            raise IssuerFault(f"the CA refuses the token: {await answer.text()}")
        if answer.status == 400:
            raise Permanent(f"the CA refuses the request: {await answer.text()}", invalid_request=True)
        answer.raise_for_status()  # all else is tried again
        return await answer.read()


if __name__ == "__main__":
    run("rest-ca-issuer", KINDS, check, sign)
