"""Cancelling by generation: work carries the number it was begun under and is dropped once the number has moved on.

A flag that says "cancel" can be cleared by the next turn before a slow worker has looked at it; a number that only
grows cannot.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

Cancelled = Callable[[], bool]
"""Asked between tokens, prefill batches, clauses and pieces of audio: is this work no longer wanted?"""


def never() -> bool:
    """Stand in where nothing can cancel the work."""
    return False


class Generation:
    """A counter that only grows; every conversation has one. Safe to read and advance from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the increment; reading an int needs no lock
        self._number = 0

    @property
    def number(self) -> int:
        """The generation that is current now."""
        return self._number

    def advance(self) -> int:
        """Make everything begun so far stale; return the new number."""
        with self._lock:
            self._number += 1
            return self._number


@dataclass(frozen=True, slots=True)
class Ticket:
    """Names the piece of conversation that some work belongs to."""

    conversation: str
    """Which conversation: queues are fair between them."""

    turn: int
    """Which turn of that conversation, counted from 1."""

    generation: int
    """The conversation's generation when the work was begun."""

    counter: Generation = field(repr=False, compare=False)
    """The conversation's own counter, to compare with."""

    def cancelled(self) -> bool:
        """Whether the conversation has moved on since."""
        return self.counter.number != self.generation
