"""Mutants that accept what they should refuse, or refuse what they should accept."""

from __future__ import annotations

import json
import re

import attrs
from cryptography.hazmat.primitives.asymmetric import ec

from acme_server import front_end, orders, request
from acme_server.accounts import Account
from acme_server.authorizations import Challenge
from acme_server.links import Links
from acme_server.protocol import jose
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jose import Jws, jws_from
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.problem import Problem, malformed
from acme_server.protocol.status import AuthorizationStatus
from acme_server.registration_authority import accounts as registration
from acme_server.registration_authority import finalization, revocation
from acme_server.registration_authority import orders as ordering
from acme_server.request import SignedRequest, Signer
from acme_server.store import ACCOUNT_BY_THUMBPRINT
from acme_server.validation_authority import Verdict
from tests.conformance.mutants import all_of, around, endpoint, instead


def nothing(*_):
    return None


def unpadded(original, text):
    return original(text.rstrip("=") if isinstance(text, str) else text)


def unsigned(original, world, received, signer, now):
    try:
        return original(world, received, signer, now)
    except Problem:
        return SignedRequest(jwk_of(ec.derive_private_key(7, ec.SECP256R1()).public_key()), None, received.body)


def any_account(original, world, kid):
    try:
        return original(world, kid)
    except Problem:
        return world.store.all(Account)[-1]


def compact(original, body):
    if body.startswith(b"{"):
        return original(body)
    return jws_from(dict(zip(("protected", "payload", "signature"), body.decode().split("."), strict=True)))


def without(name):
    return lambda original, shown, *what: original({key: shown[key] for key in shown if key != name}, *what)


def attached(original, shown, *what):
    return original({"payload": "", **shown}, *what)


def unprotected_too(original, shown, *what):
    found = original({key: shown[key] for key in shown if key != "header"}, *what)
    return attrs.evolve(found, header={**shown.get("header", {}), **found.header})


def prefers_kid(original, world, header, signer):
    return original(world, {key: header[key] for key in header if key != "jwk" or "kid" not in header}, signer)


def last_account(original, world, header, signer):
    if {"jwk", "kid"} & header.keys():
        return original(world, header, signer)
    account = world.store.all(Account)[-1]
    return account, world.account_keys.of(account)


def either_signer(original, world, header, signer):
    account, jwk = original(world, header, Signer.EITHER)
    found = world.store.find(ACCOUNT_BY_THUMBPRINT, jwk.thumbprint)
    return (account or found[0]) if signer is Signer.ACCOUNT else account, jwk


def lenient_kid(_original, self, kid):
    return re.sub(r"[/?#].*", "", kid.rpartition("/account/")[2]) if "/account/" in kid else kid


def raw_jws(body):
    shown = json.loads(body)
    header = json.loads(b64url_decode(shown["protected"]))
    signed = f"{shown['protected']}.{shown['payload']}".encode()
    return Jws(header, b64url_decode(shown["payload"]), signed, b64url_decode(shown["signature"]))


def accepts_none(original, jws, jwk):
    return None if jws.header["alg"].lower() == "none" else original(jws, jwk)


def unowned(call, kind):
    return call.world.store.get(kind, call.parameters[kind.__name__.lower()])


def equivalent_url(original, header, expected):
    url = header.get("url")
    return None if isinstance(url, str) and url.lower().rstrip("/?") == expected else original(header, expected)


def url_if_any(original, header, expected):
    return original(header, expected) if isinstance(header.get("url"), str) else None


def nonce_if_any(original, world, header, now):
    return original(world, header, now) if "nonce" in header else None


def any_nonce_text(_original, world, header, now):
    if not world.nonces.redeem(str(header.get("nonce")), now):
        raise Problem("badNonce", "the nonce is unknown")


def refuses_mailto(value):
    raise Problem("unsupportedContact", "no contacts")


def wants_agreement(_settings, *, agreed):
    if not agreed:
        raise Problem("userActionRequired", "agree to the terms")


def wants_binding(*_):
    raise Problem("externalAccountRequired", "bind the account")


def never_only_existing(original, shown, name):
    return False if name == "onlyReturnExisting" else original(shown, name)


def active_unless_revoking(patch):
    revoking = []

    def read(original, world, received, signer, now):
        revoking[:] = [received.path == "/revoke-cert"]
        return original(world, received, signer, now)

    around(front_end, "read_request", read)(patch)
    around(request, "check_active", lambda original, account: None if revoking[0] else original(account))(patch)


def names_anything(original, item):
    return original(item) if item.get("type") == "dns" else Identifier("dns", "a.conformance.test")


