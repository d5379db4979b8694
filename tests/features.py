"""What the server does that people choose a test CA by, row by row: in Pebble too or not, and the test that shows it.

The table of docs/beside-pebble.md is made of this by `make docs`; `tests/test_documents.py` looks whether the tests are there. What
Pebble does was read in its source (2.10.1).
"""

from __future__ import annotations

import attrs


@attrs.frozen
class Feature:
    """A row: what gravel does, what Pebble does about it, and `file::function` of the test, below tests/."""

    text: str
    pebble: str
    test: str


_RA = "acme_server/registration_authority"
FEATURES: tuple[Feature, ...] = (
    Feature(
        "every MUST of its own conformance suite",
        "20 fail (2.4.0)",
        "conformance/test_own_server.py::test_our_server_fails_no_check_but_those_that_are_known",
    ),
    Feature(
        "external account binding, required or offered",
        "yes",
        f"{_RA}/test_external_accounts.py::test_a_binding_is_verified_and_shown_as_it_was_sent",
    ),
    Feature(
        "terms of service that change at run time (7.3.3)",
        "no",
        f"{_RA}/test_terms.py::test_an_account_that_has_not_agreed_is_sent_to_where_a_human_does",
    ),
    Feature(
        "keyChange, with 409 and Location on a conflict",
        "409 without a problem",
        f"{_RA}/test_key_change.py::test_a_key_that_has_an_account_is_a_conflict_which_names_it",
    ),
    Feature("newAuthz (7.4.1)", "no", f"{_RA}/test_pre_authorization.py::test_orders_rest_on_it_once_it_is_valid"),
    Feature(
        "revocation by who controls all names",
        "no",
        f"{_RA}/test_revocation.py::test_an_account_that_controls_every_name_revokes",
    ),
    Feature(
        "validations tried again (8.2), by the client too",
        "one shot",
        f"{_RA}/test_retries.py::test_a_client_that_answers_again_is_looked_at_once_more_at_once",
    ),
    Feature(
        "CAA with account and method (RFC 8659, 8657)",
        "no",
        "acme_server/test_caa.py::test_the_account_and_the_method_are_those_of_the_challenge",
    ),
    Feature(
        "vantage points with a quorum, each with a DNS of its own",
        "three looks, one DNS",
        "acme_server/test_vantage_points.py::test_a_vantage_point_may_fail_and_the_quorum_says_how_many",
    ),
    Feature(
        "IP addresses (RFC 8738), one spelling each",
        "any spelling",
        "acme_server/test_addresses.py::test_another_spelling_is_malformed",
    ),
    Feature(
        "dns-account-01, dns-persist-01",
        "yes",
        "acme_server/test_dns_challenges.py::test_dns_persist_01_is_met_by_a_record_that_stays",
    ),
    Feature(
        "ARI (RFC 9773), in a clock that you move",
        "no clock",
        "clients/test_certbot_renewal.py::test_certbot_renews_when_sixty_days_have_passed_and_no_sooner_again",
    ),
    Feature(
        "profiles", "random unless chosen", "acme_server/test_profiles.py::test_a_certificate_is_as_its_profile_says"
    ),
    Feature(
        "alternate chains by cross-signed roots",
        "yes",
        "acme_server/test_hierarchies.py::test_each_root_has_a_chain_and_no_chain_leads_to_another_root",
    ),
    Feature(
        "a root from files, or from a seed",
        "refused",
        "acme_server/test_hierarchies.py::test_intermediates_are_made_below_a_root_that_was_loaded_and_within_its_validity",
    ),
    Feature(
        "revocation lists that openssl checks",
        "no",
        "acme_server/test_revocation_lists.py::test_openssl_refuses_a_revoked_certificate_and_no_other",
    ),
    Feature(
        "Let's Encrypt's rate limits, Retry-After and `help`",
        "no",
        "clients/test_rate_limits.py::test_certbot_is_told_which_limit_it_hit_and_succeeds_a_week_later",
    ),
    Feature(
        "faults by endpoint, account and count, while it runs",
        "badNonce at random",
        "clients/test_faults.py::test_a_429_ends_the_run_at_once_and_the_next_run_gets_the_certificate",
    ),
    Feature(
        "a problem document and a nonce for what is no HTTP",
        "text",
        "acme_server/test_attack_wire.py::test_each_attack_has_one_answer",
    ),
    Feature(
        "state on disk: nothing acknowledged is lost by `kill -9`",
        "memory only",
        "gravel/test_kill.py::test_nothing_acknowledged_is_lost_and_nothing_issued_twice",
    ),
    Feature(
        "the same bytes for the same seed",
        "no",
        "gravel/fixture/test_plugin.py::test_fifty_servers_at_once_under_xdist_give_what_they_give_alone_byte_for_byte",
    ),
    Feature(
        "a live page of orders, validations, queue and DNS",
        "no",
        "gravel/page/test_in_chromium.py::test_every_view_is_drawn_and_fits_its_window",
    ),
    Feature(
        "says why an order is stuck, and who must act",
        "no",
        "gravel/explaining/test_explaining_properties.py::test_any_state_is_explained_and_no_secret_is_told",
    ),
    Feature(
        "says what is stuck in a cluster, and who must act",
        "no",
        "gravel/test_diagnose.py::test_slots_queue_and_conflicts_are_tables_and_what_is_stuck_is_exit_1",
    ),
)


def table() -> str:
    """Return the rows as Markdown, each with a link to its test."""
    lines = ["| gravel | Pebble | shown by |", "|---|---|---|"]
    for feature in FEATURES:
        file, _, function = feature.test.partition("::")
        lines.append(
            f"| {feature.text} | {feature.pebble} | [{function.removeprefix('test_').replace('_', ' ')}](../tests/{file}) |"
        )
    return "\n".join(lines)
