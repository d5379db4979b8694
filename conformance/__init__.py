"""Wire-only checks of any ACME server or issuer; imports none of the other houses."""
