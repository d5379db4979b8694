"""lego, through http-01 as its own web server, and through dns-01 with a hook that sets TXT records."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.client("lego", "openssl")

# lego calls it with present or cleanup, the record's name and its value.
HOOK = """\
#!/bin/sh
case "$1" in
  present) path=set-txt body="{\\"host\\": \\"$2\\", \\"value\\": \\"$3\\"}" ;;
  cleanup) path=clear-txt body="{\\"host\\": \\"$2\\"}" ;;
esac
exec curl --silent --show-error --fail --cacert "$CA" --data "$body" "$MANAGEMENT/$path"
"""


@pytest.fixture
def lego_dns(server, lego, tmp_path):
    """Run lego with dns-01; the hook is a script."""

    def run(script, *names):
        hook = tmp_path / "hook"
        hook.write_text(script)
        hook.chmod(0o755)
        environment = {"EXEC_PATH": hook, "EXEC_POLLING_INTERVAL": "1", "EXEC_SEQUENCE_INTERVAL": "1"}
        environment |= {"CA": server.tls_ca, "MANAGEMENT": server.management}
        options = ["--dns", "exec", "--dns.disable-cp", "--dns.resolvers", server.dns]
        return lego(*options, names=names, environment=environment)

    return run


def test_lego_gets_a_certificate_through_http01(server, lego, assert_issued, tmp_path):
    done = lego("--http", "--http.port", f"127.0.0.1:{server.http01_port}", names=["lego.example.com"])
    assert done.code == 0, done.output
    assert_issued(tmp_path / "lego/certificates/lego.example.com.crt", ["lego.example.com"])


def test_lego_fails_when_it_answers_where_nobody_asks(lego, free_port, tmp_path):
    done = lego("--http", "--http.port", f"127.0.0.1:{free_port()}", names=["lost.lego.example.com"])
    assert done.code == 1, done.output
    assert "urn:ietf:params:acme:error:connection" in done.output
    assert not (tmp_path / "lego/certificates/lost.lego.example.com.crt").exists()


@pytest.mark.client("curl")
def test_lego_gets_a_wildcard_and_its_apex_through_dns01(lego_dns, assert_issued, tmp_path):
    names = ["*.lego.example.com", "lego.example.com"]
    done = lego_dns(HOOK, *names)
    assert done.code == 0, done.output
    assert_issued(tmp_path / "lego/certificates/_.lego.example.com.crt", names)


def test_lego_fails_when_its_hook_sets_no_record(lego_dns, tmp_path):
    done = lego_dns("#!/bin/sh\n", "lost.lego.example.com")
    assert done.code == 1, done.output
    assert "urn:ietf:params:acme:error:unauthorized" in done.output
    assert "_acme-challenge.lost.lego.example.com" in done.output
    assert not (tmp_path / "lego/certificates/lost.lego.example.com.crt").exists()
