"""`gravel up` with the manifests of docs/acme-issuer.md: an AcmeClusterIssuer, and a Certificate that names it."""

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/acme-issuer.md"


def test_a_certificate_of_an_acme_issuer_is_issued_by_both_challenges(launch, tmp_path):
    path = tmp_path / "issuer.yaml"
    path.write_text(re.search(r"```yaml\n(.+?)```", PAGE.read_text(), re.DOTALL)[1])
    code, said, output = launch("up", "--apply", str(path), "--once").finish()
    assert (code, said) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["request"] for line in lines if line["event"] == "issued"] == ["default/shop-1"]
