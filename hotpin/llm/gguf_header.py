"""Reads the header of a GGUF file: enough to prompt the model, and to refuse a damaged file before llama.cpp maps it.

The `gguf` package reads the same in seconds (it turns every word of the vocabulary into objects); this takes
milliseconds. The layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotpin.errors import ModelError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
"""Version 1 had 32-bit lengths; llama.cpp no longer reads it either."""

MAX_KEYS = 10_000
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 4
MAX_TEXT_BYTES = 1 << 20
"""Longest key, token or chat template; the longest template known has about 20 kB."""

MAX_ELEMENTS = 1 << 22
"""Longest array; the largest vocabularies have 2^18 tokens and twice as many merges."""

TENSOR_BLOCKS: Mapping[int, tuple[int, int]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""Tensor type → (weights per block, bytes per block), from ggml's table of types; a test compares it with `gguf`."""

_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"), 3: struct.Struct("<h"),
    4: struct.Struct("<I"), 5: struct.Struct("<i"), 6: struct.Struct("<f"), 7: struct.Struct("<?"),
    10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip
_U32, _U64 = _SCALARS[4], _SCALARS[10]


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says about its model."""

    architecture: str
    """Such as ``llama`` (Mistral 7B too)."""

    context_length: int
    """Tokens of context that the model was trained on; 0 if the file does not say."""

    chat_template: str
    """Jinja source; empty for a base model."""

    bos: str
    """Text of the token that begins a sequence; empty if there is none."""

    bos_id: int | None
    """Number of that token."""

    eos: str
    """Text of the token that ends a sequence; empty if there is none."""


def read_header(path: Path, fix: str = "") -> GgufHeader:
    """Read the header of ``path`` and check that every tensor lies inside the file.

    Args:
        path: a GGUF file, of little-endian numbers as all published ones are.
        fix: what the person can do when the file is unusable; goes into the error.

    Raises:
        ModelError: if the file is missing, not GGUF, damaged or cut short.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _parse(data)
    except FileNotFoundError as error:
        raise ModelError(f"there is no model file {path}", fix) from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", fix) from error
    except (ValueError, struct.error) as error:  # mmap refuses an empty file with ValueError
        raise ModelError(f"{path} is not a usable GGUF model: {_reason(error)}", fix) from error


def _reason(error: Exception) -> str:
    if isinstance(error, struct.error):
        return "it is cut short"
    return "it is empty" if "empty file" in str(error) else str(error)


def _parse(data: mmap.mmap) -> GgufHeader:
    if data[:4] != MAGIC:
        raise ValueError("it does not begin with GGUF")
    cursor = _Cursor(data, 4)
    version = cursor.number(_U32)
    if version not in VERSIONS:
        raise ValueError(f"it has version {version}, known are {VERSIONS[0]} and {VERSIONS[1]}")
    tensors = cursor.count(MAX_TENSORS, "tensors")
    keys = cursor.count(MAX_KEYS, "keys")
    values = dict(cursor.key_and_value() for _ in range(keys))
    _check_tensors(cursor, tensors, int(values.get("general.alignment", 32)))
    architecture = str(values.get("general.architecture", ""))
    bos_id, bos = _token(cursor, values, "bos")
    return GgufHeader(
        architecture=architecture,
        context_length=int(values.get(f"{architecture}.context_length", 0)),
        chat_template=str(values.get("tokenizer.chat_template", "")),
        bos=bos,
        bos_id=bos_id,
        eos=_token(cursor, values, "eos")[1],
    )


def _check_tensors(cursor: "_Cursor", tensors: int, alignment: int) -> None:
    """Compare where each tensor ends with the size of the file: llama.cpp crashes on pages that are not there."""
    ends = [cursor.tensor_end() for _ in range(tensors)]
    if not ends:
        raise ValueError("it has no weights")
    if alignment <= 0:
        raise ValueError(f"its alignment is {alignment}")
    start = -(-cursor.position // alignment) * alignment
    missing = start + max(ends) - cursor.size
    if missing > 0:
        raise ValueError(f"it is cut short: {missing} bytes are missing")


def _token(cursor: "_Cursor", values: Mapping[str, Any], name: str) -> tuple[int | None, str]:
    number = values.get(f"tokenizer.ggml.{name}_token_id")
    tokens = values.get("tokenizer.ggml.tokens")
    if not isinstance(number, int) or not isinstance(tokens, _Array) or not 0 <= number < tokens.length:
        return None, ""
    cursor.position = tokens.position
    for _ in range(number):
        cursor.skip_text()
    return number, cursor.text()


@dataclass(frozen=True, slots=True)
class _Array:
    """Where an array's elements are; they are read only when they are wanted."""

    position: int
    length: int


class _Cursor:
    """Reads forward; ``struct`` refuses to read past the end of the file."""

    def __init__(self, data: mmap.mmap, position: int) -> None:
        self._data = data
        self.size = len(data)
        self.position = position

    def number(self, kind: struct.Struct) -> Any:  # noqa: ANN401 - int, float or bool, as the file says
        (value,) = kind.unpack_from(self._data, self.position)
        self.position += kind.size
        return value

    def count(self, limit: int, what: str) -> int:
        value: int = self.number(_U64)
        if value > limit:
            raise ValueError(f"it claims {value} {what}, at most {limit} are plausible")
        return value

    def skip_text(self) -> int:
        """Go past a text; return its length in bytes."""
        length = self.count(MAX_TEXT_BYTES, "bytes of one text")
        self.position += length
        if self.position > self.size:
            raise struct.error
        return length

    def text(self) -> str:
        length = self.skip_text()
        return bytes(self._data[self.position - length : self.position]).decode("utf-8", "replace")

    def key_and_value(self) -> tuple[str, Any]:
        return self.text(), self._value(self.number(_U32))

    def _value(self, kind: int) -> Any:  # noqa: ANN401 - whatever the file says
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array()
        return self.number(self._scalar(kind))

    def _array(self) -> _Array:
        kind = self.number(_U32)
        length = self.count(MAX_ELEMENTS, "elements of one array")
        array = _Array(self.position, length)
        if kind == _STRING:
            for _ in range(length):
                self.skip_text()
        else:
            self.position += length * self._scalar(kind).size
        return array

    def _scalar(self, kind: int) -> struct.Struct:
        if kind not in _SCALARS:
            raise ValueError(f"it has a value of the unknown type {kind}")
        return _SCALARS[kind]

    def tensor_end(self) -> int:
        """Read one tensor's description; return where it ends, counted from the start of the weights."""
        self.skip_text()
        dimensions = self.number(_U32)
        if dimensions > MAX_DIMENSIONS:
            raise ValueError(f"it claims a tensor of {dimensions} dimensions")
        weights = 1
        for _ in range(dimensions):
            weights *= self.number(_U64)
        # A type newer than the table: its beginning at least must lie inside.
        per_block, block_bytes = TENSOR_BLOCKS.get(self.number(_U32), (1, 0))
        offset: int = self.number(_U64)
        return offset + weights // per_block * block_bytes
