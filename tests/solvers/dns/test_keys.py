"""TSIG keys as they are written."""

import pytest

from solvers.dns.keys import Key, read_key, read_key_file

SECRET = "c2VjcmV0"
KEY = Key("acme-key", "hmac-sha256", b"secret")

WRITTEN = [
    (f"acme-key:{SECRET}", KEY),
    (f"hmac-sha256:acme-key:{SECRET}", KEY),
    (f"HMAC-SHA256.:Acme-Key.:{SECRET}", KEY),
    (f"hmac-md5:a.b:{SECRET}", Key("a.b", "hmac-md5.sig-alg.reg.int", b"secret")),
    (f"HMAC-MD5.SIG-ALG.REG.INT.:a.b:{SECRET}", Key("a.b", "hmac-md5.sig-alg.reg.int", b"secret")),
    (f"hmac-sha1:a:{SECRET}", Key("a", "hmac-sha1", b"secret")),
    (f"hmac-sha512:a:{SECRET}", Key("a", "hmac-sha512", b"secret")),
]


@pytest.mark.parametrize(("text", "key"), WRITTEN)
def test_a_key_is_read_as_nsupdate_reads_it(text, key):
    assert read_key(text) == key


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("acme-key", "[ALGORITHM:]NAME:SECRET"),
        ("", "[ALGORITHM:]NAME:SECRET"),
        (f"hmac-sha3:acme-key:{SECRET}", "'hmac-sha3' is no algorithm"),
        ("acme-key:hidden!", "the secret of the key 'acme-key' is not base64"),
        ("acme-key:", "the secret of the key 'acme-key' is not base64"),
        (f"no name:{SECRET}", "'no name' is not a domain name"),
        (f"a:b:c:{SECRET}", "'a:b' is no algorithm"),
    ],
)
def test_what_is_no_key_is_said_without_its_secret(text, complaint):
    with pytest.raises(ValueError) as refused:
        read_key(text)
    assert complaint in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_secret_is_not_shown():
    assert repr(KEY) == "Key(name='acme-key', algorithm='hmac-sha256')"


GENERATED = f"""\
key "acme-key" {{
\talgorithm hmac-sha256;
\tsecret "{SECRET}";
}};
"""


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (GENERATED, (KEY,)),
        (GENERATED.replace('"', ""), (KEY,)),
        (f"# one\n/* and\n two */ {GENERATED} // three\n", (KEY,)),
        (f'key acme-key {{ secret "{SECRET}"; }};', (KEY,)),
        (GENERATED + GENERATED.replace("acme-key", "other"), (KEY, Key("other", "hmac-sha256", b"secret"))),
    ],
)
def test_a_file_of_tsig_keygen_is_read(text, keys):
    assert read_key_file(text) == keys


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a key file holds"),
        (SECRET, "a key file holds"),
        (f"{GENERATED} zone example.test;", "a key file holds"),
        ("key a { algorithm hmac-sha256; };", "the key 'a' has"),
        (f"key a {{ secret {SECRET} }};", "the key 'a' has"),
        (f"key a {{ secret {SECRET}; port 53; }};", "the key 'a' has"),
        (f"key a {{ algorithm none; secret {SECRET}; }};", "'none' is no algorithm"),
    ],
)
def test_what_is_no_key_file_is_said_without_its_secret(text, complaint):
    with pytest.raises(ValueError) as refused:
        read_key_file(text)
    assert complaint in str(refused.value)
    assert SECRET not in str(refused.value)
