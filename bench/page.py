"""Measure the page: first paint, and how soon a change is seen, with 10,000 orders; or take its pictures for docs/page.md.

The server is a process of its own; chromium is on the same machine and the same processors.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import Page

from bench.acme_client import Refused, Session, Worker, b64url
from bench.connection import Connection
from bench.servers import gravel_up
from tests.gravel.page.browser import chromium

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "page"
WORKERS, PAINTS, OPENINGS = 8, 10, 10
# Every so many orders is issued; the others wait, which costs a list more than what is settled.
ISSUED = 10
# All in the browser: milliseconds from the start of the navigation to the first row, and when a text is seen.
_FIRST_ROW = """() => new Promise((resolve) => {
  const look = () => document.querySelector(".rows [data-id]") ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
})"""
_FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
_WATCH = """(text) => { window.seen = new Promise((resolve) => {
  const look = () => document.querySelector(".rows").textContent.includes(text) ? resolve(Date.now()) : requestAnimationFrame(look);
  look();
}) }"""


@click.command()
@click.option("--orders", default=10_000, show_default=True, help="Orders that the world has.")
@click.option("--updates", default=30, show_default=True, help="Changes to time.")
@click.option("--pictures", is_flag=True, help="Write docs/page/*.png instead.")
def main(orders: int, updates: int, pictures: bool) -> None:
    """Print medians and worst of first paint and of updates."""
    with tempfile.TemporaryDirectory() as folder, gravel_up(Path(folder), "--validation-delay", "4") as (ready, _):
        if pictures:
            take_pictures(Server(ready))
        else:
            measure(Server(ready), orders, updates)


class Server:
    """A running house."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready, self.context = ready, ssl.create_default_context(cafile=ready["tls_ca"])

    def manage(self, path: str, document: Any, method: str = "POST") -> Any:
        """Ask the management API."""
        request = urllib.request.Request(self.ready["management"] + path, json.dumps(document).encode(), method=method)
        with urllib.request.urlopen(request, context=self.context) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def apply(self, kind: str, name: str, spec: dict[str, Any]) -> None:
        """Create a resource of cert-manager's."""
        place = {"ClusterIssuer": "clusterissuers", "Certificate": "namespaces/default/certificates"}[kind]
        metadata = {"name": name, "namespace": "default"} if kind == "Certificate" else {"name": name}
        document = {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
        url, headers = (
            f"{self.ready['kubernetes']}/apis/cert-manager.io/v1/{place}",
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(document).encode(), headers)).close()

    def session(self, directory: str) -> Session:
        """Return an ACME client."""
        return Session(directory, self.context)


def measure(server: Server, orders: int, updates: int) -> None:
    """Fill a world of its own, then look at it."""
    world = server.manage("/worlds", {"id": "many", "settings": {"always_valid": True, "validation_delay": 0}})
    began = time.perf_counter()
    asyncio.run(_fill(server.session(world["directory"]), orders))
    click.echo(f"{orders} orders in {time.perf_counter() - began:.0f} s")
    look(server, world["directory"], updates)


def look(server: Server, directory: str, updates: int) -> None:
    """Measure with one page after the other."""
    with chromium() as browser:
        paints, rows = [], []
        for _ in range(PAINTS):
            page = browser.new_context(ignore_https_errors=True).new_page()
            page.goto(f"{server.ready['management']}/#/many/orders", wait_until="commit")
            rows.append(page.evaluate(_FIRST_ROW))
            paints.append(page.evaluate(_FIRST_PAINT))
            page.wait_for_selector("#live[data-state=live]")
            if len(rows) < PAINTS:
                page.context.close()
        _say("first paint", paints)
        _say("first row", rows)
        _say("a new order is seen", list(_updates(server.session(directory), page, updates)))
        _say("an order's page", list(_openings(page)))


async def _fill(session: Session, orders: int) -> None:
    await session.register()
    names = iter(range(orders))

    async def work() -> None:
        worker = Worker(session, "http-01")
        for number in names:
            name = f"host-{number}.example.test"
            if number % ISSUED:
                await _new_order(session, worker.connection, name)
            else:
                await worker.issue(name, _csr(name))
        worker.close()

    await asyncio.gather(*(work() for _ in range(WORKERS)))


