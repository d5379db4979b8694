"""The token of the Kubernetes-style API: wanted of everybody, and shown by the verbs that speak to it."""

import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.gravel.conftest import GRAVEL

PATH = "/api/v1/namespaces/default/secrets"


def get(ready, token):
    trust = ssl.create_default_context(cafile=ready["tls_ca"])
    url = ready["kubernetes"] + PATH
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30, context=trust) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("token", "code"), [("s3cret", 200), ("guess", 401), ("", 403)])
def test_whoever_has_no_token_is_nobody(launch, token, code):
    assert get(launch("up", "--kubernetes-token=s3cret").ready, token) == code


def test_the_verbs_show_the_token(launch, tmp_path):
    manifest = tmp_path / "map.yaml"
    manifest.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    ready = launch("up", "--kubernetes-token=s3cret", f"--apply={manifest}").ready

    def run(*arguments, words=("get", "configmaps", "-o", "name"), **environment):
        command = [*GRAVEL, *words, "--kubernetes", ready["kubernetes"], *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    ca = ready["tls_ca"]
    assert run("--kubernetes-token", "s3cret", "--kubernetes-ca", ca) == (0, "configmap/a\n")
    assert run(GRAVEL_KUBERNETES_TOKEN="s3cret", GRAVEL_KUBERNETES_CA=ca) == (0, "configmap/a\n")
    waits = ("wait", "configmap/a", "--timeout", "30")
    assert run(words=waits, GRAVEL_KUBERNETES_TOKEN="s3cret", GRAVEL_KUBERNETES_CA=ca) == (0, "configmap/a is ready\n")
    for arguments, complaint in (
        (("--kubernetes-ca", ca), "system:anonymous"),
        ((), "--kubernetes-ca makes trusted"),
        (("--kubernetes-ca", str(manifest)), "holds no certificate to trust"),
    ):
        code, text = run(*arguments)
        assert (code, complaint in text) == (1, True), text
