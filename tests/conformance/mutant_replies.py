"""Mutants that answer wrongly, though they do the right thing."""

from __future__ import annotations

import json
import re

import attrs

from acme_server import certificate_authority
from tests.conformance.mutants import all_of, around, document, drop, header, payload_of, problem, reply, status, typed

ACCOUNT, ORDER, AUTHORIZATION, CHALLENGE = r"/account/[^/]+", r"/order/[^/]+", r"/authz/[^/]+", r"/chall/.+"
CERTIFICATE = r"/cert/[^/]+"
END = b"-----END CERTIFICATE-----\n"


def gone(_value):
    return None


def is_error(_request, made):
    return made.status >= 400


def is_success(_request, made):
    return made.status < 300


def is_bad_nonce(_request, made):
    return b":badNonce" in made.body


def without_relation(name):
    return lambda value: None if f'rel="{name}"' in value else value


def with_member(**members):
    return lambda shown: shown.update(members)


def emptied(_request, made):
    if made.status != 404:
        return made
    return attrs.evolve(made, body=b"", headers=tuple(one for one in made.headers if one[0] != "Content-Type"))


def when_valid(change):
    return lambda shown: change(shown) if shown["status"] == "valid" else None


def each_challenge(change):
    return lambda shown: [change(challenge) for challenge in shown["challenges"]] and shown


def reflecting():
    """Keep what a client says of an account, and show it."""
    kept = {}

    def edit(request, made):
        if not re.fullmatch(ACCOUNT, request.path) or made.status != 200:
            return made
        kept.update({name: value for name, value in payload_of(request).items() if name == "x-unknown"})
        return attrs.evolve(made, body=json.dumps({**json.loads(made.body), **kept}).encode())

    return reply(edit)


def gives_up():
    """Call an order invalid after its CSR was refused."""
    lost = []

    def edit(request, made):
        if request.path.endswith("/finalize") and made.status == 400:
            lost.append(request.path.removesuffix("/finalize"))
        if request.path in lost:
            return attrs.evolve(made, body=json.dumps({**json.loads(made.body), "status": "invalid"}).encode())
        return made

    return reply(edit)


def listing_all():
    """List every order that was ever placed."""
    placed = []

    def edit(request, made):
        if request.path == "/new-order" and made.status == 201:
            placed.append(dict(made.headers)["Location"])
        if request.path.endswith("/orders") and made.status == 200:
            return attrs.evolve(made, body=json.dumps({"orders": placed}).encode())
        return made

    return reply(edit)


def turned(body):
    leaf, end, issuers = body.partition(END)
    return issuers + leaf + end


def certificate(change):
    return reply(
        lambda request, made: (
            attrs.evolve(made, body=change(made.body))
            if re.fullmatch(CERTIFICATE, request.path) and made.status == 200
            else made
        )
    )


def changing():
    """Show another certificate from the second time on."""
    shown = []

    def change(body):
        shown.append(body)
        return body if shown.count(body) == 1 else turned(body)

    return certificate(change)


def key_change(status, body=b""):
    """Offer key changes, and answer all of them alike, having done nothing."""
    named = document("/dir", lambda shown: shown.update(keyChange=f"{shown['newOrder']}-key"))
    kind = ("Content-Type", "application/problem+json")
    return all_of(
        named,
        reply(
            lambda request, made: (
                attrs.evolve(made, status=status, body=body, headers=(kind, *made.headers[1:]))
                if request.path == "/new-order-key"
                else made
            )
        ),
    )


def everything_accepted(request, made):
    return attrs.evolve(made, status=201) if request.path == "/new-account" else made