def only_names(_world, order, csr):
    if {*csr.identifiers} != {*order.identifiers}:
        raise Problem("badCSR", "other names")


def more_names(original, ca, key, identifiers, *rest):
    return original(ca, key, (*identifiers, Identifier("dns", "more.conformance.test")), *rest)


def strict_response(original, call):
    if call.document:
        raise malformed("a response has no members")
    return original(call)


def only_by(*methods):
    """An endpoint that other methods do not reach."""

    def judge(original, call):
        if call.method not in methods:
            raise Problem("malformed", "not allowed", 405)
        return original(call)

    return judge


def any_document(original, self):
    try:
        return original(self)
    except Problem:
        return {}


def deactivated_counts(original, authorization, now):
    found = original(authorization, now)
    return AuthorizationStatus.VALID if found is AuthorizationStatus.DEACTIVATED else found


def deactivated_waits(original, authorization, now):
    found = original(authorization, now)
    return AuthorizationStatus.PENDING if found is AuthorizationStatus.DEACTIVATED else found


def always_valid(*_):
    return Verdict(valid=True, problem=None, record=())
    yield


def authority(refused):
    """Whoever has an authority of a kind is refused."""

    def judge(original, *arguments):
        found = original(*arguments)
        return None if found == refused else found

    return around(revocation, "_authority", judge)


def any_certificate(original, world, value):
    try:
        return original(world, value)
    except Problem:
        return next(one for one in reversed(world.store.all(revocation.Certificate)) if one.revoked is None)


UNVERIFIED = instead("acme_server.request.verify", nothing)
ANY_HEADER = instead("acme_server.protocol.jose._check_header", nothing)
EITHER = around(request, "_key_of", either_signer)
UNOWNED = instead("acme_server.endpoints._own", unowned)
NO_DATES = instead("acme_server.registration_authority.orders.parse_validity", lambda *_: (None, None))
ANY_CONTACT = instead("acme_server.registration_authority.accounts.parse_contacts", tuple)
ANY_CSR = instead("acme_server.registration_authority.finalization._check_csr", nothing)

