"""What the sound card gives is kept, counted and dated."""

import threading

import numpy as np
import pytest

from hotpin.audio.frame import Samples
from hotpin.audio.ring import RING_SECONDS, Ring, Timeline

RATE = 8_000
CAPACITY = int(RING_SECONDS * RATE)
BLOCK = 80
BLOCK_SECONDS = BLOCK / RATE


def numbered(begin: int, count: int) -> Samples:
    return (np.arange(begin, begin + count) % 30_000).astype(np.int16)


@pytest.fixture
def ring() -> Ring:
    made = Ring()
    made.restart(RATE)
    return made


def test_what_is_written_is_read_in_order_across_the_end_of_the_ring(ring: Ring) -> None:
    read: list[Samples] = []
    for begin in range(0, 3 * CAPACITY, 700):
        ring.write(numbered(begin, 700), begin / RATE)
        piece = ring.read(0)
        assert piece is not None
        assert piece.position == begin
        read.append(piece.samples)
    together = np.concatenate(read)
    assert np.array_equal(together, numbered(0, len(together)))
    assert ring.overruns == 0


def test_a_late_reader_gets_the_newest_two_seconds_and_one_overrun(ring: Ring) -> None:
    for begin in range(0, CAPACITY + 10 * BLOCK, BLOCK):
        ring.write(numbered(begin, BLOCK), 0.0)
    piece = ring.read(0)
    assert piece is not None
    assert piece.position == 10 * BLOCK
    assert np.array_equal(piece.samples, numbered(10 * BLOCK, CAPACITY))
    assert ring.overruns == 1


def test_a_block_larger_than_the_ring_keeps_its_end(ring: Ring) -> None:
    ring.write(numbered(0, CAPACITY + 5), 0.0)
    piece = ring.read(0)
    assert piece is not None
    assert piece.position == 5
    assert np.array_equal(piece.samples, numbered(5, CAPACITY))


def test_another_stream_drops_what_was_left_of_the_one_before(ring: Ring) -> None:
    ring.write(numbered(0, 10), 0.0)
    ring.restart(2 * RATE)
    assert ring.read(0) is None
    ring.write(numbered(7, 10), 0.0)
    piece = ring.read(0)
    assert piece is not None
    assert (piece.position, piece.rate) == (0, 2 * RATE)


def test_closing_wakes_the_reader(ring: Ring) -> None:
    reader = threading.Thread(target=ring.read, args=(30.0,), daemon=True)
    reader.start()
    ring.close()
    reader.join(5)
    assert not reader.is_alive()


def test_a_reader_is_woken_once_as_much_is_there_as_it_wants(ring: Ring) -> None:
    ring.write(numbered(0, 10), 0.0)
    later = threading.Timer(0.05, ring.write, (numbered(10, 10), 0.0))
    later.start()
    piece = ring.read(30, wanted=20)
    assert piece is not None
    assert len(piece.samples) == 20


def arrivals(seconds: float, rate: float = RATE, late: float = 0.0) -> Timeline:
    """A timeline after blocks of a card that runs at ``rate``, each up to ``late`` s late; it began at 100 s."""
    timeline = Timeline(RATE)
    chance = np.random.default_rng(1)
    for number in range(1, round(seconds * rate / BLOCK) + 1):
        timeline.arrived(number * BLOCK, 100 + number * BLOCK / rate + chance.uniform(0, late))
    return timeline


def test_samples_are_dated_from_the_least_late_block() -> None:
    assert arrivals(3, late=0.03).at(RATE) == pytest.approx(101, abs=0.002)


def test_a_first_block_that_comes_late_does_not_shift_what_follows() -> None:
    timeline = Timeline(RATE)
    timeline.arrived(BLOCK, 102.0)
    for number in range(2, 20):
        timeline.arrived(number * BLOCK, 100 + max(2.0, number * BLOCK_SECONDS))
    for number in range(200, 240):
        timeline.arrived(number * BLOCK, 100 + number * BLOCK_SECONDS)
    assert timeline.at(RATE) == pytest.approx(101)


@pytest.mark.parametrize("rate", [RATE * 1.0002, RATE * 0.9998])
def test_a_card_whose_quartz_drifts_is_followed(rate: float) -> None:
    timeline = arrivals(120, rate, late=0.01)
    assert timeline.at(120 * rate) == pytest.approx(220, abs=0.003)


def test_the_time_never_jumps_while_the_drift_is_followed() -> None:
    timeline, before = Timeline(RATE), None
    for number in range(1, 3000):
        timeline.arrived(number * BLOCK, number * BLOCK_SECONDS * 1.0005)
        origin = timeline.at(0)
        assert before is None or abs(origin - before) <= 0.001
        before = origin


def test_audio_that_the_card_lost_is_left_out_of_the_time() -> None:
    timeline = arrivals(3)
    begin = 3 * RATE // BLOCK
    for number in range(begin + 1, begin + 250):
        timeline.arrived(number * BLOCK, 100.5 + number * BLOCK_SECONDS)
    assert timeline.at(6 * RATE) == pytest.approx(106.5, abs=0.002)
