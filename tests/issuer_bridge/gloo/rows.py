"""The rows of Gloo's document on IssuedCertificates, and the tests that prove them: those with the marker `seed`."""

import ast
from pathlib import Path

ROWS = {
    "G01": "a central CA, outside of the cluster, issues to a remote one",
    "G02": "the issuer creates the IssuedCertificate on the remote cluster",
    "G03": "the agent makes key and CSR",
    "G04": "the issuer signs, and the certificate becomes a Secret of the remote cluster",
    "G05": "private keys never leave",
    "G06": "`hosts`: names and addresses",
    "G07": "`hosts`: an identity, `spiffe://...`",
    "G08": "the trust domain instead of `cluster.local`",
    "G09": "`org`",
    "G10": "`signingCertificateSecret`",
    "G11": "`issuedCertificateSecret`",
    "G12": "`podsToBounce`, in order",
    "G13": "a selector: `namespace` and `labels`",
    "G14": "the agent writes the status",
    "G15": "`observedGeneration`",
    "G16": "`error`",
    "G17": "PENDING",
    "G18": "REQUESTED",
    "G19": "ISSUED",
    "G20": "FINISHED",
    "G21": "FAILED",
}


def proofs():
    """Row -> the tests, as `FILE::NAME`."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.seed":
                    found.setdefault(mark.args[0].value, []).append(f"{path.name}::{node.name}")
    return found


def table():
    """The rows as Markdown."""
    proved = proofs()
    rows = [f"| {row} | {text} | {', '.join(f'`{test}`' for test in proved[row])} |" for row, text in ROWS.items()]
    return "\n".join(["| row | what it says | proved by |", "|---|---|---|", *rows])
