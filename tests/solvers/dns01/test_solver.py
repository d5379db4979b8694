"""The dns-01 solver: its contract with the built-in zone, and what it asks before it writes."""

from datetime import timedelta

import attrs
import pytest

from acme_server.protocol.vantage import Pause, Resolve
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder
from solvers.solver import DNS01, NotReady, Presentation, Ready, SolverError
from solvers.timing import TIMINGS
from tests.solvers.dns01.rig import NO_ANSWER, NOTHING, NXDOMAIN, ONE, SERVFAIL, TWO, builtin, cname, soa, txt
from tests.solvers.solver_contract import Dns01Contract, Place
from tests.solvers.vantages import DataVantage, perform

NAME = "_acme-challenge.example.test"
PRESENTATION = Presentation(DNS01, "example.test", "token", "value")
NOT_PROPAGATED = NotReady('DNS record for "example.test" not yet propagated')


class TestContract(Dns01Contract):
    @pytest.fixture
    def records(self):
        return Zone()

    @pytest.fixture(params=[True, False], ids=["authoritative", "recursive-only"])
    def place(self, request, records):
        return Place(builtin(records, ONE, TWO, authoritative=request.param), DataVantage(records, Responder()))

    async def test_an_alias_to_itself_is_an_error(self, place, records):
        records.set_cname(self.NAME, self.NAME)
        expected = f'Found recursive CNAME record to "{self.NAME}." when looking up "{self.NAME}."'
        assert await place.check(self.one) == NotReady(expected)


def check(*answers, timing="fast", presentation=PRESENTATION):
    return perform(builtin(timing=TIMINGS[timing], authoritative=False).check(presentation), answers)


def test_after_the_value_was_seen_it_settles_for_a_minute():
    readiness, asked = check(NOTHING, txt(NAME, "value"), timing="cert-manager")
    assert Ready() == readiness
    assert asked[-1] == Pause(timedelta(seconds=60))


def test_in_the_fast_timing_it_does_not():
    readiness, asked = check(NOTHING, txt(NAME, "value"))
    assert Ready() == readiness
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


def test_what_was_not_seen_does_not_settle():
    readiness, asked = check(NOTHING, txt(NAME), timing="cert-manager")
    assert readiness == NOT_PROPAGATED
    assert not any(isinstance(question, Pause) for question in asked)


@pytest.mark.parametrize("name", ["*.example.test", "example.test", "EXAMPLE.test"])
def test_a_wildcard_is_looked_for_at_its_base_name(name):
    _, asked = check(NOTHING, txt(NAME, "value"), presentation=attrs.evolve(PRESENTATION, dns_name=name))
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


def test_presenting_finds_the_zone_first():
    zone = Zone()
    _, asked = perform(builtin(zone).present(PRESENTATION), [NXDOMAIN, soa("example.test")])
    assert asked == [Resolve(NAME, "SOA", ONE), Resolve("example.test", "SOA", ONE)]
    assert zone.own(NAME)["TXT"] == ("value",)


def test_with_cname_strategy_none_no_alias_is_asked_for_when_presenting():
    _, asked = perform(builtin().present(PRESENTATION), [soa("example.test")])
    assert [question.rtype for question in asked] == ["SOA"]


def test_with_cname_strategy_follow_the_zone_is_that_of_the_final_name():
    zone = Zone()
    solver = attrs.evolve(builtin(zone), follow=True)
    _, asked = perform(solver.present(PRESENTATION), [cname(NAME, "x.other.test"), NXDOMAIN, soa("other.test")])
    assert asked[-1] == Resolve("x.other.test", "SOA", ONE)
    assert zone.own("x.other.test")["TXT"] == ("value",)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (
            [SERVFAIL],
            (
                f"When querying the SOA record for the domain '{NAME}.' using nameservers [{ONE}], "
                "rcode was expected to be 'NOERROR' or 'NXDOMAIN', but got 'SERVFAIL'"
            ),
        ),
        (
            [NXDOMAIN] * 3,
            f"Could not find the SOA record in the DNS tree for the domain '{NAME}.' using nameservers [{ONE}]",
        ),
        ([NO_ANSWER], f"NS {ONE} gave no answer for {NAME}.: timeout"),
    ],
    ids=["SERVFAIL", "no SOA", "no answer"],
)
def test_without_a_zone_nothing_is_presented(answers, reason):
    zone = Zone()
    with pytest.raises(SolverError) as raised:
        perform(builtin(zone).present(PRESENTATION), answers)
    assert str(raised.value) == reason
    assert zone.own(NAME) == {}


def test_an_alias_that_cannot_be_followed_is_an_error_of_both():
    solver = attrs.evolve(builtin(), follow=True)
    for act in (solver.present, solver.clean_up):
        with pytest.raises(SolverError, match="gave no answer"):
            perform(act(PRESENTATION), [NO_ANSWER])


def test_cleaning_up_the_built_in_zone_needs_no_dns():
    zone = Zone()
    zone.add_txt(NAME, "value")
    _, asked = perform(builtin(zone).clean_up(PRESENTATION), [])
    assert (asked, zone.own(NAME)) == ([], {})


def test_a_value_too_long_for_a_message_is_refused():
    with pytest.raises(SolverError, match="a TXT value has at most"):
        perform(builtin().present(attrs.evolve(PRESENTATION, key="x" * 70000)), [soa("example.test")])


def test_a_self_check_needs_a_nameserver():
    with pytest.raises(ValueError, match="needs a nameserver"):
        attrs.evolve(builtin().propagation, nameservers=())
