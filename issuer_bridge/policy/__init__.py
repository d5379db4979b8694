"""Approval of CertificateRequests by policy, by ticket or by everybody's consent (approver-policy's semantics)."""
