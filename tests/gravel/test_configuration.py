"""Where settings come from, and what is said about those that cannot be."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gravel.configuration import configured, kubernetes_url, load, management_url
from gravel.settings import FIELDS, Settings
from solvers.dns.keys import Key


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(toml: str = "", environment: dict[str, str] | None = None, verb: str = "up", **flags) -> Settings:
    Path("gravel.toml").write_text(toml)
    return load(verb, flags, environment or {})


PRECEDENCE = [
    ("", {}, {}, 14000),
    ("acme-port = 1", {}, {}, 1),
    ("acme-port = 1", {"GRAVEL_ACME_PORT": "2"}, {}, 2),
    ("acme-port = 1", {"GRAVEL_ACME_PORT": "2"}, {"acme_port": 3}, 3),
    ("acme-port = 1", {}, {"acme_port": 0}, 0),
    ("acme-port = 1", {"GRAVEL_ACME_PORT": ""}, {"acme_port": None}, 1),
]


@pytest.mark.parametrize(("toml", "environment", "flags", "port"), PRECEDENCE)
def test_flags_win_over_the_environment_and_the_environment_over_the_file(toml, environment, flags, port):
    assert port == settings_of(toml, environment, **flags).acme_port


VALUES = [
    ('timing = "cert-manager"', "timing", "cert-manager"),
    ("no-approver = true", "no_approver", True),
    ("retry-period = 0.5", "retry_period", 0.5),
    ("retry-period = 2", "retry_period", 2.0),
    ('tls-name = ["a.test", "::1"]', "tls_name", ("a.test", "::1")),
    ('tls-name = "a.test"', "tls_name", ("a.test",)),
    ('dns = "[::1]:53"', "dns", "[::1]:53"),
    ('default-address = ["192.0.2.1", "2001:DB8::1"]', "default_address", ("192.0.2.1", "2001:db8::1")),
    ('base-url = "https://acme.test/"', "base_url", "https://acme.test"),
    ('base-url = "https://my_service:14000"', "base_url", "https://my_service:14000"),
    ("seed = 0", "seed", 0),
    ('dns-update-key = "a:c2VjcmV0"', "dns_update_key", (Key("a", "hmac-sha256", b"secret"),)),
]


@pytest.mark.parametrize(("toml", "name", "value"), VALUES)
def test_a_value_in_the_file_has_the_type_of_its_option(toml, name, value):
    assert value == getattr(settings_of(toml), name)


VARIABLES = [
    ("GRAVEL_TLS_NAME", "a.test,b.test", "tls_name", ("a.test", "b.test")),
    ("GRAVEL_NO_APPROVER", "true", "no_approver", True),
    ("GRAVEL_NO_APPROVER", "0", "no_approver", False),
    ("GRAVEL_SEED", "7", "seed", 7),
    (
        "GRAVEL_DNS_UPDATE_KEY",
        "a:c2VjcmV0,hmac-sha1:b:c2VjcmV0",
        "dns_update_key",
        (Key("a", "hmac-sha256", b"secret"), Key("b", "hmac-sha1", b"secret")),
    ),
    ("GRAVEL_DNS_UPDATE_OPEN", "yes", "dns_update_open", True),
    ("GRAVEL_EAB", "kid-1:c2VjcmV0,urn:kid:c2VjcmV0", "eab", (("kid-1", b"secret"), ("urn:kid", b"secret"))),
    ("GRAVEL_TERMS_OF_SERVICE", "data:text/plain,do%20good", "terms_of_service", "data:text/plain,do%20good"),
]


@pytest.mark.parametrize(("variable", "text", "name", "value"), VARIABLES)
def test_a_variable_has_the_type_of_its_option(variable, text, name, value):
    assert value == getattr(settings_of(environment={variable: text}), name)


FILE_ERRORS = [
    ("acme-prot = 1", "gravel.toml: 'acme-prot' is no option; the nearest is 'acme-port'."),
    ("acme_port = 1", "gravel.toml: 'acme_port' is no option; the nearest is 'acme-port'."),
    ("[dns]\nport = 1", "dns in gravel.toml: {'port': 1} is not a"),
    ('acme-port = "http"', "acme-port in gravel.toml: 'http' is not a valid integer"),
    ("acme-port = true", "acme-port in gravel.toml: True is not a"),
    ("acme-port = 65536", "acme-port in gravel.toml: 65536 is not in the range"),
    ("retry-period = 0", "retry-period in gravel.toml: 0"),
    ('timing = "slow"', "timing in gravel.toml: 'slow' is not one of 'cert-manager', 'fast'"),
    ('dns = "127.0.0.1"', "dns in gravel.toml: '127.0.0.1' is not HOST:PORT."),
    ("dns = 5", "dns in gravel.toml: '5' is not HOST:PORT."),
    ("dns-update-key = 5", "dns-update-key in gravel.toml: A key is [ALGORITHM:]NAME:SECRET."),
    ('dns-update-key = ["md5:a:b"]', "dns-update-key in gravel.toml: 'md5' is no algorithm of a key; there are "),
    ('dns-update-key-file = "missing"', "dns-update-key-file in gravel.toml: File 'missing' does not exist."),
    ('dns = "127.0.0.1:99999"', "dns in gravel.toml: '127.0.0.1:99999' is not HOST:PORT."),
    ('default-address = "a.test"', "default-address in gravel.toml: 'a.test' is not an IP address."),
    ('base-url = "https://a.test/dir"', "base-url in gravel.toml: 'https://a.test/dir' is not https://HOST[:PORT]."),
    ('tls-name = ["a b"]', "tls-name in gravel.toml: 'a b' is neither a name nor an address."),
    ('management-token = "a b"', "management-token in gravel.toml: A token is printable"),
    ('management-token = ""', "management-token in gravel.toml: A token is printable"),
    ('eab = "kid"', "eab in gravel.toml: An external account is KID:KEY."),
    ('eab = ["kid:"]', "eab in gravel.toml: The MAC key is empty."),
    ('eab = ["kid:a+b/"]', "eab in gravel.toml: The MAC key is not base64url."),
    ('terms-of-service = "terms.html"', "terms-of-service in gravel.toml: 'terms.html' is not a URL."),
    ("acme-port", "gravel.toml cannot be read: "),
]


@pytest.mark.parametrize(("toml", "sentence"), FILE_ERRORS)
def test_what_is_wrong_in_the_file_is_named(toml, sentence):
    with pytest.raises(click.UsageError) as caught:
        settings_of(toml)
    assert caught.value.message.startswith(sentence)


VARIABLE_ERRORS = [
    ("GRAVEL_ACME_PROT", "1", "The variable GRAVEL_ACME_PROT is no option; the nearest is GRAVEL_ACME_PORT."),
    ("GRAVEL_DEBUGGING", "1", "The variable GRAVEL_DEBUGGING is no option; the nearest is GRAVEL_DEBUG."),
    ("GRAVEL_ACME_PORT", "x", "GRAVEL_ACME_PORT: 'x' is not a valid integer"),
    ("GRAVEL_ONCE", "maybe", "GRAVEL_ONCE: 'maybe' is not a valid boolean"),
]


@pytest.mark.parametrize(("variable", "text", "sentence"), VARIABLE_ERRORS)
def test_what_is_wrong_in_the_environment_is_named(variable, text, sentence):
    with pytest.raises(click.UsageError) as caught:
        settings_of(environment={variable: text})
    assert caught.value.message.startswith(sentence)


SERVICE_LINKS = {
    "GRAVEL_PORT": "tcp://10.0.0.1:14000",
    "GRAVEL_PORT_14000_TCP": "tcp://10.0.0.1:14000",
    "GRAVEL_PORT_14000_TCP_ADDR": "10.0.0.1",
    "GRAVEL_SERVICE_HOST": "10.0.0.1",
    "GRAVEL_SERVICE_PORT": "14000",
    "GRAVEL_SERVICE_PORT_ACME": "14000",
    "GRAVEL_DNS_PORT": "udp://10.0.0.1:53",
    "GRAVEL_DNS_SERVICE_HOST": "10.0.0.1",
}


def test_what_kubernetes_says_about_a_service_called_gravel_is_no_option():
    assert Settings() == settings_of(environment=SERVICE_LINKS)


def test_a_file_named_by_a_flag_is_read_instead_and_must_exist(tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("acme-port = 5")
    Path("gravel.toml").write_text("acme-port = 4")
    assert load("up", {}, {}, other).acme_port == 5
    assert load("up", {}, {"GRAVEL_CONFIG": str(other)}).acme_port == 5
    with pytest.raises(click.UsageError, match=r"There is no file missing\.toml"):
        load("up", {}, {}, Path("missing.toml"))


def test_a_verb_takes_its_own_options_from_a_file_that_all_verbs_share():
    toml = 'kubernetes-port = 1\nacme-port = 2\ntiming = "cert-manager"'
    assert Settings(acme_port=2) == settings_of(toml, verb="serve")


WHERE_UP_IS = [
    ("", {}, None, "http://127.0.0.1:16443"),
    ("kubernetes-port = 1", {}, None, "http://127.0.0.1:1"),
    ("kubernetes-port = 1", {"GRAVEL_KUBERNETES_PORT": "2"}, None, "http://127.0.0.1:2"),
    ('kubernetes-port = 1\nkubernetes = "http://a.test"', {}, None, "http://a.test"),
    ('kubernetes = "http://a.test"', {"GRAVEL_KUBERNETES": "http://b.test"}, None, "http://b.test"),
    ("", {"GRAVEL_KUBERNETES": "http://b.test"}, "http://c.test", "http://c.test"),
]


@pytest.mark.parametrize(("toml", "environment", "flag", "url"), WHERE_UP_IS)
def test_client_verbs_find_the_up_that_was_configured_here(toml, environment, flag, url):
    Path("gravel.toml").write_text(toml)
    assert url == kubernetes_url(flag, environment)


WHERE_MANAGEMENT_IS = [
    ({}, None, "https://127.0.0.1:15000"),
    ({"GRAVEL_MANAGEMENT_PORT": "2"}, None, "https://127.0.0.1:2"),
    ({"GRAVEL_MANAGEMENT": "https://a.test:1", "GRAVEL_MANAGEMENT_PORT": "2"}, None, "https://a.test:1"),
    ({"GRAVEL_MANAGEMENT": "https://a.test:1"}, "https://b.test", "https://b.test"),
]


@pytest.mark.parametrize(("environment", "flag", "url"), WHERE_MANAGEMENT_IS)
def test_trust_finds_the_management_that_was_configured_here(environment, flag, url):
    assert url == management_url(flag, environment)


def test_run_has_free_ports_unless_it_is_told_others():
    free = Settings(acme_port=0, management_port=0, dns_port=0, http01_port=0, tls_alpn_port=0)
    assert settings_of(verb="run") == free
    told = settings_of("dns-port = 1", {"GRAVEL_ACME_PORT": "2"}, verb="run", http01_port=3, tls_alpn_port=4)
    assert told == Settings(acme_port=2, management_port=0, dns_port=1, http01_port=3, tls_alpn_port=4)


def test_what_a_command_declares_beside_the_options_is_passed_on():
    @click.command()
    @configured("run")
    @click.argument("word")
    def command(settings: Settings, word: str) -> int:
        click.echo(f"{settings.seed} {word}")
        return 0

    assert CliRunner().invoke(command, ["--seed", "7", "said"]).output == "7 said\n"


@pytest.mark.parametrize("key", FIELDS)
def test_every_option_is_a_flag_of_the_verbs_that_it_names_and_of_no_other(key):
    for verb in ("up", "serve", "run"):
        command = click.command()(configured(verb)(lambda _settings: 0))
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert (verb in FIELDS[key].metadata["verbs"]) == (f"--{key}" in flags)
    assert FIELDS[key].metadata["help"].endswith((".", ")"))
