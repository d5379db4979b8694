"""A Vault for tests: its PKI engine with roles, its logins by token, AppRole and Kubernetes, its health; paths, codes and
words are those of its HTTP API. It shares no code with the issuer that speaks to it.
"""

import ipaddress
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.vantage import HttpAnswer

DAY, NAME, SAN = timedelta(days=1), x509.NameOID.COMMON_NAME, x509.SubjectAlternativeName


class RefusedError(Exception):
    """What Vault says no with: a status, and its errors."""


class VaultStandIn:
    """Answers requests; `now` is a clock. Everything else may be changed while it runs."""

    def __init__(self, now=lambda: datetime.now(UTC)):
        self.now = now
        self.health, self.namespace = 200, ""
        self.tokens = {"s.root": None}
        """What may be asked, by token: None everything, else a path."""
        self.app_roles = {"role-1": "secret-1"}
        self.service_accounts = {"jwt-1": "issuer"}
        self.roles = {"web": {"allowed_domains": ["test"], "max_ttl": timedelta(days=30)}}
        self.asked = []
        self.root = self._authority("Vault root", None)
        self.issuer = self._authority("Vault intermediate", self.root)

    def __call__(self, question):
        """Answer a request of a driver."""
        parts = urlsplit(question.url)
        headers = {name.lower(): value for name, value in question.headers}
        status, document = self.handle(question.method, parts.path, headers, question.body)
        return HttpAnswer(status, (("Content-Type", "application/json"),), json.dumps(document).encode())

    def handle(self, method, path, headers, body):
        """Return status and document."""
        self.asked.append(f"{method} {path}")
        if path == "/v1/sys/health":
            return self.health, {"initialized": self.health != 501, "sealed": self.health in (501, 503)}
        if self.health == 503:
            return 503, {"errors": ["Vault is sealed"]}
        if headers.get("x-vault-namespace", "") != self.namespace:
            return 404, {"errors": ["no handler for route"]}
        try:
            return 200, self._routed(path, headers.get("x-vault-token", ""), json.loads(body or b"{}"))
        except RefusedError as refused:
            return refused.args[0], {"errors": [refused.args[1]]}

    def _routed(self, path, token, sent):
        if path == "/v1/auth/approle/login":
            if self.app_roles.get(sent.get("role_id")) != sent.get("secret_id"):
                raise RefusedError(400, "invalid role or secret ID")
            return self._logged_in()
        if path == "/v1/auth/kubernetes/login":
            if self.service_accounts.get(sent.get("jwt")) != sent.get("role"):
                raise RefusedError(403, "permission denied")
            return self._logged_in()
        if token not in self.tokens or self.tokens[token] not in (None, path):
            raise RefusedError(403, "permission denied")
        signing = re.fullmatch("/v1/pki/sign/([a-z-]+)", path)
        if signing is None:
            raise RefusedError(404, f'no handler for route "{path[4:]}". route entry not found.')
        return self._sign(signing[1], sent)

    def _logged_in(self):
        token = f"s.{len(self.tokens)}"
        self.tokens[token] = "/v1/pki/sign/web"
        return {"auth": {"client_token": token, "lease_duration": 3600, "renewable": True}}

    def _sign(self, name, sent):
        role = self.roles.get(name)
        if role is None:
            raise RefusedError(400, f"unknown role: {name}")
        csr = x509.load_pem_x509_csr(sent["csr"].encode())
        names = [each for each in sent["alt_names"].split(",") if each]
        for each in (sent["common_name"], *names):
            if each and not any(each == domain or each.endswith(f".{domain}") for domain in role["allowed_domains"]):
                raise RefusedError(400, f"common name {each} not allowed by this role")
        sans = [x509.DNSName(each) for each in names]
        sans += [x509.IPAddress(ipaddress.ip_address(each)) for each in sent["ip_sans"].split(",") if each]
        sans += [x509.UniformResourceIdentifier(each) for each in sent["uri_sans"].split(",") if each]
        lasts = min(_duration(sent["ttl"]), role["max_ttl"])
        certificate = self.issued(csr.subject, csr.public_key(), self.issuer, lasts, [SAN(sans)] if sans else [])
        chain = [_pem(self.issuer[0]), _pem(self.root[0])]
        return {"data": {"certificate": _pem(certificate), "issuing_ca": chain[0], "ca_chain": chain}}

    def _authority(self, name, issuer):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NAME, name)])
        path = x509.BasicConstraints(ca=True, path_length=None)
        return self.issued(subject, key.public_key(), issuer or (None, key, subject), timedelta(days=3650), [path]), key

    def issued(self, subject, public_key, issuer, lasts, extensions):
        """Return a certificate that an authority has signed, which is itself where it has none."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer[0].subject if issuer[0] else subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now() - timedelta(seconds=30))
            .not_valid_after(self.now() + lasts)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(issuer[1], hashes.SHA256())


def _pem(certificate):
    return certificate.public_bytes(Encoding.PEM).decode()


def _duration(text):
    hours, minutes, seconds = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text).groups("0")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
