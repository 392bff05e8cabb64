"""Sounds to test with: a tone, files of every kind that hold it, and whether it is still there."""

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from hotpin.audio.files import read
from hotpin.audio.frame import CAPTURE_RATE, Samples

AMPLITUDE = 8_000
LAME_AMPLITUDE = 0.95 * AMPLITUDE
"""The MP3 encoder turns everything down a little."""

KINDS = [
    ("u8.wav", "pcm_u8", 8_000),
    ("s16.wav", "pcm_s16le", 22_050),
    ("capture.wav", "pcm_s16le", 16_000),
    ("s24.wav", "pcm_s24le", 44_100),
    ("s32.wav", "pcm_s32le", 48_000),
    ("float.wav", "pcm_f32le", 44_100),
    ("double.wav", "pcm_f64le", 16_000),
    ("alaw.wav", "pcm_alaw", 8_000),
    ("music.mp3", "libmp3lame", 44_100),
    ("low.mp3", "libmp3lame", 22_050),
    ("lossless.flac", "flac", 48_000),
    ("opus.ogg", "libopus", 48_000),
    ("browser.webm", "libopus", 48_000),
    ("phone.m4a", "aac", 44_100),
]
"""Name, codec and rate of one file of each kind."""


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> Samples:
    at = np.arange(round(rate * seconds)) / rate
    return (AMPLITUDE * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def encode(path: Path, codec: str, rate: int, channels: list[Samples]) -> Path:
    """Write an audio file through FFmpeg; its name's end chooses the container."""
    layout = {1: "mono", 2: "stereo", 4: "quad"}[len(channels)]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(np.stack(channels), format="s16p", layout=layout)
        frame.sample_rate = rate
        for packets in (stream.encode(frame), stream.encode(None)):
            container.mux(packets)
    return path


def wav(
    data: bytes, *, rate: int = CAPTURE_RATE, channels: int = 1, size: int | None = None, extra: bytes = b""
) -> bytes:
    """A 16-bit WAV whose header may say another ``size`` than the data has, with ``extra`` chunks before it."""
    layout = struct.pack("<HHIIHH", 1, channels, rate, 2 * channels * rate, 2 * channels, 16)
    size = len(data) if size is None else size
    chunks = b"fmt " + struct.pack("<I", 16) + layout + extra + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVE" + chunks


def samples_of(path: Path, raw_rate: int | None = None) -> Samples:
    return np.concatenate([frame.samples for frame in read(path, raw_rate=raw_rate)])


def level(samples: Samples) -> float:
    """Root mean square of the middle half: edges fade and ring."""
    quarter = len(samples) // 4
    return float(np.sqrt(np.mean(samples[quarter:-quarter].astype(float) ** 2)))


def assert_tone(samples: Samples, seconds: float, amplitude: float = AMPLITUDE) -> None:
    assert len(samples) / CAPTURE_RATE == pytest.approx(seconds, rel=0.05)
    hertz = np.argmax(np.abs(np.fft.rfft(samples.astype(float)))) * CAPTURE_RATE / len(samples)
    assert hertz == pytest.approx(440, rel=0.05)
    assert level(samples) == pytest.approx(amplitude / np.sqrt(2), rel=0.05)
