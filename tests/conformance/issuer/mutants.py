"""Issuers with one thing wrong, one for each check, which that check must catch, and no other.

The checks of `forms.SHAPES` share one, which must be caught by all of them.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.issuer.walk import NUDGE
from tests.conformance.issuer.signer import Signer, bundle, condition, now

EARLY = "2001-01-01T00:00:00Z"


def mutant(**methods):
    """Return an issuer that does otherwise what is told."""
    return type("Mutant", (Signer,), methods)


def nudged(request):
    return NUDGE in request["metadata"].get("annotations", {})


def reason_of(request):
    return condition(request, "Ready").get("reason")


def again(reason, **fields):
    """Return an issuer that ends once more what has ended, when somebody looks at it."""

    def look(self, request):
        if reason_of(request) == reason and nudged(request) and request["metadata"]["name"] not in self.__dict__:
            self.__dict__[request["metadata"]["name"]] = "once"
            more = fields or self.signed(x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"])))
            self.write(request, condition(request, "Ready")["status"], reason, "once more", **more)
        else:
            Signer.look(self, request)

    return mutant(look=look)


def turning(step):
    """Return an issuer that does something to all that waits, whenever it comes round."""
    turns = count()

    def tick(self):
        for request in list(self.requests.values()):
            found = self.fresh(request)
            if found and reason_of(found) == "Pending":
                step(self, found, f"turn {next(turns)}")

    return mutant(tick=tick)


def misses_the_first(self, request):
    if "-plain" not in request["metadata"]["name"]:
        Signer.look(self, request)


def forgets_what_waits_for_approval(self, request):
    forgotten = self.__dict__.setdefault("forgotten", [])
    if nudged(request) and not condition(request, "Approved"):
        forgotten.append(request["metadata"]["uid"])
    if request["metadata"]["uid"] not in forgotten:
        Signer.look(self, request)


def starts_first(self, request):
    found = self.fresh(request)
    if found and self.is_ours(found["spec"]["issuerRef"]) and condition(found, "Approved") and not reason_of(found):
        self.write(found, "Unknown", "Started", "it begins")
    else:
        Signer.look(self, request)


def is_ready_before_its_certificate(self, request, csr):
    self.write(request, "True", "Issued", "signed")
    self.write(request, "True", "Issued", "written", **self.signed(csr))


def with_a_text(self, csr):
    pem = base64.b64decode(Signer.signed(self, csr)["certificate"])
    return {"certificate": base64.b64encode(b"subject=somebody\n" + pem).decode()}


def names_of(csr):
    return list(Signer.names(None, csr))


def leaves_what_it_does_not_know(self, request, csr):
    """One name and a P-256 key is all that it knows."""
    plain = [type(name) for name in names_of(csr)] == [x509.DNSName] and not csr.subject
    key = csr.public_key()
    if plain and "*" not in names_of(csr)[0].value and getattr(key, "curve", None) and key.key_size == 256:
        Signer.issue(self, request, csr)
    else:
        self.pending(request, "what is that?")


def ca_of(csr):
    return [one.value for one in csr.extensions if isinstance(one.value, x509.BasicConstraints)]


def always_later(self, before, status):
    self.turns = getattr(self, "turns", 0) + 1
    return f"2100-01-01T00:00:{self.turns % 60:02}Z"


ANOTHER_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()


def with_junk(self, csr):
    """Take turns of what is no PEM, and what is no certificate."""
    self.turns = getattr(self, "turns", 0) + 1
    pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    texts = [base64.b64encode(octets).decode() for octets in (b"hello", pem)]
    return {"certificate": texts[self.turns % 2], "ca": texts[1 - self.turns % 2]}


JUNK = mutant(signed=with_junk)
# It leaves every request of `forms.SHAPES`.
LEAVING = mutant(issue=leaves_what_it_does_not_know)
MUTANTS = {
    # approval
    "an_unapproved_request_is_not_signed": mutant(may_sign=lambda self, request: True),
    "an_unapproved_request_is_not_processed": mutant(
        unapproved=lambda self, request: self.pending(request, "nobody approved it")
    ),
    "an_approved_request_is_signed": mutant(look=misses_the_first),
    "an_approval_may_come_late": mutant(look=forgets_what_waits_for_approval),
    "a_request_of_another_group_is_left_alone": mutant(is_ours=lambda self, ref: ref["kind"] == "Issuer"),
    "a_request_of_another_kind_is_not_signed": mutant(is_ours=lambda self, ref: ref["group"] == "cert-manager.io"),
    # denial
    "a_denied_request_is_never_signed": mutant(
        is_denied=lambda self, request: None,
        may_sign=lambda self, request: condition(request, "Approved") or condition(request, "Denied"),
    ),
    "a_denied_request_says_so": mutant(is_denied=lambda self, request: None),
    "a_denied_request_has_a_failure_time": mutant(
        deny=lambda self, request: self.write(request, "False", "Denied", "it was denied")
    ),
    # readiness
    "a_request_waits_for_an_issuer_that_is_missing": mutant(
        missing=lambda self, request: self.fail(request, "there is no such issuer")
    ),
    "a_request_says_that_it_waits": mutant(missing=lambda self, request: None),
    "an_issuer_that_comes_later_wakes_its_requests": mutant(issuer_changed=lambda self, name: None),
    "an_issuer_that_is_not_ready_signs_nothing": mutant(is_ready=lambda self, issuer: True),
    "an_issuer_says_that_it_is_ready": mutant(
        publish=lambda self, issuer: None, is_ready=lambda self, issuer: "broken" not in issuer["spec"]["vault"]
    ),
    "an_issuer_says_of_which_generation_it_is_ready": mutant(
        ready_of=lambda self, issuer: {"status": Signer.ready_of(self, issuer)["status"]}
    ),
    # certificate
    "a_certificate_is_pem": mutant(signed=with_a_text),
    "a_certificate_is_for_the_key_of_its_request": mutant(
        leaf=lambda self, csr: self.middle.sign(csr.subject, ANOTHER_KEY, self.names(csr))
    ),
    "a_certificate_has_the_names_of_its_request": mutant(
        names=lambda self, csr: x509.SubjectAlternativeName([*names_of(csr), x509.DNSName("more.test")])
    ),
    "a_chain_leads_up": mutant(chain=lambda self, csr: (self.leaf(csr), self.other.certificate)),
    "a_chain_has_no_root": mutant(chain=lambda self, csr: (*Signer.chain(self, csr), self.root.certificate)),
    "a_certificate_is_valid_now": mutant(leaf=lambda self, csr: Signer.leaf(self, csr, begin=timedelta(days=1))),
    "a_serial_number_is_given_once": mutant(leaf=lambda self, csr: Signer.leaf(self, csr, serial=7)),
    "a_certificate_is_no_ca": mutant(
        leaf=lambda self, csr: Signer.leaf(self, csr, *([] if ca_of(csr) else [x509.BasicConstraints(True, None)]))
    ),
    "a_csr_does_not_make_a_ca": mutant(leaf=lambda self, csr: Signer.leaf(self, csr, *ca_of(csr))),
    # ca
    "a_ca_is_a_ca": mutant(
        signed=lambda self, csr: {**Signer.signed(self, csr), "ca": bundle(self.leaf(csr), self.root.certificate)}
    ),
    "a_ca_ends_the_chain": mutant(
        signed=lambda self, csr: {**Signer.signed(self, csr), "ca": bundle(self.stranger.certificate)}
    ),
    # conditions
    "ready_is_one_of_a_few": mutant(look=starts_first),
    "a_transition_time_stays_with_the_status": mutant(moved=always_later),
    "a_transition_time_moves_with_the_status": mutant(
        moved=lambda self, before, status: before.get("lastTransitionTime") or now()
    ),
    "a_transition_time_is_a_time_of_this_request": mutant(moved=lambda self, before, status: EARLY),
    "conditions_of_others_are_kept": mutant(
        conditions=lambda self, old, ready: [*(one for one in old if one["type"] in ("Approved", "Denied")), ready]
    ),
    "issued_comes_with_its_certificate": mutant(issue=is_ready_before_its_certificate),
    # failure
    "a_wrong_signature_is_not_signed": mutant(is_valid=lambda self, csr: True),
    "what_can_never_be_signed_fails": mutant(fail=lambda self, request, message: self.pending(request, message)),
    "what_failed_has_a_failure_time": mutant(
        fail=lambda self, request, message: self.write(request, "False", "Failed", message)
    ),
    "only_what_failed_has_a_failure_time": mutant(
        missing=lambda self, request: self.write(request, "False", "Pending", "no issuer", failureTime=now())
    ),
    "what_failed_has_no_certificate": mutant(
        fail=lambda self, request, message: self.write(
            request, "False", "Failed", message, failureTime=now(), certificate=bundle(self.middle.certificate)
        )
    ),
    # terminal
    "what_is_issued_stays_issued": again("Issued"),
    "what_failed_stays_failed": again("Failed", failureTime=EARLY),
    "what_is_denied_stays_denied": again("Denied", failureTime=EARLY),
    # pace
    "what_rests_is_not_written_to_again_and_again": turning(Signer.pending),
    "what_rests_is_not_told_of_again_and_again": turning(Signer.tell),
}
