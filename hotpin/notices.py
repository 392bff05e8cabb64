"""What the engines have to tell everybody: they know of no conversation."""

import threading
from collections import deque

MAX_KEPT = 16
"""Texts that are kept for conversations that have not looked yet."""


class Notices:
    """Lines for people, in order. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two that follow
        self._texts: deque[str] = deque(maxlen=MAX_KEPT)
        self._count = 0

    @property
    def count(self) -> int:
        """How many there have been."""
        return self._count

    def tell(self, text: str) -> None:
        """Add a line."""
        with self._lock:
            self._texts.append(text)
            self._count += 1

    def since(self, seen: int) -> tuple[list[str], int]:
        """Give what came after the first ``seen``, as far as it is kept, and how many there have been by now."""
        with self._lock:
            new = min(self._count - seen, len(self._texts))
            return list(self._texts)[len(self._texts) - new :], self._count
