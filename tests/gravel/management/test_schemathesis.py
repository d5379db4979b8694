"""Requests that nobody thought of, made of the OpenAPI document by schemathesis, at a server on real sockets.

No answer is a 5xx; every answer has a status, type and shape that the document names; what does not fit the document is
refused, and what fits is taken. `make schemathesis` sends more of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gravel.management.management_routes import DESCRIBED, DOCUMENT

PROGRAM = Path(sys.executable).with_name("schemathesis")
EXAMPLES = os.environ.get("GRAVEL_SCHEMATHESIS", "2")
# Everything that schemathesis checks but what is about logins and about resources that one request makes for others.
UNCHECKED = ("ignored_auth", "use_after_free", "ensure_resource_availability", "object_level_authorization")
# What fits may be refused where more is asked than a schema can say.
FREE = [
    DOCUMENT["paths"][route.path][route.method.lower()]["operationId"] for route in DESCRIBED if route.operation.free
]
STREAMS = [route.path for route in DESCRIBED if "text/event-stream" in route.operation.answers.values()]
CONFIGURATION = f"""
[checks]
{"".join(f"{name}.enabled = false" + chr(10) for name in UNCHECKED)}
[[operations]]
include-operation-id = "get-journal"
parameters = {{ "query.wait" = 0 }}

[[operations]]
include-operation-id = {FREE}
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.timeout(0)
def test_whatever_is_asked_is_answered_as_the_document_says(launch, tmp_path):
    serve = launch(
        "serve", "--http01-listen", "127.0.0.1:0", "--http01-port", "0",
        "--tls-alpn-listen", "127.0.0.1:0", "--tls-alpn-port", "0",
    )  # fmt: skip
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    run = [
        PROGRAM, "--config-file", configuration, "run", f"{serve.ready['management']}/openapi.json",
        "--tls-verify", serve.ready["tls_ca"], "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1",
        "--generation-deterministic", "--request-timeout", "30", "--no-color", "--warnings", "off",
        # The requests below /worlds/ID are the same.
        "--exclude-path-regex", "^/worlds/{world}/",
        *(f"--exclude-path={path}" for path in STREAMS if not path.startswith("/worlds/")),
    ]  # fmt: skip
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert serve.process.poll() is None
