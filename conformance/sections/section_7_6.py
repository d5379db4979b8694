"""RFC 8555 section 7.6: certificate revocation."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.client import Client
from conformance.expectations import accepted, all_explained, refused
from conformance.keys import b64url
from conformance.session import Issued, Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD
NEEDS = ("revokeCert", "newOrder")


def _revoke(session: Session, issued: Issued, client: Client | None = None, **members: Any) -> Reply:
    payload = {"certificate": b64url(issued.der), **members}
    return (client or issued.client).post(session.url("revokeCert"), payload)


@check("7.6", MUST, *NEEDS, destructive=True)
def its_account_revokes_a_certificate(session: Session) -> None:
    """The account that a certificate was issued to revokes it; that is answered with 200."""
    accepted(_revoke(session, session.issue(session.account), reason=1), 200, "revokeCert by the certificate's account")


@check("7.6", MUST, *NEEDS, destructive=True)
def its_key_revokes_a_certificate(session: Session) -> None:
    """The certificate's own key revokes it, without any account."""
    issued = session.issue(session.account)
    holder = session.stranger()
    holder.key = issued.key
    accepted(_revoke(session, issued, holder), 200, "revokeCert signed with the certificate's key")


@check("7.6", MUST, *NEEDS, destructive=True)
def who_controls_its_names_revokes_a_certificate(session: Session) -> None:
    """An account that holds authorizations for all of a certificate's names revokes it."""
    issued, other = session.issue(session.account), session.new_account()
    session.ready_order(other, *issued.order.names)
    accepted(_revoke(session, issued, other), 200, "revokeCert by an account that controls the names")


@check("7.6", MUST, *NEEDS, destructive=True)
def nobody_else_revokes_a_certificate(session: Session) -> None:
    """An account or a key that has nothing to do with a certificate cannot revoke it."""
    for what, client in {"another account": session.new_account(), "a stranger's key": session.stranger()}.items():
        refused(_revoke(session, session.issued, client), f"revokeCert by {what}")


@check("7.6", MUST, *NEEDS, destructive=True)
def a_certificate_is_revoked_once(session: Session) -> None:
    """Revoking a certificate again is answered with 400 and alreadyRevoked."""
    issued = session.issue(session.account)
    accepted(_revoke(session, issued), 200, "revokeCert")
    refused(_revoke(session, issued), "revokeCert, again", "alreadyRevoked", 400)


@check("7.6", MUST, *NEEDS, destructive=True)
def a_reason_that_is_not_allowed_is_named_so(session: Session) -> None:
    """A reason that is not allowed, such as one that does not exist, is answered with badRevocationReason."""
    issued = session.issue(session.account)
    for reason in (7, 99):
        refused(_revoke(session, issued, reason=reason), f"the reason {reason}", "badRevocationReason")


@check("7.6", SHOULD, *NEEDS, destructive=True)
def allowed_reasons_are_listed(session: Session) -> None:
    """The problem document of a reason that is not allowed says which ones are."""
    reply = _revoke(session, session.issue(session.account), reason=99)
    detail = str((reply.problem or {}).get("detail", "")).replace("99", "")
    expect(any(digit.isdigit() for digit in detail), "a detail that lists the allowed reasons", detail or reply)


@check("7.6", MUST, *NEEDS, destructive=True)
def what_was_not_issued_here_is_not_revoked(session: Session) -> None:
    """A certificate that the server did not issue is not revoked."""
    issued = session.issued
    altered = issued.der[:-1] + bytes([issued.der[-1] ^ 1])
    reply = issued.client.post(session.url("revokeCert"), {"certificate": b64url(altered)})
    refused(reply, "a certificate that was not issued here")


@check("7.6", SHOULD, *NEEDS)
def what_is_no_certificate_is_explained(session: Session) -> None:
    """A 'certificate' that is none, in DER and base64url, is refused with a problem document and a nonce."""
    url, chain = session.url("revokeCert"), session.issued.chain.body
    texts: tuple[Any, ...] = (
        None,
        7,
        [],
        {},
        "",
        "!",
        b64url(b"\xff" * 300),
        b64url(b"\x30\x80" * 9_000),
        b64url(chain),
    )
    all_explained(
        (f"the certificate {found!r:.40}", session.account.post(url, {"certificate": found})) for found in texts
    )
