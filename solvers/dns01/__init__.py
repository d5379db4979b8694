"""The dns-01 solver (RFC 8555 section 8.4)."""
