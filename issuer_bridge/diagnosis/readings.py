"""What the texts of a status mean: tables from cert-manager's, Go's and the CA's words to who must act.

The patterns are the words of cert-manager (`pkg/issuer/acme`), of Go's net package, and the error types of RFC 8555
section 6.7; the first row of a table that matches holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

CERT_MANAGER = "cert-manager"
CA = "whoever runs the CA"
PLATFORM = "the platform team"
OWNER = "the owner of the namespace"
DNS = "whoever runs the zone"
APPROVER = "the approver"


@attrs.frozen
class Reading:
    """What a text means; attempt: "" keeps that of the rule; pain: its number in the list of known ones."""

    code: str
    pattern: str
    who: str
    attempt: str = ""
    pain: int | None = None


def read(table: Sequence[Reading], text: str) -> Reading | None:
    """Return the first row whose pattern is in the text."""
    return next((row for row in table if re.search(row.pattern, text, re.IGNORECASE)), None)


DESCRIBE = "kubectl describe {kind} -n {namespace} {name}"
LOG = "kubectl logs -n cert-manager deploy/cert-manager"

WEBHOOK = Reading(
    "webhook-fails",
    r"failed calling webhook|webhook\.cert-manager\.io",
    PLATFORM,
    "kubectl get pods,endpoints -n cert-manager; cmctl check api",
)
_SECRET = Reading(
    "secret-missing",
    r"secrets? \"[^\"]+\" not found|failed to get secret|error getting .*secret|does not have key|no data for .* in secret",
    OWNER,
    "create the Secret that is named, with its key, where the issuer looks: its namespace, or for a ClusterIssuer"
    " --cluster-resource-namespace",
)
_NETWORK = Reading(
    "ca-unreachable",
    r"dial tcp|no such host|connection re|i/o timeout|TLS handshake|x509:|network is unreachable|\bEOF\b|certificate verify",
    PLATFORM,
    "let cert-manager's pods reach spec.acme.server: egress, DNS, proxy, spec.acme.caBundle",
)

# Whatever the CA answers, in a Challenge, an Order or an Issuer.
ACME: tuple[Reading, ...] = (
    WEBHOOK,
    Reading("order-finalized-before", r"finalize Order: 403|error:orderNotReady", CERT_MANAGER, "", 20),
    Reading(
        "secondary-validation",
        r"secondary validation|during secondary",
        DNS,
        "make every nameserver answer alike, from anywhere: {check}",
        23,
    ),
    Reading(
        "rate-limited",
        r"\b429\b|error:rateLimited",
        PLATFORM,
        "wait until the moment that the CA names; test against its staging",
        14,
    ),
    Reading(
        "account-unknown",
        r"accountDoesNotExist|unable to find account|account.*(not found|is not valid|deactivated)",
        PLATFORM,
        "the CA has lost the account: create the issuer anew, so that it registers: kubectl get, delete, apply",
        24,
    ),
    Reading(
        "account-unknown",
        r"(no|missing).{0,20}\bkid\b|unknown kid|JWS verification",
        PLATFORM,
        "create the issuer anew",
        24,
    ),
    Reading("caa-forbids", r"error:caa\b|CAA record", DNS, "let a CAA record name this CA"),
    Reading("ca-sees-no-dns", r"error:dns\b|DNS problem|NXDOMAIN", DNS, "{check}"),
    Reading("ca-cannot-reach", r"error:connection\b", PLATFORM, "let the CA reach port 80 of the name"),
    Reading("ca-cannot-reach", r"error:tls\b", PLATFORM, "let the name answer with a TLS certificate"),
    Reading(
        "ca-sees-another-answer",
        r"error:(incorrectResponse|unauthorized)\b",
        OWNER,
        "let the name lead to what cert-manager shows, for the CA too: {check}",
    ),
    Reading(
        "name-rejected", r"error:(rejectedIdentifier|unsupportedIdentifier)", OWNER, "ask for names that this CA issues"
    ),
    Reading(
        "binding-missing",
        r"error:externalAccountRequired|external account",
        PLATFORM,
        "set spec.acme.externalAccountBinding",
    ),
    Reading("terms-changed", r"error:userActionRequired", PLATFORM, "agree to the terms at the URL that the CA names"),
    Reading("contact-refused", r"error:(invalidContact|unsupportedContact)", PLATFORM, "correct spec.acme.email"),
    Reading(
        "csr-refused", r"error:(badCSR|badPublicKey)", OWNER, "correct spec.privateKey or the names of the Certificate"
    ),
    Reading(
        "profile-unknown",
        r"profile with name|support profiles|invalidProfile",
        PLATFORM,
        "name a profile that the CA's directory lists, or none, in spec.acme.profile",
    ),
    Reading(
        "verdict-late",
        r"context deadline exceeded|no verdict within|Client\.Timeout",
        CA,
        "ask why the CA is slow; cert-manager waits 2 minutes at a time, before 1.18.1 20 s: upgrade",
        8,
    ),
    Reading(
        "network-error-was-final",
        r"unexpected non-ACME API error: .*(dial|connection|timeout|EOF|reset|lookup|no such host|deadline)",
        PLATFORM,
        "upgrade to cert-manager 1.21, which tries again by itself",
        7,
    ),
    Reading("challenge-gone", r"not present in authorization|does not have a challenge", CA, ""),
    Reading("order-refused", r"create Order: 4\d\d .*error:malformed", OWNER, "correct the names that the CA refuses"),
    Reading(
        "nonces-refused",
        r"error:badNonce",
        CA,
        "let every answer of the CA carry a nonce that the next request may use",
    ),
    Reading("authorization-over", r"malformed|it has expired", CA, "read the CA's log"),
    Reading("ca-fails", r"error:serverInternal|\b50\d\b", CA, "read the CA's log and status page"),
    _NETWORK,
)

PRESENTING: tuple[Reading, ...] = (
    WEBHOOK,
    _SECRET,
    Reading(
        "solver-webhook-missing",
        r"could not find the requested resource|currently unable to handle|apis/.*(v1alpha1).*(404|503)",
        PLATFORM,
        "install the DNS webhook that the solver names: kubectl get apiservices",
    ),
    Reading(
        "solver-not-allowed",
        r"is forbidden|exceeded quota|violates PodSecurity|denied the request|admission webhook",
        OWNER,
        "allow the pods, Services and Ingresses of cert-manager here: quotas, policies, RBAC",
    ),
    Reading(
        "provider-refuses",
        r"\bREFUSED\b|NOTAUTH|BADSIG|BADKEY|AccessDenied|not authorized|not permitted|unauthorized|\b40[13]\b|permission",
        PLATFORM,
        "give the solver's credentials the right to write this zone, or its selector zones that they may write",
        6,
    ),
    Reading("zone-fails", r"\bSERVFAIL\b", DNS, "let the zone's nameservers answer: {check}"),
    Reading(
        "zone-not-found",
        r"NXDOMAIN|SOA|could not (find|determine).*zone|zone .*not found|no matching.*zone|hosted zone",
        DNS,
        "delegate the zone, or correct the name: {check}",
    ),
    Reading("solver-unknown", r"no (configured )?(challenge )?solver|solver .*not|unsupported|no such provider", PLATFORM),
    Reading("provider-silent", r"timeout|timed out|dial |connection|no such host|gave no answer", PLATFORM, "let cert-manager's pods reach the DNS provider"),
)  # fmt: skip

CHECKING_HTTP: tuple[Reading, ...] = (
    Reading(
        "http01-not-routed",
        r"wrong status code '404'",
        OWNER,
        "let the ingress controller serve cert-manager's Ingress: its class in the solver, the name's address; {check}",
        15,
    ),
    Reading(
        "http01-behind-a-login", r"wrong status code '40[13]'", OWNER,
        "except /.well-known/acme-challenge/ from authentication and allow lists", 15,
    ),
    Reading(
        "http01-no-backend", r"wrong status code '50\d'", OWNER,
        "kubectl get pods,endpoints -n {namespace} -l acme.cert-manager.io/http01-solver=true", 15,
    ),
    Reading("http01-wrong-status", r"wrong status code", OWNER, "{check}", 15),
    Reading("http01-somebody-else-answers", r"did not get expected response", OWNER, "{check}", 15),
    Reading("http01-no-address", r"no such host|server misbehaving|lookup", DNS, "create an A or AAAA record: {check}"),
    Reading(
        "http01-unreachable",
        r"connection refused|i/o timeout|Client\.Timeout|deadline exceeded|no route to host|network is unreachable",
        PLATFORM,
        "reach the name from inside (hairpin NAT, firewall): {check}; if only the outside can: waitInsteadOfSelfCheck in the solver",
        15,
    ),
    Reading("http01-proxy-protocol", r"\bEOF\b|malformed HTTP|connection reset", PLATFORM, "let the load balancer speak PROXY protocol for traffic from inside, too", 15),
    Reading("http01-redirects", r"redirect", OWNER, "end the redirects of /.well-known/acme-challenge/", 15),
)  # fmt: skip

CHECKING_DNS: tuple[Reading, ...] = (
    Reading(
        "dns01-not-seen",
        r"not yet propagated",
        DNS,
        "look where the record is missing: {check}; split horizon: --dns01-recursive-nameservers-only with a public resolver",
        16,
    ),
    Reading("dns01-no-ipv6", r"dial (udp|tcp)6? ?\[|\[[0-9a-f:]+\]:53.*(unreachable|timeout)|network is unreachable", PLATFORM, "name IPv4 resolvers: --dns01-recursive-nameservers=1.1.1.1:53 --dns01-recursive-nameservers-only", 17),
    Reading("dns01-alias-loop", r"CNAME.*loop|recursion", DNS, "remove one of the CNAME records"),
    Reading("dns01-nameserver-fails", r"but got '(SERVFAIL|REFUSED)'", DNS, "{check}", 16),
    Reading("dns01-zone-not-found", r"NXDOMAIN|SOA|could not (find|determine)", DNS, "{check}", 16),
    Reading("dns01-nameserver-fails", r"returned (SERVFAIL|REFUSED|\w+) for|SERVFAIL|REFUSED", DNS, "{check}", 16),
    Reading("dns01-nameserver-silent", r"gave no answer|timeout|connection refused|dial ", PLATFORM, "let cert-manager's pods ask port 53 of the zone's nameservers, or: --dns01-recursive-nameservers-only", 16),
)  # fmt: skip

ISSUERS: tuple[Reading, ...] = (
    WEBHOOK,
    Reading(
        "old-endpoint", r"v1 endpoint", PLATFORM, "set spec.acme.server to the URL that the message names"
    ),
    _SECRET,
    Reading("account-key-bad", r"Account private key is invalid|not of type RSA", PLATFORM, "delete the Secret of spec.acme.privateKeySecretRef, and a new key is made"),
    Reading("ca-key-pair-bad", r"keypair|not a CA|certificate is not|key pair", PLATFORM, "put a CA certificate and its key into the Secret of spec.ca"),
    Reading("url-bad", r"InvalidURL|not an? (http\(s\) )?URL|parse", PLATFORM, "correct spec.acme.server"),
    *ACME,
)  # fmt: skip

REQUESTS: tuple[Reading, ...] = (
    WEBHOOK,
    Reading(
        "names-disagree", r"commonName that is not present", OWNER, "put the common name among dnsNames or ipAddresses"
    ),
    Reading("csr-unreadable", r"Failed to decode CSR|RequestParsing", OWNER, "put a PEM CSR into spec.request"),
    Reading("order-impossible", r"Failed to build order", OWNER, "read the message; correct the request"),
    Reading("not-allowed-to-create", r"is forbidden|exceeded quota|denied the request", PLATFORM, LOG),
)
