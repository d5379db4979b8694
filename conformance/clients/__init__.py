"""The interoperability matrix: real ACME clients that are on this machine, driven against any ACME server."""
