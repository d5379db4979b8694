"""A CA behind HTTP, to try the issuer with: `python rest_ca.py PORT TOKEN_FILE`. For testing: its key lives in memory."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding


class RestCa:
    """Signs for whoever has the token that is in the file at this moment."""

    def __init__(self, token_file: Path) -> None:
        self.token_file = token_file
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "RestCa root")])
        self.root = self.certificate(self.name, self.key.public_key(), timedelta(days=365), ca=True)

    def certificate(self, subject, key, duration, *extensions, ca=False):
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self.name, subject, key, x509.random_serial_number(), now, now + duration)
        for extension in (x509.BasicConstraints(ca, None), *extensions):
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guard])
        app.add_routes([web.get("/health", self.health), web.post("/sign", self.sign), web.get("/root", self.show)])
        return app

    @web.middleware
    async def guard(self, request, handler):
        token = self.token_file.read_text().strip()
        if request.path != "/root" and request.headers.get("Authorization") != f"Bearer {token}":
            return web.Response(status=401, text="who are you?")
        return await handler(request)

    async def health(self, request):
        return web.Response(text="ok")

    async def show(self, request):
        return web.Response(body=self.root.public_bytes(Encoding.PEM))

    async def sign(self, request):
        try:
            csr = x509.load_pem_x509_csr(await request.read())
            names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound) as error:
            return web.Response(status=400, text=str(error))
        duration = timedelta(seconds=int(request.query["seconds"]))
        leaf = self.certificate(csr.subject, csr.public_key(), duration, names)
        return web.Response(body=leaf.public_bytes(Encoding.PEM))


if __name__ == "__main__":
    web.run_app(RestCa(Path(sys.argv[2])).app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
