"""How each client is made to trust a server: one line per client, as a table.

`export` lines are for a shell's `eval`, flags for the client's command line,
the rest for its configuration file.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

_SYSTEM = """\
sudo install -m 0644 {path} /usr/local/share/ca-certificates/gravel.crt && sudo update-ca-certificates
# undo: sudo rm /usr/local/share/ca-certificates/gravel.crt && sudo update-ca-certificates --fresh"""

# {path} is the CA's file, quoted for a shell; {plain} the same, unquoted; {base64} what is in it.
LINES: Mapping[str, str] = {
    "certbot": "export REQUESTS_CA_BUNDLE={path}",
    "lego": "export LEGO_CA_CERTIFICATES={path}",
    "acme.sh": "--ca-bundle {path}",
    "acme-tiny": "export SSL_CERT_FILE={path}",
    "acmetool": "export SSL_CERT_FILE={path}",
    "apache": "MDCACertificateFile {plain}",
    "caddy": "acme_ca_root {plain}",
    "cert-manager": "caBundle: {base64}",
    "curl": "export CURL_CA_BUNDLE={path}",
    "dehydrated": 'CURL_OPTS="--cacert {plain}"',
    "go": "export SSL_CERT_FILE={path}",
    "node": "export NODE_EXTRA_CA_CERTS={path}",
    "openssl": "-CAfile {path}",
    "python": "export SSL_CERT_FILE={path} REQUESTS_CA_BUNDLE={path}",
    "system": _SYSTEM,
    # It can be given no CA of its own.
    "uacme": _SYSTEM,
}


def trust_line(client: str, path: Path) -> str:
    """Return what makes a client trust the CA in a file; KeyError for a client that is not in the table."""
    line = LINES[client]
    content = base64.b64encode(path.read_bytes()).decode("ascii") if "{base64}" in line else ""
    return line.format(path=shlex.quote(str(path)), plain=path, base64=content)


def nearest_client(word: str) -> str | None:
    """Return the client that a word may have meant."""
    return next(iter(get_close_matches(word.lower(), LINES, n=1)), None)
