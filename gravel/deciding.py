"""What `gravel approve` and `gravel deny` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gravel.approval import Decision, complaint, patch
from gravel.client_command import DEFAULT_NAMESPACE, resource_name, run_client
from issuer_bridge.resources import CERTIFICATE_REQUEST, ApiError

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

# The controllers write statuses too; a decision is tried again on what they left.
_ATTEMPTS = 5
_CONFLICT = 409


def decide(url: str, namespace: str | None, names: Sequence[str], decision: Decision, *, json: bool) -> None:
    """Set the condition on each request; exit 1 when one of them could not be decided."""

    async def work(client: KubeClient) -> int:
        said = [await _decide(client, namespace or DEFAULT_NAMESPACE, name, decision) for name in names]
        for name, error in zip(names, said, strict=True):
            _tell(namespace or DEFAULT_NAMESPACE, name, decision, error, json=json)
        return 1 if any(said) else 0

    run_client(url, work)


async def _decide(client: KubeClient, namespace: str, name: str, decision: Decision) -> str | None:
    """Decide one request; return what stands against it."""
    attempts = 0
    while True:
        request = await client.get(CERTIFICATE_REQUEST, namespace, name)
        if request is None:
            return "does not exist"
        found = complaint(request, decision)
        if found:
            return found
        attempts += 1
        change = patch(request, decision, datetime.now(UTC))
        try:
            await client.merge_patch(CERTIFICATE_REQUEST, namespace, name, change, "status")
        except ApiError as error:
            if error.code != _CONFLICT or attempts == _ATTEMPTS:
                raise
        else:
            return None


def _tell(namespace: str, name: str, decision: Decision, error: str | None, *, json: bool) -> None:
    resource, word = resource_name(CERTIFICATE_REQUEST, name), decision.type.lower()
    if json:
        from gravel.output import print_json

        event = {"event": "refused" if error else word, "resource": resource, "namespace": namespace}
        print_json(event | ({"error": error} if error else {}))
    elif not error:
        click.echo(f"{resource} {word}")
    if error:
        click.echo(f"{namespace}/{name} {error}", err=True)
