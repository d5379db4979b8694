"""The embedded Kubernetes API: a store with an API server's rules, and its verbs over HTTP."""
