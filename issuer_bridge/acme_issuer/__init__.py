"""Issuers of ACME on the frame of `issuer_lib`: AcmeIssuer and AcmeClusterIssuer, which outlast what ends them in cert-manager."""
