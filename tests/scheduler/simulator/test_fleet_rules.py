"""The fleet's single rules: writes, errors, restarts, orders, retries, renewals, names."""

from itertools import pairwise

import pytest

from scheduler.events import CleanedUp, Presented, Selected
from scheduler.simulator.delays import Delay, fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.fleet_moves import DONE, ILLEGAL, NUMBER, QUEUED, STAGES, after
from scheduler.simulator.run import NEVER, STATES
from scheduler.simulator.scenario import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Names,
    Renewals,
    Scenario,
    Solver,
)
from scheduler.stages import MOVES

DNS = Solver(type="DNS-01")


def run(certificates, solver=None, cluster=None, authority=None, **more):
    return simulate(
        Scenario(
            certificates,
            solver=solver or Solver(),
            cluster=cluster or Cluster(),
            authority=authority or Authority(),
            **more,
        )
    )


def states(outcome):
    return [STATES[state] for state in outcome.challenges.state]


@pytest.mark.parametrize("move", [Selected, Presented, CleanedUp])
def test_the_table_of_integers_is_the_table_of_stages(move):
    for stage in STAGES:
        expected = NUMBER[MOVES[stage][move]] if move in MOVES[stage] else ILLEGAL
        assert after(move)[NUMBER[stage]] == expected


def test_an_illegal_move_fits_into_no_column():
    stages = bytearray([DONE])
    with pytest.raises(ValueError, match="byte must be in range"):
        stages[0] = after(Selected)[DONE]
    assert after(Selected, CleanedUp)[QUEUED] == ILLEGAL


def test_every_status_write_takes_its_time():
    outcome = run(1, cluster=Cluster(write=100))
    rows = outcome.challenges
    # newOrder, authorizations and the challenge are three writes; a start is one; finalizer, state, then the check.
    assert (rows.created[0], rows.started[0], rows.presented[0]) == (300, 1100, 1300)
    assert rows.decided[0] == 1300 + 8000 + 1000 + 100
    # The order controller needs three writes to delete the challenge; cert-manager is quicker and gives the slot back in two.
    assert rows.released[0] == rows.decided[0] + 2 * 100


@pytest.mark.parametrize(("version", "writes"), [("1.12", 1), ("1.19", 1), ("1.20", 2), ("1.21", 2)])
def test_a_slot_is_given_back_in_as_many_writes_as_the_version_makes(version, writes):
    rows = run(1, cluster=Cluster(write=10, version=version), authority=Authority(finalize=fixed(HOUR))).challenges
    assert rows.released[0] - rows.decided[0] == writes * 10


def test_a_pass_lasts_as_long_as_its_writes_and_the_next_begins_a_tick_later():
    rows = run(
        60,
        cluster=Cluster(write=50),
        names=Names(given=tuple(f"{n:02}.test" for n in range(60))),
        arrivals=Arrivals(Arrival.GIVEN, moments=(0,) * 60),
    ).challenges
    assert [*rows.started] == [begin + 50 * turn for begin in (0, 2000, 4000) for turn in range(1, 21)]


@pytest.mark.parametrize(
    ("solver", "authority"),
    [(Solver(present_fails=1.0), Authority()), (Solver(), Authority(errors=1.0))],
)
def test_errors_come_again_after_five_seconds_doubled_up_to_half_an_hour(solver, authority):
    outcome = run(1, solver, Cluster(write=0), authority, until=2 * HOUR)
    assert [*outcome.issuances.issued] == [NEVER]
    if authority.errors:
        # After 0, 5, 10, ... 1280 s, then every 1800 s up to two hours.
        assert outcome.calls["newOrder"] == 1 + 9 + (7200 - 5 * 511) // 1800


def test_a_failed_check_comes_again_at_once_and_then_every_ten_seconds():
    rows = run(1, Solver(stuck=1.0), until=60 * SECOND).challenges
    assert rows.checks[0] == 2 + 6


def test_a_check_takes_a_worker_while_it_fails():
    outcome = run(5, Solver(stuck=1.0, check=fixed(10 * SECOND)), until=10 * MINUTE)
    # 0 to 10 s; at once again; at 20 s, ten after the first; from then on ten seconds in twenty.
    assert outcome.busy[5] == (30 + 28 * 10) * SECOND
    assert sum(outcome.challenges.held) == 5 * outcome.busy[5]


def test_every_name_server_must_see_it():
    one, four = (
        run(
            400,
            Solver(propagation=Delay("exponential", 30 * SECOND), nameservers=number),
            Cluster(cap=400, workers=400),
        )
        for number in (1, 4)
    )
    waited = [
        sum(passed - shown for passed, shown in zip(each.challenges.passed, each.challenges.presented, strict=True))
        for each in (one, four)
    ]
    # The longest of four exponential delays is 1 + 1/2 + 1/3 + 1/4 times one of them.
    assert 1.7 < waited[1] / waited[0] < 2.3


