"""Recordings as browsers stream them, made by FFmpeg's muxers."""

import io
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np

from hotpin.audio.frame import Frame, Samples
from hotpin.audio.stream_codecs import StreamDecoder

_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "250000"}

STREAMS: Mapping[str, tuple[str, str, int, Mapping[str, str]]] = {
    "WebM": ("webm", "libopus", 48_000, {"live": "1", "cluster_time_limit": "1000"}),
    "Ogg": ("ogg", "libopus", 48_000, {"page_duration": "250000"}),
    "MP4 AAC": ("mp4", "aac", 44_100, _FRAGMENTS),
    "MP4 Opus": ("mp4", "libopus", 48_000, _FRAGMENTS),
    "MP3": ("mp3", "libmp3lame", 44_100, {}),
    "MP3 at 16 kHz": ("mp3", "libmp3lame", 16_000, {}),
    "WAV": ("wav", "pcm_s16le", 44_100, {}),
    "WAV in floats": ("wav", "pcm_f32le", 48_000, {}),
}
"""Container, codec, rate and the muxer's options of what can be streamed."""


class Pipe:
    """A file that cannot be sought in, as a live recording is written."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


def stream(kind: str, samples: Samples, *, channels: int = 1, bit_rate: int = 32_000) -> bytes:
    """Encode ``samples``, which are at the rate of ``kind``, in frames of 20 ms."""
    container_name, codec, rate, options = STREAMS[kind]
    pipe = Pipe()
    file: Any = io.BytesIO() if container_name == "wav" else pipe
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(file, "w", format=container_name, options=dict(options)) as container:
        track: Any = container.add_stream(codec, rate=rate)
        track.layout, track.bit_rate = layout, bit_rate
        for at in range(0, len(samples), rate // 50):
            interleaved = np.repeat(samples[at : at + rate // 50], channels)
            frame = av.AudioFrame.from_ndarray(interleaved[None], format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
        if file is not pipe:
            container.close()
            return bytes(file.getvalue())
    return bytes(pipe.data)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def joined(frames: list[Frame]) -> Samples:
    return np.concatenate([np.empty(0, np.int16), *(frame.samples for frame in frames)])


def decoded(data: bytes, size: int = 4_000) -> Samples:
    """What a decoder makes of a recording that comes in pieces of ``size`` bytes."""
    decoder = StreamDecoder()
    frames = [frame for piece in pieces(data, size) for frame in decoder.feed(piece)]
    return joined(frames + decoder.finish())
