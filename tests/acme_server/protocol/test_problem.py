"""Problem documents (RFC 8555 section 6.7)."""

import pytest

from acme_server.protocol.problem import STATUS_OF, Problem, malformed, unauthorized


def test_a_document_has_type_detail_and_status():
    assert malformed("no").to_json() == {"type": "urn:ietf:params:acme:error:malformed", "detail": "no", "status": 400}


def test_a_subproblem_has_its_identifier_and_no_status():
    sub = Problem("rejectedIdentifier", "not this one", extra={"identifier": {"type": "dns", "value": "a.test"}})
    document = Problem("compound", "some names were refused", 403, (sub,)).to_json()
    assert document["subproblems"] == [
        {
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "not this one",
            "identifier": {"type": "dns", "value": "a.test"},
        }
    ]


@pytest.mark.parametrize(
    "problem",
    [
        malformed("a"),
        unauthorized("b", 401),
        Problem("badSignatureAlgorithm", "c", extra={"algorithms": ["ES256"]}),
        Problem(
            "compound",
            "d",
            subproblems=(Problem("dns", "e", extra={"identifier": {"type": "dns", "value": "x.test"}}),),
        ),
    ],
)
def test_a_document_read_back_is_the_same_document(problem):
    assert Problem.from_json(problem.to_json()).to_json() == problem.to_json()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, ("about:blank", "", 500)),
        ({"type": "urn:example:odd", "detail": "x", "status": 418}, ("urn:example:odd", "x", 418)),
        ({"type": "urn:ietf:params:acme:error:dns", "detail": 7, "status": "400"}, ("dns", "7", 400)),
        ({"type": None, "subproblems": "no"}, ("None", "", 500)),
    ],
)
def test_a_foreign_document_is_read_as_far_as_it_goes(document, expected):
    problem = Problem.from_json(document)
    assert (problem.kind, problem.detail, problem.status) == expected


def test_every_type_is_registered_with_an_error_status():
    assert all(400 <= status <= 599 for status in STATUS_OF.values())


def test_a_problem_without_a_known_type_must_name_its_status():
    with pytest.raises(KeyError):
        Problem("invented", "x")
