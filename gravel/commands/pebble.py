"""`gravel pebble`: the ACME server in the place of letsencrypt/pebble, for suites that start one."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from acme_server.protocol.host_port import join_host_port
from gravel import go_flags

if TYPE_CHECKING:
    from gravel.pebble_configuration import Configuration

# What it claims to be: suites ask for the number, and use what that one had.
VERSION = "2.10.1"
_FLAGS: dict[str, str | bool] = {"config": "", "strict": False, "dnsserver": "", "version": False, "install": ""}
_DEFAULT = Path("test/config/pebble-config.json")
EPILOG = """\
\b
Flags, with one dash or two:
  -config FILE      configuration [test/config/pebble-config.json, if it is there]
  -dnsserver ADDR   HOST:PORT of the DNS server that validation asks
  -strict           accepted; gravel is strict always
  -version          print the version of Pebble that this stands for
  -install DIR      write executables pebble and pebble-challtestsrv into a folder"""


@click.command(epilog=EPILOG, **go_flags.RAW)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS]")
def command(arguments: tuple[str, ...]) -> int:
    """Start an ACME server in Pebble's place."""
    from gravel import shims
    from gravel.event_loop import run
    from gravel.pebble_configuration import read

    if go_flags.wants_help(arguments):
        return 0
    flags = go_flags.parse(arguments, _FLAGS)
    if flags["version"]:
        click.echo(f"Pebble version: {VERSION}")
        return 0
    if flags["install"]:
        shims.install(Path(str(flags["install"])))
        return 0
    path = Path(str(flags["config"])) if flags["config"] else _DEFAULT if _DEFAULT.exists() else None
    return run(_serve(read(path, os.environ), str(flags["dnsserver"]) or None))


async def _serve(configuration: Configuration, dns: str | None) -> int:
    from acme_server.faults.personas import read_rules
    from gravel.authority_options import design_of
    from gravel.event_loop import stop_signals
    from gravel.running import Running
    from gravel.settings import Settings
    from gravel.sockets import EVERYWHERE
    from solvers.dns.zone import LOOPBACK

    options = configuration.options
    host = "localhost" if options["host"] in EVERYWHERE else options["host"]
    base_url = os.environ.get("GRAVEL_BASE_URL") or f"https://{join_host_port(host, options['acme_port'])}"
    # Its own DNS is not asked: nobody is told where it is.
    settings = Settings(**options, personality="pebble", base_url=base_url, dns=dns, dns_port=0, nameserver=(LOOPBACK,))
    design = design_of(settings, datetime.now(UTC))
    design = attrs.evolve(design, root_name="Pebble Root CA", intermediate_name="Pebble Intermediate CA")
    changes: dict[str, Any] = {**configuration.server, "dns": dns, "authority": design}
    _log("Starting Pebble ACME server")
    with stop_signals() as stop:
        running = Running(settings, bridge=False, changes=changes, material=configuration.material, guarded=False)
        async with running:
            for rule in read_rules(configuration.faults):
                running.parts.world.faults.arm(rule, datetime.now(UTC))
            _announce(running)
            await stop.wait()
    return 0


def _announce(running: Any) -> None:
    if running.exposed:
        click.echo("Warning: this can be reached from other machines, its management too; for testing only.", err=True)
    host = running.settings.host
    address = join_host_port(host, running.settings.acme_port)
    management = join_host_port(host, int(running.addresses.management.rpartition(":")[2]))
    _log(f"Management interface listening on: {management}")
    _log(f"Root CA certificate available at: https://{management}/roots/0")
    _log(f"Listening on: {address}")
    _log(f"ACME directory available at: https://{address}/dir")


def _log(text: str) -> None:
    click.echo(f"Pebble {datetime.now(UTC):%Y/%m/%d %H:%M:%S} {text}")
