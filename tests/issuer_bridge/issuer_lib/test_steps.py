"""How conditions are set: issuer-lib's own table, for requests and issuers alike."""

import pytest

from issuer_bridge.issuer_lib.steps import merged, set_one, text_of
from tests.issuer_bridge.issuer_lib.lib_resources import T1, T2, condition, issuer, request, signing_request

OLD = condition("Mine", "True", "a", "old", T1)
OTHER = condition("Other", "True", "a", "m", T1)
HOLDERS = (request, signing_request, issuer)


@pytest.mark.parametrize("holder", HOLDERS)
def test_an_unchanged_status_keeps_its_time(holder):
    assert set_one(holder(OLD), "Mine", "True", "b", "new", T2) == condition("Mine", "True", "b", "new", T1)


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_changed_status_has_a_new_time(holder):
    assert set_one(holder(OLD), "Mine", "False", "b", "new", T2) == condition("Mine", "False", "b", "new", T2)


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_condition_is_changed_in_its_place(holder):
    new = set_one(holder(OLD, OTHER), "Mine", "False", "b", "new", T2)
    assert merged(holder(OLD, OTHER)["status"], {"conditions": [new]})["conditions"] == [new, OTHER]


@pytest.mark.parametrize("holder", HOLDERS)
def test_others_stay_and_a_new_one_comes_last(holder):
    new = set_one(holder(OTHER), "Mine", "True", "b", "new", T2)
    assert merged(holder(OTHER)["status"], {"conditions": [new]})["conditions"] == [OTHER, new]


def test_a_status_without_conditions_gets_none():
    assert merged({}, {"certificate": "x"}) == {"certificate": "x"}


def test_an_error_without_words_is_called_by_its_name():
    assert (text_of(ValueError("no")), text_of(KeyError())) == ("no", "KeyError")
