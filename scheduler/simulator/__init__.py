"""The second driver: virtual time, in which hours pass in milliseconds and every run repeats.

Holds no domain logic: what happens is decided by the same code that runs for real.
"""
