"""Writes docs/interoperability.md: which real clients get on with gravel and with Debian's pebble, side by side."""

from __future__ import annotations

import json
import re
import ssl
import sys
import tempfile
import urllib.request
from pathlib import Path

from cryptography import x509

from bench.conformance_page import version_of_pebble
from bench.servers import SERVERS, CannotStart, check_installed
from conformance.clients.matrix import Cell, Told, Word, cells
from conformance.clients.report import counted, short, to_markdown
from conformance.clients.table import RECIPES

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "interoperability.md"
NODE_MODULES = ROOT / ".npm" / "node_modules"
# What differs from run to run, or is this machine's.
_VARIES = ((re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"), (re.compile(r"/\S+/(?=scripts/|site-packages/)"), ""))
HEAD = """\
# Interoperability

`python -m conformance.clients --directory URL` drives the real ACME clients of this machine against any ACME server:
each challenge that a client speaks; issue, renew, revoke. Every certificate is looked at: its name, its key, each
signature of its chain. Below is what it says of gravel and of Debian's pebble {pebble}, written by
`make interoperability` (`make all-clients` installs the clients).

    gravel run -- python -m conformance.clients
    python -m conformance.clients --directory https://localhost:14000/dir --ca-cert pebble.minica.pem \\
        --chall-mgmt http://localhost:8055 --dns 127.0.0.1:8053 --only certbot,lego --junit report.xml

http-01 and tls-alpn-01 are answered on `--http01-port` and `--tls-alpn-port` of 127.0.0.1, dns-01 over the `/set-txt`
of challtestsrv's API (`--chall-mgmt`), which gravel's management API has too. `--roots FILE` says what chains must
end at, `--python` and `--node-modules` where libraries are, `--time-limit` what a command may take. Each client runs
in a temporary home. The exit status is 1 when a client fails, 3 when none could be tried.

*Not spoken*: the client has no such challenge or command, or Debian's build of it. *Not present*: it is not installed.
*Not reachable*: something that the cell needs is missing, and is named below.

"""


def cells_of(server: str) -> list[Cell]:
    """Start a server afresh, and drive every client against it."""
    with tempfile.TemporaryDirectory() as folder, SERVERS[server](Path(folder)) as running:
        told = Told(
            directory=running.directory,
            ca_cert=running.ca,
            roots=_roots(running.roots, running.ca),
            chall_mgmt=running.management,
            dns=running.dns,
            http01_port=running.http01_port,
            tls_alpn_port=running.tls_alpn_port,
            python=sys.executable,
            node_modules=NODE_MODULES if NODE_MODULES.is_dir() else None,
        )
        return list(cells(list(RECIPES.values()), told))


def _roots(url: str, ca: Path) -> list[x509.Certificate]:
    """Ask a server's management API for its root."""
    trust = ssl.create_default_context(cafile=ca)
    with urllib.request.urlopen(url, timeout=10, context=trust) as answer:
        return x509.load_pem_x509_certificates(answer.read())


def main() -> int:
    """Write the page."""
    try:
        check_installed()
        runs = {server: cells_of(server) for server in SERVERS}
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    for server, found in runs.items():
        print(f"{server}: {counted(found)}, {sum(one.seconds for one in found):.0f} s")
        for one in found:
            if one.word in (Word.FAIL, Word.NOT_REACHABLE, Word.NOT_PRESENT):
                print(f"  {one.client} {one.challenge} {one.act}: {short(one)}: {json.dumps(one.why)}")
    text = HEAD.format(pebble=version_of_pebble()) + to_markdown(runs)
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    PAGE.write_text(text.replace(sys.executable, "python"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
