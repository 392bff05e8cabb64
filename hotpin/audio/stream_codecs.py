"""What browsers stream, decoded as it arrives: WebM, Ogg and fragmented MP4 with Opus or AAC, WAV, MP3.

Nothing here has a thread or waits, so a talker who is silent costs nothing but memory. What is fed takes about a
hundredth of the time of its sound, and the bounds hold whatever the bytes claim.
"""

from collections.abc import Callable

from hotpin.audio.blocks import Reblocker
from hotpin.audio.demux import mp4, mpeg, ogg, riff, webm
from hotpin.audio.demux.source import Items, Source
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.stream_recording import Limits, Meter, Recording
from hotpin.errors import AudioError

_HEAD_BYTES = 12
"""By which every format is recognised."""


class StreamDecoder:
    """Decodes what one talker streams, whatever its format, as capture frames.

    A piece that begins with a header begins a new recording, and so does a header wherever the container may have one.
    Without one, what follows ``finish`` goes on with the same recording.

    Nothing is lost by an error of ``feed``: what was decoded before comes with the next call. A damaged packet costs
    its own 20-odd milliseconds and is no error.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._meter = Meter(limits or Limits())
        self._head = b""
        self._recording: Recording | None = None
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._ready: list[Frame] = []
        self._samples = 0
        self._finished_at = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next piece, cut anywhere, and return what can be decoded now.

        Returns:
            Frames of ``FRAME_SAMPLES`` samples at ``CAPTURE_RATE``; ``start`` counts the seconds of sound since the
            decoder was made.

        Raises:
            AudioError: if it is no audio, not of a format that can be streamed, or damaged.
            TooMuchAudioError: if it holds more sound than the limits allow.
        """
        self._meter.begin_chunk(len(data))
        data, self._head = self._head + data, b""
        demux = _recognised(data, going_on=self._recording is not None)
        if demux is not None:
            self._end_recording()
            self._recording = Recording(demux, self._meter, self._take)
        if self._recording is not None:
            try:
                self._recording.feed(data)
            except AudioError:
                if self._recording.over:
                    self._end_recording()
                raise
        elif len(data) < _HEAD_BYTES:
            self._head = data
        else:
            raise AudioError(
                f"audio cannot begin with the bytes {data[:_HEAD_BYTES].hex(' ')}",
                "Send WebM or Ogg with Opus, fragmented MP4, WAV or MP3, from the beginning of a recording",
            )
        return self._given()

    def finish(self) -> list[Frame]:
        """Return what is still inside; the last frame may be shorter.

        Raises:
            AudioError: if nothing that came since the last ``finish`` could be decoded.
        """
        in_vain, self._head = bool(self._head), b""
        if self._recording is not None:
            in_vain = self._recording.flush()
        self._keep(self._blocks.flush())
        nothing_heard, self._finished_at = self._samples == self._finished_at, self._samples
        if nothing_heard and in_vain:
            self._recording = None
            raise AudioError("the recording breaks off or is damaged before its first sound", "Record it again")
        return self._given()

    def close(self) -> None:
        """Forget everything; what is fed next must begin with a header."""
        self._recording, self._head, self._ready = None, b"", []
        self._blocks.flush()

    def _end_recording(self) -> None:
        if self._recording is not None:
            self._recording.flush()
            self._recording = None

    def _take(self, samples: Samples) -> None:
        for block in self._blocks.push(samples):
            self._keep(block)

    def _keep(self, block: Samples) -> None:
        if len(block):
            self._ready.append(Frame(block, CAPTURE_RATE, self._samples / CAPTURE_RATE))
            self._samples += len(block)

    def _given(self) -> list[Frame]:
        frames, self._ready = self._ready, []
        return frames


def _recognised(data: bytes, *, going_on: bool) -> Callable[[Source], Items] | None:
    """Return what takes the recording apart that begins here; ``None`` if none does.

    Args:
        data: what came.
        going_on: whether it may as well be a piece from the middle of a recording, so that four bytes prove nothing.
    """
    if data.startswith(webm.MARK) and (not going_on or webm.begins(data)):
        return webm.packets
    if data.startswith(ogg.MARK) and (not going_on or ogg.begins(data)):
        return ogg.packets
    if data.startswith(riff.MARK) and data[riff.KIND_AT :].startswith(riff.KIND):
        return riff.packets
    if data[mp4.MARK_AT :].startswith(mp4.MARK):
        return mp4.packets
    if not going_on and (data.startswith(mpeg.TAG) or mpeg.head(data) is not None):
        return mpeg.packets
    return None
