"""Sessions of the suite against a server of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.options import Options
from conformance.session import Session
from gravel.running import Addresses
from tests.conformance.served import Served


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with Served() as found:
        yield found


@pytest.fixture
def open_session(addresses: Addresses) -> Iterator[Callable[..., Session]]:
    """Open sessions against the server; its challenges are answered by dns-01 unless told otherwise."""
    sessions: list[Session] = []

    def start(**changes: object) -> Session:
        own = {
            "directory": addresses.directory,
            "ca_cert": Path(addresses.tls_ca),
            "chall_mgmt": addresses.management,
        }
        sessions.append(session := Session(Options(**{**own, **changes})))
        return session

    yield start
    for session in sessions:
        session.close()
