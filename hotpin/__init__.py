"""Hotpin: a private voice assistant that runs entirely on one's own machine."""

__version__ = "0.1.0"
