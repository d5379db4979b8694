"""Asks ACME servers when to renew (RFC 9773), and writes their answer into the status of the Certificate.

Upstream: the feature gate ACMEUseARI (off), `status.acme.ari`, and `renewalInformationSource` of the issuer. What is
written moves `renewalTime`, which alone decides.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from acme_server.protocol.problem import Problem
from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError
from issuer_bridge.acme_client.renewal import DEFAULT, RenewalInfo, certificate_id
from issuer_bridge.cert_manager.accounts import Accounts, acme_of
from issuer_bridge.cert_manager.certificates.policies import data_of
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.reconciler import Key, Reconciler
from issuer_bridge.references import issuer_for
from issuer_bridge.resources import CERTIFICATE, SECRET, Resource

# How long until an issuer that has no account yet is looked at again.
UNREGISTERED = timedelta(minutes=1)


class RenewalInformation:
    """The controller; it hears of every change to a Certificate, and asks when the server wants to be asked again."""

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        make_queue: Callable[[Callable[[Key], Inquiry[Outcome]]], Reconciler],
        *,
        wanted: bool,
    ) -> None:
        self._context = context
        self._accounts = accounts
        self._queue = make_queue(self._sync) if wanted else None

    def heard(self, certificate: Resource) -> None:
        """Look at a Certificate."""
        if self._queue is not None:
            metadata = certificate["metadata"]
            self._queue.add((CERTIFICATE.kind, metadata["namespace"], metadata["name"]))

    def _sync(self, key: Key) -> Inquiry[Outcome]:
        resources, now = self._context.resources, self._context.clock()
        certificate = resources.get(CERTIFICATE, *key[1:])
        issuer = issuer_for(resources, certificate) if certificate else None
        acme = acme_of(issuer) if issuer else None
        if certificate is None or acme is None or acme.get("renewalInformationSource") == "None":
            return Done()
        client = self._accounts.client(issuer)
        if client is None:
            return Wait(UNREGISTERED)
        chain = data_of(resources.get(SECRET, key[1], certificate["spec"]["secretName"]), "tls.crt").decode("latin-1")
        try:
            name = certificate_id(chain)
        except ValueError:
            return Done()  # it is not issued yet; its Secret will change
        known = ((certificate.get("status") or {}).get("acme") or {}).get("ari") or {}
        if known.get("certID") == name and (left := parse_rfc3339(known["nextCheck"]) - now) > timedelta(0):
            return Wait(left)
        try:
            answer = yield from _ask(client, chain)
        except (TransportError, Problem) as error:
            return Retry(str(error))
        if answer is None:
            return Wait(DEFAULT)
        yield from self._write(certificate, name, answer, first=known.get("certID") != name)
        return Wait(answer.retry_after)

    def _write(self, certificate: Resource, name: str, answer: RenewalInfo, *, first: bool) -> Inquiry[None]:
        """Keep the answer, without a window that is open when a certificate is asked about for the first time.

        A server that always says `now` would be obeyed again at once.
        """
        now = self._context.clock()
        information: dict[str, Any] = {
            "certID": name,
            "lastChecked": rfc3339(now),
            "nextCheck": rfc3339(now + answer.retry_after),
        }
        if not (first and answer.start <= now):
            information["suggestedWindow"] = {"start": rfc3339(answer.start), "end": rfc3339(answer.end)}

        def changed(current: Resource) -> Resource:
            status = current.get("status") or {}
            return {**status, "acme": {**(status.get("acme") or {}), "ari": information}}

        yield from self._context.change_status(CERTIFICATE, certificate, changed)


def _ask(client: Client, chain: str) -> Inquiry[RenewalInfo | None]:
    """Return when to renew, None from a server that does not tell."""
    if "renewalInfo" not in (yield from client.directory()):
        return None
    return (yield from client.renewal_info(chain))
