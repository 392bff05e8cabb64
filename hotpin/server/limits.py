"""How much is let in: connections, turns at a time, turns a minute. Used on the event loop only."""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from hotpin.errors import BusyError
from hotpin.server.auth import is_loopback

_MINUTE = 60.0
_MAX_PARTIES = 4096
"""Parties whose turns are counted; beyond it the one longest silent is forgotten."""

Tell = Callable[[int], object]
"""Is told how many there are, whenever that changes."""


def _nobody(_: int) -> None: ...


class Seats:
    """Bounds the connections, in all and from one address."""

    def __init__(self, most: int, most_per_address: int, tell: Tell = _nobody) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._tell = tell
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Connections there are."""
        return self._taken.total()

    @contextmanager
    def seat(self, address: str) -> Iterator[None]:
        """Hold a place for the length of a block.

        Raises:
            BusyError: if there is none left.
        """
        if self.taken >= self._most:
            raise BusyError(f"there are {self._most} connections already")
        if not is_loopback(address) and self._taken[address] >= self._most_per_address:
            raise BusyError(f"there are {self._most_per_address} connections from this address already")
        self._taken[address] += 1
        self._tell(self.taken)
        try:
            yield
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]
            self._tell(self.taken)


class TurnGate:
    """Lets a number of turns be worked on at a time; some may wait, in the order they came, more are refused."""

    def __init__(self, at_a_time: int, waiting: int, tell: Tell = _nobody) -> None:
        self._slots = asyncio.Semaphore(at_a_time)
        self._tell = tell
        self._most = at_a_time + waiting
        self._inside = 0

    @property
    def inside(self) -> int:
        """Turns that are worked on or wait."""
        return self._inside

    def enter(self) -> "Place":
        """Take a place among those who wait; it must be left again.

        Raises:
            BusyError: if too many wait already.
        """
        if self._inside >= self._most:
            raise BusyError(f"{self._inside} turns are being answered or wait already")
        self._inside += 1
        self._tell(self._inside)
        return Place(self._slots, self._left)

    def _left(self) -> None:
        self._inside -= 1
        self._tell(self._inside)


class Place:
    """One turn's place at the gate."""

    def __init__(self, slots: asyncio.Semaphore, left: Callable[[], None]) -> None:
        self._slots = slots
        self._left: Callable[[], None] | None = left

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is this turn's turn, and work on it for the length of the block; then the place is left."""
        try:
            async with self._slots:
                yield
        finally:
            self.leave()

    def leave(self) -> None:
        """Give the place back; a second call does nothing."""
        left, self._left = self._left, None
        if left is not None:
            left()


class TurnRate:
    """Counts the turns of each party over the last minute."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._turns: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, party: str) -> bool:
        """Count a turn of ``party``, unless it has had too many."""
        now = self._now()
        turns = self._turns.setdefault(party, deque())
        self._turns.move_to_end(party)
        if len(self._turns) > _MAX_PARTIES:
            self._turns.popitem(last=False)
        while turns and turns[0] <= now - _MINUTE:
            turns.popleft()
        if len(turns) >= self._per_minute:
            return False
        turns.append(now)
        return True


def party(address: str, session_id: str) -> str:
    """Say whose turns are counted together: an address's, or on this machine, where a proxy may be, a session's."""
    return session_id if is_loopback(address) else address
