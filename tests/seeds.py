"""The rows of the owner's five documents and where they contradict their sources, and the page that shows them.

A test proves a row by the marker `@pytest.mark.seed("K28")`, on a function, a class or a `pytest.param`; one marker may
name several rows. Markers are found by reading `tests/`, nothing is run. `make docs` writes `docs/seeds.md` of it.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import attrs

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
# What a row is about: the house itself, what stands beside it, what is outside of it, or no behaviour at all.
CORE, ADJACENT, SIMULATED, PROSE = "core", "adjacent", "simulated", "prose"
WORDS = {CORE: "real", ADJACENT: "real", SIMULATED: "simulated", PROSE: "documented"}


@attrs.frozen
class Row:
    """What a document says, in a few words of ours; `page` (of docs/) answers prose, `missing` says why there is no test."""

    id: str
    place: str
    text: str
    page: str = ""
    missing: str = ""


@attrs.frozen
class Contradiction:
    """What a document says and what its source does; the tests hold both."""

    id: str
    said: str
    true: str


DOCUMENTS: dict[str, tuple[Row, ...]] = {
    "Gloo Mesh: IssuedCertificate": (
        Row("G01", ADJACENT, "a central CA, outside of the cluster, issues to a remote one"),
        Row("G02", SIMULATED, "the issuer creates the IssuedCertificate on the remote cluster"),
        Row("G03", ADJACENT, "the agent makes key and CSR"),
        Row("G04", ADJACENT, "the issuer signs, and the certificate becomes a Secret of the remote cluster"),
        Row("G05", CORE, "private keys never leave"),
        Row("G06", CORE, "`hosts`: names and addresses"),
        Row("G07", CORE, "`hosts`: an identity, `spiffe://...`"),
        Row("G08", ADJACENT, "the trust domain instead of `cluster.local`"),
        Row("G09", ADJACENT, "`org`"),
        Row("G10", ADJACENT, "`signingCertificateSecret`"),
        Row("G11", ADJACENT, "`issuedCertificateSecret`"),
        Row("G12", SIMULATED, "`podsToBounce`, in order"),
        Row("G13", SIMULATED, "a selector: `namespace` and `labels`"),
        Row("G14", ADJACENT, "the agent writes the status"),
        Row("G15", CORE, "`observedGeneration`"),
        Row("G16", ADJACENT, "`error`"),
        Row("G17", ADJACENT, "PENDING"),
        Row("G18", ADJACENT, "REQUESTED"),
        Row("G19", ADJACENT, "ISSUED"),
        Row("G20", ADJACENT, "FINISHED"),
        Row("G21", ADJACENT, "FAILED"),
    ),
    "issuer-lib": (
        Row("L01", PROSE, "how stable the library is", page="issuer-library.md"),
        Row("L02", CORE, "issuers watch CertificateRequests and write what was signed into the status"),
        Row("L03", CORE, "only requests whose issuerRef is the issuer's name, kind and group"),
        Row("L04", CORE, "only approved requests"),
        Row("L05", CORE, "the author supplies `check` and `sign`, the library the controllers"),
        Row("L06", CORE, "it watches requests and issuers"),
        Row("L07", CORE, "the issuer's status tells how the CA is"),
        Row("L08", CORE, "the request's status gets the certificate"),
        Row("L09", CORE, "errors and retries"),
        Row("L10", CORE, "approval and denial"),
        Row("L11", ADJACENT, "Kubernetes CertificateSigningRequests"),
        Row("L12", ADJACENT, "conformance tests for issuers"),
        Row("L13", ADJACENT, "an example issuer"),
        Row("L14", CORE, "`check`: an error is retried with backoff until it succeeds"),
        Row("L15", CORE, "`check`: a permanent error waits for another generation"),
        Row("L16", CORE, "`sign`: an error is retried until the longest time after creation"),
        Row("L17", CORE, "`sign`: an issuer error is the issuer's, not the request's"),
        Row("L18", CORE, "`sign`: an error may set a condition of its own"),
        Row("L19", CORE, "`sign`: a permanent error wants a new request"),
        Row("L20", CORE, "the order of decisions about a request"),
        Row("L21", CORE, "the order of decisions about an issuer"),
        Row("L22", CORE, "what brings a request back"),
        Row("L23", CORE, "what brings an issuer back"),
    ),
    "cert-manager: concepts": (
        Row("K01", CORE, "Certificate, Issuer, ClusterIssuer, CertificateRequest, Order, Challenge"),
        Row("K02", SIMULATED, "issuer types: SelfSigned, CA, Vault, Venafi, external, ACME"),
        Row("K03", CORE, "an Issuer serves its namespace, a ClusterIssuer all"),
        Row("K04", ADJACENT, "`ca.secretName`: the key in the Secret signs"),
        Row("K05", CORE, "an issuer must be Ready before it serves"),
        Row("K06", ADJACENT, "a Certificate is kept up to date"),
        Row("K07", ADJACENT, "a Certificate makes a CertificateRequest with a CSR"),
        Row("K08", ADJACENT, "then a Secret with `tls.key` and `tls.crt` in its namespace"),
        Row("K09", CORE, "`tls.crt` is the leaf, then the chain"),
        Row("K10", CORE, "`ca.crt` where the CA is known, none by ACME"),
        Row("K11", CORE, "the root is not in `tls.crt`"),
        Row("K12", ADJACENT, "clients of a private CA need its root"),
        Row("K13", CORE, "`dnsNames` are the SANs"),
        Row("K14", ADJACENT, "the life of a Certificate with an ACME issuer, from end to end"),
        Row("K15", CORE, "a request is a CSR in base64, sent to an issuer"),
        Row("K16", CORE, "its spec and cert-manager's annotations never change"),
        Row("K17", CORE, "success: `certificate`, `ca` if there is one, Ready"),
        Row("K18", CORE, "a request is never tried again; another one is made"),
        Row("K19", CORE, "Ready is Pending, Failed, Issued or Denied"),
        Row("K20", CORE, "http-01 and dns-01 prove control of a name"),
        Row("K21", CORE, "an Order is one order at the server, made of a request, and never changes"),
        Row("K22", CORE, "an Order has a Challenge for each name that is to be authorized"),
        Row("K23", CORE, "a Challenge never changes"),
        Row("K24", CORE, "it is queued, and processed when it is scheduled"),
        Row("K25", CORE, "then the server is asked; what is valid already is done"),
        Row("K26", CORE, "then it is presented"),
        Row("K27", CORE, "then a self-check looks whether it can be seen"),
        Row("K28", CORE, "a self-check is tried again every 10 s"),
        Row("K29", CORE, "a self-check never gives up"),
        Row("K30", CORE, "when it passes, the challenge is answered"),
        Row("K31", CORE, "the verdict and its reason are copied into the status"),
        Row("K32", CORE, "a final state frees the slot"),
        Row("K33", CORE, "a scheduler starts them, not all at once"),
        Row("K34", CORE, "at most 60 at a time"),
        Row("K35", CORE, "never two of the same name and type"),
        Row("K36", CORE, "the oldest first; what is processed counts even when it is final"),
    ),
    "Building issuers of one's own": (
        Row("B01", ADJACENT, "500 services, 2,000 operations a year, nobody needed"),
        Row("B02", ADJACENT, "150 certificates: how many renewals a day"),
        Row("B03", ADJACENT, "developers annotate an Ingress and forget it"),
        Row("B04", SIMULATED, "CAs that speak something of their own"),
        Row("B05", CORE, "watch, translate, write back"),
        Row("B06", ADJACENT, "templates, approval, audit, escrow of keys"),
        Row("B07", PROSE, "look for an issuer that exists first", page="issuer-library.md"),
        Row("B08", CORE, "five steps of a request, of which an issuer does one"),
        Row("B09", CORE, "several tenants: an Issuer is for its namespace"),
        Row("B10", ADJACENT, "who may use a ClusterIssuer is limited by RBAC"),
        Row("B11", CORE, "both scopes from the first day"),
        Row("B12", CORE, "what a controller does, from issuerRef to status"),
        Row("B13", ADJACENT, "a webhook validates issuers when they are written"),
        Row("B14", CORE, "policy comes before issuance"),
        Row("B15", PROSE, "a project is scaffolded", page="issuer-library.md#from-nothing-to-a-certificate"),
        Row("B16", CORE, "fields of an issuer: address, credentials, CA bundle, template"),
        Row("B17", CORE, "conditions of an issuer"),
        Row("B18", CORE, "credentials are in a Secret, so that they rotate alone"),
        Row("B19", CORE, "reconcile: skip what is done or not ours, sign, write the status"),
        Row("B20", CORE, "a request is signed exactly once"),
        Row("B21", CORE, "sign: read the CSR, submit it, return certificate and chain"),
        Row("B22", CORE, "clients are kept for each issuer until it or its Secret changes"),
        Row("B23", CORE, "classes of errors: rate limit, transient, policy, unknown"),
        Row("B24", CORE, "a circuit breaker for long outages"),
        Row("B25", CORE, "requests come back when their issuer changes"),
        Row("B26", CORE, "five workers, or as many as the CA bears"),
        Row("B27", ADJACENT, "CertificateRequestPolicy; what is denied stays visible"),
        Row("B28", PROSE, "how the approver is installed", page="approval.md"),
        Row("B29", ADJACENT, "`allowed`, `constraints` and `selector`"),
        Row("B30", ADJACENT, "wildcards"),
        Row("B31", ADJACENT, "a violation is denied, with a clear message"),
        Row("B32", ADJACENT, "default deny elsewhere"),
        Row("B33", ADJACENT, "layers of policies"),
        Row("B34", ADJACENT, "humans approve, through RBAC"),
        Row("B35", ADJACENT, "who approved and why is recorded; until then it waits"),
        Row("B36", ADJACENT, "an annotation names a ticket, which approves"),
        Row("B37", ADJACENT, "an alert about denied requests"),
        Row("B38", ADJACENT, "a ConfigMap tells each namespace what is allowed"),
        Row("B39", ADJACENT, "annotations of an Ingress make a Certificate"),
        Row("B40", ADJACENT, "`revision-history-limit`, for a rollback"),
        Row("B41", SIMULATED, "istio-csr: workloads get certificates for their identities"),
        Row("B42", SIMULATED, "mTLS, strict"),
        Row("B43", SIMULATED, "principals by wildcard"),
        Row("B44", SIMULATED, "Linkerd's identity issuer, which rotates without a restart"),
        Row("B45", ADJACENT, "an init container waits for a certificate"),
        Row("B46", SIMULATED, "waves of Argo CD, dependencies of Flux"),
        Row("B47", ADJACENT, "a pipeline verifies chains, references and SANs"),
        Row("B48", CORE, "metrics on port 9402"),
        Row("B49", CORE, "cert-manager's four metrics"),
        Row("B50", CORE, "metrics by issuer: latency, depth of the queue, errors"),
        Row("B51", ADJACENT, "alert: a certificate expires soon"),
        Row("B52", ADJACENT, "alert: a renewal failed"),
        Row("B53", ADJACENT, "alert: a request is stuck"),
        Row("B54", PROSE, "which threshold to warn at", page="metrics.md#alert-rules"),
        Row("B55", ADJACENT, "alert: the share of degraded certificates"),
        Row("B56", ADJACENT, "debugging: describe, events, logs"),
        Row("B57", SIMULATED, "failures: RBAC on Secrets, network policies, rate limits"),
        Row("B58", CORE, "`conditions` and `failureTime` say where it stalls"),
        Row("B59", CORE, "logs that name the request across all steps"),
        Row("B60", ADJACENT, "a runbook: from the error to what to do"),
        Row("B61", ADJACENT, "backup and restore"),
        Row("B62", ADJACENT, "Secrets encrypted by a KMS, in backups"),
        Row("B63", CORE, "several signing certificates whose validities overlap"),
        Row(
            "B64",
            ADJACENT,
            "rotation of a CA in three phases",
            missing="intermediates rotate (B63), roots do not in phases",
        ),
        Row("B65", ADJACENT, "the phase is a condition of the issuer", missing="there are no phases to tell of (B64)"),
        Row("B66", CORE, "staging with lifetimes of hours"),
        Row("B67", CORE, "inject: a revoked CA, a corrupt key, an HSM that is away"),
        Row("B68", ADJACENT, "chaos: deleted Secrets come back in time"),
        Row(
            "B69",
            PROSE,
            "start from a template, policies early, rehearse rotations",
            page="issuer-library.md#from-nothing-to-a-certificate",
        ),
    ),
    "cert-manager: implementing external issuers": (
        Row("E01", CORE, "external issuers are treated as those in the tree"),
        Row("E02", CORE, "a controller for each type, which filters by issuerRef"),
        Row("E03", CORE, "the issuer must exist; its data and the request's are used"),
        Row("E04", ADJACENT, "an issuer to start from"),
        Row("E05", CORE, "what is not approved is not signed, and issuers do not approve"),
        Row("E06", ADJACENT, "a denied request fails the issuance of its Certificate"),
        Row("E07", CORE, "after signing, Ready tells those above"),
        Row("E08", CORE, "a failure is marked as well"),
        Row("E09", CORE, "the conditions are those of the concepts"),
        Row("E10", PROSE, "kubebuilder, and where to ask", page="issuer-library.md#from-nothing-to-a-certificate"),
    ),
}
ROWS: tuple[Row, ...] = tuple(row for rows in DOCUMENTS.values() for row in rows)

CONTRADICTIONS: tuple[Contradiction, ...] = (
    Contradiction("X1", "all policies that match must pass", "one that passes approves"),
    Contradiction("X2", "where no policy matches, a request is denied", "it is left alone"),
    Contradiction("X3", "a policy makes humans decide", "one that matches approves at once"),
    Contradiction("X4", "approvers need the status of requests", "and the verb `approve` on the signer"),
    Contradiction("X5", "`kubectl cert-manager approve`", "`cmctl approve`; here `gravel approve`"),
    Contradiction("X6", "a policy selects its own issuers as cert-manager.io's", "that selects none of another group"),
    Contradiction("X7", "`cluster-issuer` names an external issuer", "`issuer`, `issuer-kind` and `issuer-group` do"),
    Contradiction("X8", "the controller signs what nobody approved", "it must not"),
    Contradiction("X9", "reasons PolicyViolation, IssuerNotFound", "only Failed, Issued and Denied end an issuance"),
    Contradiction("X10", "`certmanager_certificaterequest_denied_total`", "a gauge of approver-policy"),
    Contradiction("X11", "metrics begin with `cert_manager_`", "with `certmanager_`"),
    Contradiction("X12", "CertificateExpiringSoon as written", "its sides have other labels: it never fires"),
    Contradiction("X13", "CertificateRequestStuck as written", "fires for an idle controller"),
    Contradiction(
        "X14", "the CSR is in the status, the issuer writes the Secret", "an object of its own; the agent does"
    ),
    Contradiction("X15", "a denied request gets Ready=Denied", "issuer-lib ignores it (issue 507)"),
    Contradiction("X16", "a request can bring a failed issuer back", "not one that failed for good"),
    Contradiction("X17", "challenges end valid, invalid, expired or revoked", "or errored"),
    Contradiction(
        "X18", "a self-check is repeated for ever", "true; with a policy that loses patience it yields its slot"
    ),
    Contradiction("X19", "150 certificates are 5 renewals a day", "2.5, at two thirds of 90 days"),
)


def _marks(node: ast.AST, name: str, file: str):
    """Yield `(row, file, test)` of every marker below a node; test is the innermost name around it."""
    name = getattr(node, "name", name)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.seed":
        for row in node.args:
            yield ast.literal_eval(row), file, name
    for child in ast.iter_child_nodes(node):
        yield from _marks(child, name, file)


@cache
def proofs() -> dict[str, list[tuple[str, str]]]:
    """Row -> `(file below tests/, name of the test)`, in the order of files."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text()
        if "pytest.mark.seed(" in text:
            for row, file, name in _marks(ast.parse(text), path.stem, str(path.relative_to(TESTS))):
                if (file, name) not in found.setdefault(row, []):
                    found[row].append((file, name))
    return found


