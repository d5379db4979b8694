"""Which rules hold in which release of cert-manager, as read in its sources."""

from datetime import timedelta

import pytest

from scheduler.versions import NEWEST, VERSIONS, version

SHORT, LONG = timedelta(seconds=20), timedelta(minutes=2)


@pytest.mark.parametrize(
    ("text", "wait", "unexpected", "network", "apart", "instead", "caa"),
    [
        ("1.12.5", None, False, False, False, False, True),
        ("1.15", None, False, False, False, False, True),
        ("1.16.0", SHORT, True, True, False, False, True),
        ("1.17.0", SHORT, True, True, False, False, True),
        ("1.17", LONG, True, True, False, False, True),
        ("v1.18.0", SHORT, True, True, False, False, False),
        ("1.18", LONG, True, True, False, False, False),
        ("1.20", LONG, True, True, True, False, False),
        ("1.21", LONG, True, False, True, True, False),
        ("2.0", LONG, True, False, True, True, False),
    ],
)
def test_a_release_has_these_rules(text, wait, unexpected, network, apart, instead, caa):
    found = version(text)
    assert wait == found.authorization_wait
    assert (unexpected, network) == (found.unexpected_errors_final, found.network_errors_final)
    assert (apart, instead, caa) == (found.release_apart, found.wait_instead, found.caa)


def test_the_newest_is_the_last_of_the_table():
    assert [since for since, _ in VERSIONS] == sorted(since for since, _ in VERSIONS)
    assert version("1.21") is NEWEST


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("newest", "'newest' is no version of cert-manager; write 1.21 or 1.18.0"),
        ("1", "'1' is no version of cert-manager; write 1.21 or 1.18.0"),
        ("1.4.9", "cert-manager 1.4.9 is not known; the oldest is 1.5"),
    ],
)
def test_what_is_no_known_version_is_refused(text, sentence):
    with pytest.raises(ValueError) as raised:
        version(text)
    assert sentence == str(raised.value)
