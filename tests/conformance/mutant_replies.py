"""Mutants that answer wrongly, though they do the right thing.

Most break what the server shows of its records, how its endpoints answer, or what its complaints are called. EDITED
are the others: the reply is changed on its way out, because what is wrong with it has no place of its own there.
"""

from __future__ import annotations

from types import SimpleNamespace

import attrs

from acme_server import account_endpoints, certificate_authority, endpoints, orders, request
from acme_server.endpoints import Answer
from acme_server.exchange import Reply
from acme_server.nonces import NoncePool
from acme_server.protocol.jwk import parse_jwk
from acme_server.protocol.problem import Problem
from acme_server.registration_authority import accounts as registration
from acme_server.registration_authority import finalization, key_change, revocation
from acme_server.registration_authority import orders as ordering
from acme_server.registration_authority.outcome import Outcome
from acme_server.store import CERTIFICATE_BY_FINGERPRINT, ORDERS_BY_ACCOUNT
from tests.conformance.mutants import (
    all_of,
    around,
    complaining,
    document,
    drop,
    endpoint,
    header,
    instead,
    reply,
    shown,
)

END = "-----END CERTIFICATE-----\n"
PENDING = "pending"


def gone(_value):
    return None


def without_relation(name):
    return lambda value: None if f'rel="{name}"' in value else value


def with_member(**members):
    return lambda found: found.update(members)


def when(status, change):
    return lambda found: change(found) if found["status"] == status else None


def after(change):
    """Change the reply that an endpoint gives."""
    return lambda original, call: attrs.evolve(answer := original(call), reply=change(answer.reply))


def with_status(before, wrong):
    return after(lambda made: attrs.evolve(made, status=wrong) if made.status == before else made)


def crash(*_):
    raise TypeError("our own mistake")


def new_finalize_url():
    """Give an order another finalize URL each time that it is shown."""
    given = []

    def finalize(self, order_id):
        given.append(order_id)
        return f"{self.base}/order/{order_id}/finalize/{len(given)}"

    return instead("acme_server.links.Links.finalize", finalize)


def forgets_after_refusal(patch):
    """Hand out a nonce with badNonce that is forgotten at once."""
    refused = []

    def redeem(original, self, nonce, now):
        refused[:] = [not original(self, nonce, now)]
        return not refused[0]

    def issue(original, self, now):
        nonce = original(self, now)
        if refused == [True]:
            del self._issued[nonce]
        return nonce

    around(NoncePool, "redeem", redeem)(patch)
    around(NoncePool, "issue", issue)(patch)


def without_algorithms(original, alg):
    try:
        original(alg)
    except Problem as problem:
        raise attrs.evolve(problem, extra={}) from None


def changes_what_it_finds(original, world, jwk, payload, now):
    outcome = original(world, jwk, payload, now)
    contact = tuple(payload.get("contact", ()))
    return outcome if outcome.changes else Outcome(attrs.evolve(outcome.record, contact=contact))


def takes_agreement_back(original, account, payload):
    updated = attrs.evolve(original(account, payload).record, terms_agreed=bool(payload.get("termsOfServiceAgreed")))
    return Outcome(updated, (updated,))


def forgets_authorizations(original, order, certificate_id):
    return attrs.evolve(original(order, certificate_id), authorization_ids=())


def never_wildcard(original, *arguments):
    return attrs.evolve(original(*arguments), wildcard=False)


def fails_the_order(original, world, order, csr):
    try:
        original(world, order, csr)
    except Problem as problem:
        world.store.commit((orders.fail(order, problem),), (), order.created)
        raise


def order_answer(wrong):
    """Answer with another status where an order is shown with its Location."""

    def answer(original, call, order, status, *headers):
        return original(call, order, wrong.get(status, status) if headers else status, *headers)

    return around(endpoints, "_order", answer)


def turned(original, ca, leaf):
    first, end, issuers = original(ca, leaf).partition(END)
    return issuers + first + end


def another_each_time():
    """Show another certificate from the second time on."""
    seen = []

    def certificate(original, call):
        answer = original(call)
        seen.append(answer.reply.body)
        leaf, end, issuers = answer.reply.body.partition(END.encode())
        again = seen.count(answer.reply.body) > 1
        return Answer(attrs.evolve(answer.reply, body=issuers + leaf + end)) if again else answer

    return endpoint("/cert/{certificate}", certificate)


def wordless(original, value):
    try:
        return original(value)
    except Problem as problem:
        raise attrs.evolve(problem, detail="that reason is not allowed") from None


