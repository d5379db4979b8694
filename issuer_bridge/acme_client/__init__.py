"""An ACME client (RFC 8555) whose every call is an inquiry: it holds no socket and no clock."""
