"""Any audio file comes in as the frames a microphone would have given."""

import json
import logging
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.audio.codecs import WavWriter, wav_bytes
from hotpin.audio.files import read
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES

from .sounds import AMPLITUDE, KINDS, LAME_AMPLITUDE, assert_tone, encode, samples_of, tone, wav

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
"""Recordings beside the repository; not everyone has them."""

CUT = {"dickens_1", "dickens_2", "noise_crowd", "music_vibe_ace"}
"""Clips that are only a part of their original."""


@pytest.mark.parametrize("channels", [1, 2], ids=["mono", "stereo"])
@pytest.mark.parametrize(("name", "codec", "rate"), KINDS, ids=[kind[0] for kind in KINDS])
def test_a_tone_keeps_duration_pitch_and_level(tmp_path: Path, name: str, codec: str, rate: int, channels: int) -> None:
    path = encode(tmp_path / name, codec, rate, [tone(rate, 2.0)] * channels)
    assert_tone(samples_of(path), 2.0, LAME_AMPLITUDE if codec == "libmp3lame" else AMPLITUDE)


def test_frames_are_capture_frames_and_the_last_is_shorter(tmp_path: Path) -> None:
    path = tmp_path / "second.wav"
    path.write_bytes(wav_bytes(tone(8_000)[:-20], 8_000))
    frames = list(read(path))
    assert {frame.rate for frame in frames} == {CAPTURE_RATE}
    assert {len(frame.samples) for frame in frames[:-1]} == {FRAME_SAMPLES}
    assert len(frames[-1].samples) == FRAME_SAMPLES - 40
    assert [frame.start for frame in frames] == pytest.approx([0.02 * n for n in range(50)])


def test_channels_are_averaged(tmp_path: Path) -> None:
    sound, silence = tone(44_100), np.zeros(44_100, np.int16)
    assert_tone(samples_of(encode(tmp_path / "left.wav", "pcm_s16le", 44_100, [sound, silence])), 1.0, AMPLITUDE / 2)
    four = encode(tmp_path / "four.flac", "flac", 44_100, [sound, silence, silence, silence])
    assert_tone(samples_of(four), 1.0, AMPLITUDE / 4)
    opposite = samples_of(encode(tmp_path / "opposite.wav", "pcm_s16le", 44_100, [sound, -sound]))
    assert len(opposite) == CAPTURE_RATE
    assert not np.any(opposite)


def test_two_full_scale_channels_do_not_overflow(tmp_path: Path) -> None:
    loud = np.full(1_600, 32_767, np.int16)
    assert np.all(samples_of(encode(tmp_path / "loud.wav", "pcm_s16le", 16_000, [loud, loud])) == 32_767)


