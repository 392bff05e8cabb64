"""How many threads native libraries may use, and how these wait for each other."""

import os

SPIN_COUNT = "1000"
"""Rounds that a waiting OpenMP thread spins."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return allowed or 1


def limit_spinning() -> None:
    """Have OpenMP's threads spin only briefly while they wait for each other, then sleep.

    GNU OpenMP spins for milliseconds by default. Measured with SmolLM2 on 2 cores that two other programs keep busy:
    1 token/s with the default, 28 with this count, 59 with OMP_WAIT_POLICY=PASSIVE; on idle cores 103, 105 and 45.
    Each library reads the environment once, when it is loaded: to be called before any engine is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
