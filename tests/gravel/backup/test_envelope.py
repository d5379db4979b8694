"""Envelopes and their keys: what was sealed comes back whole, or not at all."""

import base64
import stat
import sys

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from hypothesis import given
from hypothesis import strategies as st

from gravel.backup.envelope import Broken, seal, unseal
from gravel.backup.key_service import KeyCommand, KeyFile, KeyService, Refused
from gravel.entropy import entropy_of


class FakeKms(KeyService):
    """A KMS with a key of its own, which refuses when told."""

    def __init__(self, key=bytes(32)):
        self.key, self.refuses = key, False

    def wrap(self, key):
        self._ask()
        return aes_key_wrap(self.key, key)

    def unwrap(self, wrapped):
        self._ask()
        try:
            return aes_key_unwrap(self.key, wrapped)
        except (InvalidUnwrap, ValueError):
            raise Refused("the KMS does not know that key") from None

    def _ask(self):
        if self.refuses:
            raise Refused("the KMS says no")


ENVELOPE = seal(b"private keys" * 50, FakeKms(), entropy_of(1))


@given(st.binary(max_size=2000))
def test_what_was_sealed_comes_back(data):
    kms = FakeKms()
    assert unseal(seal(data, kms, entropy_of(1)), kms) == data


def test_nothing_that_was_sealed_shows_and_no_two_envelopes_have_a_key_or_nonce_in_common():
    entropy = entropy_of(1)
    first, second = (seal(b"private keys" * 50, FakeKms(), entropy) for _ in range(2))
    assert b"private" not in first
    assert first.split(b"\n")[1] != second.split(b"\n")[1]


@pytest.mark.seed("B62")
@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_a_file_of_which_one_byte_is_another_is_refused(place, change):
    changed = ENVELOPE[:place] + bytes([ENVELOPE[place] ^ change]) + ENVELOPE[place + 1 :]
    with pytest.raises((Broken, Refused)):
        unseal(changed, FakeKms())


@pytest.mark.seed("B62")
@given(st.integers(0, len(ENVELOPE) - 1))
def test_a_file_that_was_cut_is_refused(size):
    with pytest.raises((Broken, Refused)):
        unseal(ENVELOPE[:size], FakeKms())


@pytest.mark.seed("B62")
def test_a_kms_that_refuses_or_has_another_key_opens_nothing():
    kms = FakeKms()
    kms.refuses = True
    for keys in (kms, FakeKms(b"k" * 32)):
        with pytest.raises(Refused):
            unseal(ENVELOPE, keys)
    with pytest.raises(Refused, match="the KMS says no"):
        seal(b"", kms, entropy_of(1))


def test_a_kms_that_answers_with_another_key_opens_nothing():
    kms = FakeKms()
    kms.unwrap = lambda _: bytes(32)
    with pytest.raises(Broken):
        unseal(ENVELOPE, kms)
    kms.unwrap = lambda _: b"short"
    with pytest.raises(Refused, match="answered with 5 bytes where a key has 32"):
        unseal(ENVELOPE, kms)


def test_a_key_file_is_for_its_owner_alone(tmp_path):
    keys = KeyFile(tmp_path / "key")
    keys.create(b"k" * 32)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert keys.unwrap(keys.wrap(b"d" * 32)) == b"d" * 32
    with pytest.raises(Refused, match="cannot be made: file exists"):
        keys.create(b"other" * 8)
    keys.path.chmod(0o640)
    with pytest.raises(Refused, match=f"may be read by others; change that with: chmod 600 {keys.path}"):
        keys.wrap(b"d" * 32)


@pytest.mark.parametrize("text", [b"", b"short", base64.b64encode(b"k" * 31), b"\xff" * 44])
def test_a_file_without_a_key_says_so(tmp_path, text):
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(text)
    with pytest.raises(Refused, match="holds no key: 32 bytes in base64 are wanted"):
        KeyFile(path).wrap(b"d" * 32)


# A KMS as a command: what it wraps is turned around.
KMS = """
import base64, sys
data = base64.b64decode(sys.stdin.read())
sys.exit("no such key") if sys.argv[1] == "{refused}" else print(base64.b64encode(data[::-1]).decode())
"""


def command(tmp_path, text):
    path = tmp_path / "kms.py"
    path.write_text(text)
    return KeyCommand.of(f"{sys.executable} '{path}'")


@pytest.mark.seed("B62")
def test_a_command_is_the_door_to_a_kms(tmp_path):
    kms = command(tmp_path, KMS.format(refused="-"))
    assert unseal(seal(b"data", kms, entropy_of(1)), kms) == b"data"
    refusing = command(tmp_path, KMS.format(refused="unwrap"))
    with pytest.raises(Refused, match=r"unwrap refused: no such key$"):
        unseal(seal(b"data", refusing, entropy_of(1)), refusing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit(3)", "wrap refused: it ended with 3"),
        ("print('?!')", "wrap did not answer with base64"),
    ],
)
def test_a_command_that_fails_says_how(tmp_path, text, said):
    with pytest.raises(Refused, match=said):
        command(tmp_path, text).wrap(b"k" * 32)


def test_a_command_that_is_not_there_is_named():
    with pytest.raises(Refused, match="no-such-kms wrap cannot be run: no such file or directory"):
        KeyCommand.of("no-such-kms").wrap(b"k" * 32)
