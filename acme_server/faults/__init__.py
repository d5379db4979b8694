"""Faults on request: rules that say which exchange goes wrong, how, and when.

A rule is a value (match, action, when); `Faults` holds the armed ones of a
world. With none armed the server does nothing here at all. Queries to the DNS
trip the same rules; what is then wrong with them is done by whoever serves DNS.
"""