@pytest.mark.parametrize(
    ("version", "wait", "expected"),
    [
        ("1.12", None, "valid"),
        ("1.17.0", None, "errored"),
        ("1.18.1", None, "errored"),
        ("1.21", None, "valid"),
        ("1.21", 5 * SECOND, "valid"),
    ],
)
def test_a_verdict_that_comes_late_is_an_error_in_some_versions(version, wait, expected):
    outcome = run(
        1, DNS, Cluster(version=version, authorization_wait=wait), Authority(validation=fixed(121 * SECOND)), until=HOUR
    )
    assert states(outcome)[0] == expected


def test_wait_instead_of_self_check_needs_its_version():
    with pytest.raises(ValueError, match=r"cert-manager 1\.20 has no waitInsteadOfSelfCheck; 1\.21 has"):
        run(1, Solver(wait_instead=0), Cluster(version="1.20"))


def test_a_restart_loses_the_syncs_and_checks_again_at_once():
    rows = run(10, DNS, Cluster(restarts=(30 * SECOND,))).challenges
    assert [*rows.decided] == [91 * SECOND] * 5 + [152 * SECOND] * 5
    assert [*rows.held[:5]] == [(30 + 61) * SECOND] * 5


def test_a_restart_forgets_backoffs_and_delays():
    shown_late = Solver(propagation=fixed(15 * SECOND))
    late, early = (
        run(1, shown_late, Cluster(restarts=moments)).challenges.passed[0] for moments in ((), (15 * SECOND,))
    )
    assert (late, early) == (20 * SECOND, 15 * SECOND)


def test_a_restart_makes_its_first_pass_at_once_and_starts_whom_the_last_one_left():
    names = tuple(f"{number:02}.test" for number in range(4))
    cluster = Cluster(write=100, restarts=(250,))
    outcome = run(4, cluster=cluster, names=Names(given=names), arrivals=Arrivals(Arrival.GIVEN, moments=(0,) * 4))
    assert [*outcome.challenges.started] == [100, 200, 350, 450]


def test_a_verdict_that_was_asked_for_before_a_restart_is_there_after_it():
    outcome = run(1, Solver(settle=0), Cluster(restarts=(5 * SECOND,)), Authority(validation=fixed(6 * SECOND)))
    assert outcome.challenges.decided[0] == 6 * SECOND


def test_a_run_ends_when_only_stuck_challenges_are_left_and_not_before():
    stuck = Solver(stuck=0.5, check=fixed(10 * SECOND), propagation=fixed(30 * SECOND))
    outcome = run(50, stuck)
    later = run(50, stuck, until=DAY)
    assert 15 < sum(moment >= 0 for moment in outcome.issuances.issued) < 35
    assert [*outcome.issuances.issued] == [*later.issuances.issued]


def test_patience_lets_others_pass():
    names = Names(given=(*(f"a{number:02}.test" for number in range(60)), "b.test"))
    stuck = Solver(stuck_names=names.given[:60])
    for patience, issued in ((None, NEVER), (3, 19 * SECOND)):
        outcome = run(61, stuck, Cluster(patience=patience), names=names, until=HOUR)
        assert outcome.issuances.issued[60] == issued


def test_an_invalid_challenge_fails_its_order_and_the_certificate_tries_again_after_an_hour_doubled():
    outcome = run(1, authority=Authority(invalid=1.0), until=8 * HOUR)
    took = 9 * SECOND
    assert [*outcome.issuances.created] == [0, HOUR + took, 3 * HOUR + 2 * took, 7 * HOUR + 3 * took]
    assert [*outcome.issuances.failed] == [moment + took for moment in outcome.issuances.created]
    assert [*outcome.issuances.attempt] == [0, 1, 2, 3]
    assert set(states(outcome)) == {"invalid"}
    assert outcome.wasted == sum(outcome.calls.values())


def test_a_retry_waits_at_most_the_longest():
    cluster = Cluster(first_retry=HOUR, longest_retry=2 * HOUR)
    created = run(
        1, cluster=cluster, authority=Authority(invalid=1.0, validation=fixed(0)), solver=Solver(settle=0), until=DAY
    ).issuances.created
    assert [after - before for before, after in pairwise(created)][:4] == [
        HOUR,
        2 * HOUR,
        2 * HOUR,
        2 * HOUR,
    ]


def test_a_retry_deletes_the_challenges_of_the_failed_order():
    names = Names(per_certificate=2)
    rows = run(20, Solver(stuck=0.3), authority=Authority(invalid=0.5), names=names, until=DAY).challenges
    gone = [row for row in range(len(rows.state)) if rows.state[row] == 0 and rows.released[row] >= 0]
    assert gone
    assert all(rows.passed[row] < 0 for row in gone)


