"""Mutants that look for a challenge's answer wrongly, and of what was registered after RFC 8555."""

from __future__ import annotations

import json
import re
from itertools import count

import attrs

from acme_server import validation_authority
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import PREFIX, Problem
from acme_server.registration_authority import orders as ordering
from acme_server.validation_authority import Verdict
from tests.conformance.mutant_replies import gone
from tests.conformance.mutants import (
    all_of,
    around,
    document,
    drop,
    header,
    instead,
    reply,
)

AUTHORIZATION, CHALLENGE, RENEWAL = r"/authz/[^/]+", r"/chall/.+", ".*/renewal-info/.*"


def status(before, after, path=".*", method=".*"):
    """Answer with another status."""

    def edit(request, made):
        here = re.fullmatch(path, request.path) and re.fullmatch(method, request.method) and made.status == before
        return attrs.evolve(made, status=after) if here else made

    return reply(edit)


def typed(kind, other):
    """Report one type of problem as another."""
    return reply(
        lambda _, made: attrs.evolve(made, body=made.body.replace((PREFIX + kind).encode(), (PREFIX + other).encode()))
    )


def payload_of(request):
    return json.loads(b64url_decode(json.loads(request.body)["payload"]))


def verdict(valid):
    def judge(*_):
        return Verdict(valid, None if valid else Problem("unauthorized", "no"), ())
        yield

    return instead("acme_server.validation_authority.validate", judge)


ALWAYS, NEVER = verdict(valid=True), verdict(valid=False)


def to_the_octet(original, target, answer, key):
    original(target, attrs.evolve(answer, body=answer.body + b"." * (answer.body != answer.body.rstrip())), key)


def first_value(original, *question):
    values = yield from original(*question)
    return values[:1]


def revived():
    """Make an invalid challenge valid that is answered again."""
    answered = []

    def edit(request, made):
        if not request.path.startswith("/chall/"):
            return made
        if json.loads(request.body)["payload"]:
            answered.append(request.path)
        if answered.count(request.path) < 2:
            return made
        return attrs.evolve(made, body=json.dumps({**json.loads(made.body), "status": "valid"}).encode())

    return reply(edit)


def counting():
    """Number the orders."""
    numbers = count(1)

    def edit(request, made):
        if request.path != "/new-order" or made.status != 201:
            return made
        headers = {**dict(made.headers), "Location": f"https://acme.test/order/{next(numbers)}"}
        return attrs.evolve(made, headers=tuple(headers.items()))

    return reply(edit)


def an_address(original, item):
    return Identifier("ip", item["value"]) if item["type"] == "ip" else original(item)


ADDRESSES = around(ordering, "parse_identifier", an_address)


def with_dns(shown):
    shown["challenges"].append({**shown["challenges"][0], "type": "dns-01"})


def new_authorization(status=201, shown=()):
    """Offer newAuthz, and answer all of them alike, having done nothing."""

    def edit(request, made):
        if request.path != "/new-order-authz":
            return made
        answer = {"identifier": payload_of(request)["identifier"], "status": "pending", "challenges": [], **dict(shown)}
        headers = (("Content-Type", "application/json"), ("Location", "https://acme.test/authz"), *made.headers[1:])
        return attrs.evolve(made, status=status, headers=headers, body=json.dumps(answer).encode())

    named = document("/dir", lambda shown: shown.update(newAuthz=f"{shown['newOrder']}-authz"))
    return all_of(named, reply(edit))


def refused_order(status, kind):
    """Refuse every order with a problem that has nothing beside its type."""
    body = json.dumps({"type": PREFIX + kind}).encode()
    headers = (("Content-Type", "application/problem+json"), ("Replay-Nonce", "bm9uY2U"))
    return reply(
        lambda request, made: (
            attrs.evolve(made, status=status, body=body, headers=headers) if request.path == "/new-order" else made
        )
    )


def meta(**members):
    return document("/dir", lambda shown: shown.setdefault("meta", {}).update(members))


def of_renewal(request, _made):
    return "/renewal-info/" in request.path


