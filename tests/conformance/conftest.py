"""Sessions of the suite against a server of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from acme_server.web import Handler
from conformance.options import Options
from conformance.session import Session
from gravel.announced import Addresses
from gravel.free_port import free_port
from tests.conformance.served import Served


@pytest.fixture(scope="session", autouse=True)
def soon() -> Iterator[None]:
    """Let nobody wait for whoever is slow: the server has enough sooner, and so has the suite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gravel.running.Handler", partial(Handler, patience=0.3))
        patch.setattr("conformance.raw.SLOW_LIMIT", 1.0)
        yield


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where the suite answers http-01 and tls-alpn-01, and our server looks for them."""
    return {"http01_port": free_port(), "tls_alpn_port": free_port()}


@pytest.fixture(scope="module")
def addresses(ports) -> Iterator[Addresses]:
    with Served(**ports) as found:
        yield found


@pytest.fixture
def open_session(addresses: Addresses, ports: dict[str, int]) -> Iterator[Callable[..., Session]]:
    """Open sessions against the server; its challenges are answered by dns-01, or by our own responders, unless told otherwise."""
    sessions: list[Session] = []

    def start(**changes: object) -> Session:
        own = {
            "directory": addresses.directory,
            "ca_cert": Path(addresses.tls_ca),
            "chall_mgmt": addresses.management,
            **ports,
        }
        sessions.append(session := Session(Options(**{**own, **changes})))
        return session

    yield start
    for session in sessions:
        session.close()
