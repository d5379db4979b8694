"""Mutants that are not up to what is hostile: absurd, ambiguous, too much or too slow."""

from __future__ import annotations

import base64
import gzip
import json
import re

import attrs
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from acme_server import csr, front_end, orders
from acme_server import request as acme_request
from acme_server import web as web_edge
from acme_server.protocol import jose
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.status import OrderStatus
from acme_server.registration_authority import finalization
from acme_server.registration_authority import orders as ordering
from tests.conformance.mutant_replies import crash, with_status
from tests.conformance.mutant_requests import ANY_CONTACT, ANY_CSR, NO_DATES, UNVERIFIED, more_names, nothing
from tests.conformance.mutants import all_of, around, endpoint, instead


def lenient_base64url(text):
    text = re.sub("[^A-Za-z0-9_-]", "", text)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def whole_body(request, limit, patience):
    """Read everything, inflated."""
    del limit, patience
    body = await request.content.read()
    return gzip.decompress(body) if "Content-Encoding" in request.headers else body


async def a_minute_each(original, request, limit, patience):
    del patience
    return await original(request, limit, 60.0)


def chunks_before_length(original, self, data):
    """Look past a Content-Length where there is a Transfer-Encoding, and stay connected."""
    original(self, re.sub(rb"Content-Length: \d+\r\n(?=Transfer-Encoding)", b"", data))


def says_500(original, self, data):
    self.transport.write(b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n")
    original(self, data)


def crash_on_escapes(original, request):
    return crash() if "%" in request.path else original(request)


def as_written(original, value):
    return attrs.evolve(original(value), thumbprint=json.dumps(value))


def always_ready(original, *arguments):
    found = original(*arguments)
    return OrderStatus.READY if found in (OrderStatus.PROCESSING, OrderStatus.VALID) else found


def first_octets(original, jwk, signature, data):
    return original(jwk, signature[:64], data)


def unread(original, item):
    del original
    return Identifier("dns", item["value"].lower())


def as_spelled(original, item):
    original(item)
    return Identifier("dns", item["value"])


def crash_on_password(original, der):
    return crash() if b"\xff" * 8 in der else original(der)


# aiohttp's parser complains by this; here it takes every complaint for a request that went well.
NOTHING_WRONG = instead("acme_server.web._Connection.handle_error", lambda *_: web.Response())
NO_LIMIT = all_of(instead("acme_server.web._read", whole_body), instead("acme_server.request._check_body", nothing))
ANY_NAME = instead("acme_server.protocol.identifier.dns_complaint", nothing)
LENIENT = instead("acme_server.protocol.jose.b64url_decode", lenient_base64url)
PATIENT = instead("acme_server.web._Connection._await_head", nothing)

MUTANTS = {
    # The order of pipelined replies is aiohttp's: here the second is not newNonce's.
    "pipelined_requests_are_answered_in_order": endpoint("/nonce", with_status(204, 200)),
    "a_head_without_one_meaning_is_refused": NOTHING_WRONG,
    "an_absolute_target_is_accepted": instead("acme_server.web._path", str),
    "no_request_is_smuggled_in_a_body": around(RequestHandler, "data_received", chunks_before_length),
    "a_method_that_is_not_allowed_brings_those_that_are": instead(
        "acme_server.front_end._not_allowed", lambda *_: jose.malformed("no")
    ),
    "a_half_closed_connection_is_not_kept": around(RequestHandler, "data_received", says_500),
    "an_absurd_target_is_the_clients_mistake": around(front_end, "find_route", crash_on_escapes),
    "a_compressed_body_is_not_inflated": NO_LIMIT,
    "what_is_no_json_is_explained_wherever_it_is": instead("acme_server.protocol.jose.load_json", json.loads),
    "straining_json_is_no_fault_of_the_servers": instead("acme_server.protocol.jose.load_json", json.loads),
    "names_that_come_twice_are_refused": instead("acme_server.protocol.jose.load_json", json.loads),
    "base64url_has_no_other_characters": LENIENT,
    "base64url_has_one_spelling": LENIENT,
    "an_ecdsa_signature_has_one_form": around(jose, "_verify", first_octets),
    "another_signature_makes_no_new_request": instead(
        "acme_server.nonces.NoncePool.redeem", lambda self, nonce, now: nonce in self._issued
    ),
    "near_misses_of_an_algorithm_are_refused": lambda patch: patch.setitem(jose.ALGORITHMS, "es256", "P-256"),
    "an_algorithm_is_for_its_kind_of_key": UNVERIFIED,
    "a_short_rsa_key_is_refused": instead("acme_server.protocol.jwk.RSA_BITS", range(512, 8193)),
    "an_absurd_key_is_explained": instead("acme_server.protocol.jwk.bad_key", crash),
    "a_private_key_is_not_accepted": instead("acme_server.protocol.jwk.PRIVATE_MEMBERS", frozenset()),
    "what_is_no_csr_is_explained": instead("acme_server.csr._read", lambda reader, _: reader()),
    "a_csr_of_another_type_is_explained": instead(
        "acme_server.registration_authority.finalization.b64url_decode", lenient_base64url
    ),
    "a_csr_without_a_good_signature_is_refused": instead("acme_server.csr._check_signature", nothing),
    "a_csr_with_a_weak_key_is_refused": instead("acme_server.csr._checked_key", lambda found: found.public_key()),
    "a_csr_asks_for_the_orders_names_exactly": ANY_CSR,
    "a_name_may_be_the_common_name_alone": instead("acme_server.csr._common_names", lambda _: ()),
    "a_csr_gets_nothing_that_was_not_ordered": around(finalization.certificate_authority, "issue", more_names),
    "odd_attributes_are_no_fault_of_the_servers": around(finalization, "parse_csr", crash_on_password),
    "a_large_csr_is_explained": all_of(ANY_CSR, lambda patch: patch.setattr(csr, "MAX_BYTES", 1 << 20)),
    "what_is_no_name_cannot_be_ordered": ANY_NAME,
    "odd_names_are_explained": instead("acme_server.protocol.identifier._is_idna", lambda _: True),
    "odd_identifiers_are_explained": around(ordering, "parse_identifier", unread),
    "a_name_that_comes_twice_is_no_fault_of_the_servers": around(ordering, "parse_identifier", as_spelled),
    "absurd_dates_are_refused": NO_DATES,
    "dates_of_other_ages_are_explained": NO_DATES,
    "odd_contacts_are_explained": ANY_CONTACT,
    "a_known_key_is_found_however_it_is_written": around(acme_request, "parse_jwk", as_written),
    "an_order_is_finalized_once_even_at_the_same_time": around(orders, "status_of", always_ready),
    "what_is_no_certificate_is_explained": instead(
        "acme_server.registration_authority.revocation.b64url_decode", lenient_base64url
    ),
    "a_large_body_is_refused": NO_LIMIT,
    "a_large_head_is_refused": NOTHING_WRONG,
    "an_odd_nonce_is_explained": instead("acme_server.request._spend_nonce", nothing),
    "too_many_of_a_kind_are_explained": all_of(
        NO_LIMIT, instead("acme_server.registration_authority.contacts.MAX_CONTACTS", 1 << 20)
    ),
    "a_silent_connection_ends": PATIENT,
    "a_slow_head_ends": PATIENT,
    "a_slow_body_ends": around(web_edge, "_read", a_minute_each),
}
