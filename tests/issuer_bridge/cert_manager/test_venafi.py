"""Venafi issuers against a stand-in of its platform, in virtual time: Ready, requested, picked up, and what is in the way."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509

from acme_server.protocol.vantage import REFUSED, HttpAnswer
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, SECRET
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig, tls_secret
from tests.issuer_bridge.stand_ins.venafi import PlatformStandIn

READY = ("True", "Certificate Manager issuer started", "Certificate Manager issuer started")
SERVER, REFERENCE = "http://tpp.test/vedsdk", {"name": "tpp", "kind": "ClusterIssuer"}
USER, TOKEN = {"username": b"me", "password": b"secret"}, {"access-token": b"token-1"}
FIELDS, PICKUP = "venafi.cert-manager.io/custom-fields", "venafi.cert-manager.io/pickup-id"


class VenafiRig(LocalRig):
    """A bridge and a platform; its issuer `tpp` has credentials in a Secret."""

    def __init__(self, credentials=USER, *, zone="web", **venafi):
        super().__init__(root=False)
        self.platform = PlatformStandIn(self.driver.now)
        self.network.routes["tpp.test:80"] = self.platform
        if credentials:
            self.create(SECRET, tls_secret("tpp", SYSTEM, **credentials))
        self.issuer("tpp", venafi_spec(zone=zone, **venafi))
        self.run(seconds=2)

    def ask(self, *names, name="one", common_name="www.test", fields=None, **spec):
        metadata = {"name": name, "namespace": "default", "annotations": {FIELDS: fields} if fields else {}}
        spec = {"request": csr_of(*names, common_name=common_name), "issuerRef": REFERENCE, **spec}
        resource = {
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "metadata": metadata,
            "spec": spec,
        }
        self.create(CERTIFICATE_REQUEST, resource)
        self.run(seconds=3)


def venafi_spec(zone="web", **venafi):
    return {"venafi": {"zone": zone, **({"tpp": {"url": SERVER, "credentialsRef": {"name": "tpp"}}} | venafi)}}


@pytest.mark.seed("B04", "K02")
@pytest.mark.parametrize("credentials", [USER, TOKEN], ids=["user and password", "access token"])
def test_a_certificate_is_requested_and_picked_up(credentials):
    rig = VenafiRig(credentials)
    assert rig.issuer_ready("tpp") == READY
    assert rig.events("ClusterIssuer")[-1] == ("Ready", "Verified issuer with Certificate Manager server")
    rig.ask("www.test", duration="48h")
    assert rig.ready("one") == ("True", "Issued", "Certificate fetched from issuer successfully")
    status, annotations = rig.request("one")["status"], rig.request("one")["metadata"]["annotations"]
    leaf, intermediate = x509.load_pem_x509_certificates(base64.b64decode(status["certificate"]))
    leaf.verify_directly_issued_by(intermediate)
    (root,) = x509.load_pem_x509_certificates(base64.b64decode(status["ca"]))
    intermediate.verify_directly_issued_by(root)
    assert annotations[PICKUP] == "\\VED\\Policy\\web\\www.test"
    assert abs(leaf.not_valid_after_utc - rig.driver.now() - timedelta(hours=48)) < timedelta(minutes=1)
    _, sent, _ = rig.platform.requested[annotations[PICKUP]]
    assert (sent["Origin"], sent["DisableAutomaticRenewal"], sent["CustomFields"]) == ("cert-manager", True, [])


def test_a_certificate_that_takes_long_is_asked_for_until_it_is_there_and_requested_once():
    rig = VenafiRig()
    rig.platform.ready_after = timedelta(minutes=3)
    rig.ask("www.test")
    assert rig.ready("one") == ("False", "Pending", "certificate is requested")
    rig.run(minutes=2)
    pending = "certificate still in a pending state, the request will be retried: Operation timed out. You may try"
    assert rig.ready("one")[2].startswith(pending)
    rig.run(minutes=3)
    assert rig.issued("one")
    assert rig.platform.asked.count("/vedsdk/certificates/request") == 1


def test_custom_fields_of_the_issuer_are_overridden_by_those_of_the_request():
    rig = VenafiRig()
    issuer = rig.store.get(CLUSTER_ISSUER, "", "tpp")
    fields = json.dumps([{"name": "team", "value": "a"}, {"name": "cost", "value": "1", "type": "Plain"}])
    rig.store.replace(CLUSTER_ISSUER, {**issuer, "metadata": {**issuer["metadata"], "annotations": {FIELDS: fields}}})
    rig.ask("www.test", fields='[{"name": "team", "value": "b"}]')
    ((_, sent, _),) = rig.platform.requested.values()
    assert sent["CustomFields"] == [{"Name": "cost", "Values": ["1"]}, {"Name": "team", "Values": ["b"]}]


REQUEST = "Failed to request certificate from Certificate Manager: "


@pytest.mark.parametrize(
    ("options", "reason", "message"),
    [
        ({"common_name": ""}, "RequestError", f"{REQUEST}Certificate requests submitted to Venafi issuers must have"),
        (
            {"names": ["www.example"]},
            "RequestError",
            f"{REQUEST}Unexpected status code on TPP Certificate Request.\n Status:",
        ),
        ({"zone": "mail"}, "RequestError", f"{REQUEST}Invalid status: 400 Bad Request Server response: "),
        ({"zone": ""}, "RequestError", f"{REQUEST}empty zone"),
        ({"fields": "{"}, "CustomFieldsError", f'Failed to parse one "{FIELDS}" annotation: '),
        ({"fields": "[1]"}, "CustomFieldsError", f'Failed to parse one "{FIELDS}" annotation: '),
        (
            {"fields": '[{"name": "x", "type": "Date"}]'},
            "CustomFieldsError",
            'certificate request contains an invalid custom fields type: "Date"',
        ),
    ],
)
def test_what_cannot_be_requested_has_failed_for_good(options, reason, message):
    rig = VenafiRig(zone=options.pop("zone", "web"))
    rig.ask(*options.pop("names", ["www.test"]), **options)
    status, why, told = rig.ready("one")
    assert (status, why, told.startswith(message)) == ("False", "Failed", True), told
    assert (reason, told) in rig.events("CertificateRequest")


def test_a_certificate_that_is_gone_cannot_be_picked_up():
    rig = VenafiRig()
    rig.platform.ready_after = timedelta(minutes=1)
    rig.ask("www.test")
    rig.platform.requested.clear()
    rig.run(minutes=1)
    text = "unable to retrieve: Unexpected status code on TPP Certificate Retrieval. Status: 400 Bad Request"
    assert rig.ready("one") == ("False", "Failed", f"Failed to obtain certificate from Certificate Manager: {text}")


SETUP = "Failed to setup Certificate Manager issuer: error building client: "
NO_LOGIN = "unexpected status code on CyberArk Certificate Manager, Self-Hosted Authorize. Status: 400 Bad Request"


@pytest.mark.parametrize(
    ("credentials", "options", "reason", "message"),
    [
        (
            {"access-token": b"x"},
            {},
            "AuthFailed",
            "tppClient.VerifyAccessToken: failed to verify token. Message: 401 ",
        ),
        ({**USER, "password": b"x"}, {}, "AuthFailed", f"tppClient.GetRefreshToken: {NO_LOGIN}"),
        ({"x": b"x"}, {}, "AuthFailed", "no TPP credentials configured"),
        (None, {}, "ErrorSetup", f'{SETUP}secret "tpp" not found'),
        (USER, {"tpp": None, "cloud": {}}, "ErrorSetup", f"{SETUP}only spec.venafi.tpp works here"),
        (
            USER,
            {"tpp": {"url": "http://no.test", "credentialsRef": {"name": "tpp"}}},
            "ErrorSetup",
            f'{SETUP}tppClient.GetRefreshToken: Post "http://no.test/vedauth/authorize/oauth": ',
        ),
    ],
)
def test_what_is_wrong_with_an_issuer_is_told_in_upstreams_words(credentials, options, reason, message):
    rig = VenafiRig(credentials, **options)
    status, why, told = rig.issuer_ready("tpp")
    assert (status, why) == ("False", reason)
    assert told.removeprefix("OAuth token request failed: ").startswith(message), told


def test_a_platform_that_does_not_answer_is_asked_again():
    rig = VenafiRig()
    rig.platform.status = 503
    rig.issuer("later", venafi_spec())
    rig.run(seconds=2)
    text = "Failed to setup Certificate Manager issuer: error pinging Certificate Manager: 503 Service Unavailable"
    assert rig.issuer_ready("later") == ("False", "ErrorSetup", text)
    rig.platform.status = 200
    rig.run(minutes=1)
    assert rig.issuer_ready("later") == READY
    rig.network.routes["tpp.test:80"] = lambda _: HttpAnswer(error=REFUSED)
    rig.ask("www.test")
    assert rig.ready("one")[2].startswith("Failed to initialise Certificate Manager client for signing: tppClient.")
    rig.network.routes["tpp.test:80"] = rig.platform
    rig.run(minutes=1)
    assert rig.issued("one")