def test_an_order_with_several_names_waits_for_all_of_them():
    outcome = run(4, names=Names(per_certificate=10), cluster=Cluster(workers=5))
    assert len(outcome.challenges.name) == 40
    for issuance in range(4):
        own = [
            decided
            for each, decided in zip(outcome.challenges.issuance, outcome.challenges.decided, strict=True)
            if each == issuance
        ]
        assert outcome.issuances.issued[issuance] == max(own)


def test_an_apex_and_its_wildcard_have_one_name():
    rows = run(3, DNS, names=Names(wildcards=1.0)).challenges
    assert [*rows.name] == [0, 0, 1, 1, 2, 2]


def test_shared_names_conflict():
    rows = run(200, names=Names(shared=0.5)).challenges
    assert 80 < len(set(rows.name)) < 120


@pytest.mark.parametrize(
    ("names", "limit", "issued"),
    [
        ([f"n{number}.example.test" for number in range(60)], "CertificatesPerDomain", 50),
        (["a.test"] * 8, "CertificatesPerFQDNSet", 5),
        ([f"n{number}.test" for number in range(301)], "NewOrdersPerAccount", 300),
    ],
)
def test_a_rate_limit_refuses_orders_by_name(names, limit, issued):
    arrivals = Arrivals(Arrival.WAVE, 30 * MINUTE) if limit != "NewOrdersPerAccount" else Arrivals()
    outcome = run(
        len(names),
        authority=Authority(limits="letsencrypt"),
        names=Names(given=tuple(names)),
        arrivals=arrivals,
        until=59 * MINUTE,
    )
    assert sum(moment >= 0 for moment in outcome.issuances.issued) == issued
    assert outcome.limits[limit] > 0


def test_five_failed_validations_an_hour_pause_a_name():
    cluster = Cluster(first_retry=MINUTE, longest_retry=MINUTE)
    outcome = run(1, cluster=cluster, authority=Authority(limits="letsencrypt", invalid=1.0), until=20 * MINUTE)
    assert states(outcome) == ["invalid"] * 6
    assert outcome.limits["FailedAuthorizationsPerDomainPerAccount"] > 5


def test_renewals_are_exempt_from_the_limit_on_new_orders():
    renewals = Renewals(lifetime=2 * HOUR, before=HOUR)
    outcome = run(300, authority=Authority(limits="letsencrypt"), renewals=renewals, until=4 * HOUR)
    assert outcome.calls["newOrder"] >= 900
    assert outcome.limits["NewOrdersPerAccount"] == 0


def test_renewal_information_spreads_renewals_over_a_window():
    outcome = run(400, renewals=Renewals(ari=True), until=70 * DAY)
    renewed = [moment / DAY for moment in outcome.issuances.created[400:]]
    assert 59.0 < min(renewed) < 59.2
    assert 60.8 < max(renewed) < 61.0
    assert 59.9 < sum(renewed) / 400 < 60.1


def test_calls_are_counted_by_kind():
    outcome = run(10, authority=Authority(validation=fixed(3500)))
    # One look at the authorization by the order, one by the challenge, then one at once and one each second.
    assert outcome.calls == {
        "newOrder": 10, "authorization": 10 * (2 + 1 + 3), "challenge": 10, "finalize": 10, "order": 20, "certificate": 10,
    }  # fmt: skip
    assert outcome.wasted == 0


@pytest.mark.parametrize(
    ("names", "arrivals", "message"),
    [
        (Names(given=("a.test",)), Arrivals(), "1 names are given for 2 certificates; give one each"),
        (Names(), Arrivals(Arrival.GIVEN), "0 moments are given for 2 certificates; give one each"),
        (Names(), Arrivals(Arrival.GIVEN, moments=(1, 2, 3)), "3 moments are given for 2 certificates; give one each"),
    ],
)
def test_what_is_given_must_be_given_for_each_certificate(names, arrivals, message):
    with pytest.raises(ValueError, match=message):
        run(2, names=names, arrivals=arrivals)


def test_progress_is_told_as_a_share():
    told = []
    simulate(Scenario(3000, solver=Solver(propagation=fixed(MINUTE))), told.append)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 1


def test_a_patience_that_nobody_can_be_seen_within_ends_after_all():
    scenario = Scenario(20, solver=Solver(propagation=fixed(5 * MINUTE)), cluster=Cluster(cap=4, patience=3))
    run = simulate(scenario)
    assert len(run.yields.taken) > 1000
    assert [moment for moment in run.issuances.issued if moment != NEVER] == []