def shown_by(row: str) -> str:
    """The tests of a row as links."""
    tests = proofs().get(row, ())
    return "; ".join(f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})" for file, name in tests)


def word(row: Row) -> str:
    """What a row is now: real, simulated, documented, or not yet."""
    return WORDS[row.place] if row.page or row.id in proofs() else "not yet"


def count() -> str:
    """How many rows there are of each word."""
    words = [word(row) for row in ROWS]
    counted = [f"{words.count(one)} *{one}*" for one in (*dict.fromkeys(WORDS.values()), "not yet")]
    return f"Of {len(ROWS)} rows, {', '.join(counted)}."


def tables() -> str:
    """Each document's rows as Markdown."""
    lines = []
    for title, rows in DOCUMENTS.items():
        lines += ["", f"## {title}", "", "| row | what it says | | shown by |", "|---|---|---|---|"]
        for row in rows:
            page = f"[{row.page.partition('#')[0]}]({row.page})" if row.page else ""
            shown = "; ".join(filter(None, (page, shown_by(row.id), row.missing)))
            lines.append(f"| {row.id} | {row.text} | {word(row)} | {shown} |")
    return "\n".join(lines[1:])


def contradictions() -> str:
    """What the documents say that is not so, as Markdown."""
    rows = [f"| {one.id} | {one.said} | {one.true} | {shown_by(one.id)} |" for one in CONTRADICTIONS]
    return "\n".join(["| | said | so | shown by |", "|---|---|---|---|", *rows])


def has_heading(page: str) -> bool:
    """Whether a page of docs/ is there, with the heading that follows `#`."""
    file, _, anchor = page.partition("#")
    if not (DOCS / file).is_file():
        return False
    headings = re.findall(r"^#+ (.+)$", (DOCS / file).read_text(), re.MULTILINE)
    return not anchor or anchor in [re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings]


PARTS = {"count": count, "rows": tables, "contradictions": contradictions}
