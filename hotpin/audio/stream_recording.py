"""One recording that is streamed: its container, its codec, and how much sound may come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from hotpin.audio.demux.source import Items, Source, Track
from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.audio.mixdown import mono
from hotpin.audio.resample import Resampler, check_rate
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from av import AudioCodecContext

_PACKET_SECONDS, _TRACK_SECONDS = 0.01, 0.1
"""s of sound that a packet and a new track count for at least: they take time without any sound too."""

_MAX_RATE_CHANGES = 4
"""In one track. AAC may have twice the rate that its header says."""

_MAX_CHANNELS = 8
"""A header may claim 255, each of which would cost the work of one."""

_NOTHING: Samples = np.empty(0, np.int16)


class TooMuchAudioError(AudioError):
    """Bytes that hold more sound than any person can have said in them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much sound a talker's bytes may hold."""

    chunk_seconds: float = 60.0
    """s in what is fed at once; it also bounds how long that takes: about a second."""

    recording_seconds: float = 4 * 3600.0
    """s in one recording."""

    bytes_per_second: float = 100.0
    """Bytes that a second must have; Opus has 180 at the very least, in silence."""

    free_seconds: float = 5.0
    """s before the bytes are counted."""


class Meter:
    """Counts what one talker sends, over all recordings, and refuses what is too much."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bytes = 0
        self._seconds = 0.0
        self._recording_end = 0.0
        self._chunk_end = 0.0

    def begin_recording(self) -> None:
        """Let the next recording be as long as any."""
        self._recording_end = self._seconds + self._limits.recording_seconds

    def begin_chunk(self, size: int) -> None:
        """Take note of ``size`` bytes that have come."""
        self._bytes += size
        self._chunk_end = self._seconds + self._limits.chunk_seconds

    def count(self, seconds: float) -> None:
        """Take note of sound.

        Raises:
            TooMuchAudioError: if it is more than the limits allow; counting then begins anew.
        """
        self._seconds += seconds
        by_bytes = self._limits.free_seconds + self._bytes / self._limits.bytes_per_second
        if self._seconds <= min(by_bytes, self._recording_end, self._chunk_end):
            return
        error = TooMuchAudioError(
            f"{self._bytes} bytes hold more sound than they may: at least {self._seconds:.0f} s",
            "Send it in smaller pieces, and begin a new recording now and then",
        )
        self._bytes, self._seconds = 0, 0.0
        raise error


class Recording:
    """Takes the bytes of one recording and hands over its sound.

    Args:
        demux: takes its container apart.
        meter: counts what comes.
        take: gets the sound: int16, shape (n,), mono, ``CAPTURE_RATE``.
    """

    def __init__(self, demux: Callable[[Source], Items], meter: Meter, take: Callable[[Samples], None]) -> None:
        self._source = Source()
        self._items = demux(self._source)
        self._meter = meter
        self._take = take
        self._codec: _Codec | None = None
        self._sounded = False
        self._damaged = 0
        self.over = False
        """Whether nothing more can be had of it."""

        meter.begin_recording()

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            AudioError: if something had to be left out; ``over`` tells whether that was the end.
        """
        self._source.push(data)
        problem: AudioError | None = None
        try:
            while (item := next(self._items)) is not None:
                if isinstance(item, AudioError):
                    problem = problem or item
                else:
                    self._meter.count(self._decode(item))
        except AudioError:
            self.over = True
            raise
        if problem is not None:
            raise problem

    def flush(self) -> bool:
        """Hand over what is still inside; tell whether something came since the last time that gave no sound."""
        self._take(self._rest())
        in_vain = self._damaged > 0 or (not self._sounded and self._source.waiting > 0)
        self._damaged = 0
        return in_vain

    def _rest(self) -> Samples:
        return self._codec.flush() if self._codec is not None else _NOTHING

    def _decode(self, item: Track | bytes) -> float:
        """Return what ``item`` counts for, in seconds of sound."""
        from av import FFmpegError

        if isinstance(item, Track):
            self._take(self._rest())
            self._codec = _Codec(item)
            return _TRACK_SECONDS
        if self._codec is None:
            return _PACKET_SECONDS
        try:
            samples = self._codec.decode(item)
        except FFmpegError:
            self._damaged += 1
            return _PACKET_SECONDS
        self._sounded = True
        self._take(samples)
        return max(len(samples) / CAPTURE_RATE, _PACKET_SECONDS)


class _Codec:
    """Decodes the packets of one track to mono at ``CAPTURE_RATE``."""

    def __init__(self, track: Track) -> None:
        # Imported late: it takes 0.1 s.
        import av

        check_rate(track.rate)
        if not 1 <= track.channels <= _MAX_CHANNELS:
            raise AudioError(f"a recording with {track.channels} channels cannot be streamed", "Record one channel")
        codec = cast("AudioCodecContext", av.CodecContext.create(track.codec, "r"))
        codec.thread_count = 1
        codec.sample_rate, codec.layout = track.rate, f"{track.channels}c"
        codec.extradata = track.extradata or None
        self._codec = codec
        self._rate = track.rate
        self._rate_changes = 0
        self._resampler = Resampler(track.rate, CAPTURE_RATE)

    def decode(self, packet: bytes) -> Samples:
        """Return the samples that are ready, int16 of shape (n,).

        Raises:
            FFmpegError: if the packet is damaged.
            AudioError: if the sound has a rate or a format that nothing can be made of.
        """
        from av import Packet

        pieces = [_NOTHING]
        for frame in self._codec.decode(Packet(packet)):
            if frame.sample_rate != self._rate:
                pieces.append(self.flush())
                self._change_rate(frame.sample_rate)
            pieces.append(self._resampler.push(mono(frame)))
        return np.concatenate(pieces)

    def flush(self) -> Samples:
        """Return what the resampler holds; the codecs themselves hold nothing back."""
        return self._resampler.flush()

    def _change_rate(self, rate: int) -> None:
        self._rate_changes += 1
        if self._rate_changes > _MAX_RATE_CHANGES:
            raise AudioError("the recording is damaged: its sample rate changes again and again", "Start a new one")
        self._rate, self._resampler = rate, Resampler(rate, CAPTURE_RATE)
