"""Chaos by name: experiments, and what of the bridge suffers the world's faults."""
