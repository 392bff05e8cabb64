"""Blocks of one size from frames of any length."""

import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import CAPTURE_RATE, Frame
from hotpin.errors import AudioError


@given(st.integers(1, 700), st.lists(st.integers(0, 900), max_size=12))
def test_no_sample_is_lost_doubled_or_moved(size: int, lengths: list[int]) -> None:
    sound = np.arange(sum(lengths)).astype(np.int16)
    blocks = Reblocker(size)
    out = [block for piece in np.split(sound, np.cumsum(lengths)) for block in blocks.push(piece)]
    assert all(len(block) == size for block in out)
    rest = blocks.flush()
    assert len(rest) < size
    assert np.array_equal(np.concatenate([*out, rest]), sound)


def test_a_block_comes_as_soon_as_it_is_full() -> None:
    blocks = Reblocker(320)
    assert list(blocks.push(np.zeros(319, np.int16))) == []
    assert len(list(blocks.push(np.zeros(1, np.int16)))) == 1


def test_after_a_flush_a_new_stream_begins() -> None:
    blocks = Reblocker(4)
    assert list(blocks.push(np.ones(3, np.int16))) == []
    assert list(blocks.flush()) == [1, 1, 1]
    assert len(blocks.flush()) == 0
    assert [list(block) for block in blocks.push(np.full(4, 2, np.int16))] == [[2, 2, 2, 2]]


def test_a_long_sound_is_not_kept_for_its_last_samples() -> None:
    sound = np.zeros(100_001, np.int16)
    kept = weakref.ref(sound)
    blocks = Reblocker(100)
    assert sum(1 for _ in blocks.push(sound)) == 1_000
    del sound
    assert kept() is None


@pytest.mark.parametrize("size", [0, -1])
def test_a_block_holds_something(size: int) -> None:
    with pytest.raises(ValueError, match=f"got {size}"):
        Reblocker(size)


def test_only_the_capture_rate_passes() -> None:
    samples = np.zeros(1, np.int16)
    require_capture_rate(Frame(samples, CAPTURE_RATE), "the ear")
    with pytest.raises(AudioError, match="the ear needs audio at 16000 Hz, got 8000 Hz"):
        require_capture_rate(Frame(samples, 8_000), "the ear")
