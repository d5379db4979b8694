"""Ask a DNS server so many questions a second and say how long the answers took.

Starts `gravel serve` on free ports, fills its zone, and asks from one asyncio
UDP client on the same machine, evenly spaced: half for TXT values as dns-01
validation asks, half for addresses. Prints one JSON object: what was sent and
answered, and p50, p99 and max in milliseconds, with what the client waited
for its own turn (`lag`), which is the machine's and not the server's.

    python bench/dns_load.py --rate 1000 --seconds 10
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import click
from dnslib import DNSRecord

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

NAMES = 1000
SERVE = (str(Path(sys.executable).with_name("gravel")), "serve", "--json")
FREE = ("--acme-port", "0", "--management-port", "0", "--dns-port", "0", "--dns-update-open")
PATIENCE = 2.0


@attrs.define(eq=False)
class Client(asyncio.DatagramProtocol):
    """Knows when each question was sent, and how long its answer took."""

    sent: dict[int, float] = attrs.field(factory=dict)
    took: list[float] = attrs.field(factory=list)
    rcodes: dict[int, int] = attrs.field(factory=dict)
    transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = transport

    def datagram_received(self, data: bytes, _: object) -> None:
        """See asyncio."""
        began = self.sent.pop(int.from_bytes(data[:2], "big"), None)
        if began is not None:
            self.took.append(time.perf_counter() - began)
            self.rcodes[data[3] & 0xF] = self.rcodes.get(data[3] & 0xF, 0) + 1

    def ask(self, number: int, question: bytes) -> None:
        """Send a question under a number."""
        self.sent[number] = time.perf_counter()
        self.transport.sendto(number.to_bytes(2, "big") + question[2:])


async def load(host: str, port: int, rate: int, seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=(host, port))
    asked, lags = questions(), []
    start, total = time.perf_counter(), int(rate * seconds)
    for number in range(total):
        due = start + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        lags.append(max(time.perf_counter() - due, 0.0))
        client.ask(number & 0xFFFF, asked[number % len(asked)])
    await asyncio.sleep(PATIENCE)
    transport.close()
    return {
        "sent": total,
        "answered": len(client.took),
        "rcodes": client.rcodes,
        **percentiles("", client.took),
        **percentiles("lag_", lags),
    }


def questions() -> list[bytes]:
    """Return questions about names of one zone, every second one for a text that is there."""
    names = [f"h{number}.load.test" for number in range(NAMES)]
    pairs = ((DNSRecord.question(f"_acme-challenge.{name}", "TXT"), DNSRecord.question(name, "A")) for name in names)
    return [bytes(question.pack()) for pair in pairs for question in pair]


def percentiles(prefix: str, values: list[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        f"{prefix}{name}_ms": round(ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1000, 3)
        for name, part in at.items()
    }


def fill(host: str, port: int) -> None:
    """Write a text for every name, by DNS update."""
    import dns.query
    import dns.update

    for start in range(0, NAMES, 100):
        update = dns.update.UpdateMessage("load.test")
        for number in range(start, start + 100):
            update.add(f"_acme-challenge.h{number}", 1, "TXT", secrets.token_urlsafe(32))
        assert dns.query.tcp(update, host, port=port, timeout=10).rcode() == 0


@click.command()
@click.option("--dns", help="HOST:PORT of a running server; its zone is taken as it is.")
@click.option("--rate", default=1000, show_default=True, help="Questions a second.")
@click.option("--seconds", default=10.0, show_default=True)
def main(dns: str | None, rate: int, seconds: float) -> None:
    """Put load on a DNS server."""
    process = None if dns else subprocess.Popen([*SERVE, *FREE], stdout=subprocess.PIPE, text=True)
    try:
        if process:
            assert process.stdout
            dns = json.loads(process.stdout.readline())["dns"]
        host, port = str(dns).rsplit(":", 1)
        if process:
            fill(host, int(port))
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            print(json.dumps({"rate": rate, **runner.run(load(host, int(port), rate, seconds))}))
    finally:
        if process:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main()
