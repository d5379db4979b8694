"""The management API: what a test or a person may ask of, and do to, the worlds of this process."""
