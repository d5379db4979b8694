"""cert-manager's own path: issuers, CertificateRequests, Orders and Challenges, one controller a kind."""
