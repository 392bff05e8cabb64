"""Every subscriber gets every event in order; a slow one loses only its own."""

import threading

import pytest

from hotpin.bus import Bus, Subscription
from hotpin.events import Event, Partial

WAIT = 5.0
"""s. Longer than anything here takes; only a failure waits for it."""


def event(number: int) -> Event:
    return Event("kitchen", number)


def drained(subscription: Subscription) -> list[int]:
    """Turn numbers of the events that are there."""
    found = []
    while (got := subscription.get(timeout=0)) is not None:
        found.append(got.turn)
    return found


def test_every_subscriber_gets_every_event_in_order() -> None:
    bus = Bus()
    first, second = bus.subscribe(), bus.subscribe()
    for number in range(5):
        bus.publish(event(number))
    assert drained(first) == drained(second) == [0, 1, 2, 3, 4]


def test_events_come_as_they_were_published() -> None:
    bus = Bus()
    subscription = bus.subscribe()
    partial = Partial("kitchen", 1, "what is")
    bus.publish(partial)
    assert subscription.get(timeout=0) is partial


def test_events_before_the_subscription_are_not_seen() -> None:
    bus = Bus()
    bus.publish(event(1))
    assert bus.subscribe().get(timeout=0) is None


def test_a_slow_subscriber_loses_its_oldest_and_nobody_else_does() -> None:
    bus = Bus()
    slow, fast = bus.subscribe(capacity=2), bus.subscribe()
    for number in range(5):
        bus.publish(event(number))
    assert (drained(slow), slow.dropped) == ([3, 4], 3)
    assert (drained(fast), fast.dropped) == ([0, 1, 2, 3, 4], 0)


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_subscription_has_room_for_something(capacity: int) -> None:
    with pytest.raises(ValueError, match=str(capacity)):
        Bus().subscribe(capacity)


def test_a_waiting_reader_is_woken_by_an_event() -> None:
    bus = Bus()
    subscription = bus.subscribe()
    found: list[Event | None] = []
    reader = threading.Thread(target=lambda: found.append(subscription.get(WAIT)))
    reader.start()
    bus.publish(event(7))
    reader.join(WAIT)
    assert found == [event(7)]


def test_a_waiting_reader_is_woken_by_the_end() -> None:
    subscription = Bus().subscribe()
    found: list[Event | None] = []
    reader = threading.Thread(target=lambda: found.append(subscription.get()))
    reader.start()
    subscription.close()
    reader.join(WAIT)
    assert found == [None]


def test_after_the_end_what_is_left_can_be_read_and_nothing_more_arrives() -> None:
    bus = Bus()
    with bus.subscribe() as subscription:
        bus.publish(event(1))
    bus.publish(event(2))
    subscription.put(event(3))
    assert drained(subscription) == [1]


def test_one_who_leaves_does_not_take_the_others_along() -> None:
    bus = Bus()
    staying, leaving = bus.subscribe(), bus.subscribe()
    leaving.close()
    leaving.close()
    bus.publish(event(1))
    assert drained(staying) == [1]


def test_publishing_from_several_threads_loses_nothing() -> None:
    bus = Bus()
    subscription = bus.subscribe(capacity=2_000)
    start = threading.Barrier(4)

    def publish(publisher: int) -> None:
        start.wait(WAIT)
        for number in range(250):
            bus.publish(event(1_000 * publisher + number))

    threads = [threading.Thread(target=publish, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    found = drained(subscription)
    assert len(found) == 1_000
    for publisher in range(4):
        mine = [number for number in found if number // 1_000 == publisher]
        assert mine == sorted(mine)


def test_what_a_subscriber_does_not_want_never_reaches_it() -> None:
    bus = Bus()
    choosy, other = bus.subscribe(unwanted=(Partial,)), bus.subscribe()
    bus.publish(Partial("kitchen", 1, "so far"))
    bus.publish(event(2))
    assert drained(choosy) == [2]
    assert drained(other) == [1, 2]
