"""The version of gravel, in one place."""

__version__ = "0.1.0"
