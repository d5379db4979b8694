"""Drives clients against a server, cell by cell: client x challenge x act."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

import attrs
from cryptography import x509

from conformance.clients.certificate import mistake, read_chain
from conformance.clients.home import environment, furnish, webroot
from conformance.clients.process import Finished, run
from conformance.clients.recipe import CHALLENGES, DNS01, TLS_ALPN01, Act, Recipe, fill

LAST_LINES = 12
_FIND = 20.0


class Word(StrEnum):
    """What is said of a cell."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_PRESENT = "not present"
    NOT_SPOKEN = "not spoken"
    NOT_REACHABLE = "not reachable"


@attrs.frozen
class Cell:
    """One verdict; command: the text that was run; why: of a failure, with the last lines of the client's output."""

    client: str
    version: str
    challenge: str
    act: Act
    word: Word
    why: str = ""
    command: str = ""
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Told:
    """What a run is told.

    ca_cert: PEM file to trust, None for the system's; roots: what chains must end at; dns: HOST:PORT of a resolver,
    for clients that look themselves; limit: seconds a command.
    """

    directory: str
    ca_cert: Path | None = None
    roots: Sequence[x509.Certificate] = ()
    chall_mgmt: str | None = None
    dns: str | None = None
    http01_port: int = 5002
    tls_alpn_port: int = 5001
    domain: str = "conformance.test"
    python: str = ""
    node_modules: Path | None = None
    limit: float = 60.0

    def trust(self) -> bytes:
        """Return the CAs that clients trust, in PEM."""
        file = self.ca_cert or Path(ssl.get_default_verify_paths().cafile or os.devnull)
        return file.read_bytes()


def cells(recipes: Sequence[Recipe], told: Told) -> Iterator[Cell]:
    """Yield all cells of the clients, as they come."""
    for recipe in recipes:
        version = find(recipe, told)
        for challenge in CHALLENGES:
            if why := recipe.cannot.get(challenge):
                yield from _all(recipe, version or "", challenge, Word.NOT_SPOKEN, why)
            elif version is None:
                yield from _all(recipe, "", challenge, Word.NOT_PRESENT, "")
            elif why := _in_the_way(recipe, challenge, told):
                yield from _all(recipe, version, challenge, Word.NOT_REACHABLE, why)
            else:
                yield from _Visit(recipe, version, challenge, told).cells()