MUTANTS = {
    "padded_base64url_is_refused": around(jose, "b64url_decode", unpadded),
    "a_body_that_is_no_jws_is_refused": around(front_end, "read_request", unsigned),
    "a_signature_that_does_not_verify_is_refused": UNVERIFIED,
    "another_key_cannot_sign_for_an_account": UNVERIFIED,
    "an_account_that_does_not_exist_cannot_sign": all_of(around(request, "_account_of", any_account), UNVERIFIED),
    "the_compact_serialization_is_refused": around(request, "parse_jws", compact),
    "several_signatures_are_refused": around(jose, "jws_from", without("signatures")),
    "an_unprotected_header_is_refused": around(jose, "jws_from", without("header")),
    "an_unencoded_payload_is_refused": ANY_HEADER,
    "a_detached_payload_is_refused": around(jose, "jws_from", attached),
    "a_critical_parameter_that_is_unknown_is_refused": ANY_HEADER,
    "jwk_and_kid_together_are_refused": around(request, "_key_of", prefers_kid),
    "a_request_without_jwk_and_kid_is_refused": around(request, "_key_of", last_account),
    "new_account_wants_a_jwk": EITHER,
    "other_requests_want_a_kid": EITHER,
    "the_kid_is_the_account_url_exactly": around(Links, "account_id", lenient_kid),
    "another_content_type_is_refused": instead("acme_server.request._check_body", nothing),
    "a_header_with_a_name_twice_is_refused": instead("acme_server.protocol.jose.load_json", json.loads),
    "es256_is_accepted": lambda patch: patch.delitem(jose.ALGORITHMS, "ES256"),
    "eddsa_is_accepted": lambda patch: patch.delitem(jose.ALGORITHMS, "EdDSA"),
    "the_algorithm_none_is_refused": all_of(
        instead("acme_server.request.parse_jws", raw_jws),
        instead("acme_server.request.check_algorithm", nothing),
        around(request, "verify", accepts_none),
    ),
    "a_mac_is_refused": all_of(instead("acme_server.request.check_algorithm", nothing), UNVERIFIED),
    "get_is_refused": instead("acme_server.front_end._not_allowed", lambda *_: Problem("malformed", "", 200)),
    "post_as_get_is_for_the_owner": UNOWNED,
    "the_directory_and_nonces_may_be_got": endpoint("/nonce", only_by("HEAD", "POST")),
    "the_directory_and_nonces_may_be_posted_for": endpoint("/dir", only_by("GET")),
    "a_request_for_another_url_is_refused": instead("acme_server.request._check_url", nothing),
    "urls_are_compared_as_strings": around(request, "_check_url", equivalent_url),
    "a_request_without_a_url_is_refused": around(request, "_check_url", url_if_any),
    "an_unknown_nonce_is_refused": instead("acme_server.nonces.NoncePool.redeem", lambda *_: True),
    "a_used_nonce_is_refused": instead(
        "acme_server.nonces.NoncePool.redeem", lambda self, nonce, now: nonce in self._issued
    ),
    "a_nonce_is_used_once_even_at_the_same_time": instead(
        "acme_server.nonces.NoncePool.redeem", lambda self, nonce, now: nonce in self._issued
    ),
    "a_missing_nonce_is_refused": around(request, "_spend_nonce", nonce_if_any),
    "a_nonce_that_is_not_base64url_is_malformed": around(request, "_spend_nonce", any_nonce_text),
    "an_unprotected_nonce_does_not_count": around(jose, "jws_from", unprotected_too),
    "hostile_json_is_the_clients_mistake": instead("acme_server.protocol.jose.load_json", json.loads),
    "names_are_in_certificate_form": instead("acme_server.protocol.identifier.dns_complaint", nothing),
    "mailto_is_a_contact": instead("acme_server.registration_authority.accounts.parse_contacts", refuses_mailto),
    "a_mailto_with_more_than_an_address_is_refused": ANY_CONTACT,
    "terms_that_must_be_agreed_to_are_named": instead(
        "acme_server.registration_authority.terms.check_new", wants_agreement
    ),
    "a_required_binding_is_announced": instead(
        "acme_server.registration_authority.accounts.bound_by", wants_binding
    ),
    "looking_for_an_account_creates_none": around(registration, "_flag", never_only_existing),
    "contacts_are_updated": instead("acme_server.accounts.update_contact", lambda account, _: account),
    "an_account_is_updated_by_its_owner": instead(
        "acme_server.account_endpoints._own_account", lambda call: call.world.store.get(Account, call.parameters["account"])
    ),
    "a_deactivated_account_is_refused": instead("acme_server.request.check_active", nothing),
    "a_deactivated_account_cannot_revoke": active_unless_revoking,
    "a_deactivated_account_is_not_revived": instead(
        "acme_server.registration_authority.accounts.check_active", nothing
    ),
    "an_order_with_an_unreadable_date_is_refused": NO_DATES,
    "an_order_that_ends_before_it_begins_is_refused": NO_DATES,
    "dates_are_honoured_or_refused": NO_DATES,
    "an_identifier_of_an_unknown_type_is_refused": around(ordering, "parse_identifier", names_anything),
    "a_csr_for_other_names_is_refused": ANY_CSR,
    "a_csr_in_another_encoding_is_refused": around(finalization, "b64url_decode", unpadded),
    "an_order_is_finalized_by_its_owner": UNOWNED,
    "the_certificate_is_what_was_asked_for": around(finalization.certificate_authority, "issue", more_names),
    "an_account_key_is_not_certified": instead(
        "acme_server.registration_authority.finalization._check_csr", only_names
    ),
    "a_certificate_is_for_its_owner": UNOWNED,
    "unknown_members_of_a_response_are_ignored": endpoint("/chall/{authorization}/{index}", strict_response),
    "a_malformed_response_is_refused": around(SignedRequest, "document", any_document),
    "a_challenge_is_answered_by_its_owner": UNOWNED,
    "an_authorization_is_deactivated": UNOWNED,
    "a_deactivated_authorization_is_not_enough": around(orders, "authorization_status", deactivated_counts),
    "an_order_ends_with_an_authorization_that_is_given_up": around(orders, "authorization_status", deactivated_waits),
    "another_key_authorization_is_not_accepted": instead(
        "acme_server.validation_authority.validate", always_valid
    ),
    "tokens_are_unguessable": instead(
        "acme_server.registration_authority.orders.Challenge", lambda kind, token, **more: Challenge(kind, token[:8], **more)
    ),
    "its_account_revokes_a_certificate": authority("account"),
    "its_key_revokes_a_certificate": authority("certificate key"),
    "who_controls_its_names_revokes_a_certificate": authority("authorizations"),
    "nobody_else_revokes_a_certificate": instead(
        "acme_server.registration_authority.revocation._authority", lambda *_: "account"
    ),
    "what_was_not_issued_here_is_not_revoked": around(revocation, "_certificate_of", any_certificate),
}  # fmt: skip
