"""Faults on request: rules that say which exchange goes wrong, how, and when.

A rule is a value (match, action, when); `Faults` holds the armed ones of a
world. With none armed the server does nothing here at all. What DNS gets
wrong belongs to whoever serves DNS.
"""
