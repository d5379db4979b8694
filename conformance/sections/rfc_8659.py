"""RFC 8659: CAA records, for a server that names its own identities in the directory's meta."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.check import check
from conformance.keys import new_key
from conformance.session import Session, csr
from conformance.verdict import Level, NotOffered, expect

MUST, SHOULD = Level.MUST, Level.SHOULD


def _identity(session: Session) -> str:
    found = session.meta("caaIdentities")
    if not found:
        raise NotOffered("the directory's meta has no caaIdentities")
    expect(isinstance(found, list) and isinstance(found[0], str), "an array of names as caaIdentities", found)
    return str(found[0])


def _ended(session: Session, policies: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Order a name with CAA records; return how its order ended, and the type of problem that did."""
    client, name = session.account, session.name()
    session.answers.show_caa(name, policies)
    reply = client.post(session.url("newOrder"), session.identifiers(name))
    if reply.status != 201:
        return "refused", reply.kind
    url = reply.header("Location")
    authorization = session.read_authorization(client, reply.json()["authorizations"][0])
    challenge = session.answers.choose(authorization)
    session.answers.answer(name, challenge, client.key)
    client.post(challenge["url"], {})
    settled = session.settled(client, challenge["url"])
    if settled["status"] == "invalid":
        return "invalid", _kind(settled.get("error"))
    reply = client.post(reply.json()["finalize"], {"csr": csr(new_key(), name)})
    if reply.status != 200:
        return "refused", reply.kind
    order = session.settled(client, url, left=lambda status: status == "processing")
    return str(order["status"]), _kind(order.get("error"))


def _kind(error: object) -> str:
    return str(error.get("type")).rpartition(":")[2] if isinstance(error, dict) else ""


FORBIDDING = {"another CA": [("issue", "other-ca.test")], "no CA at all": [("issue", ";")]}


@check("RFC 8659 3", MUST, "newOrder", destructive=True)
def caa_forbids_what_it_does_not_allow(session: Session) -> None:
    """No certificate is issued for a name whose CAA records name another CA, or none."""
    _identity(session)
    for what, policies in FORBIDDING.items():
        status, _ = _ended(session, policies)
        expect(status != "valid", f"no certificate where CAA names {what}", status)


@check("6.7", SHOULD, "newOrder", destructive=True)
def what_caa_forbids_is_named_so(session: Session) -> None:
    """What CAA records forbid fails as caa."""
    _identity(session)
    status, kind = _ended(session, FORBIDDING["another CA"])
    expect(status != "valid" and kind == "caa", "a problem of the type caa", f"{status} {kind}")


@check("RFC 8659 4", MUST, "newOrder")
def caa_allows_the_identity_of_the_server(session: Session) -> None:
    """A certificate is issued for a name whose CAA records name an identity of caaIdentities."""
    status, kind = _ended(session, [("issue", _identity(session))])
    expect(status == "valid", "a certificate", f"{status} {kind}")
