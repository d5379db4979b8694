"""An RFC 8555 server for tests: its authorities, its store, its web front end.

Not a client, and it knows no Kubernetes. `acme_server.protocol` is the shared
dictionary of RFC 8555 words; it is the only part that a neighbour may import.
"""