def _updates(session: Session, page: Page, updates: int) -> Iterator[float]:
    """Make orders, one at a time; yield the milliseconds from the server's reply until the page has the row."""
    with ThreadPoolExecutor() as threads:
        threads.submit(asyncio.run, session.register()).result()
        for number in range(updates):
            name = f"new-{number}.example.test"
            page.evaluate(_WATCH, name)
            replied = threads.submit(asyncio.run, _order(session, name)).result()
            yield page.evaluate("() => window.seen") - replied
            page.wait_for_timeout(200)


async def _new_order(session: Session, connection: Connection, name: str) -> None:
    identifiers = [{"type": "dns", "value": name}]
    await session.post(connection, "newOrder", session.directory["newOrder"], {"identifiers": identifiers})


async def _order(session: Session, name: str) -> float:
    connection = session.connect()
    await _new_order(session, connection, name)
    replied = time.time() * 1000
    connection.close()
    return replied


def _openings(page: Page) -> Iterator[float]:
    """Open the last orders; yield the milliseconds until the page has their timeline."""
    for number in range(OPENINGS):
        page.wait_for_selector(".rows [data-id]")
        began = time.perf_counter()
        page.locator(".rows tbody a").nth(number).click()
        page.wait_for_selector(".timeline li")
        yield (time.perf_counter() - began) * 1000
        page.keyboard.press("Backspace")


_KEY = ec.generate_private_key(ec.SECP256R1())


def _csr(name: str) -> str:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
    return b64url(request.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER))


def _say(what: str, milliseconds: list[float]) -> None:
    best, median, worst = min(milliseconds), statistics.median(milliseconds), max(milliseconds)
    click.echo(f"{what}: best {best:.0f} ms, median {median:.0f} ms, worst {worst:.0f} ms")


def take_pictures(server: Server) -> None:
    """Show a house at work: most is issued, some is under way, some is stuck, some has failed."""
    _work(server)
    with chromium() as browser:
        for name, view, scheme, width, height, click in PICTURED:
            context = browser.new_context(
                ignore_https_errors=True, color_scheme=scheme, viewport={"width": width, "height": height}
            )
            page = context.new_page()
            page.goto(f"{server.ready['management']}/#/default/{view}")
            page.wait_for_selector("#live[data-state=live]")
            page.wait_for_timeout(1500)
            if click:
                page.click(click)
                page.wait_for_timeout(1000)
            page.screenshot(path=PICTURES / f"{name}.png")
            context.close()


# Name, view, colours, width, height, and what is clicked.
PICTURED: tuple[tuple[str, str, Literal["light", "dark"], int, int, str], ...] = (
    ("scheduler", "scheduler", "dark", 1120, 720, ".slot.busy"),
    ("orders", "orders", "light", 1120, 600, ""),
    ("order", "orders?text=blog", "light", 1120, 1040, ".rows a"),
    ("phone", "orders", "dark", 390, 720, ""),
)
_HOSTS = (
    "www",
    "api",
    "shop",
    "mail",
    "login",
    "cdn",
    "docs",
    "status",
    "git",
    "wiki",
    "chat",
    "files",
    "grafana",
    "vpn",
)


def _work(server: Server) -> None:
    """Issue some names; then lose one zone, and go on with others."""
    acme = {
        "server": "gravel://default",
        "privateKeySecretRef": {"name": "key"},
        "solvers": [{"http01": {"ingress": {}}}],
    }
    server.apply("ClusterIssuer", "gravel", {"acme": acme})
    for host in _HOSTS:
        _certificate(server, f"{host}.example.test")
        _certificate(server, f"{host}.example.net")
    for name in ("blog.example.test", "old.example.test"):
        asyncio.run(_fail(server.session(server.ready["directory"]), name))
    server.manage("/faults", {"match": {"endpoint": "dns", "identifier": "*.lost.example"}, "action": "servfail"})
    for host in _HOSTS:
        _certificate(server, f"{host}.lost.example")
        _certificate(server, f"{host}.example.org", f"www.{host}.example.org")
    for host in _HOSTS[:5]:
        _certificate(server, f"{host}.lost.example", suffix="-again")
    time.sleep(1)


def _certificate(server: Server, *names: str, suffix: str = "") -> None:
    spec = {
        "secretName": names[0] + suffix,
        "dnsNames": list(names),
        "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
        "privateKey": {"algorithm": "ECDSA"},
    }
    server.apply("Certificate", names[0] + suffix, spec)


async def _fail(session: Session, name: str) -> None:
    """Have a name validated that nobody answers for."""
    await session.register()
    worker = Worker(session, "http-01")
    with suppress(Refused):
        await worker.issue(name, _csr(name))
    worker.close()


if __name__ == "__main__":
    main()
