"""Questions to nameservers in turn, and chains of aliases."""

import pytest

from acme_server.protocol.vantage import DnsAnswer, Resolve
from solvers.dns01.queries import MAX_ALIASES, QueryError, ask, final_name
from tests.solvers.dns01.rig import NO_ANSWER, NOTHING, ONE, TWO, cname, said
from tests.solvers.vantages import perform

WAIT_TEST = "pkg/issuer/acme/dns/util/wait_test.go"
# source -> the name asked for, the answers to CNAME questions, the final name (None: an error)
UPSTREAM = [
    pytest.param(
        "test1.example.com",
        [cname("test1.example.com.", "test2.example.com."), cname("test2.example.com.", "test3.example.com."), NOTHING],
        "test3.example.com",
        id=f"{WAIT_TEST} Test_followCNAMEs: Resolve CNAME 3 down",
    ),
    pytest.param(
        "test3.example.com", [NOTHING], "test3.example.com", id=f"{WAIT_TEST} Test_followCNAMEs: Resolve CNAME 1 down"
    ),
    pytest.param(
        "recursive.example.com",
        [
            cname("recursive.example.com.", "recursive1.example.com."),
            cname("recursive1.example.com.", "recursive.example.com."),
        ],
        None,
        id=f"{WAIT_TEST} Test_followCNAMEs: Error on recursive CNAME",
    ),
]


@pytest.mark.parametrize(("name", "answers", "final"), UPSTREAM)
def test_aliases_are_followed_as_upstream_does(name, answers, final):
    if final is None:
        with pytest.raises(QueryError) as raised:
            perform(final_name(name, (ONE,)), answers)
        expected = 'Found recursive CNAME record to "recursive.example.com." when looking up "recursive1.example.com."'
        assert str(raised.value) == expected
    else:
        assert perform(final_name(name, (ONE,)), answers)[0] == final


def test_spelling_makes_no_difference():
    answers = [cname("A.Example.TEST.", "B.Example.TEST"), cname("b.EXAMPLE.test", "c.test."), NOTHING]
    found, asked = perform(final_name("a.example.test", (ONE,)), answers)
    assert found == "c.test"
    assert [question.name for question in asked] == ["a.example.test", "b.example.test", "c.test"]


def test_an_alias_of_another_name_is_not_followed():
    assert perform(final_name("a.test", (ONE,)), [cname("other.test.", "elsewhere.test.")])[0] == "a.test"


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_a_name_whose_alias_is_not_told_is_kept(rcode):
    answer = said(("a.test.", "CNAME", "elsewhere.test."), rcode=rcode)
    assert perform(final_name("a.test", (ONE,)), [answer])[0] == "a.test"


def test_aliases_without_end_are_an_error():
    names = [f"{number}.test" for number in range(MAX_ALIASES + 1)]
    with pytest.raises(QueryError, match=f"more than {MAX_ALIASES} CNAMEs in a row looking up 0.test."):
        perform(final_name("0.test", (ONE,)), map(cname, names, names[1:]))


def test_the_next_nameserver_is_asked_when_one_does_not_answer():
    _, asked = perform(ask("a.test", "TXT", (ONE, TWO)), [NO_ANSWER, NOTHING])
    assert asked == [Resolve("a.test", "TXT", ONE), Resolve("a.test", "TXT", TWO)]


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_an_answer_is_an_answer_whatever_it_says(rcode):
    answer, asked = perform(ask("a.test", "TXT", (ONE, TWO)), [said(rcode=rcode)])
    assert (answer.rcode, len(asked)) == (rcode, 1)


def test_when_none_answers_the_last_is_named():
    with pytest.raises(QueryError) as raised:
        perform(ask("a.test", "TXT", (ONE, TWO)), [NO_ANSWER, DnsAnswer(error="connection refused")])
    assert str(raised.value) == f"NS {TWO} gave no answer for a.test.: connection refused"
