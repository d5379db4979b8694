"""The level of the Certificate: its key, its requests, its Secret, and when it is renewed."""
