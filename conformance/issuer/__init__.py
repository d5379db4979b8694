"""Checks of any external issuer of cert-manager's, through the Kubernetes API alone."""
