"""The dns-01 solver: its contract, and each answer a nameserver can give."""

from datetime import timedelta

import attrs
import pytest

from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Pause, Resolve
from solvers.dns.zone import Zone
from solvers.dns01.solver import MAX_ALIASES, Dns01Solver
from solvers.http01.responder import Responder
from solvers.solver import DNS01, NotReady, Presentation, Ready, SolverError
from solvers.timing import TIMINGS
from tests.solvers.solver_contract import Place, SolverContract
from tests.solvers.vantages import DataVantage, perform

FAST = TIMINGS["fast"]
ONE, TWO = "192.0.2.53:53", "198.51.100.53:53"
NAME = "_acme-challenge.example.test"
PRESENTATION = Presentation(DNS01, "example.test", "token", "value")
NO_ALIAS = DnsAnswer()
NOT_PROPAGATED = NotReady('DNS record for "example.test" not yet propagated')


class TestContract(SolverContract):
    type = DNS01

    @pytest.fixture
    def place(self):
        zone = Zone()
        return Place(Dns01Solver(zone, (ONE, TWO), FAST), DataVantage(zone, Responder()))

    async def test_other_values_at_the_name_do_no_harm(self, place):
        place.vantage.zone.add_txt("_acme-challenge.www.example.test", "somebody else's")
        await place.present(self.one)
        assert Ready() == await place.check(self.one)
        await place.clean_up(self.one)
        assert place.vantage.zone.rrsets("_acme-challenge.www.example.test")["TXT"] == ("somebody else's",)

    async def test_a_delegated_name_is_followed(self, place):
        place.vantage.zone.set_cname("_acme-challenge.www.example.test", "x.acme-dns.test")
        place.vantage.zone.add_txt("x.acme-dns.test", self.one.key)
        assert Ready() == await place.check(self.one)

    async def test_an_alias_to_itself_is_an_error(self, place):
        name = "_acme-challenge.www.example.test"
        place.vantage.zone.set_cname(name, name)
        assert await place.check(self.one) == NotReady(f"CNAME loop at {name}. looking up {name}.")

    async def test_a_name_too_long_for_its_label_cannot_be_presented_but_be_cleaned_up(self, place):
        long = attrs.evolve(self.one, dns_name=".".join(["a" * 60] * 4))
        with pytest.raises(SolverError, match="is not a domain name"):
            await place.present(long)
        await place.clean_up(long)
        assert isinstance(await place.check(long), NotReady)


def check(*answers, servers=(ONE,), presentation=PRESENTATION, timing=FAST):
    return perform(Dns01Solver(Zone(), servers, timing).check(presentation), answers)


def cname(owner, target):
    return DnsAnswer(records=(DnsRecord(owner, "CNAME", target),))


def txt(*values, rcode="NOERROR"):
    return DnsAnswer(rcode, tuple(DnsRecord(f"{NAME}.", "TXT", value) for value in values))


def test_the_alias_is_asked_for_once_and_the_value_at_every_nameserver():
    readiness, asked = check(NO_ALIAS, txt("value"), txt("other", "value"), servers=(ONE, TWO))
    assert Ready() == readiness
    assert asked == [Resolve(NAME, "CNAME", ONE), Resolve(NAME, "TXT", ONE), Resolve(NAME, "TXT", TWO)]


def test_after_the_value_was_seen_everywhere_it_settles():
    readiness, asked = check(NO_ALIAS, txt("value"), timing=TIMINGS["cert-manager"])
    assert Ready() == readiness
    assert asked[-1] == Pause(timedelta(seconds=60))


def test_what_was_not_seen_does_not_settle():
    _, asked = check(NO_ALIAS, txt(), timing=TIMINGS["cert-manager"])
    assert not any(isinstance(question, Pause) for question in asked)


