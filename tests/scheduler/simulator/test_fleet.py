"""The fleet model against numbers that were worked out by hand: N challenges, W workers, cap c, service a = 1 s."""

import pytest

from acme_server.limit_presets import preset
from scheduler.simulator.delays import fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.fleet_authority import Bucket
from scheduler.simulator.scenario import (
    DAY,
    HOUR,
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

HTTP, DNS = Solver(), Solver(type="DNS-01")


def seen_after(seconds, **more):
    return Solver(type="DNS-01", propagation=fixed(seconds * SECOND), **more)


def run(certificates, solver=HTTP, cluster=None, **more):
    return simulate(Scenario(certificates, solver=solver, cluster=cluster or Cluster(), **more))


def makespan(*args, **more):
    return run(*args, **more).makespan / SECOND


@pytest.mark.parametrize(
    ("solver", "seconds"),
    [
        (HTTP, 8 + 1),
        (Solver(propagation=fixed(1)), 10 + 8 + 1),
        (Solver(propagation=fixed(10_000)), 10 + 8 + 1),
        (Solver(propagation=fixed(10_001)), 20 + 8 + 1),
        (DNS, 60 + 1),
        (seen_after(90), 90 + 60 + 1),
        (seen_after(91), 100 + 60 + 1),
        (Solver(type="DNS-01", wait_instead=45 * SECOND), 45 + 1),
        (Solver(type="DNS-01", wait_instead=0), 1),
    ],
)
def test_one_certificate_waits_for_the_next_check_then_settles_then_for_the_verdict(solver, seconds):
    assert makespan(1, solver) == seconds


@pytest.mark.parametrize("number", [1, 59, 60, 61, 600, 10_000])
def test_with_workers_enough_the_cap_alone_makes_rounds(number):
    cluster = Cluster(workers=60, starts_per_tick=60)
    assert makespan(number, HTTP, cluster) == -(-number // 60) * 9


def test_certificates_of_one_name_come_one_after_the_other():
    assert makespan(50, names=Names(given=("a.test",) * 50)) == 50 * 9


@pytest.mark.parametrize(("solver", "each"), [(HTTP, 9), (DNS, 61)])
@pytest.mark.parametrize("number", [5, 100, 10_000])
def test_five_workers_block_for_as_long_as_a_challenge_settles(number, solver, each):
    assert makespan(number, solver) == number * each / 5


def test_twenty_a_second_start_when_there_are_workers_and_slots_enough():
    assert makespan(10_000, HTTP, Cluster(workers=600, cap=600)) == 10_000 / 20 - 1 + 9


@pytest.mark.parametrize("stuck", [0, 10, 30, 50, 59])
def test_stuck_challenges_keep_their_slots(stuck):
    names = tuple(f"a{number:03}.test" for number in range(stuck)) + tuple(
        f"b{number:03}.test" for number in range(300)
    )
    cluster = Cluster(workers=60, starts_per_tick=60)
    outcome = run(stuck + 300, Solver(stuck_names=names[:stuck]), cluster, names=Names(given=names), until=HOUR)
    assert max(outcome.issuances.issued) == -(-300 // (60 - stuck)) * 9 * SECOND
    assert [*outcome.issuances.issued].count(-1) == stuck


@pytest.mark.parametrize("until", [HOUR, None])
def test_as_many_stuck_challenges_as_slots_stop_everything(until):
    names = (*(f"a{number:03}.test" for number in range(60)), "b.test")
    outcome = run(61, Solver(stuck_names=names[:60]), names=Names(given=names), until=until)
    assert {*outcome.issuances.issued} == {-1}
    assert outcome.challenges.started[60] == -1


def test_a_name_behind_a_stuck_one_never_starts():
    outcome = run(3, Solver(stuck_names=("a.test",)), names=Names(given=("a.test", "a.test", "b.test")))
    assert [*outcome.challenges.started] == [0, -1, 0]


def test_a_client_that_heeds_retry_after_gets_ten_thousand_orders_in_97_hours():
    bucket, now, moments = Bucket(preset("letsencrypt")["NewOrdersPerAccount"]), 0, []
    while len(moments) < 10_000:
        now += bucket.retry_in(0, now)
        bucket.spend(0, now)
        moments.append(now)
    assert moments == [max(0, number - 300) * 36 * SECOND for number in range(1, 10_001)]
    assert moments[-1] == 97 * HOUR


@pytest.mark.parametrize(
    ("number", "hours"), [(300, 0), (600, 3), (1_000, 15), (2_000, 95), (5_000, 415), (10_000, 959)]
)
def test_cert_manager_does_not_heed_it_and_climbs_a_ladder_of_hours(number, hours):
    outcome = run(number, authority=Authority(limits="letsencrypt"))
    assert max(outcome.issuances.created) == hours * HOUR
    assert sum(moment >= 0 for moment in outcome.issuances.issued) == number


@pytest.mark.parametrize(("solver", "frontier"), [(HTTP, 160_000), (DNS, 23_606)])
@pytest.mark.parametrize("share", [0.9, 1.1])
def test_five_workers_keep_up_with_renewals_up_to_the_frontier(solver, frontier, share):
    """W * T / h names; here a hundredth of them, renewed after a hundredth of 80 h."""
    period = 80 * HOUR // 100
    certificates = round(frontier / 100 * share)
    outcome = run(
        certificates,
        solver,
        arrivals=Arrivals(Arrival.WAVE, period),
        renewals=Renewals(lifetime=2 * period, before=period),
        until=6 * period,
    )
    came = [moment for moment in outcome.issuances.issued if period <= moment < 5 * period]
    assert abs(len(came) - 4 * min(certificates, frontier / 100)) < 0.03 * len(came)


@pytest.mark.parametrize(
    ("solver", "cluster", "hours"),
    [
        (HTTP, Cluster(), 5.0),
        (HTTP, Cluster(workers=60), 0.42),
        (DNS, Cluster(), 33.9),
        (DNS, Cluster(workers=60), 2.8),
        (seen_after(90), Cluster(), 38.1),
        (seen_after(90), Cluster(workers=60), 7.0),
        (seen_after(90), Cluster(workers=60, cap=200), 3.8),
        (Solver(type="DNS-01", wait_instead=90 * SECOND), Cluster(), 4.7),
    ],
)
def test_ten_thousand_certificates_take_hours(solver, cluster, hours):
    digits = len(str(hours).split(".")[1])
    assert round(makespan(10_000, solver, cluster) / 3600, digits) == hours


@pytest.mark.parametrize("cap", [5, 60, 200])
@pytest.mark.parametrize(("solver", "seconds"), [(HTTP, 3_600), (DNS, 24_400)])
def test_with_five_workers_every_cap_is_the_same(cap, solver, seconds):
    assert makespan(2_000, solver, Cluster(cap=cap)) == seconds


@pytest.mark.parametrize("cap", [60, 200])
@pytest.mark.parametrize(("solver", "seconds"), [(HTTP, 306), (DNS, 2_074)])
def test_with_sixty_workers_a_cap_above_sixty_changes_nothing(cap, solver, seconds):
    assert makespan(2_000, solver, Cluster(workers=60, cap=cap)) == seconds


def test_an_apex_and_its_wildcard_take_four_minutes():
    assert makespan(1, seen_after(60), names=Names(wildcards=1)) == 242


def test_renewals_come_at_a_fixed_point_of_the_lifetime():
    outcome = run(3, renewals=Renewals(lifetime=90 * DAY, before=30 * DAY), until=365 * DAY)
    issued = [*outcome.issuances.issued[::3]]
    assert issued == [9 * SECOND + turn * (60 * DAY + 9 * SECOND) for turn in range(7)]


@pytest.mark.seed("B01", "B02", "X19")
@pytest.mark.parametrize(
    ("certificates", "every", "days", "issued"),
    [(500, 90, 360, 2000), (150, 60, 360, 900), (150, 30, 360, 1800)],
    ids=["500 services, four a year", "2.5 a day at two thirds of 90 days", "5 a day only every 30 days"],
)
def test_a_fleet_is_renewed_as_often_as_its_validity_says(certificates, every, days, issued):
    outcome = run(certificates, renewals=Renewals(lifetime=90 * DAY, before=(90 - every) * DAY), until=(days - 1) * DAY)
    assert len(outcome.issuances.issued) == issued
