"""Chimes: what they are played for, and that nobody takes them for speech."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from hotpin import registry
from hotpin.audio.chimes import STILL_THINKING_SECONDS, THINKING_SECONDS, Chime, Chimes, Occasions, load
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.playback import Playback
from hotpin.bus import Bus
from hotpin.errors import SttError
from hotpin.events import Attention, AttentionChanged, Event, Failed, ReplyText, State, StateChanged
from hotpin.settings import Settings
from hotpin.turn_policy import TurnPolicy
from hotpin.vad.base import Vad
from tests.conftest import choosing

FULL = np.iinfo(np.int16)
ECHOES = (1.0, 0.5, 0.25, 0.1)
"""How loud a microphone hears the loudspeaker: from as loud as it plays to 20 dB down."""

NOISES = (0.0, 3.0, 10.0, 100.0)
"""Standard deviations of the room's noise, in int16 steps: from none to -50 dBFS."""

TIMEOUT = 5.0


def state(now: State) -> Event:
    return StateChanged("kitchen", 1, now)


def attention(now: Attention) -> Event:
    return AttentionChanged("kitchen", 1, now)


FAILURE = Failed("kitchen", 1, "stt", SttError("no model"))


# --- when ---


def played(*events: Event) -> list[Chime | None]:
    occasions = Occasions()
    return [occasions.step(event, 0.0) for event in events]


def test_waking_and_falling_asleep_can_be_heard() -> None:
    asleep, awake = attention(Attention.ASLEEP), attention(Attention.AWAKE)
    assert played(asleep, awake, asleep, awake) == [None, Chime.HEARD, Chime.ASLEEP, Chime.HEARD]


def test_muting_somebody_who_sleeps_changes_nothing_to_be_heard() -> None:
    changes = [Attention.AWAKE, Attention.ASLEEP, Attention.MUTED, Attention.AWAKE]
    assert played(*map(attention, changes)) == [Chime.HEARD, Chime.ASLEEP, None, Chime.HEARD]


def test_muting_can_be_heard() -> None:
    assert played(attention(Attention.MUTED), attention(Attention.AWAKE)) == [Chime.ASLEEP, Chime.HEARD]


def test_nobody_is_told_good_night_over_a_reply() -> None:
    awake, asleep = attention(Attention.AWAKE), attention(Attention.ASLEEP)
    assert played(awake, state(State.SPEAKING), asleep, state(State.LISTENING)) == [Chime.HEARD, None, None, None]


def test_a_failure_can_be_heard_and_ends_the_thinking() -> None:
    occasions = Occasions()
    occasions.step(state(State.THINKING), 0.0)
    assert occasions.step(FAILURE, 1.0) is Chime.ERROR
    assert occasions.pass_time(100.0) is None


def test_a_quick_answer_comes_without_a_chime() -> None:
    occasions = Occasions()
    occasions.step(state(State.THINKING), 10.0)
    assert occasions.pass_time(10.0 + 0.9 * THINKING_SECONDS) is None
    occasions.step(state(State.SPEAKING), 10.0 + 0.95 * THINKING_SECONDS)
    assert occasions.pass_time(100.0) is None


def test_a_slow_answer_is_announced_now_and_then() -> None:
    occasions = Occasions()
    occasions.step(state(State.THINKING), 10.0)
    first = 10.0 + THINKING_SECONDS
    occasions.step(ReplyText("kitchen", 1, "Well"), first)
    assert occasions.pass_time(first) is Chime.THINKING
    assert occasions.pass_time(first + 0.9 * STILL_THINKING_SECONDS) is None
    assert occasions.pass_time(first + STILL_THINKING_SECONDS) is Chime.THINKING


def test_events_are_played_and_a_closed_chime_is_silent() -> None:
    playback, bus = Playback(CAPTURE_RATE), Bus()
    chimes = Chimes(playback, bus.subscribe())
    bus.publish(FAILURE)
    assert playback.wait(TIMEOUT)
    assert np.array_equal(heard(playback), load(Chime.ERROR, CAPTURE_RATE))
    chimes.close()
    bus.publish(FAILURE)
    assert not heard(playback).any()


def heard(playback: Playback) -> Samples:
    out = np.zeros(CAPTURE_RATE, np.int16)
    return out[: playback.read_into(out, 0.0)]


# --- what ---


@pytest.mark.parametrize("rate", [CAPTURE_RATE, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("chime", Chime)
def test_a_chime_is_short_soft_and_has_no_clicks_at_its_ends(chime: Chime, rate: int) -> None:
    sound = load(chime, rate).astype(int)
    assert 0.1 < len(sound) / rate <= 0.301
    assert 0.01 < np.abs(sound).max() / FULL.max < 0.1
    assert np.abs(sound[[0, -1]]).max() < 0.001 * FULL.max


@pytest.fixture(scope="module", params=registry.names("vad"))
def vad(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Vad]:
    detector = registry.build_vad(choosing(settings, "vad", engine=request.param))
    detector.load()
    yield detector
    detector.close()


@pytest.mark.parametrize("chime", Chime)
@pytest.mark.parametrize("echo", ECHOES)
def test_no_chime_is_heard_as_speech(vad: Vad, chime: Chime, echo: float) -> None:
    sound = echo * load(chime, CAPTURE_RATE)
    assert max(speech_seconds(vad.fork(), sound, noise) for noise in NOISES) < TurnPolicy().start_seconds


def speech_seconds(vad: Vad, sound: npt.NDArray[np.floating], noise: float) -> float:
    """Longest time for which a detector takes a sound in a noisy room for the beginning of speech."""
    room = np.random.default_rng(7).normal(0.0, noise, 2 * CAPTURE_RATE + len(sound))
    room[CAPTURE_RATE : CAPTURE_RATE + len(sound)] += sound
    samples = np.clip(room, FULL.min, FULL.max).astype(np.int16)
    longest = run = 0.0
    for start in range(0, len(samples), FRAME_SAMPLES):
        frame = Frame(samples[start : start + FRAME_SAMPLES])
        speech = vad.probability(frame) >= TurnPolicy().start_threshold
        run = run + frame.seconds if speech and start >= CAPTURE_RATE // 2 else 0.0
        longest = max(longest, run)
    return longest
