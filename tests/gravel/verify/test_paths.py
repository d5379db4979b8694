"""Paths from a leaf to a root: what is one and what is not, as OpenSSL sees it too."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from gravel.verify.paths import path_of
from tests.gravel.verify.issued import DAY, LEAF, MIDDLE, NOW, ROOT, made

OTHER = made("other", ca=True)
FORGED = made("middle", ca=True, key=OTHER.key)
LATE = made("late", ROOT, ca=True, begin=-9 * DAY, end=-DAY)
EARLY = made("early", ROOT, ca=True, begin=DAY)
LOWER = made("lower", MIDDLE, ca=True)
NO_CA = made("no ca", ROOT)
NO_SIGNER = made("no signer", ROOT, ca=True, signs=False)
TWIN = made("middle", OTHER, ca=True, key=MIDDLE.key)
EDWARDS = made("edwards", ca=True, key=ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))
ALONE = made("alone", names=("www.test",))
# OpenSSL takes the first issuer that fits, and tries no other.
TRIES_AGAIN = "to an intermediate of the same name and key from elsewhere"
# The chain as it stands; what is trusted; the subjects of the path, or what is in its way.
PATHS = {
    "with its intermediate": ((LEAF, MIDDLE), (ROOT,), ["leaf", "middle", "root"]),
    "in another order, and with the root": ((LEAF, ROOT, MIDDLE), (ROOT,), ["leaf", "middle", "root"]),
    "of a root with an Ed25519 key": ((made("x", EDWARDS),), (EDWARDS,), ["x", "edwards"]),
    "of one": ((ALONE,), (ALONE,), ["alone"]),
    TRIES_AGAIN: (
        (LEAF, MIDDLE, TWIN),
        (OTHER,),
        ["leaf", "middle", "other"],
    ),
    "without its intermediate": ((LEAF,), (ROOT,), "CN=leaf was issued by CN=middle, which is neither there nor trusted"),
    "to another root": ((LEAF, MIDDLE), (OTHER,), "CN=middle was issued by CN=root, which is neither there nor trusted"),
    "with a namesake": ((LEAF, FORGED), (ROOT, OTHER), "the signature of CN=leaf is not that of CN=middle"),
    "that has expired": ((made("x", LATE), LATE), (ROOT,), "CN=late is valid from"),
    "that is early": ((made("x", EARLY), EARLY), (ROOT,), "CN=early is valid from"),
    "too long": ((made("x", LOWER), LOWER, MIDDLE), (ROOT,), "CN=middle may have 0 CAs below itself and has 1"),
    "by what is no CA": ((made("x", NO_CA), NO_CA), (ROOT,), "CN=no ca is no CA"),
    "by what may not sign": ((made("x", NO_SIGNER), NO_SIGNER), (ROOT,), "CN=no signer may not sign certificates"),
}  # fmt: skip


@pytest.mark.seed("B47")
@pytest.mark.parametrize(("chain", "roots", "found"), PATHS.values(), ids=PATHS)
def test_a_path(chain, roots, found):
    certificates = [[each.certificate for each in some] for some in (chain, roots)]
    if isinstance(found, str):
        with pytest.raises(ValueError, match=found):
            path_of(*certificates, NOW)
    else:
        path = path_of(*certificates, NOW)
        assert [each.subject.rfc4514_string() for each in path] == [f"CN={name}" for name in found]


@pytest.mark.client("openssl")
@pytest.mark.parametrize("name", [name for name in PATHS if name != TRIES_AGAIN])
def test_openssl_agrees(tmp_path, name):
    chain, roots, found = PATHS[name]
    files = {"leaf": chain[:1], "others": chain[1:] or chain, "roots": roots}
    for file, some in files.items():
        (tmp_path / file).write_bytes(b"".join(each.pem for each in some))
    arguments = ["-attime", str(int(NOW.timestamp())), "-CAfile", "roots", "-untrusted", "others", "leaf"]
    done = subprocess.run(["openssl", "verify", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not isinstance(found, str)), done.stderr
