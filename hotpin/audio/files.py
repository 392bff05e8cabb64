"""Audio from any file, as the frames a microphone would have given."""

import logging
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples, to_int16
from hotpin.audio.resample import Resampler
from hotpin.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import InputContainer

log = logging.getLogger(__name__)

RAW_SUFFIXES = frozenset({".raw", ".pcm"})
"""Files without a header: signed 16-bit little-endian mono."""

_Block = tuple[int, Samples]
"""A rate in Hz and mono samples at that rate."""

_CONTAINER_MARKS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM", b"caff", b"\x1aE\xdf\xa3")
"""What files of common formats begin with."""

_BLOCK_BYTES = 32_768
_SAMPLE_BYTES = 2
_NO_LENGTH = (0, 2**32 - 1)
"""What programs that write a WAV into a pipe give as its length: all that follows is audio."""

_PLAIN_WAV = struct.pack("<HHIIHH", 1, 1, CAPTURE_RATE, CAPTURE_RATE * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
"""The fmt chunk of a WAV that needs no conversion: PCM, mono, 16 kHz, 16-bit."""

_CHUNK_HEAD = struct.Struct("<4sI")

_SCALES: Mapping[str, tuple[float, float]] = {
    "u8": (128.0, 128.0),
    "s16": (0.0, 2.0**15),
    "s32": (0.0, 2.0**31),
    "flt": (0.0, 1.0),
    "dbl": (0.0, 1.0),
}
"""FFmpeg's name of a sample format: its zero and its full scale."""

_FORMATS = "aac,aiff,amr,asf,au,avi,caf,flac,matroska,mov,mp3,mpegts,ogg,w64,wav"
"""What FFmpeg may take a file for. No playlists (hls, concat, dash …): a file is untrusted, they name other files."""


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
    if raw_rate is None and path.suffix.lower() in RAW_SUFFIXES:
        raw_rate = CAPTURE_RATE
    with _opened(path) as file:
        frames = _frames(_at_capture_rate(_blocks(file, path, raw_rate)))
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


def _blocks(file: BinaryIO, path: Path, raw_rate: int | None) -> Iterator[_Block]:
    if raw_rate is not None:
        _refuse_container(file, path)
        return _pcm(file, raw_rate, sys.maxsize)
    size = _plain_wav(file)
    if size is not None:
        return _pcm(file, CAPTURE_RATE, size)
    file.seek(0)
    return _decoded(file, path)


def _plain_wav(file: BinaryIO) -> int | None:
    """Go to the samples of a WAV that needs no conversion and return their bytes; ``None`` if it is anything else.

    It saves importing PyAV, which takes longer than all the rest of a short command.
    """
    riff = file.read(12)
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        return None
    plain = False
    while len(head := file.read(_CHUNK_HEAD.size)) == _CHUNK_HEAD.size:
        name, size = _CHUNK_HEAD.unpack(head)
        if name == b"data":
            return (sys.maxsize if size in _NO_LENGTH else size) if plain else None
        body = file.tell()
        plain = plain or (name == b"fmt " and file.read(len(_PLAIN_WAV)) == _PLAIN_WAV)
        file.seek(body + size + size % 2)
    return None


def _pcm(file: BinaryIO, rate: int, size: int) -> Iterator[_Block]:
    """Read at most ``size`` bytes of 16-bit samples; half a sample at the end is dropped."""
    while data := file.read(min(size, _BLOCK_BYTES)):
        size -= len(data)
        yield rate, np.frombuffer(data, "<i2", len(data) // _SAMPLE_BYTES).astype(np.int16, copy=False)


def _decoded(file: BinaryIO, path: Path) -> Iterator[_Block]:
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
        for frame in _sound(container, path):
            yield frame.rate, _mono(frame)


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


# A float file may hold infinities and NaN: to_int16 knows what becomes of them.
@np.errstate(over="ignore", invalid="ignore")
def _mono(frame: "AudioFrame") -> Samples:
    """Return the mean of the channels, int16 of shape (n,)."""
    kind = frame.format.packed.name
    if kind not in _SCALES:
        raise AudioError(f"sound in the sample format {kind} cannot be decoded", "Convert it to 16-bit WAV")
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.int16 and len(samples) == 1:
        only: Samples = samples[0]
        return only
    zero, full_scale = _SCALES[kind]
    return to_int16((samples.mean(axis=0, dtype=np.float32) - np.float32(zero)) / np.float32(full_scale))


def _at_capture_rate(blocks: Iterable[_Block]) -> Iterator[Samples]:
    # The rate may change within a file, where recordings were joined.
    for rate, group in groupby(blocks, key=itemgetter(0)):
        resampler = Resampler(rate, CAPTURE_RATE)
        for _, samples in group:
            yield resampler.push(samples)
        yield resampler.flush()


def _frames(pieces: Iterable[Samples]) -> Iterator[Frame]:
    rest = np.empty(0, np.int16)
    done = 0
    for piece in pieces:
        rest = np.concatenate((rest, piece))
        while len(rest) >= FRAME_SAMPLES:
            yield Frame(rest[:FRAME_SAMPLES], CAPTURE_RATE, done / CAPTURE_RATE)
            rest = rest[FRAME_SAMPLES:]
            done += FRAME_SAMPLES
    if len(rest):
        yield Frame(rest, CAPTURE_RATE, done / CAPTURE_RATE)


def _quoted(path: Path) -> str:
    """Give a name as a person may see it: control characters and wrong encodings stay harmless."""
    return repr(str(path))
