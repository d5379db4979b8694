"""The door: command line, composition of the houses, and nothing that the houses should know.

May import every house; no house imports it.
"""
