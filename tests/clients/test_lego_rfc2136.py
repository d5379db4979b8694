"""lego, through dns-01 with DNS updates of its own (RFC 2136), signed with a key or not at all."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.client("lego", "openssl")

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="
# lego's DNS library knows HMAC-MD5 no more.
ALGORITHMS = ("hmac-sha1", "hmac-sha256", "hmac-sha512")


@pytest.fixture
def server_options():
    keys = [f"{algorithm}:{algorithm}-key:{SECRET}" for algorithm in ALGORITHMS]
    return [part for key in keys for part in ("--dns-update-key", key)]


@pytest.fixture
def lego(server, run_client, tmp_path):
    def run(*names, algorithm=None, secret=SECRET):
        command = ["lego", "--server", server.directory, "--accept-tos", "--email", "lego@example.com"]
        command += ["--path", tmp_path / "lego", "--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers", server.dns]
        for name in names:
            command += ["--domains", name]
        environment = {"LEGO_CA_CERTIFICATES": server.tls_ca, "RFC2136_NAMESERVER": server.dns}
        environment |= {"RFC2136_POLLING_INTERVAL": "1", "RFC2136_SEQUENCE_INTERVAL": "1"}
        if algorithm:
            environment["RFC2136_TSIG_ALGORITHM"] = f"{algorithm}."
            environment |= {"RFC2136_TSIG_KEY": f"{algorithm}-key", "RFC2136_TSIG_SECRET": secret}
        return run_client([*command, "run"], environment)

    return run


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_lego_gets_a_wildcard_and_its_apex_with_each_algorithm(lego, assert_issued, tmp_path, algorithm):
    names = ["*.lego.example.com", "lego.example.com"]
    done = lego(*names, algorithm=algorithm)
    assert done.code == 0, done.output
    assert_issued(tmp_path / "lego/certificates/_.lego.example.com.crt", names)


@pytest.mark.parametrize(
    ("algorithm", "secret", "reason"), [(None, "", "REFUSED"), ("hmac-sha256", "b3RoZXI=", "bad authentication")]
)
def test_lego_fails_without_the_key(lego, tmp_path, algorithm, secret, reason):
    done = lego("lost.lego.example.com", algorithm=algorithm, secret=secret)
    assert done.code == 1, done.output
    assert reason in done.output
    assert not (tmp_path / "lego/certificates/lost.lego.example.com.crt").exists()


class TestOpen:
    """Without keys, where everyone on the machine may write."""

    @pytest.fixture
    def server_options(self):
        return ["--dns-update-open"]

    def test_lego_needs_no_key_where_updates_are_open(self, lego, assert_issued, tmp_path):
        done = lego("open.lego.example.com")
        assert done.code == 0, done.output
        assert_issued(tmp_path / "lego/certificates/open.lego.example.com.crt", ["open.lego.example.com"])
