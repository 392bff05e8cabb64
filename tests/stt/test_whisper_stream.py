"""When Whisper decodes while the person speaks, and what of it is settled: with a decoder that only takes note."""

from collections.abc import Callable
from typing import Any

import pytest

from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.cancel import Cancelled, never
from hotpin.stt import whisper
from hotpin.stt.mel import FloatArray
from hotpin.stt.whisper import (
    LONG_SECONDS,
    MAX_PARTIAL_SECONDS,
    MAX_SENTENCE_SECONDS,
    PARTIAL_SHARE,
    Rest,
    WhisperStream,
)
from hotpin.stt.whisper_decoder import Decoded
from tests.fakes.engines import FakeVad, silence, speech

PIECE_SECONDS = 0.2
"""What a conversation feeds at a time."""


class Decoder:
    """Gives the texts it was made with in turn, the last one for ever; notes how much it was given, and how."""

    def __init__(self, clock: "Clock", *texts: str) -> None:
        self.given: list[float] = []
        self.thorough: list[bool] = []
        self.cost = 0.1
        self.doubtful = False
        self._clock = clock
        self._texts = list(texts)

    def expected_seconds(self, seconds: float) -> float:
        return self.cost

    def decode(self, audio: FloatArray, cancelled: Cancelled, *, thorough: bool, speech: bool) -> Decoded | None:
        if cancelled():
            return None
        self._clock.now += self.cost
        self.given.append(round(len(audio) / CAPTURE_RATE, 1))
        self.thorough.append(thorough)
        if self.doubtful and not thorough:
            return None
        text = self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        return Decoded(text, -0.1 * len(self.given), 0.1, len(audio) / CAPTURE_RATE, doubtful=False)


