"""Where a diagnosis reads from: a cluster, a running house, or what kubectl wrote."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs
import click

from acme_server.protocol.vantage import Answer, Elapsed, HttpAnswer, Pause, Question, conduct
from gravel.diagnosis_output import Diagnosis
from gravel.event_loop import run
from gravel.kube_client import KubeClient
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.cluster.calls import ApiRequest
from issuer_bridge.diagnosis.cluster import THEIRS, Cluster
from issuer_bridge.diagnosis.diagnosing import about, diagnose
from issuer_bridge.diagnosis.dumps import read_dump
from issuer_bridge.diagnosis.reading import read_cluster
from issuer_bridge.resources import ApiError, Kind


@attrs.frozen
class Wanted:
    """What was asked for: a namespace or a subject, None for all; the cap; when it was read; whose controllers work there."""

    namespace: str | None
    subject: str | None
    maximum: int
    at: datetime | None
    compat: str

    @property
    def conduct(self) -> Conduct:
        """Return that of `--compat`."""
        return OURS if self.compat == "none" else THEIRS


def of_dump(path: str, wanted: Wanted) -> Diagnosis:
    """Diagnose what kubectl wrote into a file, - for standard input; UsageError says what cannot be read of it."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        cluster = read_dump(data.decode(), path, wanted.maximum, wanted.conduct)
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8 text") from None
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from None
    written = datetime.fromtimestamp(Path(path).stat().st_mtime, UTC) if path != "-" else None
    return _diagnosis(cluster, attrs.evolve(wanted, at=wanted.at or written))


def of_cluster(kubeconfig: str, context: str | None, wanted: Wanted) -> Diagnosis:
    """Diagnose the cluster of a kubeconfig; ClickException says why it cannot be read."""
    try:
        from gravel.leading import reach
        from issuer_bridge.cluster.connection import Where
    except ModuleNotFoundError as error:
        raise click.ClickException(f"A cluster needs {error.name}: pip install 'gravel[kubernetes]'.") from None

    async def main() -> Cluster:
        connection = await reach(Where(kubeconfig, context))
        try:
            return await _read(connection, wanted)
        finally:
            await connection.close()

    try:
        return _diagnosis(run(main()), wanted)
    except ApiError as error:
        raise click.ClickException(str(error)) from None


async def of_house(client: KubeClient, wanted: Wanted) -> Diagnosis:
    """Diagnose a running `gravel up`."""
    return _diagnosis(await _read(client.answer, wanted), wanted)


async def _read(answer: Callable[[ApiRequest], Awaitable[HttpAnswer]], wanted: Wanted) -> Cluster:
    """Conduct the reading; it tells on a terminal how far it is."""

    async def vantage(question: Question) -> Answer:
        if isinstance(question, Pause):
            await asyncio.sleep(question.duration.total_seconds())
            return Elapsed()
        assert isinstance(question, ApiRequest)
        return await answer(question)

    def tell(kind: Kind, count: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[Kreading {kind.plural}: {count}", err=True, nl=False)

    try:
        return await conduct(read_cluster(wanted.namespace, tell, wanted.maximum, wanted.conduct), vantage)
    finally:
        if sys.stderr.isatty():
            click.echo("\r\033[K", err=True, nl=False)


def _diagnosis(cluster: Cluster, wanted: Wanted) -> Diagnosis:
    now = wanted.at or datetime.now(UTC)
    if wanted.subject is None:
        found = diagnose(cluster, now)
        mine = tuple(finding for finding in found if _is_in(finding.subject, wanted.namespace))
        return Diagnosis(cluster, now, mine)
    try:
        return Diagnosis(cluster, now, about(cluster, wanted.subject, now), whole=False)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _is_in(subject: str, namespace: str | None) -> bool:
    """Whether a subject is in the namespace, or in none."""
    parts = subject.split("/")
    return namespace is None or len(parts) < 3 or parts[1] == namespace
