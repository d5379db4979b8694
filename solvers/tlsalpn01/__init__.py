"""The tls-alpn-01 solver (RFC 8737) and the responder that it presents on."""
