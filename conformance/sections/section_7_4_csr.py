"""RFC 8555 section 7.4: CSRs that are malformed, weak, or ask for more than the order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509

from conformance.check import check
from conformance.csr_forms import ATTRIBUTES, FOREIGN, NOT_CSRS, OTHER_NAMES, SIGNED_WRONGLY, WEAK, Forms, dns, made
from conformance.expectations import accepted, all_explained, all_refused
from conformance.keys import b64url
from conformance.session import Placed, Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD


def _finalized(session: Session, order: Placed, der: bytes) -> Reply:
    return session.account.post(order.document["finalize"], {"csr": b64url(der)})


def _each(session: Session, forms: Forms) -> Iterator[tuple[str, Reply]]:
    """Finalize with what is made of the order's name: the same order, as long as it stays ready."""
    order: Placed | None = None
    for what, make in forms.items():
        if order is None or session.account.read(order.url).json().get("status") != "ready":
            order = session.ready_order(session.account)
        yield f"a CSR with {what}", _finalized(session, order, make(order.names[0]))


@check("7.4", SHOULD, "newOrder")
def what_is_no_csr_is_explained(session: Session) -> None:
    """A 'csr' that is no PKCS #10 request in DER, or has more after it, is refused and explained."""
    all_explained(_each(session, NOT_CSRS))


@check("7.4", SHOULD, "newOrder")
def a_csr_of_another_type_is_explained(session: Session) -> None:
    """A finalize whose 'csr' is no string, or which has none, is refused and explained."""
    url = session.ready_order(session.account).document["finalize"]
    payloads: tuple[Mapping[str, Any], ...] = ({}, {"csr": None}, {"csr": 7}, {"csr": ["AA"]}, {"csr": {}})
    all_explained((str(payload), session.account.post(url, payload)) for payload in payloads)


@check("7.4", SHOULD, "newOrder")
def a_csr_without_a_good_signature_is_refused(session: Session) -> None:
    """A CSR that its key did not sign, or not with an algorithm that is safe, is refused (RFC 2986 section 3)."""
    all_explained(_each(session, SIGNED_WRONGLY))


@check("7.4", SHOULD, "newOrder")
def a_csr_with_a_weak_key_is_refused(session: Session) -> None:
    """A key that is too short, absurdly long or weak is not certified (badCSR, section 6.7)."""
    all_explained(_each(session, WEAK))


@check("7.4", MUST, "newOrder")
def a_csr_asks_for_the_orders_names_exactly(session: Session) -> None:
    """The CSR is for the very identifiers of the order: names that are missing, added or hidden are refused."""
    all_refused(_each(session, OTHER_NAMES))


@check("7.4", SHOULD, "newOrder")
def a_name_may_be_the_common_name_alone(session: Session) -> None:
    """A dns identifier may stand in the CSR's common name, in its subjectAltName, or in both."""
    both: Forms = {"SAN and CN": lambda name: made(*dns(name), common=name), "CN": lambda name: made(common=name)}
    for what, reply in _each(session, both):
        accepted(reply, 200, what)


@check("7.4", MUST, "newOrder")
def a_csr_gets_nothing_that_was_not_ordered(session: Session) -> None:
    """No certificate has other contents than those requested: no other names, no rights of a CA."""
    for what, make in FOREIGN.items():
        order = session.ready_order(session.account)
        reply = _finalized(session, order, make(order.names[0]))
        if 400 <= reply.status < 500:
            continue
        accepted(reply, 200, f"a CSR with {what}, which is not refused")
        url = session.until(session.account, order.url, "valid")["certificate"]
        leaf = x509.load_pem_x509_certificate(session.account.read(url).body)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        expect([*names] == [*dns(*order.names)], f"the order's names alone after a CSR with {what}", [*names])
        for extension in leaf.extensions:
            value = extension.value
            rights = isinstance(value, x509.BasicConstraints) and value.ca
            rights = rights or (isinstance(value, x509.KeyUsage) and value.key_cert_sign)
            expect(not rights, f"no CA after a CSR with {what}", value)


@check("7.4", SHOULD, "newOrder")
def odd_attributes_are_no_fault_of_the_servers(session: Session) -> None:
    """A CSR with attributes that are empty, large or no text is accepted or refused, with less than 500."""
    for what, reply in _each(session, ATTRIBUTES):
        expect(reply.status < 500, f"a status below 500 for {what}", reply)


@check("7.4", SHOULD, "newOrder", destructive=True)
def a_large_csr_is_explained(session: Session) -> None:
    """A CSR with a thousand names is refused and explained."""
    names = tuple(f"{number}.{session.options.domain}" for number in range(1_000))
    all_explained(_each(session, {"1,000 names more": lambda name: made(*dns(name, *names))}))
