"""What `--state DIR` keeps: one file, DIR/state.db, with records, journal, the keys of both authorities, and what lasts beside them.

The bridge's resources are in it too: they name orders of the server, and neither may be older than the other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from acme_server import certificate_authority, tls
from acme_server.ca_pem import from_pem, load_signer, signer_pem, to_pem
from acme_server.certificate_authority import CertificateAuthority
from acme_server.protocol.driver import Clock, Entropy
from acme_server.settings import Settings
from acme_server.signers import Signer
from acme_server.sqlite_store import SqliteStore, Unusable
from acme_server.world import named_links
from acme_server.worlds import HostedWorld
from gravel.dns_view import DnsView
from gravel.entropy import entropy_of
from gravel.lasting import Lasting

if TYPE_CHECKING:
    from issuer_bridge.kube_api.store import EmbeddedStore

FILE = "state.db"


@attrs.frozen
class State:
    """An open folder: only this process has it."""

    folder: Path
    store: SqliteStore

    def entropy(self, seed: int | None) -> Entropy:
        """Return random bytes; of a seed those of this run, so that no restart draws a nonce or serial again."""
        return entropy_of(seed, self.store.runs)

    def authority(self, settings: Settings, base_url: str, entropy: Entropy, now: datetime) -> CertificateAuthority:
        """Return what issues: the one that did before, whatever the settings say now, or a new one."""
        links = named_links(base_url, settings)

        def make() -> str:
            return json.dumps(to_pem(certificate_authority.create(entropy, now, settings.authority, links)))

        with _sound(self.folder):
            return from_pem(json.loads(self.store.once("authority", make)), links)

    def last(self, hosted: HostedWorld[DnsView]) -> None:
        """Bring back what else lasts of the world, and keep it from now on."""
        with _sound(self.folder):
            Lasting(self.store, hosted).begin()

    def tls_ca(self, entropy: Entropy, now: datetime) -> Signer:
        """Return the CA of the server's own certificate, so that who trusted it before still does."""
        with _sound(self.folder):
            text = self.store.once("tls_ca", lambda: signer_pem(tls.create_ca(entropy, now)))
            return load_signer(text, text)

    def resources(self, clock: Clock, entropy: Entropy, namespaces: Sequence[str]) -> EmbeddedStore:
        """Return the bridge's resources as they were left, with these namespaces at least."""
        from issuer_bridge.kube_api.archive import SqliteArchive
        from issuer_bridge.kube_api.store import EmbeddedStore

        with _sound(self.folder, "resources"):
            archive = SqliteArchive(self.store.file, self.store.runs)
            return EmbeddedStore(clock, entropy, namespaces, archive)


@contextmanager
def opened(folder: Path, sync: str, journal_limit: int | None = None) -> Iterator[State]:
    """Open a folder, made (0700) if it is not there; what is wrong with it is one sentence."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = SqliteStore(folder / FILE, sync=sync, limit=journal_limit)
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"--state {folder} cannot be used: {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        yield State(folder, store)
    finally:
        store.close()


@contextmanager
def _sound(folder: Path, what: str = "keys or settings") -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, sqlite3.DatabaseError):
        raise click.ClickException(
            f"{folder / FILE} is damaged (its {what}); choose another folder, or delete this"
        ) from None
