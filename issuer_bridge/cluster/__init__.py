"""The bridge on a cluster of its own: the port to resources over a Kubernetes API, leader election, RBAC, presenting."""
