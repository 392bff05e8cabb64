"""WAV and MP3 out: what is written can be read again, and a file is there whole or not at all."""

import io
import resource
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hotpin.audio import codecs
from hotpin.audio.codecs import Mp3Encoder, WavWriter, wav_bytes, wrap_pcm
from hotpin.audio.frame import Samples
from hotpin.errors import AudioError

from .sounds import LAME_AMPLITUDE, assert_tone, samples_of, tone

SOUND = (np.arange(48_000) % 1_000).astype(np.int16)


def stored(data: bytes) -> tuple[Samples, int]:
    """Samples and rate of a mono 16-bit WAV."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(path: Path, *pieces: Samples, then: BaseException | None = None) -> None:
    """Write a file at 16 kHz; with ``then``, fail after the last piece."""
    with WavWriter(path, 16_000) as writer:
        for piece in pieces:
            writer.write(piece)
        if then is not None:
            raise then


@given(arrays(np.int16, st.integers(0, 500)), st.sampled_from([8_000, 16_000, 24_000, 44_100, 48_000]))
def test_a_wav_in_memory_holds_exactly_the_samples(samples: Samples, rate: int) -> None:
    data = wav_bytes(samples, rate)
    again, again_rate = stored(data)
    assert np.array_equal(again, samples)
    assert again_rate == rate
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


def test_a_view_with_gaps_is_stored_as_it_reads() -> None:
    again, _ = stored(wav_bytes(SOUND[::3], 16_000))
    assert np.array_equal(again, SOUND[::3])


@given(st.lists(arrays(np.int16, st.integers(0, 300)), max_size=8))
def test_a_file_written_in_pieces_equals_the_whole(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[Samples]
) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.wav"
    with WavWriter(path, 24_000) as writer:
        for piece in pieces:
            writer.write(piece)
    assert path.read_bytes() == wav_bytes(np.concatenate([np.empty(0, np.int16), *pieces]), 24_000)


def test_the_target_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "reply.wav"
    with WavWriter(path, 16_000) as writer:
        writer.write(SOUND)
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["reply.wav"]


def test_a_file_that_exists_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "reply.wav"
    path.write_bytes(b"old")
    write(path, SOUND)
    assert path.read_bytes() == wav_bytes(SOUND, 16_000)


def test_an_error_in_the_block_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "reply.wav"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write(path, SOUND, then=KeyboardInterrupt())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.wav").write_bytes(b"old")
    link = tmp_path / "link.wav"
    link.symlink_to("real.wav")
    write(link, SOUND)
    assert link.is_symlink()
    assert (tmp_path / "real.wav").read_bytes() == wav_bytes(SOUND, 16_000)


@pytest.mark.parametrize("samples", [SOUND[:100], SOUND], ids=["noticed at the end", "noticed while writing"])
def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path: Path, samples: Samples) -> None:
    message = r"'.*reply\.wav' cannot be written: .*has room"
    with disk_full_at(64), pytest.raises(AudioError, match=message):
        write(tmp_path / "reply.wav", samples)
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_block_is_not_hidden_by_a_full_disk(tmp_path: Path) -> None:
    with disk_full_at(64), pytest.raises(KeyError):
        write(tmp_path / "reply.wav", SOUND[:100], then=KeyError())
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"No such file or directory\. Choose a folder that exists"):
        WavWriter(tmp_path / "missing" / "reply.wav", 16_000)


def test_a_folder_that_may_not_be_written_to_is_said(locked_folder: Path) -> None:
    with pytest.raises(AudioError, match="Permission denied"):
        WavWriter(locked_folder / "reply.wav", 16_000)


@pytest.mark.parametrize("target", [Path(), Path("/dev/null")], ids=["folder", "device"])
def test_only_ordinary_files_are_replaced(target: Path) -> None:
    with pytest.raises(AudioError, match="not an ordinary file"):
        WavWriter(target, 16_000)


@pytest.mark.parametrize("rate", [0, -1, 2**31])
def test_a_rate_that_no_wav_can_have_is_refused(tmp_path: Path, rate: int) -> None:
    with pytest.raises(AudioError, match=f"{rate}"):
        wav_bytes(SOUND, rate)
    with pytest.raises(AudioError, match=f"{rate}"):
        WavWriter(tmp_path / "reply.wav", rate)
    assert list(tmp_path.iterdir()) == []


def test_only_mono_int16_is_taken(tmp_path: Path) -> None:
    floats = np.zeros(10, np.float32)
    with pytest.raises(AudioError, match="float32"):
        wav_bytes(floats, 16_000)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="float32"):
        write(tmp_path / "reply.wav", floats)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_more_than_a_wav_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "_MAX_DATA_BYTES", 2 * len(SOUND))
    with pytest.raises(AudioError, match="4 GiB"):
        wav_bytes(np.tile(SOUND, 2), 16_000)
    with pytest.raises(AudioError, match="4 GiB"):
        write(tmp_path / "reply.wav", SOUND, SOUND[:1])
    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=400), st.integers(1, 4), st.integers(1, 4))
def test_raw_samples_of_any_layout_become_a_wav_that_holds_them(data: bytes, channels: int, width: int) -> None:
    data = data[: len(data) - len(data) % (channels * width)]
    whole = wrap_pcm(data, 22_050, channels, width)
    with wave.open(io.BytesIO(whole)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (channels, width, 22_050)
        assert file.readframes(file.getnframes()) == data
    assert int.from_bytes(whole[4:8], "little") == len(whole) - 8
    assert len(whole) % 2 == 0


def test_no_samples_make_a_valid_wav() -> None:
    samples, rate = stored(wrap_pcm(b""))
    assert (len(samples), rate) == (0, 16_000)


@pytest.mark.parametrize(
    ("pcm", "layout", "said"),
    [
        (b"\0" * 3, (16_000, 1, 2), "3 bytes"),
        (b"\0" * 6, (16_000, 2, 2), "6 bytes"),
        (None, (16_000, 1, 2), "NoneType"),
        ("text", (16_000, 1, 2), "str"),
        (b"", (0, 1, 2), "0 Hz"),
        (b"", (16_000, 0, 2), "0 channels"),
        (b"", (16_000, 65, 2), "65 channels"),
        (b"", (16_000, 1, 0), "0 bytes"),
        (b"", (16_000, 1, 5), "5 bytes"),
    ],
)
def test_what_is_no_raw_audio_is_refused(pcm: bytes, layout: tuple[int, int, int], said: str) -> None:
    with pytest.raises(AudioError, match=said):
        wrap_pcm(pcm, *layout)


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_pieces_through_one_mp3_encoder_join_to_one_playable_file(tmp_path: Path, rate: int) -> None:
    sound = tone(rate, 2.0)
    encoder = Mp3Encoder(rate)
    pieces = [encoder.push(sound[at : at + 777]) for at in range(0, len(sound), 777)]
    path = tmp_path / "reply.mp3"
    path.write_bytes(b"".join([*pieces, encoder.flush()]))
    assert_tone(samples_of(path), 2.0, LAME_AMPLITUDE)
    assert path.stat().st_size * 8 / 2.0 == pytest.approx(128_000, rel=0.1)
    # It streams: the first second has come out before the last has gone in.
    assert sum(map(len, pieces[: len(pieces) // 2])) > path.stat().st_size / 3


def test_an_mp3_encoder_without_samples_gives_nothing() -> None:
    encoder = Mp3Encoder(24_000)
    assert encoder.push(np.empty(0, np.int16)) == b""
    assert encoder.flush() == b""


def test_what_no_mp3_can_hold_is_refused() -> None:
    with pytest.raises(AudioError, match=r"9999 Hz.*24000"):
        Mp3Encoder(9_999)
    with pytest.raises(AudioError, match="float32"):
        Mp3Encoder(24_000).push(np.zeros(10, np.float32))
