"""What an init container waits for: an object that is ready, whose certificate lasts long enough."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import attrs
import click

from acme_server.protocol.times import parse_rfc3339, rfc3339
from gravel.client_command import credentials, resource_name
from gravel.kube_client import KubeClient, Unreachable
from issuer_bridge.cert_manager.certificates.policies import data_of, read_leaf
from issuer_bridge.cert_manager.certificates.private_keys import public_key_of, read_key
from issuer_bridge.conditions import READY, condition, is_true
from issuer_bridge.resources import CERTIFICATE, SECRET, ApiError, Kind, Resource

Read: TypeAlias = Callable[[Kind, str, str], Awaitable[Resource | None]]
"""Reads an object by kind, namespace and name; ApiError or Unreachable when there is no answer to that."""

_ENDS = ("Failed", "Denied")


@attrs.frozen
class Target:
    """What is waited for."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return resource_name(self.kind, self.name)


@attrs.frozen
class State:
    """Where it is: ready, failed for good, or neither; text says how far, or until when it is valid."""

    text: str
    ready: bool = False
    failed: bool = False


def state_of(kind: Kind, resource: Resource | None, lasting: timedelta, now: datetime) -> State:
    """Judge an object: a Secret by its pair, others by their conditions; what has no status is ready when it is there."""
    if resource is None:
        return State("is not there")
    if kind == SECRET:
        return _secret(resource, lasting, now)
    reason, message = (condition(resource, READY).get(field, "") for field in ("reason", "message"))
    for end in _ENDS:
        if is_true(resource, end) or (reason == end and not is_true(resource, READY)):
            return State(f"has ended: {condition(resource, end).get('message') or message}", failed=True)
    status = resource.get("status") or {}
    if kind.status and not is_true(resource, READY) and not status.get("certificate"):
        return State(f"is not ready: {message}" if message else "is not ready")
    end_of_it = status.get("notAfter") if kind == CERTIFICATE else None
    return _lasts(parse_rfc3339(end_of_it), lasting, now) if end_of_it else State("is ready", ready=True)


def _secret(secret: Resource, lasting: timedelta, now: datetime) -> State:
    try:
        leaf = read_leaf(data_of(secret, "tls.crt"))
        pair = public_key_of(read_key(data_of(secret, "tls.key"))) == leaf.names.key
    except ValueError as error:
        return State(f"has no key and certificate yet: {error}")
    return _lasts(leaf.not_after, lasting, now) if pair else State("has a key that is not its certificate's")


def _lasts(end: datetime, lasting: timedelta, now: datetime) -> State:
    ready = end - now >= lasting
    return State(f"is ready, until {rfc3339(end)}" if ready else f"has a certificate only until {rfc3339(end)}", ready)


async def wait_for(read: Read, target: Target, lasting: timedelta, poll: float, tell: Callable[[State], None]) -> State:
    """Look again and again until it is ready or failed; an API that does not answer is waited for, too."""
    while True:
        try:
            found = await read(target.kind, target.namespace, target.name)
            state = state_of(target.kind, found, lasting, datetime.now(UTC))
        except (ApiError, Unreachable) as error:
            state = State(f"cannot be read: {error}")
        tell(state)
        if state.ready or state.failed:
            return state
        await asyncio.sleep(poll)


@asynccontextmanager
async def reader(url: str, kubeconfig: str | None, *, in_cluster: bool) -> AsyncIterator[Read]:
    """Yield what reads objects: of a running house, or of the cluster that is named."""
    if not kubeconfig and not in_cluster:
        async with KubeClient(url, *credentials()) as client:
            yield client.get
        return
    from issuer_bridge.cluster.calls import ApiRequest, path_of

    try:
        from issuer_bridge.cluster.connection import Connection, NoCluster, Where
    except ModuleNotFoundError as error:
        raise click.ClickException(f"A cluster needs {error.name}: pip install 'gravel[kubernetes]'.") from None

    connection = Connection(Where(kubeconfig, None, in_cluster))

    async def read(kind: Kind, namespace: str, name: str) -> Resource | None:
        answer = await connection(ApiRequest(path_of(kind, namespace, name)))
        if answer.error is None and answer.status in (200, 404):
            return json.loads(answer.body) if answer.status == 200 else None
        raise Unreachable(answer.error or f"the cluster says HTTP {answer.status}")

    try:
        await connection.open()
        yield read
    except NoCluster as error:
        raise click.ClickException(f"{error}.") from None
    finally:
        await connection.close()


async def wait_for_all(
    read: Read, targets: Sequence[Target], lasting: timedelta, poll: float, tell: Callable[[Target, State], None]
) -> bool:
    """Wait for all at once, telling each change; True when all are ready, False as soon as one has failed."""
    told: dict[Target, str] = {}

    def changed(target: Target, state: State) -> None:
        if told.get(target) != state.text:
            told[target] = state.text
            tell(target, state)

    async def one(target: Target) -> bool:
        state = await wait_for(read, target, lasting, poll, lambda state: changed(target, state))
        return state.ready

    tasks = [asyncio.create_task(one(target)) for target in targets]
    try:
        for done in asyncio.as_completed(tasks):
            if not await done:
                return False
        return True
    finally:
        for task in tasks:
            task.cancel()
