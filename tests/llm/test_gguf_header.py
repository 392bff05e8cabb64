import struct
from contextlib import suppress
from pathlib import Path

import pytest
from gguf.constants import GGML_QUANT_SIZES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotpin.errors import ModelError
from hotpin.llm.gguf_header import TENSOR_BLOCKS, GgufHeader, read_header
from tests.llm.tiny_mistral import CHAT_TEMPLATE, CONTEXT, write_tiny_mistral


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(*, version: int = 3, keys: bytes = b"", key_count: int = 0, tensors: bytes = b"", count: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, count, key_count) + keys + tensors


def tensor(*sizes: int, kind: int = 0, offset: int = 0) -> bytes:
    return text("w") + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, offset)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return path


def test_the_header_says_what_a_prompt_needs(tiny_model: Path) -> None:
    assert read_header(tiny_model) == GgufHeader("llama", CONTEXT, CHAT_TEMPLATE, "<s>", 1, "</s>")


def test_a_base_model_has_no_template(tmp_path: Path) -> None:
    assert read_header(write_tiny_mistral(tmp_path / "base.gguf", chat_template="")).chat_template == ""


def test_a_file_that_says_nothing_of_its_tokens_is_still_read(tmp_path: Path) -> None:
    data = header(tensors=tensor(8), count=1).ljust(96, b"\0") + bytes(32)
    assert read_header(written(tmp_path, data)) == GgufHeader("", 0, "", "", None, "")


def test_values_of_every_kind_are_passed_over(tmp_path: Path) -> None:
    scalars = [(0, "B"), (1, "b"), (2, "H"), (3, "h"), (4, "I"), (5, "i"), (6, "f"), (7, "?"), (10, "Q"), (11, "q")]
    keys = b"".join(text(f"k{kind}") + struct.pack(f"<I{form}", kind, 1) for kind, form in scalars)
    keys += b"".join(text(f"a{kind}") + struct.pack(f"<IIQ2{form}", 9, kind, 2, 1, 1) for kind, form in scalars)
    keys += text("general.architecture") + struct.pack("<I", 8) + text("last")
    data = header(keys=keys, key_count=2 * len(scalars) + 1, tensors=tensor(0), count=1)
    assert read_header(written(tmp_path, data + bytes(32))).architecture == "last"


def test_the_sizes_of_tensor_types_are_those_of_ggml() -> None:
    assert {kind.value: size for kind, size in GGML_QUANT_SIZES.items()} == dict(TENSOR_BLOCKS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"GG", "does not begin with GGUF"),
        (b"Dear diary, today I wrote a language model.", "does not begin with GGUF"),
        (b"GGUF\x03", "cut short"),
        (header(version=1), "version 1"),
        (header(version=0x03000000), "version 50331648"),
        (header(), "no weights"),
        (header(count=1 << 60), "claims 1152921504606846976 tensors"),
        (header(key_count=1 << 60), "claims 1152921504606846976 keys"),
        (header(key_count=1, keys=struct.pack("<Q", 1 << 62)), "bytes of one text"),
        (header(key_count=1, keys=struct.pack("<Q", 1 << 19)), "cut short"),
        (header(key_count=1, keys=text("k") + struct.pack("<I", 99)), "unknown type 99"),
        (header(key_count=1, keys=text("k") + struct.pack("<IIQ", 9, 9, 1)), "unknown type 9"),
        (header(key_count=1, keys=text("k") + struct.pack("<IIQ", 9, 8, 1 << 40)), "elements of one array"),
        (header(count=1, tensors=text("w") + struct.pack("<I", 5)), "5 dimensions"),
        (header(count=1, tensors=tensor(1000, 1000)), "bytes are missing"),
        (header(count=1, tensors=tensor(1, kind=4_000, offset=1 << 40)), "bytes are missing"),
        (
            header(key_count=1, keys=text("general.alignment") + struct.pack("<II", 4, 0), count=1, tensors=tensor(0)),
            "alignment",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_a_model_is_refused_in_one_line(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        read_header(written(tmp_path, data), "Fetch it again")
    assert caught.value.fix == "Fetch it again"
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model file"):
        read_header(tmp_path / "missing.gguf")
    with pytest.raises(ModelError, match="cannot be read"):
        read_header(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_model_cut_anywhere_is_refused(tmp_path: Path, tiny_model: Path, data: st.DataObject) -> None:
    whole = tiny_model.read_bytes()
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ModelError):
        read_header(written(tmp_path, whole[:length]))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_header_with_wrong_bytes_is_read_or_refused_but_never_breaks(
    tmp_path: Path, tiny_model: Path, data: st.DataObject
) -> None:
    damaged = bytearray(tiny_model.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(4, 3000))] = data.draw(st.integers(0, 255))
    with suppress(ModelError):
        read_header(written(tmp_path, bytes(damaged)))
