"""Any recording as WAV, MP3, FLAC or Ogg Opus, bit by bit; always mono, for this is a tool for speech."""

from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from hotpin.audio.atomic import AtomicFile, refuse_source
from hotpin.audio.codecs import MP3_RATES, WavWriter, av_frame
from hotpin.audio.files import at_rate, decode
from hotpin.audio.frame import Samples
from hotpin.audio.resample import check_rate
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioStream
    from av.container import OutputContainer

    from hotpin.audio.frame import Frame

Progress = Callable[[float], None]
"""Told how many seconds of the source are done."""


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A format that can be written."""

    title: str
    """What people call it."""

    container: str = ""
    """FFmpeg's name of the container; empty for WAV, which needs no FFmpeg."""

    codec: str = ""
    """FFmpeg's name of the encoder."""

    rates: tuple[int, ...] = ()
    """Hz that it can have, ascending; empty for any."""

    bit_rate: int = 0
    """Bits per second; 0 where nothing is lost."""


_WAV = OutputFormat("WAV")
_OPUS = OutputFormat("Ogg Opus", "ogg", "libopus", (8_000, 12_000, 16_000, 24_000, 48_000), 64_000)
"""At 64 kbit/s a sound that is already Opus stays what it is; at 48 a sweeping tone came back as another."""

FORMATS: Mapping[str, OutputFormat] = {
    ".wav": _WAV,
    ".wave": _WAV,
    ".mp3": OutputFormat("MP3", "mp3", "libmp3lame", MP3_RATES, 128_000),
    ".flac": OutputFormat("FLAC", "flac", "flac"),
    ".ogg": _OPUS,
    ".opus": _OPUS,
}
"""What can be written, by the end of the file's name."""


def convert(
    source: Path,
    target: Path,
    rate: int | None = None,
    *,
    raw_rate: int | None = None,
    progress: Progress = lambda seconds: None,
) -> float:
    """Write a recording anew in the format that the target's name ends in, in mono: the mean of its channels.

    Never more than a moment of it is in memory, and the target appears only when it is complete.

    Args:
        source: audio of any kind that ``hotpin.audio.files.read`` takes.
        target: one that exists is replaced.
        rate: Hz; without it the source's own, or the next higher one that the format can have.
        raw_rate: Hz; the source is raw at this rate.
        progress: told how far it is.

    Returns:
        Seconds of audio converted.

    Raises:
        AudioError: if the source cannot be read, the target cannot be written, is the source itself, or is of a format
            or at a rate that cannot be written.
    """
    output = output_format(target)
    if rate is not None:
        _check_output_rate(rate, output)
    refuse_source(target, source)
    frames = decode(source, raw_rate=raw_rate)
    # What is wrong with the source should be known before anything is written.
    first = next(frames)
    rate = rate or _nearest(first.rate, output)
    seconds = 0.0

    def told() -> "Iterator[Frame]":
        nonlocal seconds
        for frame in chain([first], frames):
            yield frame
            seconds = frame.end
            progress(seconds)

    with WavWriter(target, rate) if output is _WAV else _FFmpegWriter(target, rate, output) as writer:
        for samples in at_rate(told(), rate):
            writer.write(samples)
    return seconds


def output_format(target: Path) -> OutputFormat:
    """Tell by the end of a file's name what is to be written.

    Raises:
        AudioError: if nothing is written under such a name; it lists what is.
    """
    output = FORMATS.get(target.suffix.lower())
    if output is None:
        raise AudioError(
            f"{str(target)!r} does not end in the name of a format that can be written",
            f"Choose one of: {', '.join(FORMATS)}",
        )
    return output


def _check_output_rate(rate: int, output: OutputFormat) -> None:
    check_rate(rate)
    if output.rates and rate not in output.rates:
        known = ", ".join(map(str, output.rates))
        raise AudioError(f"{output.title} cannot have a sample rate of {rate} Hz", f"Choose one of: {known}")


def _nearest(rate: int, output: OutputFormat) -> int:
    """Return the lowest rate of the format that loses nothing, or its highest."""
    return min((known for known in output.rates if known >= rate), default=max(output.rates, default=rate))


class _Sink:
    """What FFmpeg writes to. It keeps the first error and takes all that follows: PyAV prints further errors itself."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write, unless an earlier write failed."""
        self._try(lambda: self._file.write(data))
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go back to a header that is to be corrected."""
        self._try(lambda: self._file.seek(offset, whence))
        return self.tell()

    def tell(self) -> int:
        """Return where the next write goes."""
        return self._file.tell()

    def _try(self, work: Callable[[], int]) -> None:
        if self.error is None:
            try:
                work()
            except OSError as error:
                self.error = error


class _FFmpegWriter:
    """Streams mono samples through an encoder to a file, as ``WavWriter`` does."""

    def __init__(self, path: Path, rate: int, output: OutputFormat) -> None:
        self._rate = rate
        self._done = 0
        self._out = AtomicFile(path)
        self._sink = _Sink(self._out.file)
        try:
            with self._explained():
                self._container, self._stream = self._opened(output)
        except BaseException:
            self._out.discard()
            raise

    def write(self, samples: Samples) -> None:
        """Append ``samples``, int16 of shape (n,)."""
        if len(samples):
            with self._explained():
                self._container.mux(self._stream.encode(av_frame(samples, self._rate, self._done)))
            self._done += len(samples)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Complete the file; after an error, leave no trace of it."""
        try:
            # After an error too: left to the garbage collector, it would write to a file that is closed.
            with self._explained() if kind is None else suppress(Exception), self._container:
                if kind is None:
                    self._container.mux(self._stream.encode(None))
        except BaseException:
            self._out.discard()
            raise
        if kind is None:
            self._out.complete()
        else:
            self._out.discard()

    def _opened(self, output: OutputFormat) -> "tuple[OutputContainer, AudioStream]":
        # Imported late: it takes 0.1 s.
        import av

        container = av.open(self._sink, "w", format=output.container)
        stream = container.add_stream(output.codec, rate=self._rate)
        if not isinstance(stream, av.AudioStream):  # a name that FFmpeg has for something else
            raise ValueError(f"{output.codec} is no codec of sound")
        stream.layout = "mono"
        if output.bit_rate:
            stream.bit_rate = output.bit_rate
        return container, stream

    @contextmanager
    def _explained(self) -> "Iterator[None]":
        """Say what goes wrong as an ``AudioError``; FFmpeg's own errors are of many kinds."""
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            raise AudioError(f"audio at {self._rate} Hz cannot be encoded: {error}", "Choose another rate") from error
        if self._sink.error is not None:
            raise self._out.failure(self._sink.error)
