"""RFC 8555 sections 7.5 and 8: authorizations and challenges."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.keys import new_key, unb64url
from conformance.session import Placed, Session, csr
from conformance.verdict import Level, NotReachable, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
GONE = {"status": "deactivated"}


def _pending(session: Session) -> tuple[Placed, str, dict[str, Any]]:
    order = session.order(session.account)
    return order, *session.authorization(session.account, order)


def _failed(session: Session) -> tuple[Placed, dict[str, Any], dict[str, Any]]:
    """Answer a challenge with another account's key authorization; return order, authorization and challenge."""
    client = session.account
    order, url, authorization = _pending(session)
    challenge = session.answers.choose(authorization)
    session.answers.answer(authorization["identifier"]["value"], challenge, client.key, wrong=True)
    accepted(client.post(challenge["url"], {}), 200, "the response to a challenge")
    settled = session.settled(client, challenge["url"], left=lambda status: status in ("pending", "processing"))
    return order, client.read(url).json(), settled


@check("7.5.1", MUST, "newOrder")
def a_response_shows_the_challenge(session: Session) -> None:
    """The response to a challenge is answered with 200 and the challenge."""
    _, _, authorization = _pending(session)
    challenge = session.answers.choose(authorization)
    session.answers.answer(authorization["identifier"]["value"], challenge, session.account.key)
    reply = session.account.post(challenge["url"], {})
    accepted(reply, 200, "the response to a challenge")
    for member in ("type", "url", "token"):
        expect(reply.json().get(member) == challenge[member], f"the challenge's {member}", reply.json().get(member))


@check("7.5.1", MUST, "newOrder")
def unknown_members_of_a_response_are_ignored(session: Session) -> None:
    """Members of a response that the type of challenge does not have are ignored."""
    _, _, authorization = _pending(session)
    challenge = session.answers.choose(authorization)
    session.answers.answer(authorization["identifier"]["value"], challenge, session.account.key)
    response = {"x-unknown": True, "keyAuthorization": "something"}
    accepted(session.account.post(challenge["url"], response), 200, "a response with members that are unknown")


@check("7.5.1", MUST, "newOrder")
def a_malformed_response_is_refused(session: Session) -> None:
    """A response that is no JSON object is an error, and leaves the authorization pending."""
    _, url, authorization = _pending(session)
    challenge = authorization["challenges"][0]
    for payload in (b"[]", b'"ready"', b"{"):
        refused(session.account.post(challenge["url"], payload), f"the response {payload.decode()}")
    status = session.account.read(url).json()["status"]
    expect(status == "pending", "an authorization that is still pending", status)


@check("7.5.1", MUST, "newOrder")
def a_challenge_is_answered_by_its_owner(session: Session) -> None:
    """A challenge is answered by the account that it was made for: another one is refused."""
    _, _, authorization = _pending(session)
    reply = session.new_account().post(authorization["challenges"][0]["url"], {})
    refused(reply, "the response to another account's challenge")


@check("7.5.1", MUST, "newOrder")
def a_valid_authorization_expires(session: Session) -> None:
    """A valid authorization says when it expires, and its valid challenge when it was validated (section 8)."""
    url = session.issued.order.document["authorizations"][0]
    found = session.read_authorization(session.issued.client, url)
    expect(found["status"] == "valid", "the status valid", found["status"])
    expect("expires" in found, "a member expires", found)
    valid = [challenge for challenge in found["challenges"] if challenge["status"] == "valid"]
    expect(bool(valid) and "validated" in valid[0], "a valid challenge with 'validated'", found["challenges"])


@check("7.5.2", MUST, "newOrder", destructive=True)
def an_authorization_is_deactivated(session: Session) -> None:
    """An authorization is deactivated by its owner, with 200 and the authorization as it then is."""
    _, url, _ = _pending(session)
    refused(session.new_account().post(url, GONE), "the deactivation of another account's authorization")
    reply = session.account.post(url, GONE)
    accepted(reply, 200, "the deactivation of an authorization")
    expect(reply.json().get("status") == "deactivated", "the status deactivated", reply.json().get("status"))


@check("7.5.2", MUST, "newOrder", destructive=True)
def a_deactivated_authorization_is_not_enough(session: Session) -> None:
    """No certificate is issued on the strength of a deactivated authorization."""
    client = session.account
    order = session.ready_order(client)
    reply = client.post(order.document["authorizations"][0], GONE)
    if reply.status != 200:
        raise NotReachable(f"the authorization cannot be deactivated: {reply}")
    reply = client.post(order.document["finalize"], {"csr": csr(new_key(), *order.names)})
    refused(reply, "finalize after the authorization was deactivated")


@check("8.1", MUST, "newOrder", destructive=True)
def another_key_authorization_is_not_accepted(session: Session) -> None:
    """A key authorization is of the account's own key: with another's thumbprint the challenge is not valid."""
    order, authorization, challenge = _failed(session)
    expect(challenge["status"] == "invalid", "an invalid challenge", challenge["status"])
    expect(authorization["status"] == "invalid", "an invalid authorization (section 7.1.6)", authorization["status"])
    found = session.account.read(order.url).json()["status"]
    expect(found == "invalid", "an invalid order (section 7.1.6)", found)


@check("8", SHOULD, "newOrder", destructive=True)
def an_invalid_challenge_says_why(session: Session) -> None:
    """An invalid challenge has an error that says why."""
    _, _, challenge = _failed(session)
    error = challenge.get("error")
    expect(isinstance(error, dict) and bool(error.get("type")), "an error with a type in the challenge", error)


@check("8.3", MUST, "newOrder")
def tokens_are_unguessable(session: Session) -> None:
    """A token is base64url without padding, of at least 128 bits, and another one each time."""
    tokens = []
    for _ in range(3):
        _, _, authorization = _pending(session)
        found = [
            str(item.get("token")) for item in authorization["challenges"] if item["type"] in ("http-01", "dns-01")
        ]
        tokens += found[:1]
        for token in found:
            try:
                size = len(unb64url(token))
            except ValueError:
                size = 0
            expect(size >= 16, "a token of at least 16 octets in base64url", token)
    if not tokens:
        raise NotReachable("neither http-01 nor dns-01 is offered")
    expect(len({*tokens}) == len(tokens), "a token that is another one each time", tokens)
