"""Commands that end an order: finalize it, then issue its certificate (RFC 8555 section 7.4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from acme_server import certificate_authority, orders
from acme_server.authorizations import Authorization
from acme_server.caa import Claim
from acme_server.certificates import Certificate
from acme_server.csr import CertificateSigningRequest, parse_csr, wants_stapling
from acme_server.leaf_lint import Leaf, lint
from acme_server.orders import Order
from acme_server.profiles import of_order
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem, malformed
from acme_server.protocol.status import OrderStatus
from acme_server.protocol.times import rfc3339
from acme_server.registration_authority.outcome import Issue, Outcome, Postponed
from acme_server.registration_authority.validity import validity_of
from acme_server.signers import new_serial
from acme_server.store import ACCOUNT_BY_THUMBPRINT
from acme_server.world import World

LOG = logging.getLogger(__name__)


def finalize(
    world: World, order: Order, authorizations: Sequence[Authorization], document: Mapping[str, Any], now: datetime
) -> Outcome[Order]:
    """Take the CSR of a ready order; a CSR that does not fit leaves the order ready."""
    status = orders.status_of(order, authorizations, now)
    if status is not OrderStatus.READY:
        raise Problem("orderNotReady", f"the order is {status}; only a ready order can be finalized")
    csr = _read_csr(document, world.settings.personality.other_names)
    _check_csr(world, order, csr)
    finalized = orders.finalize(order, authorizations, document["csr"], csr.thumbprint, now)
    fact = Fact("OrderFinalized", _subject(order), {"identifiers": _values(order.identifiers)})
    delay, issue_it = world.settings.issuance_delay, Issue(order.id)
    return Outcome(finalized, (finalized,), (fact,), (Postponed(issue_it, delay) if delay else issue_it,))


def issue(world: World, order: Order, now: datetime) -> Outcome[Order]:
    """Sign the certificate of an order that is processing; should that fail, the order fails."""
    try:
        certificate = _sign(world, order, now)
    except Problem as problem:
        return _failed(order, problem, problem.detail)
    except Exception:
        LOG.exception("order %s: the certificate could not be signed", order.id)
        return _failed(order, Problem("serverInternal", "the certificate could not be signed"), "signing failed")
    issued = orders.issue(order, certificate.id)
    return Outcome(issued, (issued, certificate), (_certificate_issued(certificate),))


def refuse(order: Order, problem: Problem) -> Outcome[Order]:
    """Let an order fail that is processing: CAA forbids by now what it allowed."""
    return _failed(order, problem, problem.detail)


def to_check_again(authorizations: Sequence[Authorization], account_url: str, before: datetime) -> tuple[Claim, ...]:
    """Return what was validated before a moment, each by the challenge that was met (RFC 8657 section 4)."""
    return tuple(
        Claim(authorization.covers, account_url, challenge.type)
        for authorization in authorizations
        for challenge in authorization.challenges
        if challenge.validated is not None and challenge.validated < before
    )


def _failed(order: Order, problem: Problem, reason: str) -> Outcome[Order]:
    failed = orders.fail(order, problem)
    return Outcome(failed, (failed,), (Fact("OrderFailed", _subject(order), {"reason": reason}),))


def _read_csr(document: Mapping[str, Any], other_names: bool) -> CertificateSigningRequest:
    try:
        der = b64url_decode(document.get("csr"))
    except ValueError as error:
        raise malformed(f"'csr' {error}; send the base64url of its DER form") from None
    return parse_csr(der, other_names=other_names)


def _check_csr(world: World, order: Order, csr: CertificateSigningRequest) -> None:
    asked, wanted = set(csr.identifiers), set(order.identifiers)
    missing, extra = _values(sorted(wanted - asked)), _values(sorted(asked - wanted))
    complaints = [f"lacks {', '.join(missing)}"] if missing else []
    complaints += [f"has {', '.join(extra)}, not in the order"] if extra else []
    if complaints:
        detail = f"the CSR's names are not the order's: it {' and '.join(complaints)}"
        raise Problem("badCSR", detail, case="CSR names")
    if world.store.find(ACCOUNT_BY_THUMBPRINT, csr.thumbprint):
        raise Problem("badCSR", "the CSR's key is an account key; make a key of its own (RFC 8555 section 11.1)")


def _sign(world: World, order: Order, now: datetime) -> Certificate:
    assert order.csr is not None
    assert order.key_thumbprint is not None
    if complaint := world.authority.complaint:
        raise Problem("serverInternal", complaint)
    # The key was judged when the CSR came in; to read it again is cheaper than to keep it parsed.
    csr = x509.load_der_x509_csr(b64url_decode(order.csr))
    public_key: Any = csr.public_key()
    serial = new_serial(world.entropy)
    not_before, not_after = validity_of(order, world.settings, now)
    issuer, profile = world.authority.issuer, of_order(world.settings.profiles, order.profile)
    # What was not asked for is kept within the issuer's validity (RFC 5280 section 6.1.3 wants both valid at once).
    if order.not_before is None:
        not_before = max(not_before, issuer.not_before)
    if order.not_after is None:
        not_after = min(not_after, issuer.not_after)
    signers = (issuer, *world.authority.signers)
    if complaints := lint(Leaf(public_key, order.identifiers, serial, not_before, not_after, signers)):
        raise malformed(f"the certificate cannot be signed: {', '.join(complaints)}")
    parts = public_key, order.identifiers, serial, not_before, not_after
    must_staple = profile.must_staple and wants_stapling(csr)
    leaf = certificate_authority.issue(world.authority, *parts, profile, must_staple)
    leaf_pem, issuers = certificate_authority.split_pem(certificate_authority.chain_pem(world.authority, leaf))
    return Certificate(
        # Its URL ends with its serial number, as other servers' do.
        id=f"{serial:x}",
        account_id=order.account_id,
        order_id=order.id,
        identifiers=order.identifiers,
        serial=f"{serial:x}",
        fingerprint=leaf.fingerprint(hashes.SHA256()).hex(),
        key_thumbprint=order.key_thumbprint,
        leaf=leaf_pem,
        issuers=issuers,
        not_before=not_before,
        not_after=not_after,
        issuer=issuer.id,
        alternates=world.authority.chains_pem[1:],
    )


def _certificate_issued(certificate: Certificate) -> Fact:
    subject = {"account": certificate.account_id, "order": certificate.order_id, "certificate": certificate.id}
    data = {
        "serial": certificate.serial,
        "identifiers": _values(certificate.identifiers),
        "not_before": rfc3339(certificate.not_before),
        "not_after": rfc3339(certificate.not_after),
    }
    return Fact("CertificateIssued", subject, data)


def _subject(order: Order) -> dict[str, str]:
    return {"account": order.account_id, "order": order.id}


def _values(identifiers: Sequence[Identifier]) -> list[str]:
    return [identifier.value for identifier in identifiers]
