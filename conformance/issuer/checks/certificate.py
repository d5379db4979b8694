"""The certificate: it is the one that the CSR asks for."""

from __future__ import annotations

import base64
from datetime import timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from conformance.check import Check
from conformance.issuer.check import API, USAGE, check
from conformance.issuer.checks.conditions import SKEW, moment
from conformance.issuer.forms import SHAPES
from conformance.issuer.scene import is_ca, readable
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotOffered, expect

CHAIN = f"{API}: status.certificate"


@check("certificate", Level.MUST, CHAIN)
def a_certificate_is_pem(walk: Walk) -> None:
    """status.certificate is PEM in base64, and nothing beside the PEM."""
    for scene in walk.scenes(issued=True):
        certificate = scene.last.status["certificate"]
        try:
            readable(certificate)
        except ValueError as error:
            expect(met=False, expected="certificates in PEM", actual=error)
        lines = base64.b64decode(certificate).splitlines()
        framed = (lines[0], lines[-1]) == (b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----")
        expect(framed, "PEM from the first line to the last", lines[0])


@check("certificate", Level.MUST, USAGE)
def a_certificate_is_for_the_key_of_its_request(walk: Walk) -> None:
    """A certificate has the public key of the CSR."""
    for scene in walk.scenes(issued=True):
        met = scene.leaf.public_key() == scene.key.public_key()
        expect(met, f"the key of the CSR, for {scene.form.what}", "another key")


@check("certificate", Level.MUST, USAGE)
def a_certificate_has_the_names_of_its_request(walk: Walk) -> None:
    """A certificate has the subject alternative names of the CSR, all and no others."""
    for scene in walk.scenes(issued=True):
        try:
            found = {*scene.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value}
        except x509.ExtensionNotFound:
            found = set()
        wanted = {*scene.names}
        expect(found == wanted, _told(wanted), _told(found))


def _told(names: set[x509.GeneralName]) -> str:
    return ", ".join(sorted(str(name.value) for name in names)) or "no names"


@check("certificate", Level.MUST, CHAIN)
def a_chain_leads_up(walk: Walk) -> None:
    """The leaf comes first, and each certificate is signed by the next."""
    for scene in walk.scenes(issued=True):
        for lower, upper in pairwise(scene.chain):
            try:
                lower.verify_directly_issued_by(upper)
            except (ValueError, TypeError, InvalidSignature) as error:
                expect(met=False, expected="the signer of each certificate after it", actual=error or "another")


@check("certificate", Level.SHOULD, CHAIN)
def a_chain_has_no_root(walk: Walk) -> None:
    """What comes after the leaf is not self-signed: a root is the client's to know."""
    for scene in walk.scenes(issued=True):
        roots = [one.subject.rfc4514_string() for one in scene.chain[1:] if one.subject == one.issuer]
        expect(not roots, "no root in status.certificate", ", ".join(roots))


@check("certificate", Level.MUST, USAGE)
def a_certificate_is_valid_now(walk: Walk) -> None:
    """A certificate is valid when it is issued."""
    for scene in walk.scenes(issued=True):
        created = moment(scene.last.object["metadata"]["creationTimestamp"])
        now = created + timedelta(seconds=scene.last.at - scene.versions[0].at)
        begin, end = scene.leaf.not_valid_before_utc, scene.leaf.not_valid_after_utc
        expect(begin - SKEW <= now < end, f"valid at {now}", f"from {begin} to {end}")


@check("certificate", Level.MUST, "RFC 5280 section 4.1.2.2")
def a_serial_number_is_given_once(walk: Walk) -> None:
    """No two certificates of one signer have the same serial number."""
    seen: dict[tuple[x509.Name, int], str] = {}
    for scene in walk.scenes(issued=True):
        first = seen.setdefault((scene.leaf.issuer, scene.leaf.serial_number), scene.name)
        expect(first == scene.name, "another serial number", f"that of the certificate of {first!r} ({scene.name})")


@check("certificate", Level.MUST, f"{API}: spec.isCA")
def a_certificate_is_no_ca(walk: Walk) -> None:
    """A certificate that was not asked for as a CA, by spec.isCA, is none."""
    for scene in walk.scenes(issued=True):
        expect(scene.form.smuggles or not is_ca(scene.leaf), "no CA", f"a CA, for {scene.form.what}")


@check("certificate", Level.MUST, f"{API}: spec.isCA")
def a_csr_does_not_make_a_ca(walk: Walk) -> None:
    """A CSR that asks for a CA, where spec.isCA does not, gets none: what was approved is the spec."""
    scene = walk.scene("smuggled")
    expect(not scene.issued or not is_ca(scene.leaf), "no CA", "a CA")


def _shape(name: str, what: str) -> Check:
    """Make the check of a form: an issuer may refuse it, but not leave it."""

    def shape(walk: Walk) -> None:
        scene = walk.scene(name)
        if scene.last.reason == "Failed":
            raise NotOffered(str(scene.last))
        expect(scene.issued, f"Ready=True/Issued or False/Failed within {walk.options.patience:g} s", scene.last)

    shape.__name__ = f"{name}_is_issued_or_fails"
    shape.__doc__ = f"A request for {what} is issued, or fails"
    return check("certificate", Level.MUST, USAGE)(shape)


SHAPE_CHECKS = tuple(_shape(name, form.what) for name, form in SHAPES.items())