class Clock:
    """Time as the stream sees it: that of the audio, and what decoding takes on top."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(whisper, "perf_counter", clock)
    return clock


@pytest.fixture
def decoder(clock: Clock) -> Decoder:
    return Decoder(clock, "so far")


@pytest.fixture
def begin(clock: Clock, decoder: Decoder) -> Callable[..., WhisperStream]:
    """Begins a stream with other texts, if there are any."""
    rest = Rest()

    def stream(*texts: str, partials: bool = True) -> WhisperStream:
        given: Any = decoder
        decoder._texts = list(texts) or decoder._texts
        ear: Any = FakeVad()
        return WhisperStream(given, ear, rest, partials=partials)

    return stream


def feed(stream: WhisperStream, clock: Clock, sound: Samples) -> list[str]:
    """Feed in pieces as a conversation does; return the partial texts."""
    size = round(PIECE_SECONDS * CAPTURE_RATE)
    told = []
    for start in range(0, len(sound), size):
        stream.feed(Frame(sound[start : start + size]))
        clock.now += PIECE_SECONDS
        partial = stream.partial()
        told.append(partial.text if partial else "")
    return told


Begin = Callable[..., WhisperStream]


# --- partial words ---


def test_words_are_told_more_than_once_a_second(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    told = feed(begin(), clock, speech(4.0))
    assert decoder.given == pytest.approx([0.6, 1.2, 1.8, 2.4, 3.0, 3.6])
    assert not any(decoder.thorough)
    assert told == [""] * 2 + ["so far"] * 18


def test_partials_take_a_bounded_share_of_the_time(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    decoder.cost = 2.0
    stream = begin()
    decoder.expected_seconds = lambda seconds: 0.0  # type: ignore[method-assign]
    feed(stream, clock, speech(20.0))
    assert len(decoder.given) > 2
    assert decoder.cost * (len(decoder.given) - 1) <= PARTIAL_SHARE * clock.now


def test_several_people_have_no_more_partials_than_one(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    streams = [begin() for _ in range(4)]
    decoder.cost = 0.2
    for _ in range(50):
        for stream in streams:
            stream.feed(Frame(speech(PIECE_SECONDS)))
            stream.partial()
        clock.now += PIECE_SECONDS
    assert len(decoder.given) > 4
    assert decoder.cost * (len(decoder.given) - 1) <= PARTIAL_SHARE * clock.now


def test_a_slow_machine_has_no_partials(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    decoder.cost = MAX_PARTIAL_SECONDS + 0.01
    assert not any(feed(begin(), clock, speech(10.0)))
    assert not decoder.given


def test_a_single_core_has_no_partials(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    assert not any(feed(begin(partials=False), clock, speech(10.0)))
    assert not decoder.given


def test_no_partial_stands_in_the_way_of_a_draft(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    stream = begin()
    feed(stream, clock, speech(0.5))
    feed(stream, clock, silence(0.2))
    assert not decoder.given


def test_a_doubtful_partial_leaves_the_words_as_they_were(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    stream = begin("one", "two")
    feed(stream, clock, speech(1.0))
    decoder.doubtful = True
    assert set(feed(stream, clock, speech(2.0))) == {"one"}
    assert stream.draft().text == "two"


# --- drafts ---


def test_silence_needs_no_second_decode_and_speech_does(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    stream = begin("one", "one two")
    feed(stream, clock, speech(0.4))
    assert stream.draft().text == stream.draft().text == "one"
    feed(stream, clock, silence(0.2))
    assert stream.finish().text == "one"
    assert decoder.given == [0.4]
    feed(stream, clock, speech(0.2))
    finished = stream.finish()
    assert (finished.text, finished.final) == ("one two", True)
    assert finished.confidence == pytest.approx(-0.2)
    assert decoder.thorough == [True, True]


def test_a_draft_that_was_cancelled_is_made_again(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    stream = begin()
    feed(stream, clock, speech(0.8))
    assert stream.draft(lambda: True).text == ""
    assert stream.draft(never).text == "so far"


# --- long utterances ---


def paused(begin: Begin, clock: Clock, seconds: float, *texts: str) -> WhisperStream:
    """Say something for so long, pause, draft, go on for 1 s and pause again."""
    stream = begin(*texts, partials=False)
    feed(stream, clock, speech(seconds))
    feed(stream, clock, silence(0.2))
    stream.draft()
    feed(stream, clock, speech(1.0))
    feed(stream, clock, silence(0.2))
    return stream


@pytest.mark.parametrize(
    ("seconds", "texts", "last"),
    [
        pytest.param(LONG_SECONDS, ("It rains.", "It rains. And", "then"), 2.3, id="a sentence"),
        pytest.param(LONG_SECONDS, ("It rains.", "it rains! And", "then"), 2.3, id="only the spelling differs"),
        pytest.param(MAX_SENTENCE_SECONDS, ("It rains", "It rains and", "then"), 2.3, id="a very long phrase"),
        pytest.param(LONG_SECONDS, ("It rains.", "It rains and", "It rains and then"), 6.4, id="no sentence after all"),
        pytest.param(LONG_SECONDS, ("It rains.", "Hit trains. And", "Hit trains. And then"), 6.4, id="other words"),
        pytest.param(1.0, ("It rains.", "It rains. And", "It rains. And then"), 3.4, id="not long"),
    ],
)
def test_a_long_utterance_is_settled_at_a_pause_that_two_decodes_agree_on(
    clock: Clock, decoder: Decoder, begin: Begin, seconds: float, texts: tuple[str, ...], last: float
) -> None:
    stream = paused(begin, clock, seconds, *texts)
    assert stream.draft().text == texts[1]
    feed(stream, clock, speech(1.0))
    whole = stream.finish().text
    assert decoder.given[-1] == pytest.approx(last)
    if last < seconds:
        assert whole == f"{' '.join(texts[1].split()[: len(texts[0].split())])} then"
    else:
        assert whole == texts[2]


def test_a_long_utterance_is_decoded_in_a_lull_that_nobody_drafts(clock: Clock, decoder: Decoder, begin: Begin) -> None:
    stream = begin(partials=False)
    feed(stream, clock, speech(LONG_SECONDS))
    feed(stream, clock, silence(0.6))
    assert len(decoder.given) == 1
    assert stream.finish().text == "so far"
    assert len(decoder.given) == 1
