"""Gathers what is known of a certificate: from a file, or from a Secret, a Certificate or a request and its issuer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import click

from gravel.kube_client import Unreachable
from gravel.verify.evidence import (
    Evidence,
    asked_by,
    issuer_of_secret,
    read_chain,
    read_pair,
    read_private_key,
    read_request,
    readiness,
)
from gravel.waiting import Read, Target
from issuer_bridge.kind_names import find_kind
from issuer_bridge.references import issuer_words
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET, ApiError, Kind, Resource

KINDS = (SECRET, CERTIFICATE, CERTIFICATE_REQUEST)


def look_at_file(path: str, key: str | None, seen: Evidence) -> Evidence:
    """Read a chain in PEM, and the key that belongs to it, if it is named."""
    seen = read_chain(seen, _content(path), path)
    return read_private_key(seen, _content(key)) if key else seen


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None


async def look_at_object(read: Read, target: Target, seen: Evidence) -> Evidence:
    """Read an object and what it refers to."""
    resource = await _read(read, target)
    if resource is None:
        return attrs.evolve(seen, missing=(str(target),))
    if target.kind == SECRET:
        seen, reference = read_pair(seen, resource), issuer_of_secret(resource)
    elif target.kind == CERTIFICATE_REQUEST:
        seen = readiness(read_request(seen, resource), str(target), resource)
        reference = resource["spec"]["issuerRef"]
    else:
        seen = readiness(attrs.evolve(seen, asked=asked_by(resource["spec"], seen.asked)), str(target), resource)
        secret = Target(SECRET, target.namespace, resource["spec"]["secretName"])
        found = await _read(read, secret)
        seen = attrs.evolve(seen, missing=(str(secret),)) if found is None else read_pair(seen, found)
        reference = resource["spec"]["issuerRef"]
    return seen if reference is None else await _look_at_issuer(read, reference, target.namespace, seen)


async def _look_at_issuer(read: Read, reference: Mapping[str, Any], namespace: str, seen: Evidence) -> Evidence:
    word, group = issuer_words(reference)
    # Of a kind that is not known here, the plural is guessed as Kubernetes does, and the scope from the name.
    kind = find_kind(f"{word}.{group}") or Kind(group, "v1alpha1", word, f"{word.lower()}s", "Cluster" not in word)
    issuer = Target(kind, namespace if kind.namespaced else "", reference["name"])
    return readiness(seen, str(issuer), await _read(read, issuer))


async def _read(read: Read, target: Target) -> Resource | None:
    try:
        return await read(target.kind, target.namespace, target.name)
    except (ApiError, Unreachable) as error:
        raise click.ClickException(f"{target} cannot be read: {error}") from None
