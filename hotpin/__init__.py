"""Hotpin: a private voice assistant that runs entirely on one's own machine."""

from hotpin import environment

__version__ = "0.1.0"

environment.prepare()
