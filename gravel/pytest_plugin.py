"""The pytest plugin: `acme_server`, a fresh ACME server for a test, and what belongs to it.

Whoever does not use it pays for this module alone: the rest is imported, and
the server started, when a test that was collected asks for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gravel.fixture.acme_controls import Dns
    from gravel.fixture.acme_world import AcmeServer
    from gravel.testing import AcmeServers

# Name -> what it is for: an option --acme-NAME over a variable PYTEST_ACME_NAME over acme_NAME in the ini file.
OPTIONS: Mapping[str, str] = {
    "seed": "number that the tests' servers repeat by, or 'random' [0]",
    "persona": "a persona of faults that every test's server has: flaky, slow-ca, rate-limited, ...",
    "management": "URL of the management API of a running gravel, whose worlds are used instead of a server of our own",
    "token": "the token that this API wants",
    "directory": "URL of the directory of any other ACME server to test against",
    "ca_bundle": "file: what must be trusted to speak to that server",
    "http01_port": "the port that its http-01 validation dials [5002]",
    "tls_alpn_port": "the port that its tls-alpn-01 validation dials [5001]",
}
MARKER = (
    "acme(**options): how the test's acme_server is made: seed, start, frozen, persona, faults, and settings such as "
    "certificate_lifetime='90d', http01_port, always_valid"
)
FIXTURES = ("acme_server", "acme_server_factory")
_SHOWN = 25


class AcmeServerFactory:
    """Makes servers for tests: each call returns an empty one, to be closed, or entered with `with`."""

    def __init__(self, config: pytest.Config) -> None:
        given = _setting(config, "seed") or "0"
        if given != "random" and not (given.isascii() and given.isdigit()):
            raise pytest.UsageError(f"--acme-seed takes a number or 'random', not {given!r}")
        self.seed = secrets.randbits(32) if given == "random" else int(given)
        self._persona = _setting(config, "persona")
        self._servers = _servers(config)
        self._made: list[AcmeServer] = []

    def __call__(self, *, name: str | None = None, **options: Any) -> AcmeServer:
        """Return an empty server; name: what its seed and ID follow from; options: as the marker's."""
        name = f"server-{len(self._made)}" if name is None else name
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        defaults = {
            "id": re.sub(r"[^A-Za-z0-9_-]+", "-", name.rpartition("::")[2])[:40] + f"-{digest.hex()[:8]}",
            "seed": int.from_bytes(digest[:8], "big") >> 1,
            "persona": self._persona,
        }
        server = self._servers.create(**{**defaults, **options})
        self._made.append(server)
        return server

    def open_servers(self) -> list[AcmeServer]:
        """Return those that have not been closed."""
        self._made = [server for server in self._made if server.is_open]
        return self._made

    def close(self) -> None:
        """End all."""
        self._servers.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare each option twice: as a flag and for the ini file."""
    group = parser.getgroup("acme", "ACME server for tests (gravel)")
    for name, text in OPTIONS.items():
        flag = f"--acme-{name.replace('_', '-')}"
        group.addoption(flag, dest=f"acme_{name}", metavar=name.rpartition("_")[2].upper(), help=text)
        parser.addini(f"acme_{name}", text)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the server start while everything else is made ready."""
    wanted = any(name in getattr(item, "fixturenames", ()) for item in session.items for name in FIXTURES)
    if wanted and not session.config.option.collectonly:
        _factory(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server, if one was started."""
    if factory := config.stash.get(_FACTORY, None):
        factory.close()


@pytest.fixture(scope="session")
def acme_server_factory(request: pytest.FixtureRequest) -> AcmeServerFactory:
    """What makes ACME servers, for fixtures of any scope; each is closed by `with`, or by close()."""
    return _factory(request.config)


@pytest.fixture
def acme_server(request: pytest.FixtureRequest, acme_server_factory: Callable[..., AcmeServer]) -> Iterator[AcmeServer]:
    """A fresh ACME server with its own directory, CA, DNS, clock and faults; @pytest.mark.acme says how it is made."""
    from gravel.fixture.management_client import ManagementError

    try:
        server = acme_server_factory(name=request.node.nodeid, **_options(request.node))
    except ManagementError as error:
        pytest.fail(f"no ACME server for this test: {error}", pytrace=False)
    with server:
        yield server


@pytest.fixture
def acme_trust(acme_server: AcmeServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make this process and what it starts trust acme_server, by the variables that clients read; its CA's file."""
    for name, value in acme_server.environment.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    return acme_server.ca_bundle


@pytest.fixture
def acme_dns(acme_server: AcmeServer) -> Dns:
    """The DNS of acme_server: what its validations find, and where it is served."""
    return acme_server.zone


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """Skip a test whose fixtures want of a foreign server what it does not offer."""
    with _skipping_what_is_not_offered():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that wants of a foreign server what it does not offer."""
    with _skipping_what_is_not_offered():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say with a failure what its servers did, and how it is repeated."""
    report = yield
    factory = item.config.stash.get(_FACTORY, None)
    if factory is not None and report.when != "teardown" and report.failed:
        again = f"repeat it with: pytest {item.nodeid!r} --acme-seed {factory.seed}"
        for server in factory.open_servers():
            report.sections.append((f"ACME server {server.where.id}", f"{again}\n{_story(server)}"))
    return report


_FACTORY: pytest.StashKey[AcmeServerFactory] = pytest.StashKey()


def _factory(config: pytest.Config) -> AcmeServerFactory:
    if _FACTORY not in config.stash:
        config.stash[_FACTORY] = AcmeServerFactory(config)
    return config.stash[_FACTORY]


def _servers(config: pytest.Config) -> AcmeServers:
    from gravel.fixture.server_process import ServerProcess

    directory, management = _setting(config, "directory"), _setting(config, "management")
    if directory and management:
        raise pytest.UsageError("--acme-directory and --acme-management exclude each other")
    # It starts while the rest is imported.
    process = None if directory or management else ServerProcess()

    from gravel.testing import ForeignServer, GravelServers

    if directory:
        ports = _port(config, "http01_port", "5002"), _port(config, "tls_alpn_port", "5001")
        return ForeignServer(directory, _setting(config, "ca_bundle"), *ports)
    return GravelServers(management, _setting(config, "token"), process)


def _port(config: pytest.Config, name: str, default: str) -> int:
    text = _setting(config, name) or default
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise pytest.UsageError(f"--acme-{name.replace('_', '-')} takes the number of a port, not {text!r}")
    return int(text)


def _setting(config: pytest.Config, name: str) -> str | None:
    return (
        config.getoption(f"acme_{name}")
        or os.environ.get(f"PYTEST_ACME_{name.upper()}")
        or config.getini(f"acme_{name}")
    )


def _options(node: pytest.Item) -> dict[str, Any]:
    """Return what the markers say, the nearest first; faults add up."""
    markers = list(node.iter_markers("acme"))
    if any(marker.args for marker in markers):
        raise pytest.UsageError("@pytest.mark.acme takes its options by name")
    options: dict[str, Any] = {}
    for marker in reversed(markers):
        options |= {**marker.kwargs, "faults": [*options.get("faults", ()), *marker.kwargs.get("faults", ())]}
    return options


@contextmanager
def _skipping_what_is_not_offered() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        world = sys.modules.get("gravel.fixture.acme_world")
        if world is not None and isinstance(error, world.NotOffered):
            pytest.skip(str(error))
        raise


def _story(server: AcmeServer) -> str:
    """Return the end of a server's history, oldest first."""
    from gravel.fixture.acme_records import line_of
    from gravel.fixture.management_client import ManagementError

    try:
        lines = [line_of(entry) for entry in server.history()]
    except ManagementError as error:
        return str(error)
    left_out = [f"... {len(lines) - _SHOWN} more before ..."] if len(lines) > _SHOWN else []
    return "\n".join([*left_out, *(lines[-_SHOWN:] or ["nothing was asked of it"])])
