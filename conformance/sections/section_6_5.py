"""RFC 8555 section 6.5: replay protection."""

from __future__ import annotations

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.jws import ABSENT
from conformance.keys import b64url, unb64url
from conformance.session import Session
from conformance.verdict import Level, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
AT_ONCE = 8
UNKNOWN = b64url(b"never issued by any server")


@check("6.5", MUST, "newOrder")
def success_brings_a_nonce(session: Session) -> None:
    """Every successful reply to a POST has a Replay-Nonce."""
    client = session.account
    for reply in (client.post(session.url("newOrder"), session.identifiers()), client.read(str(client.kid))):
        expect(
            reply.status < 300 and reply.header("Replay-Nonce") != "", "success with a Replay-Nonce", f"{reply} without"
        )


@check("6.5", SHOULD, "newOrder")
def errors_bring_a_nonce(session: Session) -> None:
    """Error replies to a POST have a Replay-Nonce too."""
    reply = session.account.post(session.url("newOrder"), {"identifiers": []})
    refused(reply, "an order for nothing")
    expect(reply.header("Replay-Nonce") != "", "an error with a Replay-Nonce", f"{reply} without")


@check("6.5", MUST, "newOrder")
def an_unknown_nonce_is_refused(session: Session) -> None:
    """A nonce that the server did not issue is answered with 400 and badNonce."""
    reply = session.account.post(session.url("newOrder"), session.identifiers(), nonce=UNKNOWN)
    refused(reply, "a nonce that was never issued", "badNonce", 400)


@check("6.5", MUST, "newOrder")
def a_used_nonce_is_refused(session: Session) -> None:
    """A nonce is good for one request: the same octets sent again are answered with 400 and badNonce."""
    client, url = session.account, session.url("newOrder")
    for _ in range(8):
        body = client.request(url, session.identifiers())
        first = client.send(url, body)
        if first.kind != "badNonce":
            break
    accepted(first, 201, "newOrder")
    refused(client.send(url, body), "the same request again", "badNonce", 400)


@check("6.5", MUST, "newOrder")
def a_nonce_is_used_once_even_at_the_same_time(session: Session) -> None:
    """Of several requests with one nonce that come at the same time, one at most is accepted."""
    client, url = session.account, session.url("newOrder")
    nonce = client.fresh_nonce()
    bodies = [client.request(url, session.identifiers(), nonce=nonce) for _ in range(AT_ONCE)]
    taken = sum(reply.status == 201 for reply in session.at_once(url, bodies))
    expect(taken <= 1, f"one of {AT_ONCE} requests with one nonce accepted", f"{taken} of them accepted")


@check("6.5", MUST, "newOrder")
def a_missing_nonce_is_refused(session: Session) -> None:
    """A request without a nonce is answered with 400 and badNonce."""
    reply = session.account.post(session.url("newOrder"), session.identifiers(), header={"nonce": ABSENT})
    refused(reply, "a header without 'nonce'", "badNonce", 400)


@check("6.5", MUST, "newOrder")
def bad_nonce_brings_a_good_one(session: Session) -> None:
    """A reply of badNonce has a fresh nonce, with which the same request succeeds."""
    client, url = session.account, session.url("newOrder")
    for _ in range(4):
        refusal = client.post(url, session.identifiers(), nonce=UNKNOWN)
        nonce = refusal.header("Replay-Nonce")
        expect(nonce != "", "badNonce with a Replay-Nonce", f"{refusal} without")
        again = client.post(url, session.identifiers(), nonce=nonce)
        if again.status == 201:
            return
    accepted(again, 201, "a retry with the nonce that badNonce brought")


@check("6.5.1", MUST, "newNonce")
def nonces_are_base64url(session: Session) -> None:
    """A nonce is base64url, without padding."""
    nonce = session.stranger().fresh_nonce()
    try:
        unb64url(nonce)
    except ValueError:
        expect(met=False, expected="a nonce that is base64url without padding", actual=nonce)


@check("6.5.1", MUST, "newNonce")
def nonces_are_unique(session: Session) -> None:
    """Each nonce is another one."""
    nonces = [session.stranger().fresh_nonce() for _ in range(10)]
    expect(len({*nonces}) == len(nonces), "10 different nonces", f"{len({*nonces})} different ones")


@check("6.5.2", MUST, "newOrder")
def a_nonce_that_is_not_base64url_is_malformed(session: Session) -> None:
    """A nonce that is not base64url makes the server refuse the request as malformed."""
    reply = session.account.post(session.url("newOrder"), session.identifiers(), nonce="not base64url!")
    refused(reply, "a nonce that is not base64url", "malformed")


@check("6.5.2", MUST, "newOrder")
def an_unprotected_nonce_does_not_count(session: Session) -> None:
    """The nonce is in the protected header: one in the unprotected header is not one."""
    client = session.account
    nonce = client.fresh_nonce()
    header, bend = {"nonce": ABSENT}, lambda envelope: {**envelope, "header": {"nonce": nonce}}
    refused(
        client.post(session.url("newOrder"), session.identifiers(), header=header, bend=bend), "an unprotected nonce"
    )
