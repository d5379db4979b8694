"""The http-01 solver (RFC 8555 section 8.3) and the responder that it presents on."""
