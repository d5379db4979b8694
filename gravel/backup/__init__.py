"""Backups: the state of a house in one encrypted file, and back."""
