"""Recognition while a person speaks, on recordings: words against one pass over the whole, and when they are there.

The audio comes as in a conversation: at its own pace (on a clock that skips the waiting), in pieces of 0.2 s, with a
draft after every 0.12 s without speech.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from hotpin.audio import files
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples
from hotpin.bench import words
from hotpin.stt import whisper as whisper_module
from hotpin.stt.base import Stt, SttStream, Transcript
from hotpin.vad.silero import SileroVad
from tests.conftest import Loaded
from tests.stt.test_korean_recordings import letters
from tests.stt.test_recordings import SPEECH, clips

FRAMES_AT_ONCE = 10
DRAFT_SILENCE_SECONDS = 0.12
STOP_THRESHOLD = 0.35
MAX_MORE_ERRORS = 3
DECODE_SECONDS = 0.02
"""s that a partial takes at least if it decoded anything."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings in ../shared/speech are not here"),
]


class Clock:
    """The real time, plus what was not waited for."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def __call__(self) -> float:
        return perf_counter() + self._skipped

    def wait_until(self, moment: float) -> None:
        self._skipped += max(0.0, moment - self())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(whisper_module, "perf_counter", clock)
    return clock


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    vad = SileroVad()
    vad.load()
    return vad


@dataclass
class Live:
    """What came of one recording."""

    text: str = ""
    drafts: list[float] = field(default_factory=list)
    """s from each pause to its words, whatever was still being decoded included."""
    partials: int = 0
    partial_seconds: float = 0.0
    after_end: float = 0.0
    """s from the end of the recording, or from its last pause if nothing was said since, to its words."""


def listen(stream: SttStream, sound: Samples, vad: SileroVad, clock: Clock) -> Live:
    live, ear, pending = Live(), vad.fork(), list[Frame]()
    silent, speaks, began = 0, False, clock()
    for number, start in enumerate(range(0, len(sound), FRAME_SAMPLES), 1):
        pending.append(Frame(sound[start : start + FRAME_SAMPLES]))
        now = began + number * FRAME_SECONDS
        clock.wait_until(now)
        if ear.probability(pending[-1]) >= STOP_THRESHOLD:
            silent, speaks = 0, True
        else:
            silent += 1
        if speaks and silent * FRAME_SECONDS >= DRAFT_SILENCE_SECONDS:
            speaks = False
            feed(stream, pending)
            stream.draft()
            live.drafts.append(clock() - now)
        elif len(pending) == FRAMES_AT_ONCE:
            feed(stream, pending)
            before = perf_counter()
            stream.partial()
            took = perf_counter() - before
            live.partials += took > DECODE_SECONDS
            live.partial_seconds += took
    feed(stream, pending)
    ended = clock()
    live.text = stream.finish().text
    live.after_end = clock() - ended if speaks or not live.drafts else live.drafts[-1]
    return live


def feed(stream: SttStream, frames: list[Frame]) -> None:
    for frame in frames:
        stream.feed(frame)
    frames.clear()


def at_once(stt: Stt, sound: Samples) -> tuple[Transcript, float]:
    """Return the words of one pass over the whole, and the s it took after the end."""
    stream = stt.stream()
    feed(stream, [Frame(sound[at : at + FRAME_SAMPLES]) for at in range(0, len(sound), FRAME_SAMPLES)])
    began = perf_counter()
    return stream.finish(), perf_counter() - began


def read(clip: dict[str, Any]) -> Samples:
    return np.concatenate([frame.samples for frame in files.read(SPEECH / clip["file"])])


def spoken_clips(language: str) -> list[dict[str, Any]]:
    return [clip for clip in clips() if clip.get("language") == language and clip.get("transcript")]


def one_by_one() -> Iterator[tuple[Samples, str]]:
    for clip in spoken_clips("en"):
        yield read(clip), clip["transcript"]


def joined() -> Iterator[tuple[Samples, str]]:
    """Give up to four clips of each speaker in one, with pauses of 0.3 s of faint noise."""
    speakers: dict[str, list[dict[str, Any]]] = {}
    for clip in spoken_clips("en"):
        speakers.setdefault(clip["speaker"], []).append(clip)
    pause = np.random.default_rng(7).normal(0.0, 5.0, int(0.3 * CAPTURE_RATE)).astype(np.int16)
    for several in speakers.values():
        for at in range(0, len(several), 4):
            if len(chosen := several[at : at + 4]) > 1:
                sound = np.concatenate([part for clip in chosen for part in (read(clip), pause)])
                yield sound, " ".join(clip["transcript"] for clip in chosen)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("utterances", [one_by_one, joined])
def test_words_are_as_good_as_in_one_pass_over_the_whole(
    whisper: Stt, vad: SileroVad, clock: Clock, utterances: Callable[[], Iterator[tuple[Samples, str]]]
) -> None:
    wrong = {"live": 0, "at once": 0}
    total = seconds = partial_seconds = 0.0
    partials = 0
    waits: list[tuple[float, float, float]] = []
    for sound, text in utterances():
        reference = words.normalised(text)
        whole, took = at_once(whisper, sound)
        live = listen(whisper.stream(), sound, vad, clock)
        wrong["at once"] += words.errors(reference, words.normalised(whole.text))
        wrong["live"] += words.errors(reference, words.normalised(live.text))
        waits.append((len(sound) / CAPTURE_RATE, live.after_end, took))
        total, seconds = total + len(reference), seconds + len(sound) / CAPTURE_RATE
        partials, partial_seconds = partials + live.partials, partial_seconds + live.partial_seconds
    print(f"\n{len(waits)} utterances, {total:.0f} words, errors {wrong}, {partials} partials in {seconds:.0f} s,")
    print(f"share of the time {partial_seconds / seconds:.3f}; s from the last pause to the words, live and at once:")
    for low, high in ((0, 3), (3, 6), (6, 12), (12, 60)):
        chosen = np.array([(live, once) for length, live, once in waits if low <= length < high])
        if len(chosen):
            p50, p95 = np.percentile(chosen, (50, 95), axis=0).round(2)
            print(f"  {low}-{high} s: {len(chosen)} of them, p50 {p50[0]} and {p50[1]}, p95 {p95[0]} and {p95[1]}")
    assert len(waits) > 10
    assert partial_seconds < whisper_module.PARTIAL_SHARE * seconds
    assert wrong["live"] <= wrong["at once"] + MAX_MORE_ERRORS


def test_korean_segments_that_end_in_every_pause_lose_few_letters(loaded: Loaded, vad: SileroVad, clock: Clock) -> None:
    vosk = loaded.stt("vosk")
    wrong = {"live": 0, "at once": 0}
    pauses = total = 0
    for clip in spoken_clips("ko"):
        sound, reference = np.concatenate((np.zeros(CAPTURE_RATE // 2, np.int16), read(clip))), letters(clip["words"])
        whole, took = at_once(vosk, sound)
        live = listen(vosk.stream(), sound, vad, clock)
        wrong["at once"] += words.errors(reference, letters(whole.text))
        wrong["live"] += words.errors(reference, letters(live.text))
        total, pauses = total + len(reference), pauses + len(live.drafts)
        print(f"\n{clip['id']}: {live.text!r} and {whole.text!r}, after {live.after_end:.2f} and {took:.2f} s")
    print(f"{total} letters, {pauses} pauses, errors {wrong}")
    assert wrong["live"] <= wrong["at once"] + MAX_MORE_ERRORS


def test_noise_music_and_silence_hold_no_words_on_the_way(whisper: Stt, vad: SileroVad, clock: Clock) -> None:
    for clip in (clip for clip in clips() if clip["speaker_kind"] == "noise"):
        assert listen(whisper.stream(), read(clip), vad, clock).text == "", Path(clip["file"]).name
