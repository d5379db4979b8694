"""Certificates and requests for tests of the client; what they say is all that matters, so that one key is enough."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.issuer_bridge.scripted_server import NOW

KEY = ec.derive_private_key(7, ec.SECP256R1())


def common_name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def certificate(serial=1, issuer="somebody", key_identifier=None):
    """One certificate in PEM; key_identifier: of the authority."""
    builder = x509.CertificateBuilder().subject_name(common_name(f"c{serial}")).issuer_name(common_name(issuer))
    builder = builder.public_key(KEY.public_key()).serial_number(serial)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    if key_identifier:
        extension = x509.AuthorityKeyIdentifier(key_identifier, None, None)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.PEM)


def request(*names, key=KEY, encoding=Encoding.DER):
    """A CSR for DNS names."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    return builder.add_extension(sans, critical=False).sign(key, hashes.SHA256()).public_bytes(encoding)