@pytest.mark.parametrize(
    "answer",
    [
        txt(),
        txt("other"),
        txt("Value"),
        txt("value "),
        txt("val", "ue"),
        txt(rcode="NXDOMAIN"),
        DnsAnswer(records=(DnsRecord(f"{NAME}.", "CAA", "value"),)),
    ],
    ids=["nothing", "another", "other case", "longer", "in two records", "NXDOMAIN", "other type"],
)
def test_a_nameserver_without_the_value_is_a_miss(answer):
    readiness, _ = check(NO_ALIAS, answer)
    assert readiness == NOT_PROPAGATED


def test_the_first_miss_ends_the_check():
    readiness, asked = check(NO_ALIAS, txt(), servers=(ONE, TWO))
    assert readiness == NOT_PROPAGATED
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


def test_the_last_nameserver_counts_as_much_as_the_first():
    readiness, _ = check(NO_ALIAS, txt("value"), txt("stale"), servers=(ONE, TWO))
    assert readiness == NOT_PROPAGATED


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR"])
def test_another_rcode_is_named_with_its_nameserver(rcode):
    readiness, _ = check(NO_ALIAS, txt("value"), txt(rcode=rcode), servers=(ONE, TWO))
    assert readiness == NotReady(f"NS {TWO} returned {rcode} for {NAME}.")


def test_a_nameserver_that_does_not_answer_is_named():
    readiness, _ = check(NO_ALIAS, txt("value"), DnsAnswer(error="timeout"), servers=(ONE, TWO))
    assert readiness == NotReady(f"NS {TWO} gave no answer for {NAME}.: timeout")


def test_aliases_are_asked_of_the_next_nameserver_when_one_does_not_answer():
    _, asked = check(DnsAnswer(error="timeout"), NO_ALIAS, txt("value"), txt("value"), servers=(ONE, TWO))
    assert asked[:3] == [Resolve(NAME, "CNAME", ONE), Resolve(NAME, "CNAME", TWO), Resolve(NAME, "TXT", ONE)]


def test_when_none_answers_the_first_is_named():
    readiness, _ = check(DnsAnswer(error="timeout"), DnsAnswer(error="connection refused"), servers=(ONE, TWO))
    assert readiness == NotReady(f"NS {ONE} gave no answer for {NAME}.: timeout")


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_a_name_whose_alias_is_not_told_is_kept(rcode):
    alias = DnsAnswer(rcode, (DnsRecord(f"{NAME}.", "CNAME", "elsewhere.test."),))
    readiness, asked = check(alias, txt("value"))
    assert Ready() == readiness
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


def test_a_chain_of_aliases_is_followed_in_any_spelling():
    answers = [
        cname(f"{NAME}.", "One.Example.TEST."),
        cname("ONE.example.test", "two.example.test"),
        cname("two.example.test.", "three.example.test."),
        NO_ALIAS,
        txt("value"),
    ]
    readiness, asked = check(*answers)
    assert Ready() == readiness
    assert asked[-1] == Resolve("three.example.test", "TXT", ONE)


def test_an_alias_of_another_name_is_not_followed():
    _, asked = check(cname("other.test.", "elsewhere.test."), txt("value"))
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


def test_a_loop_of_aliases_is_an_error():
    readiness, _ = check(cname(NAME, "a.test"), cname("a.test", "b.test"), cname("b.test", "a.test"))
    assert readiness == NotReady(f"CNAME loop at a.test. looking up {NAME}.")


def test_aliases_without_end_are_an_error():
    names = [NAME, *(f"{number}.test" for number in range(MAX_ALIASES))]
    readiness, _ = check(*map(cname, names, names[1:]))
    assert readiness == NotReady(f"more than {MAX_ALIASES} CNAMEs in a row looking up {NAME}.")


def test_a_wildcard_is_shown_at_its_base_name():
    _, asked = check(NO_ALIAS, txt("value"), presentation=attrs.evolve(PRESENTATION, dns_name="*.example.test"))
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


def test_a_self_check_needs_a_nameserver():
    with pytest.raises(ValueError, match="needs a nameserver"):
        Dns01Solver(Zone(), (), FAST)
