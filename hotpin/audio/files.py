"""Audio from any file: as the frames a microphone would have given, or as it is."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from hotpin.audio import mp3, wav
from hotpin.audio.blocks import Reblocker
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.mixdown import mono
from hotpin.audio.resample import Resampler, check_rate
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

log = logging.getLogger(__name__)

RAW_SUFFIXES = frozenset({".raw", ".pcm"})
"""Files without a header: signed 16-bit little-endian mono."""

_CONTAINER_MARKS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM", b"caff", b"\x1aE\xdf\xa3")
"""What files of common formats begin with."""

_BLOCK_BYTES = 32_768
_SAMPLE_BYTES = 2
_TIME_BASE = 1_000_000
"""FFmpeg counts the length of a file in microseconds."""

_STATES_ITS_LENGTH = frozenset({"aiff", "au", "flac", "matroska", "mov"})
"""Formats whose header says how long they are; of others FFmpeg tells what it estimates from the file's size."""

_FORMATS = "aac,aiff,amr,asf,au,avi,caf,flac,matroska,mov,mp3,mpegts,ogg,w64,wav"
"""What FFmpeg may take a file for. No playlists (hls, concat, dash …): a file is untrusted, they name other files."""


@dataclass(frozen=True, slots=True)
class Description:
    """What an audio file says it is."""

    container: str
    """FFmpeg's name of the format; ``raw`` where there is no header."""

    codec: str
    """FFmpeg's name of the codec."""

    rate: int
    """Hz."""

    channels: int
    """How many there are; whoever decodes gets their mean."""

    stated_seconds: float | None = None
    """s of audio that the header promises; ``None`` where it promises nothing."""


def read(path: Path, *, raw_rate: int | None = None) -> Iterator[Frame]:
    """Decode an audio file bit by bit; nothing is opened before the first frame is asked for.

    Takes WAV, MP3, FLAC, Ogg, WebM, M4A and their kin at any rate, with any number of channels (their mean is taken),
    and raw signed 16-bit little-endian mono. A truncated or damaged file gives what can be decoded of it.

    Args:
        path: an ordinary file. The name says nothing about the format, except that ``.raw`` and ``.pcm`` are raw.
        raw_rate: Hz; the file is raw at this rate, whatever its name. Without it, raw files are taken for 16 kHz.

    Yields:
        Frames of ``FRAME_SAMPLES`` samples at ``CAPTURE_RATE``, the last one shorter; ``start`` is in seconds from the
        beginning of the file.

    Raises:
        AudioError: if there is no such file, it may not be read, or there is no audio in it.
    """
    yield from _some(_frames(at_rate(decode(path, raw_rate=raw_rate), CAPTURE_RATE)), path)


def decode(path: Path, *, raw_rate: int | None = None) -> Iterator[Frame]:
    """Decode as ``read`` does, but at the file's own rate, in frames of any length.

    Yields:
        Frames whose ``start`` is in seconds from the beginning; the rate may change, where recordings were joined.

    Raises:
        AudioError: as ``read``.
    """
    raw_rate = _raw_rate(path, raw_rate)
    with _opened(path) as file:
        yield from _some(_blocks(file, path, raw_rate), path)


def describe(path: Path, *, raw_rate: int | None = None) -> Description:
    """Tell what a file says it is, from its header.

    Raises:
        AudioError: as ``read``, but for a file with nothing behind its header.
    """
    raw_rate = _raw_rate(path, raw_rate)
    with _opened(path) as file:
        if raw_rate is not None:
            _refuse_container(file, path)
            return Description("raw", "pcm_s16le", raw_rate, 1)
        wav_head = wav.read_head(file)
        file.seek(0)
        with _container(file, path) as container:
            stream = container.streams.audio[0]
            codec, names = stream.codec_context, container.format.name.split(",")
            suffix = path.suffix[1:].lower()
            return Description(
                container=suffix if suffix in names else names[0],
                codec=codec.name,
                rate=codec.sample_rate,
                channels=codec.layout.nb_channels,
                stated_seconds=wav_head.stated_seconds if wav_head else _stated_seconds(container, file),
            )


def _stated_seconds(container: "InputContainer", file: BinaryIO) -> float | None:
    name = container.format.name.split(",")[0]
    if name == "mp3":
        file.seek(0)
        return mp3.stated_seconds(file, container.streams.audio[0].codec_context.sample_rate)
    if container.duration is None or name not in _STATES_ITS_LENGTH:
        return None
    return container.duration / _TIME_BASE


def at_rate(frames: Iterable[Frame], rate: int) -> Iterator[Samples]:
    """Bring frames to ``rate`` Hz; their own rate may change on the way."""
    for rate_in, group in groupby(frames, key=attrgetter("rate")):
        resampler = Resampler(rate_in, rate)
        for frame in group:
            yield resampler.push(frame.samples)
        yield resampler.flush()


