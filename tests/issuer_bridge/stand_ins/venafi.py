"""A Trust Protection Platform for tests: logins, policy, and certificates that are requested and picked up; paths, members
and codes are those of its WebSDK. Its CA is a Vault stand-in's, since a CA is a CA.
"""

import base64
import json
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.vantage import HttpAnswer
from tests.issuer_bridge.stand_ins.vault import VaultStandIn


class PlatformStandIn:
    """Answers requests; `now` is a clock. `ready_after`: how long a certificate takes. All may be changed while it runs."""

    def __init__(self, now):
        self.now, self.authority = now, VaultStandIn(now)
        self.users, self.tokens = {"me": "secret"}, ["token-1"]
        self.policies = {"\\VED\\Policy\\web": ["test"]}
        self.ready_after, self.status = timedelta(0), 200
        self.requested, self.asked = {}, []

    def __call__(self, question):
        """Answer a request of a driver."""
        path = urlsplit(question.url).path
        headers = {name.lower(): value for name, value in question.headers}
        self.asked.append(path)
        sent = json.loads(question.body) if question.body else {}
        status, document = self._routed(path, headers.get("authorization", "").removeprefix("Bearer "), sent)
        return HttpAnswer(status, (("Content-Type", "application/json"),), json.dumps(document).encode())

    def _routed(self, path, token, sent):
        if path == "/vedauth/authorize/oauth":
            if self.users.get(sent["username"]) != sent["password"] or sent["scope"] != "certificate:manage":
                return 400, {"error": "invalid_grant"}
            self.tokens.append(secrets.token_hex(8))
            return 200, {"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"}
        if token not in self.tokens:
            return 401, {"error": "invalid_token"}
        if path in ("/vedauth/authorize/verify", "/vedsdk/"):
            return self.status, {}
        return getattr(self, f"_{path.removeprefix('/vedsdk/certificates/')}")(sent)

    def _checkpolicy(self, sent):
        if sent["PolicyDN"] not in self.policies:
            return 400, {"Error": f"PolicyDN: {sent['PolicyDN']} does not exist"}
        return 200, {"Policy": {"WhitelistedDomains": self.policies[sent["PolicyDN"]]}}

    def _reset(self, sent):
        if sent["CertificateDN"] not in self.requested:
            text = "does not exist or you do not have sufficient rights to the object."
            return 400, {"Error": f"Certificate {sent['CertificateDN']} {text}"}
        return 400, {"Error": "Reset is not completed. No reset is required for the certificate."}

    def _request(self, sent):
        csr = x509.load_pem_x509_csr(sent["PKCS10"].encode())
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        domains = self.policies[sent["PolicyDN"]]
        if not all(any(str(name.value).endswith(domain) for domain in domains) for name in names):
            return 400, {"Error": "the request is not within policy"}
        dn = f"{sent['PolicyDN']}\\{sent['ObjectName']}"
        self.requested[dn] = (csr, sent, self.now())
        return 200, {"CertificateDN": dn, "Guid": "{0}"}

    def _retrieve(self, sent):
        csr, wanted, since = self.requested.get(sent["CertificateDN"], (None, None, None))
        if csr is None:
            return 400, {"Error": "no such certificate"}
        if self.now() - since < self.ready_after:
            return 202, {"Stage": 500, "Status": "Post CSR"}
        ends = {one["Name"]: one["Value"] for one in wanted["CASpecificAttributes"]}
        lasts = datetime.fromisoformat(ends["Specific End Date"]) - self.now()
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        leaf = self.authority.issued(csr.subject, csr.public_key(), self.authority.issuer, lasts, [names])
        chain = [leaf, self.authority.issuer[0], self.authority.root[0]]
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in chain)
        return 200, {"CertificateData": base64.b64encode(pem).decode(), "Format": "base64", "Filename": "x.cer"}
