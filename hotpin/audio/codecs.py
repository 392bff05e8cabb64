"""Samples as WAV: in memory, or streamed to a file that appears only when it is complete."""

import secrets
import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from hotpin.audio.frame import Frame, Samples
from hotpin.errors import AudioError

_SAMPLE_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT_BYTES = 16
_PCM = 1
_MONO = 1
_MAX_DATA_BYTES = 2**32 - 1 - _HEADER.size
"""A WAV counts its bytes in 32 bits."""


def wav_bytes(samples: Samples, rate: int) -> bytes:
    """Return ``samples``, int16 of shape (n,), at ``rate`` Hz as a whole WAV file.

    Raises:
        AudioError: if the samples are not one-dimensional int16, the rate is not positive, or a WAV cannot hold them.
    """
    data = _pcm(samples, rate)
    return _header(len(data), rate) + data


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
        self._path = path
        self._rate = rate
        self._data_bytes = 0
        header = _header(0, rate)
        try:
            if path.exists() and not path.is_file():
                raise AudioError(f"{str(path)!r} is not an ordinary file", "Name a file that may be replaced")
            # Through a symbolic link, as any other program that writes a file.
            self._target = path.resolve()
            self._part = self._target.with_name(f".hotpin-{secrets.token_hex(8)}.part")
            self._file: BinaryIO = self._part.open("xb")
            self._file.write(header)
        except OSError as error:
            raise self._failure(error) from error

    def write(self, samples: Samples) -> None:
        """Append ``samples``, int16 of shape (n,).

        Raises:
            AudioError: if they are not one-dimensional int16, or the file cannot take them.
        """
        data = _pcm(samples, self._rate)
        self._data_bytes += len(data)
        if self._data_bytes > _MAX_DATA_BYTES:
            raise _too_long()
        try:
            self._file.write(data)
        except OSError as error:
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Complete the file; after an error, leave no trace of it."""
        try:
            with self._file:
                if kind is None:
                    self._file.seek(0)
                    self._file.write(_header(self._data_bytes, self._rate))
            if kind is None:
                self._part.replace(self._target)
        except OSError as failure:
            # An error in the block came first and is what the caller should see.
            if kind is None:
                raise self._failure(failure) from failure
        finally:
            self._part.unlink(missing_ok=True)

    def _failure(self, error: OSError) -> AudioError:
        reason = error.strerror or type(error).__name__
        return AudioError(
            f"{str(self._path)!r} cannot be written: {reason}",
            "Choose a folder that exists, that you may write to and that has room",
        )


def _pcm(samples: Samples, rate: int) -> bytes:
    """Return the samples as a WAV stores them; a frame refuses what is not mono int16."""
    return Frame(samples, rate).samples.astype("<i2", copy=False).tobytes()


def _header(data_bytes: int, rate: int) -> bytes:
    if not 0 < rate <= (2**32 - 1) // _SAMPLE_BYTES:
        raise AudioError(f"a WAV file cannot have a sample rate of {rate} Hz")
    if data_bytes > _MAX_DATA_BYTES:
        raise _too_long()
    riff_bytes = _HEADER.size - 8 + data_bytes
    layout = (_FORMAT_BYTES, _PCM, _MONO, rate, rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
    return _HEADER.pack(b"RIFF", riff_bytes, b"WAVE", b"fmt ", *layout, b"data", data_bytes)


def _too_long() -> AudioError:
    return AudioError("a WAV file cannot be longer than 4 GiB", "Write several shorter files")
