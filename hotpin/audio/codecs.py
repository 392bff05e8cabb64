"""Samples as WAV and MP3: in memory, or streamed to a file that appears only when it is complete."""

import struct
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hotpin.audio.atomic import AtomicFile
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from av import AudioCodecContext, AudioFrame

MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Hz that an MP3 can have."""

_SAMPLE_BYTES = 2
_MAX_SAMPLE_BYTES = 4
_MAX_CHANNELS = 64
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT_BYTES = 16
_PCM = 1
_MAX_DATA_BYTES = 2**32 - 1 - _HEADER.size
"""A WAV counts its bytes in 32 bits."""


def wav_bytes(samples: Samples, rate: int) -> bytes:
    """Return ``samples``, int16 of shape (n,), at ``rate`` Hz as a whole WAV file.

    Raises:
        AudioError: if the samples are not one-dimensional int16, the rate is not positive, or a WAV cannot hold them.
    """
    return wrap_pcm(_pcm(samples, rate), rate)


def wrap_pcm(pcm: bytes, rate: int = CAPTURE_RATE, channels: int = 1, sample_width: int = _SAMPLE_BYTES) -> bytes:
    """Put a WAV header before raw little-endian samples; no samples give a valid WAV without any.

    Args:
        pcm: the samples of all channels in turns.
        rate: Hz.
        channels: how many there are.
        sample_width: bytes of one sample of one channel: 1 (unsigned), 2, 3 or 4 (signed).

    Raises:
        AudioError: if the bytes are no whole number of samples in each channel, or a WAV cannot have such a format.
    """
    if not isinstance(pcm, bytes | bytearray | memoryview):
        raise AudioError(f"a WAV is made of bytes, got {type(pcm).__name__}")
    header = _header(len(pcm), rate, channels, sample_width)
    if len(pcm) % (channels * sample_width):
        raise AudioError(
            f"{len(pcm)} bytes are no whole number of samples: {channels} x {sample_width} bytes each",
            "Drop what is left over, or say how many channels and bytes a sample has",
        )
    # A chunk of odd length is followed by one byte that counts for the file only.
    return b"".join((header, pcm, b"\0" * (len(pcm) % 2)))


class WavWriter:
    """Streams mono int16 samples to a WAV file, for use in a ``with`` block.

    It writes beside the target and renames at the end, so the target is never half a file: after an error in the block
    it is as it was before.

    Args:
        path: the file to write; one that exists is replaced.
        rate: Hz.

    Raises:
        AudioError: if the file cannot be written, now or at any later step.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self._rate = rate
        self._data_bytes = 0
        header = _header(0, rate)
        self._out = AtomicFile(path)
        self._out.write(header)

    def write(self, samples: Samples) -> None:
        """Append ``samples``, int16 of shape (n,).

        Raises:
            AudioError: if they are not one-dimensional int16, or the file cannot take them.
        """
        data = _pcm(samples, self._rate)
        self._data_bytes += len(data)
        if self._data_bytes > _MAX_DATA_BYTES:
            raise _too_long()
        self._out.write(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Complete the file; after an error, leave no trace of it."""
        if kind is None:
            self._out.complete(_header(self._data_bytes, self._rate))
        else:
            self._out.discard()


class Mp3Encoder:
    """Encodes one stream of mono samples as MP3. All that comes back, joined, is one playable file.

    Use one for each file: the joint of two adds a gap of 30 ms. The encoder keeps less than 0.1 s back until it is
    flushed.

    Args:
        rate: Hz, one of ``MP3_RATES``.
        bit_rate: bits per second; below 16 kHz an MP3 has at most 64,000.

    Raises:
        AudioError: if an MP3 cannot have that rate.
    """

    def __init__(self, rate: int, bit_rate: int = 128_000) -> None:
        if rate not in MP3_RATES:
            raise AudioError(f"an MP3 cannot have a sample rate of {rate} Hz", f"Choose one of {_listed(MP3_RATES)}")
        # Imported late: it takes 0.1 s.
        import av

        codec: AudioCodecContext = av.CodecContext.create("libmp3lame", "w")
        codec.sample_rate, codec.layout, codec.format = rate, "mono", "s16p"
        codec.bit_rate, codec.time_base = bit_rate, Fraction(1, rate)
        # Bits saved for later frames would hold each one back by 20 to 40 ms; one voice has no need of them.
        codec.options = {"reservoir": "0"}
        self._codec = codec
        self._rate = rate
        self._done = 0

    def push(self, samples: Samples) -> bytes:
        """Take the next piece, int16 of shape (n,), and return what is ready; it may be nothing.

        Raises:
            AudioError: if the samples are not one-dimensional int16.
        """
        checked = Frame(samples, self._rate).samples
        if not len(checked):
            return b""
        frame = av_frame(checked, self._rate, self._done)
        self._done += len(checked)
        return self._encode(frame)

    def flush(self) -> bytes:
        """End the stream and return what is still inside; nothing may be pushed after it."""
        return self._encode(None) if self._done else b""

    def _encode(self, frame: "AudioFrame | None") -> bytes:
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


def av_frame(samples: Samples, rate: int, position: int) -> "AudioFrame":
    """Return mono samples as FFmpeg takes them; ``position`` counts the samples before them."""
    from av import AudioFrame as AvFrame

    frame = AvFrame.from_ndarray(samples[None], format="s16p", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
    return frame


def _pcm(samples: Samples, rate: int) -> bytes:
    """Return the samples as a WAV stores them; a frame refuses what is not mono int16."""
    return Frame(samples, rate).samples.astype("<i2", copy=False).tobytes()


def _header(data_bytes: int, rate: int, channels: int = 1, sample_width: int = _SAMPLE_BYTES) -> bytes:
    if not 1 <= channels <= _MAX_CHANNELS:
        raise AudioError(f"a WAV file cannot have {channels} channels", f"It may have 1 to {_MAX_CHANNELS}")
    if not 1 <= sample_width <= _MAX_SAMPLE_BYTES:
        raise AudioError(f"a WAV file cannot have samples of {sample_width} bytes", "They have 1 to 4 bytes")
    moment = channels * sample_width
    if not 0 < rate <= (2**32 - 1) // moment:
        raise AudioError(f"a WAV file cannot have a sample rate of {rate} Hz")
    if data_bytes > _MAX_DATA_BYTES:
        raise _too_long()
    riff_bytes = _HEADER.size - 8 + data_bytes + data_bytes % 2
    layout = (_FORMAT_BYTES, _PCM, channels, rate, rate * moment, moment, 8 * sample_width)
    return _HEADER.pack(b"RIFF", riff_bytes, b"WAVE", b"fmt ", *layout, b"data", data_bytes)


def _too_long() -> AudioError:
    return AudioError("a WAV file cannot be longer than 4 GiB", "Write several shorter files")


def _listed(rates: tuple[int, ...]) -> str:
    return ", ".join(map(str, rates))
