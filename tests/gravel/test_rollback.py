"""An earlier certificate comes back into its Secret, by the command on a real API, and stays there."""

import base64

import pytest

from gravel.rolling_back import RollbackError, revisions, rolled_back
from issuer_bridge.resources import CERTIFICATE_REQUEST, SECRET
from tests.embedded_api import serving
from tests.gravel.test_client_verbs import House
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import ECDSA, CertificateRig

NEVER = {**ECDSA, "rotationPolicy": "Never"}


def issued(times, **spec):
    """A bridge with a Certificate that was issued so many times; and the serial number of each."""
    rig = CertificateRig()
    rig.issue("www", **spec)
    serials = [rig.leaf().serial_number]
    for _ in range(times - 1):
        rig.renew()
        rig.run(minutes=2)
        serials.append(rig.leaf().serial_number)
    return rig, serials


def requests(rig):
    return rig.store.list(CERTIFICATE_REQUEST, "default")


@pytest.mark.seed("B40")
@pytest.mark.parametrize(("arguments", "revision"), [((), 2), (("--to-revision", "1"), 1)])
async def test_an_earlier_certificate_comes_back_and_stays_until_it_is_due(arguments, revision):
    rig, serials = issued(3, privateKey=NEVER, revisionHistoryLimit=3)
    key = rig.data("tls.key")
    async with serving(rig.store) as url:
        code, out, complaint = await House(rig.store, url).run("rollback", "www", *arguments)
    assert (code, complaint) == (0, "")
    assert out.startswith(f"secret/www-tls has the certificate of revision {revision} again, until 2026-0")
    assert (rig.leaf().serial_number, rig.data("tls.key")) == (serials[revision - 1], key)
    rig.run(days=59)
    assert (rig.leaf().serial_number, rig.state(), rig.status("revision")) == (
        serials[revision - 1],
        ("True", "Ready"),
        3,
    )
    rig.run(days=2)
    assert rig.status("revision") == 4


@pytest.mark.seed("B40")
@pytest.mark.parametrize(
    ("spec", "to", "complaint"),
    [
        (
            {"revisionHistoryLimit": 3},
            None,
            "the key of revision 2 is gone; only spec.privateKey.rotationPolicy: Never",
        ),
        (
            {"privateKey": NEVER, "revisionHistoryLimit": 1},
            None,
            "no request of revision before it any more; kept are 3",
        ),
        ({"privateKey": NEVER, "revisionHistoryLimit": 2}, 1, "no request of revision 1 any more; kept are 2, 3"),
    ],
)
def test_without_its_key_or_its_request_there_is_no_way_back(spec, to, complaint):
    rig, _ = issued(3, **spec)
    with pytest.raises(RollbackError, match=complaint):
        rolled_back(rig.certificate(), requests(rig), rig.secret(), to)


def test_requests_of_others_are_no_revisions():
    rig, _ = issued(1)
    (own,) = requests(rig)
    stranger = {**own, "metadata": {**own["metadata"], "ownerReferences": []}}
    pending = {**own, "status": {}}
    assert list(revisions(rig.certificate(), [stranger, pending, own])) == [1]


def test_the_ca_of_the_earlier_certificate_comes_back_too():
    rig, _ = issued(2, privateKey=NEVER, revisionHistoryLimit=2)
    with_ca = [{**each, "status": {**each["status"], "ca": base64.b64encode(b"ca").decode()}} for each in requests(rig)]
    _, secret = rolled_back(rig.certificate(), with_ca, rig.secret(), 1)
    assert secret["data"]["ca.crt"] == base64.b64encode(b"ca").decode()
    assert rig.store.get(SECRET, "default", "www-tls") == rig.secret()


async def test_what_is_not_there_is_told():
    rig, _ = issued(1)
    async with serving(rig.store) as url:
        assert (await House(rig.store, url).run("rollback", "api"))[2] == "Error: there is no Certificate default/api\n"
        rig.store.remove(SECRET, "default", "www-tls")
        assert (await House(rig.store, url).run("rollback", "www"))[2] == "Error: there is no Secret default/www-tls\n"