def failing_orders(original, world, account, document):
    """Change the key, and let the account's orders fail."""
    outcome, problem = original(world, account, document), Problem("serverInternal", "the key changed")
    lost = [orders.fail(order, problem) for order in world.store.find(ORDERS_BY_ACCOUNT, account.id)]
    return attrs.evolve(outcome, changes=(*outcome.changes, *lost))


def without_nonce(original, document, what="JWS"):
    jws = original(document, what)
    return attrs.evolve(jws, header={name: value for name, value in jws.header.items() if name != "nonce"})


def without_location(original, *arguments):
    try:
        return original(*arguments)
    except Problem as problem:
        raise attrs.evolve(problem, headers=()) from None


def unexplained(received, made):
    return attrs.evolve(made, body=b"") if received.path == "/key-change" else made


def everything_accepted(received, made):
    return attrs.evolve(made, status=201) if received.path == "/new-account" else made


NOTHING_FOUND = instead("acme_server.registration_authority.accounts.ACCOUNT_BY_THUMBPRINT", CERTIFICATE_BY_FINGERPRINT)

BROKEN = {
    "every_url_in_the_directory_is_https": shown("directory", with_member(renewalInfo="http://acme.test/info")),
    "an_account_may_be_registered_and_used": shown("account", with_member(status=PENDING)),
    "an_unsupported_algorithm_is_named_so": complaining(request, "check_algorithm", "malformed"),
    "supported_algorithms_are_listed": around(request, "check_algorithm", without_algorithms),
    "a_key_that_is_no_point_is_refused_as_such": complaining(request, "parse_jwk", "malformed"),
    "post_as_get_shows_what_is_there": new_finalize_url(),
    "another_url_makes_it_unauthorized": complaining(request, "_check_url", "malformed"),
    "bad_nonce_brings_a_good_one": forgets_after_refusal,
    "nonces_are_base64url": around(NoncePool, "issue", lambda original, *pool: f"{original(*pool)}=="),
    "nonces_are_unique": instead("acme_server.nonces.NoncePool.issue", lambda *_: "YWx3YXlzIHRoZSBzYW1l"),
    "errors_are_problem_documents": instead(
        "acme_server.front_end._problem", lambda problem: Answer(Reply(problem.status))
    ),
    "only_registered_types_are_used": complaining(ordering, "parse_identifier", "noSuchIdentifier"),
    "no_request_of_a_client_is_the_servers_fault": instead("acme_server.front_end._not_allowed", crash),
    "identifiers_are_named_in_subproblems_only": instead(
        "acme_server.registration_authority.orders.together", lambda problems: problems[0]
    ),
    "the_directory_names_new_nonce": shown("directory", drop("newNonce")),
    "replies_link_to_the_directory": instead("acme_server.links.Links.index", ("Link", '<https://acme.test/other>;rel="index"')),
    "meta_is_an_object": shown("directory", with_member(meta=["terms"])),
    "new_authz_is_named_only_if_it_works": shown("directory", lambda found: found.update(newAuthz=f"{found['newOrder']}x")),
    "accounts_have_status_and_orders": shown("account", drop("orders")),
    "the_list_of_orders_is_an_object": shown("orders", lambda found: found["orders"]),
    "pending_orders_are_listed": shown("orders", with_member(orders=[])),
    "invalid_orders_are_not_listed": instead("acme_server.account_endpoints.OrderStatus", SimpleNamespace(INVALID=None)),
    "orders_have_their_members": shown("order", drop("expires")),
    "orders_are_for_what_was_asked": around(ordering, "parse_identifiers", lambda original, *what: original(*what)[:1]),
    "identifiers_and_authorizations_stay": around(orders, "issue", forgets_authorizations),
    "an_authorization_of_a_wildcard_says_so": around(ordering, "_new_authorization", never_wildcard),
    "other_authorizations_have_no_wildcard": shown("authorization", with_member(wildcard=False)),
    "authorizations_have_their_members": shown("challenge", drop("url")),
    "an_order_becomes_ready_with_its_authorizations": shown("order", with_member(certificate="https://acme.test/cert")),
    "a_valid_order_has_a_certificate_and_expires": shown("order", when("valid", drop("expires"))),
    "head_gives_a_nonce": instead("acme_server.front_end.NEW_NONCE", None),
    "head_is_answered_with_200": endpoint("/nonce", with_status(200, 204)),
    "get_gives_a_nonce_and_nothing_else": endpoint("/nonce", with_status(204, 200)),
    "nonces_are_not_cached": endpoint("/nonce", after(lambda made: attrs.evolve(made, headers=()))),
    "a_new_account_is_created": endpoint("/new-account", with_status(201, 200)),
    "unknown_members_of_an_account_are_ignored": shown("account", with_member(onlyReturnExisting=False)),
    "a_contact_of_another_scheme_is_unsupported": complaining(registration, "parse_contacts", "malformed"),
    "a_contact_with_a_bad_value_is_invalid": complaining(registration, "parse_contacts", "malformed"),
    "a_key_gets_one_account_even_at_the_same_time": NOTHING_FOUND,
    "a_known_key_finds_its_account": NOTHING_FOUND,
    "finding_an_account_changes_nothing": around(registration, "new_account", changes_what_it_finds),
    "other_updates_of_an_account_are_ignored": around(registration, "update_account", takes_agreement_back),
    "a_binding_that_was_not_verified_is_not_shown": shown("account", with_member(externalAccountBinding={})),
    "a_missing_binding_is_named_so": shown("directory", with_member(meta={"externalAccountRequired": True})),
    "an_account_is_deactivated": instead("acme_server.accounts.deactivate", lambda account: account),
    "a_deactivated_account_is_told_401": complaining(request, "check_active", "unauthorized", 403),
    "an_order_is_created": order_answer({201: 200}),
    "a_pending_order_is_not_finalized": complaining(finalization, "finalize", "malformed"),
    "a_bad_csr_is_named_so": complaining(finalization, "_check_csr", "malformed"),
    "a_refused_csr_leaves_the_order_ready": around(finalization, "_check_csr", fails_the_order),
    "finalize_shows_the_order": order_answer({200: 202}),
    "a_chain_is_the_default_format": instead("acme_server.endpoints.CHAIN_TYPE", "application/x-pem-file"),
    "a_certificate_stays_as_it_is": another_each_time(),
    "a_chain_is_strict_pem": around(
        certificate_authority, "chain_pem", lambda original, *what: f"Your certificate:\n{original(*what)}"
    ),
    "the_leaf_comes_first": around(certificate_authority, "chain_pem", turned),
    "each_certificate_certifies_the_one_before": around(
        certificate_authority, "chain_pem", lambda _, ca, leaf: certificate_authority.pem(leaf) + ca.root_pem
    ),
    "a_response_shows_the_challenge": shown(
        "challenge", lambda found: None if found["status"] == PENDING else found.pop("token") and found
    ),
    "a_valid_authorization_expires": shown("authorization", when("valid", drop("expires"))),
    "an_invalid_challenge_says_why": shown("challenge", drop("error")),
    "a_certificate_is_revoked_once": complaining(revocation, "revoke", "malformed"),
    "a_reason_that_is_not_allowed_is_named_so": complaining(revocation, "_reason", "malformed"),
    "allowed_reasons_are_listed": around(revocation, "_reason", wordless),
    "a_key_is_changed": instead("acme_server.accounts.change_key", lambda account, _: account),
    "a_key_change_leaves_orders_as_they_are": around(account_endpoints, "change_key", failing_orders),
    "a_wrong_key_change_is_refused": instead(
        "acme_server.registration_authority.key_change._verified", lambda jws: parse_jwk(jws.header["jwk"])
    ),
    "an_inner_nonce_is_refused": around(key_change, "jws_from", without_nonce),
    "a_key_of_another_account_is_refused": all_of(
        instead("acme_server.registration_authority.key_change.ACCOUNT_BY_THUMBPRINT", CERTIFICATE_BY_FINGERPRINT),
        instead("acme_server.store.MemoryStore._check", lambda *_: None),
    ),
    "a_conflict_names_the_other_account": around(account_endpoints, "change_key", without_location),
}  # fmt: skip

# What is edited, for the server has no part of its own for it: headers that the front end gives to every reply,
# links, and the external accounts that the server of these tests does not have.
EDITED = {
    "browsers_may_read_the_directory": header("Access-Control-Allow-Origin", gone),
    "success_brings_a_nonce": header("Replay-Nonce", gone, lambda _, made: made.status == 201),
    "errors_bring_a_nonce": header("Replay-Nonce", gone, lambda _, made: made.status >= 400),
    "challenges_link_to_their_authorization": header("Link", without_relation("up")),
    "alternate_chains_are_for_the_same_certificate": header(
        "Link", lambda value: value.replace('rel="index"', 'rel="alternate"'), lambda received, _: received.path.startswith("/cert/")
    ),
    "a_binding_is_accepted_and_shown": document("/new-account", drop("externalAccountBinding")),
    "a_wrong_binding_is_refused": reply(everything_accepted),
    "a_refused_key_change_is_explained": reply(unexplained),
}  # fmt: skip
MUTANTS = {**BROKEN, **EDITED}
