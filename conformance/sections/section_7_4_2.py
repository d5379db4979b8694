"""RFC 8555 sections 7.4.2 and 9.1: downloading the certificate."""

from __future__ import annotations

import re
from itertools import pairwise

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.session import Session
from conformance.verdict import Level, NotOffered, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
# RFC 7468's strict encoding: lines of 64 characters, only the last one shorter.
BLOCK = (
    rb"-----BEGIN CERTIFICATE-----\r?\n(?:[A-Za-z0-9+/]{64}\r?\n)*"
    rb"(?:[A-Za-z0-9+/]{1,63}={0,2}\r?\n|(?<=\n))-----END CERTIFICATE-----\r?\n?"
)
STRICT = re.compile(rb"(?:" + BLOCK + rb"(?:\r?\n)?)+")


@check("7.4.2", MUST, "newOrder")
def a_chain_is_the_default_format(session: Session) -> None:
    """The certificate is downloaded as application/pem-certificate-chain."""
    found = session.issued.chain.header("Content-Type").partition(";")[0].strip()
    expect(found == "application/pem-certificate-chain", "application/pem-certificate-chain", found)


@check("7.4.2", MUST, "newOrder")
def a_certificate_stays_as_it_is(session: Session) -> None:
    """A certificate's resource never changes: the same end-entity certificate every time."""
    again = session.issued.client.read(session.issued.url)
    accepted(again, 200, "the certificate, again")
    same = x509.load_pem_x509_certificate(again.body) == session.issued.leaf
    expect(same, "the same certificate", "another one")


@check("7.4.2", MUST, "newOrder")
def a_certificate_is_for_its_owner(session: Session) -> None:
    """A certificate is downloaded with a signed request of its account (section 6.3): another one is refused."""
    refused(session.new_account().read(session.issued.url), "POST-as-GET of another account's certificate")


@check("7.4.2", SHOULD, "newOrder")
def alternate_chains_are_for_the_same_certificate(session: Session) -> None:
    """A chain that is linked as 'alternate' starts with the same end-entity certificate."""
    issued = session.issued
    links = [link for value in issued.chain.all("Link") for link in value.split(",") if 'rel="alternate"' in link]
    if not links:
        raise NotOffered("there are no alternate chains")
    for link in links:
        reply = issued.client.read(link.partition("<")[2].partition(">")[0])
        accepted(reply, 200, "an alternate chain")
        expect(attrs.evolve(issued, chain=reply).leaf == issued.leaf, "the same certificate first", "another one")


@check("9.1", MUST, "newOrder")
def a_chain_is_strict_pem(session: Session) -> None:
    """The chain is PEM in the strict encoding, certificates only, without explanatory text."""
    body = session.issued.chain.body
    expect(STRICT.fullmatch(body) is not None, "certificates in strict PEM, and nothing else", body[:80])


@check("9.1", MUST, "newOrder")
def the_leaf_comes_first(session: Session) -> None:
    """The first certificate of the chain is the end-entity certificate."""
    issued = session.issued
    expect(issued.names == sorted(issued.order.names), "the end-entity certificate first", issued.leaf.subject)


@check("9.1", SHOULD, "newOrder")
def each_certificate_certifies_the_one_before(session: Session) -> None:
    """Each certificate of the chain certifies the one before it."""
    chain = x509.load_pem_x509_certificates(session.issued.chain.body)
    for certificate, issuer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            expect(met=False, expected=f"{issuer.subject} to have issued what is before it", actual=error)
