"""How much is let in."""

import asyncio

import pytest

from hotpin.errors import BusyError
from hotpin.server.limits import Seats, TurnGate, TurnRate, party


def test_seats_are_bounded_in_all() -> None:
    seats = Seats(2, 2)
    with seats.seat("127.0.0.1"), seats.seat("127.0.0.1"):
        assert seats.taken == 2
        with pytest.raises(BusyError, match="2 connections"), seats.seat("192.168.1.5"):
            pass
    assert seats.taken == 0


def test_seats_are_bounded_for_each_address_but_loopback() -> None:
    seats = Seats(10, 1)
    with seats.seat("192.168.1.5"), seats.seat("192.168.1.6"), seats.seat("127.0.0.1"), seats.seat("127.0.0.1"):
        with pytest.raises(BusyError, match="from this address"), seats.seat("192.168.1.5"):
            pass
        assert seats.taken == 4


def test_turns_wait_in_the_order_they_came_and_no_more_than_may() -> None:
    async def scene() -> list[str]:
        gate = TurnGate(1, 2)
        order: list[str] = []
        go_on = asyncio.Event()

        async def turn(name: str) -> None:
            async with gate.enter().turn():
                order.append(name)
                await go_on.wait()

        turns = [asyncio.create_task(turn(name)) for name in ("first", "second", "third")]
        await asyncio.sleep(0)
        assert gate.inside == 3
        with pytest.raises(BusyError):
            gate.enter()
        turns[1].cancel()
        await asyncio.gather(turns[1], return_exceptions=True)
        assert gate.inside == 2
        go_on.set()
        await asyncio.gather(turns[0], turns[2])
        assert gate.inside == 0
        return order

    assert asyncio.run(scene()) == ["first", "third"]


def test_a_place_is_left_once() -> None:
    async def scene() -> int:
        gate = TurnGate(1, 1)
        place = gate.enter()
        place.leave()
        place.leave()
        return gate.inside

    assert asyncio.run(scene()) == 0


def test_turns_are_counted_over_a_minute() -> None:
    now = 0.0
    rate = TurnRate(2, lambda: now)
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    assert rate.allows("b")
    now = 60.0
    assert rate.allows("a")


def test_an_address_is_one_party_and_on_this_machine_a_session_is() -> None:
    assert party("192.168.1.5", "one") == party("192.168.1.5", "two")
    assert party("127.0.0.1", "one") != party("127.0.0.1", "two")
