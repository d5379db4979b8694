"""RSA keys that follow from entropy, as OpenSSL's do not: cert-manager's account keys are RSA, and runs must repeat by seed."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

from acme_server.protocol.driver import Entropy

BITS = 2048
EXPONENT = 65537
_SMALL_PRIMES = tuple(n for n in range(3, 2000, 2) if all(n % divisor for divisor in range(3, int(n**0.5) + 1, 2)))


def new_rsa_key(entropy: Entropy) -> rsa.RSAPrivateKey:
    """Make a key, which takes a few tenths of a second; the same entropy makes the same key."""
    p, q = _prime(entropy), _prime(entropy)
    d = rsa.rsa_recover_private_exponent(EXPONENT, p, q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    # OpenSSL checks the numbers on the way in, primality included.
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(EXPONENT, p * q)).private_key()


def _prime(entropy: Entropy) -> int:
    """Draw a prime of half the bits whose two highest are set, so that the product of two has all of them."""
    half = BITS // 2
    while True:
        start = int.from_bytes(entropy(half // 8)) | 3 << (half - 2) | 1
        for candidate in range(start, min(start + (1 << 12), 1 << half), 2):
            fits = candidate % EXPONENT != 1 and all(candidate % prime for prime in _SMALL_PRIMES)
            if fits and pow(2, candidate - 1, candidate) == 1:
                return candidate