def backwards(shown):
    window = shown["suggestedWindow"]
    shown["suggestedWindow"] = {"start": window["end"], "end": window["start"]}


def replaces_anything(original, *arguments):
    try:
        return original(*arguments)
    except Problem:
        return None


CAA = meta(caaIdentities=["gravel.test"])
PROFILES = meta(profiles={"classic": "https://acme.test/classic"})

MUTANTS = {
    "urls_cannot_be_counted_up": counting(),
    "http_01_is_valid_by_its_text": NEVER,
    "http_01_asks_for_the_token_at_the_name": ALWAYS,
    "http_01_is_not_valid_by_another_text": ALWAYS,
    "whitespace_after_the_text_is_ignored": around(validation_authority, "_judge_http01", to_the_octet),
    "redirects_are_followed": instead("acme_server.redirects.STATUSES", ()),
    "dns_01_is_valid_by_its_record": NEVER,
    "one_of_several_records_is_enough": around(validation_authority, "look_up", first_value),
    "dns_01_is_not_valid_by_another_record": ALWAYS,
    "a_wildcard_is_proved_at_its_base": instead(
        "acme_server.validation_authority.dns01_name", lambda name: f"_acme-challenge.*.{name}"
    ),
    "a_wildcard_is_proved_by_dns_alone": instead(
        "acme_server.registration_authority.orders.CHALLENGES",
        dict.fromkeys(("a name", "a wildcard", "an address"), ("http-01", "dns-01")),
    ),
    "a_challenge_that_is_tried_again_says_when": document(
        CHALLENGE, lambda shown: shown.update(status="processing") if shown["status"] == "invalid" else None
    ),
    "an_invalid_challenge_stays_invalid": revived(),
    "tls_alpn_01_is_valid_by_its_certificate": NEVER,
    "tls_alpn_01_asks_for_the_name": ALWAYS,
    "tls_alpn_01_is_not_valid_by_another_certificate": instead("acme_server.tls_alpn.judge", lambda *_: None),
    "another_protocol_is_not_acme_tls": ALWAYS,
    "an_address_has_one_spelling": ADDRESSES,
    "an_address_is_not_proved_by_dns": all_of(ADDRESSES, document(AUTHORIZATION, with_dns)),
    "an_address_is_proved_by_http_01": all_of(ADDRESSES, NEVER),
    "an_authorization_is_made_beforehand": new_authorization(status=200),
    "what_nobody_proved_is_pending": new_authorization(shown={"status": "valid"}),
    "no_wildcard_is_authorized_beforehand": new_authorization(),
    "an_unknown_identifier_is_not_authorized": new_authorization(),
    "caa_forbids_what_it_does_not_allow": all_of(CAA, ALWAYS),
    "what_caa_forbids_is_named_so": all_of(CAA, typed("caa", "unauthorized")),
    "caa_allows_the_identity_of_the_server": all_of(CAA, status(200, 403, ".*/finalize")),
    "renewal_information_is_read_with_get": status(200, 405, RENEWAL, "GET"),
    "the_window_is_two_moments_in_order": document(RENEWAL, backwards),
    "renewal_information_says_when_to_ask_again": header("Retry-After", gone, of_renewal),
    "there_is_none_for_an_unknown_certificate": all_of(status(404, 200, RENEWAL), status(400, 200, RENEWAL)),
    "an_order_shows_what_it_replaces": document("/new-order", drop("replaces")),
    "a_certificate_is_replaced_once": typed("alreadyReplaced", "malformed"),
    "what_an_order_replaces_is_its_own": around(ordering, "replaced_by", replaces_anything),
    "profiles_are_described": meta(profiles=["classic"]),
    "an_unknown_profile_is_named_so": all_of(PROFILES, typed("invalidProfile", "malformed")),
    "an_order_shows_its_profile": all_of(PROFILES, document("/new-order", drop("profile"))),
    "a_limit_is_named_so": refused_order(429, "malformed"),
    "a_limit_says_when_it_ends": refused_order(429, "rateLimited"),
    "changed_terms_are_explained": refused_order(403, "userActionRequired"),
}