def _raw_rate(path: Path, given: int | None) -> int | None:
    if given is None:
        return CAPTURE_RATE if path.suffix.lower() in RAW_SUFFIXES else None
    check_rate(given)
    return given


def _some(frames: Iterator[Frame], path: Path) -> Iterator[Frame]:
    first = next(frames, None)
    if first is None:
        raise AudioError(f"{_quoted(path)} holds no sound that can be decoded", "Record or convert it again")
    yield first
    yield from frames


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file that is not empty, and explain what goes wrong with it until it is closed."""
    try:
        if not path.exists():
            raise AudioError(f"there is no file {_quoted(path)}", "Check the path")
        if path.is_dir():
            raise AudioError(f"{_quoted(path)} is a folder", "Name one audio file in it")
        # Opening a pipe would wait for its writer, reading a device might never end.
        if not path.is_file():
            raise AudioError(f"{_quoted(path)} is not an ordinary file", "Save the audio to a file first")
        # By descriptor, so that the file object has no name: FFmpeg would draw conclusions from it.
        with os.fdopen(os.open(path, os.O_RDONLY), "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise AudioError(f"{_quoted(path)} is empty (0 bytes)", "Record or download it again")
            yield file
    except PermissionError as error:
        raise AudioError(f"{_quoted(path)} may not be read", f"Allow it: chmod u+r {_quoted(path)}") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise AudioError(f"{_quoted(path)} cannot be read: {reason}", "Check the path and the disk") from error


def _refuse_container(file: BinaryIO, path: Path) -> None:
    """Refuse to take a file for raw that is plainly not: its header and codes would be heard as noise."""
    head = file.read(12)
    file.seek(0)
    if head.startswith(_CONTAINER_MARKS) or head[4:8] == b"ftyp":
        raise AudioError(f"{_quoted(path)} is not raw audio: it says itself what it is", "Leave the rate out")


def _blocks(file: BinaryIO, path: Path, raw_rate: int | None) -> Iterator[Frame]:
    if raw_rate is not None:
        _refuse_container(file, path)
        blocks = _pcm(file, raw_rate, sys.maxsize)
    else:
        head = wav.read_head(file)
        if head is not None and head.plain:
            blocks = _pcm(file, CAPTURE_RATE, head.data_bytes)
        else:
            file.seek(0)
            blocks = _decoded(file, path)
    start = 0.0
    for rate, samples in blocks:
        check_rate(rate)
        if len(samples):
            yield (frame := Frame(samples, rate, start))
            start = frame.end


def _pcm(file: BinaryIO, rate: int, size: int) -> Iterator[tuple[int, Samples]]:
    """Read at most ``size`` bytes of 16-bit samples; half a sample at the end is dropped."""
    while data := file.read(min(size, _BLOCK_BYTES)):
        size -= len(data)
        yield rate, np.frombuffer(data, "<i2", len(data) // _SAMPLE_BYTES).astype(np.int16, copy=False)


@contextmanager
def _container(file: BinaryIO, path: Path) -> Iterator["InputContainer"]:
    """Open a container that has an audio track."""
    # Imported late: it takes 0.1 s.
    import av

    confined = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    try:
        # Tags in another encoding than UTF-8 are common, and of no interest here.
        container = av.open(file, "r", container_options=confined, metadata_errors="ignore")
    except av.FFmpegError as error:
        fix = "Use WAV, MP3, FLAC, Ogg, WebM or M4A; name a file of raw samples .raw"
        raise AudioError(f"{_quoted(path)} is not audio of a known format, or is broken", fix) from error
    with container:
        if not container.streams.audio:
            raise AudioError(f"{_quoted(path)} has no audio track", "Name a file with sound in it")
        yield container


def _decoded(file: BinaryIO, path: Path) -> Iterator[tuple[int, Samples]]:
    with _container(file, path) as container:
        for frame in _sound(container, path):
            yield frame.rate, mono(frame)


def _sound(container: "InputContainer", path: Path) -> Iterator["AudioFrame"]:
    """Decode the first audio track; a damaged packet costs its own 20-odd milliseconds, not the rest of the file."""
    from av import FFmpegError

    damaged = 0
    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
        except FFmpegError:
            damaged += 1
            continue
        yield from frames
    if damaged:
        log.warning("%s is damaged; packets that could not be decoded: %d", _quoted(path), damaged)


def _frames(pieces: Iterable[Samples]) -> Iterator[Frame]:
    blocks = Reblocker(FRAME_SAMPLES)
    done = 0
    for piece in pieces:
        for block in blocks.push(piece):
            yield Frame(block, CAPTURE_RATE, done / CAPTURE_RATE)
            done += FRAME_SAMPLES
    rest = blocks.flush()
    if len(rest):
        yield Frame(rest, CAPTURE_RATE, done / CAPTURE_RATE)


def _quoted(path: Path) -> str:
    """Give a name as a person may see it: control characters and wrong encodings stay harmless."""
    return repr(str(path))