def test_float_values_that_are_no_numbers_do_no_harm(tmp_path: Path) -> None:
    path = encode(tmp_path / "float.wav", "pcm_f32le", 16_000, [tone(16_000)])
    data = bytearray(path.read_bytes())
    data[-16:] = np.array([np.nan, np.inf, -np.inf, 3e38], "<f4").tobytes()
    path.write_bytes(data)
    assert samples_of(path)[-4:].tolist() == [0, 32_767, -32_768, 32_767]


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=1_000))
def test_what_hotpin_writes_it_reads_back_exactly(tmp_path_factory: pytest.TempPathFactory, values: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "again.wav"
    with WavWriter(path, CAPTURE_RATE) as writer:
        writer.write(np.array(values, np.int16))
    assert samples_of(path).tolist() == values


def test_a_plain_wav_is_read_without_importing_pyav(tmp_path: Path) -> None:
    path = tmp_path / "plain.wav"
    path.write_bytes(wav(tone(16_000).tobytes(), extra=b"LIST" + struct.pack("<I", 3) + b"abc\0"))
    program = (
        "import sys, pathlib; from hotpin.audio.files import read;"
        "print(sum(len(f.samples) for f in read(pathlib.Path(sys.argv[1]))), 'av' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["16000", "False"]


@pytest.mark.parametrize("name", ["speech.raw", "speech.PCM"])
def test_raw_samples_are_taken_for_16_khz(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(tone(16_000).astype("<i2").tobytes() + b"\x7f")
    assert np.array_equal(samples_of(tmp_path / name), tone(16_000))


def test_a_raw_rate_makes_any_file_raw(tmp_path: Path) -> None:
    path = tmp_path / "speech.bin"
    path.write_bytes(tone(8_000).astype("<i2").tobytes())
    assert_tone(samples_of(path, raw_rate=8_000), 1.0)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("size", [0, 2**32 - 1, 10**6], ids=["none", "unknown", "too long"])
def test_a_wav_with_a_wrong_length_gives_all_it_has(tmp_path: Path, rate: int, size: int) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(wav(tone(rate).tobytes() + b"\x01", rate=rate, size=size))
    assert_tone(samples_of(path), 1.0)


def test_what_follows_the_samples_is_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "tagged.wav"
    path.write_bytes(wav(tone(16_000).tobytes()) + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert np.array_equal(samples_of(path), tone(16_000))


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_tags_in_another_encoding_do_not_matter(tmp_path: Path, rate: int) -> None:
    info = b"INFOINAM" + struct.pack("<I", 6) + b"Caf\xe9\xe9\0"
    path = tmp_path / "tagged.wav"
    path.write_bytes(wav(tone(rate).tobytes(), rate=rate, extra=b"LIST" + struct.pack("<I", len(info)) + info))
    assert_tone(samples_of(path), 1.0)


def test_damage_in_the_middle_of_an_mp3_costs_only_the_damaged_part(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = encode(tmp_path / "song.mp3", "libmp3lame", 44_100, [tone(44_100, 4.0)])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = np.random.default_rng(0).bytes(2_000)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        samples = samples_of(path)
    assert 3.5 < len(samples) / CAPTURE_RATE <= 4.1
    assert "song.mp3" in caplog.text


def test_a_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    path = encode(tmp_path / "song.mp3", "libmp3lame", 44_100, [tone(44_100, 4.0)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert_tone(samples_of(path), 2.0, LAME_AMPLITUDE)


def test_the_rate_may_change_within_a_file(tmp_path: Path) -> None:
    parts = [encode(tmp_path / f"{rate}.mp3", "libmp3lame", rate, [tone(rate)]) for rate in (44_100, 48_000)]
    path = tmp_path / "joined.mp3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert_tone(samples_of(path), 2.1, LAME_AMPLITUDE)


def test_the_name_says_nothing_about_the_format(tmp_path: Path) -> None:
    path = encode(tmp_path / "song.mp3", "libmp3lame", 44_100, [tone(44_100)]).rename(tmp_path / "song.wav")
    assert_tone(samples_of(path), 1.0, LAME_AMPLITUDE)


def test_nothing_is_opened_before_the_first_frame_is_asked_for(tmp_path: Path) -> None:
    frames = read(tmp_path / "later.wav")
    (tmp_path / "later.wav").write_bytes(wav_bytes(tone(16_000), 16_000))
    assert len(next(frames).samples) == FRAME_SAMPLES


def ten_minutes(path: Path, rate: int, channels: int) -> Path:
    """Silence; a hole in the file, so that it takes no room on the disk."""
    size = 600 * rate * channels * 2
    with path.open("wb") as file:
        file.write(wav(b"", rate=rate, channels=channels, size=size))
        file.truncate(file.tell() + size)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (16_000, 1)])
def test_ten_minutes_are_never_in_memory_at_once(tmp_path: Path, rate: int, channels: int) -> None:
    path = ten_minutes(tmp_path / "long.wav", rate, channels)
    tracemalloc.start()
    try:
        seconds = sum(frame.seconds for frame in read(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds == pytest.approx(600)
    assert peak < 5_000_000


def recordings() -> list[tuple[str, float]]:
    manifest = SPEECH / "manifest.jsonl"
    lines = manifest.read_text().splitlines() if manifest.exists() else []
    clips = [json.loads(line) for line in lines]
    whole = [(clip["original"], clip["seconds"]) for clip in clips if clip["id"] not in CUT]
    return whole + [(clip["file"], clip["seconds"]) for clip in clips]


@pytest.mark.parametrize(("name", "seconds"), recordings())
def test_real_recordings_have_their_length(name: str, seconds: float) -> None:
    assert sum(frame.seconds for frame in read(SPEECH / name)) == pytest.approx(seconds, abs=0.1)
