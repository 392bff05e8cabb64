"""Whisper on recordings of real people that came through a browser's Opus stream."""

import json
from pathlib import Path

import pytest

from hotpin.audio import files
from hotpin.audio.frame import CAPTURE_RATE, Frame
from hotpin.audio.resample import Resampler
from hotpin.audio.stream_codecs import StreamDecoder
from hotpin.bench import words
from hotpin.stt.base import Stt
from tests.audio.streams import STREAMS, joined, pieces, stream

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
KNOWN_TEXTS = ("repository", "file name")
CLIPS = 12
BIT_RATE = 24_000
PIECE_BYTES = BIT_RATE // 8 // 4
"""A quarter of a second."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings in ../shared/speech are not here"),
]


def transcribe(stt: Stt, frames: list[Frame]) -> str:
    heard = stt.stream()
    for frame in frames:
        heard.feed(frame)
    return heard.finish().text


def streamed(frames: list[Frame]) -> list[Frame]:
    """What arrives of it when it goes through WebM with Opus, a quarter of a second at a time."""
    resampler = Resampler(CAPTURE_RATE, STREAMS["WebM"][2])
    samples = joined([Frame(resampler.push(frame.samples)) for frame in frames] + [Frame(resampler.flush())])
    decoder = StreamDecoder()
    recording = stream("WebM", samples, bit_rate=BIT_RATE)
    return [got for piece in pieces(recording, PIECE_BYTES) for got in decoder.feed(piece)] + decoder.finish()


def test_opus_at_24_kbits_costs_hardly_any_words(whisper: Stt) -> None:
    lines = (SPEECH / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    english = [clip for clip in map(json.loads, lines) if clip["language"] == "en" and "variant_of" not in clip]
    known = [clip for clip in english if clip["transcript_basis"] in KNOWN_TEXTS][:CLIPS]
    said = as_recorded = as_streamed = 0
    for clip in known:
        frames = list(files.read(SPEECH / clip["file"]))
        reference = words.normalised(clip["transcript"])
        said += len(reference)
        as_recorded += words.errors(reference, words.normalised(transcribe(whisper, frames)))
        as_streamed += words.errors(reference, words.normalised(transcribe(whisper, streamed(frames))))
    print(f"{said} words, wrong: {as_recorded} as recorded, {as_streamed} as streamed")
    assert as_streamed <= as_recorded + 0.03 * said
