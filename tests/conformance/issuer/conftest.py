"""An API in a thread, two issuers in it, and walks that take little time."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from datetime import UTC, datetime
from random import Random

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from conformance.issuer.forms import SHAPES
from conformance.issuer.kube import Kube
from conformance.issuer.options import IssuerRef, Options, Target
from conformance.issuer.table import CHECKS
from conformance.issuer.walk import Walk
from conformance.runner import run
from issuer_bridge.kube_api.store import EmbeddedStore
from tests.conformance.issuer.signer import ISSUERS
from tests.embedded_api import serving

PATIENCE = 30.0
QUICK = {"patience": 3.0, "quiet": 0.6}
OURS = IssuerRef("Issuer", "cert-manager.io", "ours")


class Api:
    """An embedded API in an event loop of its own thread; a context that yields its URL."""

    def __enter__(self):
        self._up = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._up.wait(PATIENCE)
        return self.url

    def __exit__(self, *error):
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    async def _serve(self):
        self._loop, self._down = asyncio.get_running_loop(), asyncio.Event()
        store = EmbeddedStore(lambda: datetime.now(UTC), Random(1).randbytes, ["default"])
        async with serving(store) as self.url:
            self._up.set()
            await self._down.wait()


def make_issuers(kube):
    """Make an issuer that signs, and one that is never ready."""
    for name, spec in {"ours": {}, "unready": {"broken": True}}.items():
        document = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": {"name": name}}
        kube.create(ISSUERS, {**document, "spec": {"vault": spec}})


@pytest.fixture(scope="session", autouse=True)
def one_rsa_key():
    """Make one RSA key for all walks: they take long."""
    key = rsa.generate_private_key(65537, 2048)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SHAPES, "an_rsa_key", attrs.evolve(SHAPES["an_rsa_key"], new_key=lambda: key))
        yield


@pytest.fixture
def api():
    with Api() as url:
        yield url


@pytest.fixture
def verdicts_of(api):
    """Hold an issuer to all checks; return verdict by name."""

    def hold(signer, **changes):
        kube = Kube(Target(api))
        options = Options(**{"target": Target(api), "issuer": OURS, "unready": "unready", **QUICK, **changes})
        with signer(api) as at_work, closing(kube.wire), closing(Walk(options)) as walk:
            make_issuers(kube)
            at_work.know("ours", "unready")
            return {verdict.check.name: verdict for verdict in run(CHECKS, walk)}

    return hold
