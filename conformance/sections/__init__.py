"""The checks: one module for each section of RFC 8555."""
