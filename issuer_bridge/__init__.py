"""cert-manager's side of the story: CertificateRequest -> Order -> Challenges -> certificate.

Works on an embedded resource store (no cluster needed). Not a CA: certificates
come from an ACME server, ours or any other.
"""
