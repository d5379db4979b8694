"""The token of the Kubernetes-style API: wanted of everybody, and shown by the verbs that speak to it."""

import subprocess
import urllib.error
import urllib.request

import pytest

from tests.gravel.conftest import GRAVEL

PATH = "/api/v1/namespaces/default/secrets"


def get(url, token):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url + PATH, headers=headers), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("token", "code"), [("s3cret", 200), ("guess", 401), ("", 403)])
def test_whoever_has_no_token_is_nobody(launch, token, code):
    assert get(launch("up", "--kubernetes-token=s3cret").ready["kubernetes"], token) == code


def test_the_verbs_show_the_token(launch, tmp_path):
    manifest = tmp_path / "map.yaml"
    manifest.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    url = launch("up", "--kubernetes-token=s3cret", f"--apply={manifest}").ready["kubernetes"]

    def run(*arguments, **environment):
        command = [*GRAVEL, "get", "configmaps", "-o", "name", "--kubernetes", url, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run("--kubernetes-token", "s3cret") == (0, "configmap/a\n")
    assert run(GRAVEL_KUBERNETES_TOKEN="s3cret") == (0, "configmap/a\n")
    code, text = run()
    assert (code, "system:anonymous" in text) == (1, True)
