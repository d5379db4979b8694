"""The temporary home of a client, with all that a recipe may use, and the web server of its webroot."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.clients.recipe import Recipe, fill

# What answers a challenge: a file below webroot/, or a TXT record over challtestsrv's API. In sh and with curl, since
# Apache calls it as somebody who may run little else.
HOOK = """\
#!/bin/sh
# hook put TOKEN TEXT | hook set-txt DOMAIN VALUE | hook clear-txt DOMAIN
if [ "$1" = put ]; then printf %s "$3" > "@home@/webroot/.well-known/acme-challenge/$2"; exit; fi
name=_acme-challenge.${2#_acme-challenge.}
exec curl --silent --show-error --fail --cacert "@home@/ca.pem" --output /dev/null \\
  --data "{\\"host\\": \\"${name%.}.\\", \\"value\\": \\"$3\\"}" @chall_mgmt@/"$1"
"""


def furnish(home: Path, recipe: Recipe, places: Mapping[str, str], trust: bytes) -> None:
    """Write everything that a client finds at home."""
    # A server started by root gives up its rights, and must reach its own files all the same.
    home.chmod(0o711)
    challenges = home / "webroot/.well-known/acme-challenge"
    challenges.mkdir(parents=True)
    (home / "ca.pem").write_bytes(trust)
    account, key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    for name, one in (("account.pem", account), ("key.pem", key)):
        (home / name).write_bytes(one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    names = x509.SubjectAlternativeName([x509.DNSName(places["name"])])
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
    (home / "csr.pem").write_bytes(request.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    for name, text in {"hook": HOOK, **recipe.files}.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(text, places))
        if text.startswith("#!"):
            path.chmod(0o755)


def environment(home: Path, python: str, node_modules: Path | None) -> dict[str, str]:
    """Return the whole environment of a client: nothing of the caller's but where programs are."""
    paths = [str(Path(python).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
    own = {
        "PATH": os.pathsep.join(paths),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
    }
    modules = str(node_modules.resolve()) if node_modules else os.environ.get("NODE_PATH", "")
    return own | ({"NODE_PATH": modules} if modules else {})


@contextmanager
def webroot(home: Path, port: int) -> Iterator[None]:
    """Serve webroot/ on a port of loopback; OSError where it cannot be had."""
    handler = functools.partial(_Quiet, directory=str(home / "webroot"))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        del format, args
