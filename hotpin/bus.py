"""One publisher, bounded subscribers: a slow reader loses its own oldest events and holds up nobody."""

import threading
from collections import deque
from typing import Self

from hotpin.events import Event

DEFAULT_CAPACITY = 1024
"""Events a subscriber may be behind: at 50 a second, the level meter's rate, about 20 s."""


class Subscription:
    """A bounded queue of events; when it is full the oldest is dropped and counted."""

    def __init__(self, bus: "Bus", capacity: int, unwanted: tuple[type[Event], ...] = ()) -> None:
        if capacity < 1:
            raise ValueError(f"a subscription needs room for at least one event, got {capacity}")
        self._bus = bus
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._unwanted = unwanted
        self._arrived = threading.Condition()  # guards _events, dropped and _closed
        self._closed = False
        self.dropped = 0

    def get(self, timeout: float | None = None) -> Event | None:
        """Take the oldest event; ``None`` after ``timeout`` seconds without one, or once closed and empty."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._events or self._closed, timeout)
            return self._events.popleft() if self._events else None

    def put(self, event: Event) -> None:
        """Add an event without ever waiting."""
        if isinstance(event, self._unwanted):
            return
        with self._arrived:
            if self._closed:
                return
            if len(self._events) >= self._capacity:
                self._events.popleft()
                self.dropped += 1
            self._events.append(event)
            self._arrived.notify()

    def close(self) -> None:
        """Stop receiving; a reader that waits is woken."""
        self._bus.unsubscribe(self)
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def __enter__(self) -> Self:
        """Subscribe for the length of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop receiving."""
        self.close()


class Bus:
    """Hands every published event to every subscriber, in the order of publishing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _subscriptions
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(self, capacity: int = DEFAULT_CAPACITY, *, unwanted: tuple[type[Event], ...] = ()) -> Subscription:
        """Begin to receive events, save those ``unwanted``, which do not even wake the reader."""
        subscription = Subscription(self, capacity, unwanted)
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop handing events to ``subscription``; one that is not subscribed is ignored."""
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)

    def publish(self, event: Event) -> None:
        """Hand ``event`` to every subscriber, without ever waiting."""
        for subscription in self._subscriptions:
            subscription.put(event)
