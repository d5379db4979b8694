"""What a command finds in its environment, and what the bundles hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from gravel import trust
from gravel.trust import BUNDLE_VARIABLES, Place, environment_of


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "tls_ca.pem").write_text("ours\n")
    return Place(
        directory="https://127.0.0.1:1/dir",
        management="https://127.0.0.1:2",
        management_token=None,
        dns="127.0.0.1:3",
        http01_port=4,
        tls_alpn_port=5,
        tls_ca=str(tmp_path / "tls_ca.pem"),
        issuing_roots="roots.pem",
    )


def test_the_way_to_the_server_is_in_the_variables_that_clients_read(place, monkeypatch):
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", ())
    assert environment_of(place, {"HOME": "/h", "ACME_DNS": "old"}) == {
        "HOME": "/h",
        "ACME_DIRECTORY": "https://127.0.0.1:1/dir",
        "LEGO_SERVER": "https://127.0.0.1:1/dir",
        "ACME_MANAGEMENT": "https://127.0.0.1:2",
        "ACME_DNS": "127.0.0.1:3",
        "ACME_HTTP01_PORT": "4",
        "ACME_TLS_ALPN_PORT": "5",
        "ACME_TLS_CA": place.tls_ca,
        "ACME_ISSUING_ROOTS": "roots.pem",
        "LEGO_CA_CERTIFICATES": place.tls_ca,
        "NODE_EXTRA_CA_CERTS": place.tls_ca,
        **dict.fromkeys(BUNDLE_VARIABLES, place.tls_ca),
    }


@pytest.mark.parametrize("variable", BUNDLE_VARIABLES)
def test_a_variable_that_takes_the_place_of_the_systems_roots_keeps_them(variable, place, tmp_path, monkeypatch):
    (tmp_path / "system").write_text("the system's\n")
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", (str(tmp_path / "missing"), str(tmp_path / "system")))
    assert Path(environment_of(place, {})[variable]).read_text().split("\n") == ["ours", "", "the system's", ""]


@pytest.mark.parametrize("variable", [*BUNDLE_VARIABLES, "NODE_EXTRA_CA_CERTS"])
def test_what_was_trusted_by_a_variable_before_is_trusted_still(variable, place, tmp_path):
    (tmp_path / "earlier").write_text("what was there\n")
    found = environment_of(place, {variable: str(tmp_path / "earlier")})
    assert Path(found[variable]).read_text() == "ours\n\nwhat was there\n"
    assert Path(found["ACME_TLS_CA"]).read_text() == "ours\n"


@pytest.mark.parametrize("variable", [*BUNDLE_VARIABLES, "NODE_EXTRA_CA_CERTS"])
def test_a_variable_that_names_no_file_is_no_hindrance(variable, place, monkeypatch):
    monkeypatch.setattr(trust, "SYSTEM_BUNDLES", ())
    assert environment_of(place, {variable: "/no/such/file"})[variable] == place.tls_ca


def test_none_of_it_is_taken_for_an_option_of_gravel(place):
    assert not [name for name in environment_of(place, {}) if name.startswith("GRAVEL_")]