def find(recipe: Recipe, told: Told) -> str | None:
    """Return the version of a client, Debian's before its own; None where it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        around = environment(home, told.python, told.node_modules)
        found = run(fill(recipe.found, {"python": shlex.quote(told.python)}), home, around, _FIND)
        if found.status != 0:
            return None
        package = run(f"dpkg-query -W -f '${{Version}}' {recipe.package}", home, around, _FIND)
        if recipe.package and package.status == 0 and package.output:
            return package.output
        words = found.output.split()
        return next((word for word in words if word.lstrip("v")[:1].isdigit()), "of unknown version")


def _all(recipe: Recipe, version: str, challenge: str, word: Word, why: str) -> Iterator[Cell]:
    return (Cell(recipe.name, version, challenge, act, word, why) for act in Act)


def _in_the_way(recipe: Recipe, challenge: str, told: Told) -> str | None:
    """Return what keeps a challenge from being answered here."""
    if challenge == DNS01 and told.chall_mgmt is None:
        return "--chall-mgmt is not given, where TXT records are set"
    if challenge == DNS01 and shutil.which("curl") is None:
        return "curl is not installed, with which TXT records are set"
    if "@dns@" in recipe.challenges[challenge] and told.dns is None:
        return "--dns is not given, which this client asks itself"
    ports = {TLS_ALPN01: [told.tls_alpn_port], DNS01: []}.get(challenge, [told.http01_port])
    ports = [told.http01_port, told.tls_alpn_port] if recipe.stays else ports
    return next((f"port {port} of 127.0.0.1 is in use" for port in ports if _taken(port)), None)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


class _Visit:
    """One client with one challenge, in a home of its own."""

    def __init__(self, recipe: Recipe, version: str, challenge: str, told: Told) -> None:
        self._recipe, self._version, self._challenge, self._told = recipe, version, challenge, told
        label = recipe.name.lower().replace(" ", "-").replace("_", "-")
        self._name = f"{label}.{challenge}.{told.domain}"
        self._serials: list[int] = []

    def cells(self) -> Iterator[Cell]:
        recipe, told = self._recipe, self._told
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="client-", ignore_cleanup_errors=True)))
            places = self._places(home)
            furnish(home, recipe, places, told.trust())
            if not recipe.serves and self._challenge == "http-01":
                stack.enter_context(webroot(home, told.http01_port))
            around = environment(home, told.python, told.node_modules)
            setup = fill(recipe.setup, places)
            failed = ""
            if setup and (ended := run(setup, home, around, told.limit)).status != 0:
                failed = f"{setup}\n{_said(ended, told.limit)}"
            for act in Act:
                if act not in recipe.commands:
                    yield self._cell(act, Word.NOT_SPOKEN, recipe.cannot[act])
                elif failed and act is not Act.ISSUE:
                    yield self._cell(act, Word.NOT_REACHABLE, "there is no certificate to begin with")
                elif failed:
                    yield self._cell(act, Word.FAIL, failed)
                else:
                    cell = self._try(act, home, places, around)
                    failed = cell.why if act is Act.ISSUE else ""
                    yield cell

    def _cell(self, act: Act, word: Word, why: str = "", command: str = "", seconds: float = 0.0) -> Cell:
        return Cell(self._recipe.name, self._version, self._challenge, act, word, why, command, seconds)

    def _places(self, home: Path) -> dict[str, str]:
        told = self._told
        # Root's servers must not run as root; others run as who they are.
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        places = {
            "directory": shlex.quote(told.directory),
            "name": self._name,
            "home": str(home),
            "http01_port": str(told.http01_port),
            "tls_alpn_port": str(told.tls_alpn_port),
            "chall_mgmt": shlex.quote(told.chall_mgmt or ""),
            "dns": told.dns or "",
            "python": shlex.quote(told.python),
            "scripts": shlex.quote(str(Path(__file__).parent / "scripts")),
            "user": user,
            "group": grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name,
        }
        return {**places, "how": fill(self._recipe.challenges[self._challenge], places)}

    def _try(self, act: Act, home: Path, places: Mapping[str, str], around: Mapping[str, str]) -> Cell:
        recipe, told = self._recipe, self._told
        command = fill(recipe.commands[act], places)
        chain, key = fill(recipe.chain, places), fill(recipe.key, places)
        there = (lambda: any(home.glob(chain)) and any(home.glob(key))) if recipe.stays else None
        ended = run(command, home, around, told.limit, there)
        if ended.status != 0:
            why = _said(ended, told.limit)
        elif act is Act.REVOKE:
            why = ""
        else:
            why = self._look(home, chain, key)
            why = f"{why}\n{_tail(ended)}" if why else ""
        shown = command.replace(str(home), "$HOME")
        return self._cell(act, Word.FAIL if why else Word.PASS, why.replace(str(home), "$HOME"), shown, ended.seconds)

    def _look(self, home: Path, chain: str, key: str) -> str:
        """Return what is wrong with the certificate at home; empty where nothing is."""
        chains, keys = sorted(home.glob(chain)), sorted(home.glob(key))
        if not chains or not keys:
            return f"it ended well, and there is no {key if chains else chain}"
        try:
            certificates = read_chain(chains[0])
            if certificates[0].serial_number in self._serials:
                return "the certificate is the same as before"
            self._serials.append(certificates[0].serial_number)
            return mistake(certificates, keys[0].read_bytes(), self._name, self._told.roots) or ""
        except (ValueError, TypeError) as error:
            return f"{chain} or {key} cannot be read: {error}"


def _said(ended: Finished, limit: float) -> str:
    how = f"did not end within {limit:g} s" if ended.status is None else f"exit status {ended.status}"
    return f"{how}\n{_tail(ended)}"


def _tail(ended: Finished) -> str:
    return "\n".join(ended.output.strip().splitlines()[-LAST_LINES:])