MUTANTS = {
    "every_url_in_the_directory_is_https": document("/dir", with_member(renewalInfo="http://acme.test/info")),
    "browsers_may_read_the_directory": header("Access-Control-Allow-Origin", gone),
    "an_account_may_be_registered_and_used": document(ACCOUNT, with_member(status="pending")),
    "an_unsupported_algorithm_is_named_so": typed("badSignatureAlgorithm", "malformed"),
    "supported_algorithms_are_listed": problem("badSignatureAlgorithm", drop("algorithms")),
    "a_key_that_is_no_point_is_refused_as_such": typed("badPublicKey", "malformed"),
    "post_as_get_shows_what_is_there": document(ORDER, with_member(finalize="https://acme.test/finalize")),
    "another_url_makes_it_unauthorized": typed("unauthorized", "malformed"),
    "success_brings_a_nonce": header("Replay-Nonce", gone, lambda request, made: made.status == 201),
    "errors_bring_a_nonce": header("Replay-Nonce", gone, is_error),
    "bad_nonce_brings_a_good_one": header("Replay-Nonce", lambda _: "c3RhbGU", is_bad_nonce),
    "nonces_are_base64url": header("Replay-Nonce", lambda value: f"{value}=="),
    "nonces_are_unique": header("Replay-Nonce", lambda _: "YWx3YXlzIHRoZSBzYW1l", lambda request, _: request.method == "HEAD"),
    "errors_are_problem_documents": reply(emptied),
    "only_registered_types_are_used": typed("unsupportedIdentifier", "noSuchIdentifier"),
    "no_request_of_a_client_is_the_servers_fault": status(405, 500),
    "identifiers_are_named_in_subproblems_only": problem("malformed", with_member(identifier={"type": "dns"})),
    "the_directory_names_new_nonce": document("/dir", drop("newNonce")),
    "replies_link_to_the_directory": header("Link", without_relation("index")),
    "challenges_link_to_their_authorization": header("Link", without_relation("up")),
    "meta_is_an_object": document("/dir", with_member(meta=["terms"])),
    "new_authz_is_named_only_if_it_works": document("/dir", lambda shown: shown.update(newAuthz=f"{shown['newOrder']}x")),
    "accounts_have_status_and_orders": document(ACCOUNT, drop("orders")),
    "the_list_of_orders_is_an_object": document("/account/.+/orders", lambda shown: shown["orders"]),
    "pending_orders_are_listed": document("/account/.+/orders", with_member(orders=[])),
    "invalid_orders_are_not_listed": listing_all(),
    "orders_have_their_members": document("/new-order", drop("expires")),
    "orders_are_for_what_was_asked": document("/new-order", lambda shown: shown["identifiers"].pop() and shown),
    "identifiers_and_authorizations_stay": document(ORDER, when_valid(with_member(authorizations=[]))),
    "an_authorization_of_a_wildcard_says_so": document(AUTHORIZATION, drop("wildcard")),
    "other_authorizations_have_no_wildcard": document(AUTHORIZATION, with_member(wildcard=False)),
    "authorizations_have_their_members": document(AUTHORIZATION, each_challenge(drop("url"))),
    "an_order_becomes_ready_with_its_authorizations": document(
        ORDER, with_member(certificate="https://acme.test/cert")
    ),
    "a_valid_order_has_a_certificate_and_expires": document(ORDER, when_valid(drop("expires"))),
    "head_gives_a_nonce": header("Replay-Nonce", gone, lambda request, _: request.method == "HEAD"),
    "head_is_answered_with_200": status(200, 204, "/nonce", "HEAD"),
    "get_gives_a_nonce_and_nothing_else": status(204, 200, "/nonce", "GET"),
    "nonces_are_not_cached": header("Cache-Control", gone),
    "a_new_account_is_created": status(201, 200, "/new-account"),
    "unknown_members_of_an_account_are_ignored": document("/new-account", with_member(onlyReturnExisting=False)),
    "a_contact_of_another_scheme_is_unsupported": typed("unsupportedContact", "malformed"),
    "a_contact_with_a_bad_value_is_invalid": typed("invalidContact", "malformed"),
    "a_key_gets_one_account_even_at_the_same_time": status(200, 201, "/new-account"),
    "a_known_key_finds_its_account": status(200, 201, "/new-account"),
    "finding_an_account_changes_nothing": document("/new-account", with_member(contact=["mailto:other@conformance.test"])),
    "other_updates_of_an_account_are_ignored": reflecting(),
    "a_binding_that_was_not_verified_is_not_shown": document("/new-account", with_member(externalAccountBinding={})),
    "a_missing_binding_is_named_so": document("/dir", with_member(meta={"externalAccountRequired": True})),
    "a_binding_is_accepted_and_shown": document("/new-account", drop("externalAccountBinding")),
    "a_wrong_binding_is_refused": reply(everything_accepted),
    "a_key_is_changed": key_change(501),
    "a_key_change_leaves_orders_as_they_are": key_change(501),
    "a_wrong_key_change_is_refused": key_change(200),
    "an_inner_nonce_is_refused": key_change(200),
    "a_key_of_another_account_is_refused": key_change(200),
    "a_conflict_names_the_other_account": key_change(403),
    "a_refused_key_change_is_explained": key_change(409),
    "an_account_is_deactivated": document(ACCOUNT, with_member(status="valid")),
    "a_deactivated_account_is_told_401": status(401, 403),
    "an_order_is_created": status(201, 200, "/new-order"),
    "a_pending_order_is_not_finalized": typed("orderNotReady", "malformed"),
    "a_bad_csr_is_named_so": typed("badCSR", "malformed"),
    "a_refused_csr_leaves_the_order_ready": gives_up(),
    "finalize_shows_the_order": status(200, 202, ".*/finalize"),
    "a_chain_is_the_default_format": header(
        "Content-Type", lambda _: "application/x-pem-file", lambda request, _: request.path.startswith("/cert/")
    ),
    "a_certificate_stays_as_it_is": changing(),
    "alternate_chains_are_for_the_same_certificate": header(
        "Link", lambda value: value.replace('rel="up"', 'rel="alternate"'), lambda request, _: request.path.startswith("/cert/")
    ),
    "a_chain_is_strict_pem": certificate(lambda body: b"Your certificate:\n" + body),
    "the_leaf_comes_first": certificate(turned),
    "each_certificate_certifies_the_one_before": around(
        certificate_authority, "chain_pem", lambda _, ca, leaf: certificate_authority.pem(leaf) + ca.root_pem
    ),
    "a_response_shows_the_challenge": document(CHALLENGE, drop("token")),
    "a_valid_authorization_expires": document(AUTHORIZATION, when_valid(drop("expires"))),
    "an_invalid_challenge_says_why": document(CHALLENGE, drop("error")),
    "a_certificate_is_revoked_once": typed("alreadyRevoked", "malformed"),
    "a_reason_that_is_not_allowed_is_named_so": typed("badRevocationReason", "malformed"),
    "allowed_reasons_are_listed": problem("badRevocationReason", with_member(detail="that reason is not allowed")),
}  # fmt: skip
