"""Another CA for an issuer that signs with a Secret, in phases, so that no certificate in use is ever distrusted."""
