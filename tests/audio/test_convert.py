"""Any recording becomes WAV, MP3, FLAC or Ogg Opus: the same sound, there whole or not at all."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.convert import convert, output_format
from hotpin.audio.files import describe, read
from hotpin.audio.frame import Samples
from hotpin.audio.measure import duration
from hotpin.errors import AudioError
from hotpin.stt.base import Stt
from tests.conftest import Spoken

from .sounds import AMPLITUDE, KINDS, LAME_AMPLITUDE, assert_tone, encode, samples_of, tone, wav
from .test_codecs import disk_full_at
from .test_files import SPEECH, ten_minutes


def chirp(rate: int, seconds: float) -> Samples:
    """A sound that is like itself at no other moment."""
    at = np.arange(round(rate * seconds)) / rate
    return (AMPLITUDE * np.sin(2 * np.pi * (200 + 600 * at) * at)).astype(np.int16)


def likeness(one: Samples, other: Samples) -> float:
    length = min(len(one), len(other))
    return float(np.corrcoef(one[:length].astype(float), other[:length].astype(float))[0, 1])


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".ogg"])
def test_a_browsers_recording_keeps_its_sound_and_its_length(tmp_path: Path, suffix: str) -> None:
    source = encode(tmp_path / "browser.webm", "libopus", 48_000, [chirp(48_000, 2.0)])
    target = tmp_path / f"converted{suffix}"
    assert convert(source, target) == pytest.approx(2.0, abs=0.05)
    assert duration(target) == pytest.approx(duration(source), abs=0.05)
    assert likeness(samples_of(target), samples_of(source)) > 0.99
    assert describe(target).channels == 1


@pytest.mark.slow
@pytest.mark.parametrize(("name", "codec", "rate"), KINDS, ids=[kind[0] for kind in KINDS])
def test_any_kind_of_file_keeps_its_own_rate_in_flac(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    source = encode(tmp_path / name, codec, rate, [tone(rate)] * 2)
    convert(source, tmp_path / "out.flac")
    assert describe(tmp_path / "out.flac").rate == describe(source).rate
    assert describe(tmp_path / "out.flac").codec == "flac"
    assert np.array_equal(samples_of(tmp_path / "out.flac"), samples_of(source))


def test_a_rate_that_the_format_cannot_have_is_raised_to_the_next_and_never_lost(tmp_path: Path) -> None:
    (tmp_path / "odd.wav").write_bytes(wav(tone(13_000).tobytes(), rate=13_000))
    convert(tmp_path / "odd.wav", tmp_path / "odd.mp3")
    assert describe(tmp_path / "odd.mp3").rate == 16_000
    (tmp_path / "high.wav").write_bytes(wav(tone(96_000).tobytes(), rate=96_000))
    convert(tmp_path / "high.wav", tmp_path / "high.mp3")
    assert describe(tmp_path / "high.mp3").rate == 48_000


def test_a_rate_that_is_asked_for_is_given(tmp_path: Path) -> None:
    source = encode(tmp_path / "song.mp3", "libmp3lame", 44_100, [tone(44_100)])
    convert(source, tmp_path / "song.wav", 8_000)
    assert describe(tmp_path / "song.wav").rate == 8_000
    assert duration(tmp_path / "song.wav") == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rate", [0, 500, 44_100])
def test_a_rate_that_the_format_cannot_have_is_refused(tmp_path: Path, rate: int) -> None:
    (tmp_path / "in.wav").write_bytes(wav(tone(16_000).tobytes()))
    with pytest.raises(AudioError, match=f"{rate} Hz"):
        convert(tmp_path / "in.wav", tmp_path / "out.opus", rate)
    assert not (tmp_path / "out.opus").exists()


def test_raw_samples_are_taken_at_the_rate_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "speech.bin").write_bytes(tone(8_000).tobytes())
    convert(tmp_path / "speech.bin", tmp_path / "speech.wav", raw_rate=8_000)
    assert_tone(samples_of(tmp_path / "speech.wav"), 1.0)


def test_the_rate_may_change_within_the_source(tmp_path: Path) -> None:
    parts = [encode(tmp_path / f"{rate}.mp3", "libmp3lame", rate, [tone(rate)]) for rate in (44_100, 48_000)]
    (tmp_path / "joined.mp3").write_bytes(b"".join(part.read_bytes() for part in parts))
    convert(tmp_path / "joined.mp3", tmp_path / "joined.flac")
    assert_tone(samples_of(tmp_path / "joined.flac"), 2.1, LAME_AMPLITUDE)


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(wav(tone(16_000, 3.0).tobytes()))
    told: list[float] = []
    seconds = convert(tmp_path / "in.wav", tmp_path / "out.mp3", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == seconds == pytest.approx(3.0)


@pytest.mark.parametrize("name", ["out", "out.txt", "out.m4a", ".mp3"])
def test_an_ending_that_is_not_known_lists_those_that_are(name: str) -> None:
    with pytest.raises(AudioError, match=r"\.wav.*\.mp3.*\.flac.*\.opus"):
        output_format(Path(name))


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard link", "symbolic link"])
def test_the_recording_itself_is_no_target_under_any_name(tmp_path: Path, link: object) -> None:
    source = tmp_path / "in.wav"
    source.write_bytes(wav(tone(16_000).tobytes()))
    before = source.read_bytes()
    assert callable(link)
    link(source, tmp_path / "same.wav")
    for target in (source, tmp_path / "same.wav", tmp_path / "." / "in.wav"):
        with pytest.raises(AudioError, match="is the recording itself"):
            convert(source, target)
    assert source.read_bytes() == before


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".ogg"])
@pytest.mark.parametrize("room", [64, 4_000], ids=["at once", "later"])
def test_a_full_disk_is_one_clear_line_and_leaves_the_old_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str, room: int
) -> None:
    source, target = tmp_path / "in.wav", tmp_path / f"out{suffix}"
    noise = np.random.default_rng(0).integers(-8_000, 8_000, 32_000).astype(np.int16)
    source.write_bytes(wav(noise.tobytes()))
    target.write_bytes(b"old")
    with disk_full_at(room), pytest.raises(AudioError, match=r"cannot be written: .*has room"):
        convert(source, target)
    assert capfd.readouterr().err == ""
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_a_folder_that_does_not_exist_is_said(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.wav").write_bytes(wav(tone(16_000).tobytes()))
    with pytest.raises(AudioError, match=r"cannot be written: No such file.*Choose a folder that exists"):
        convert(tmp_path / "in.wav", tmp_path / "missing" / f"out{suffix}")


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_what_is_no_audio_leaves_the_target_as_it_was(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.txt").write_text("words")
    (tmp_path / f"out{suffix}").write_bytes(b"old")
    with pytest.raises(AudioError, match="not audio of a known format"):
        convert(tmp_path / "in.txt", tmp_path / f"out{suffix}")
    assert (tmp_path / f"out{suffix}").read_bytes() == b"old"


def interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_ctrl_c_leaves_no_trace(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.wav").write_bytes(wav(tone(16_000, 3.0).tobytes()))
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "in.wav", tmp_path / f"out{suffix}", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp3", ".wav"])
def test_ten_minutes_are_never_in_memory_at_once(tmp_path: Path, suffix: str) -> None:
    source = ten_minutes(tmp_path / "long.wav", 16_000, 1)
    tracemalloc.start()
    try:
        assert convert(source, tmp_path / f"out{suffix}") == pytest.approx(600)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def heard(whisper: Stt, path: Path) -> str:
    stream = whisper.stream()
    for frame in read(path):
        stream.feed(frame)
    return stream.finish().text


@pytest.mark.slow
def test_the_same_words_are_heard_in_a_converted_recording(tmp_path: Path, whisper: Stt, spoken: Spoken) -> None:
    source = tmp_path / "speech.wav"
    source.write_bytes(wav(spoken("The weather will be fine tomorrow, with a light wind from the west.").tobytes()))
    convert(source, tmp_path / "speech.mp3")
    words = heard(whisper, source)
    assert "weather" in words
    assert heard(whisper, tmp_path / "speech.mp3") == words


@pytest.mark.slow
@pytest.mark.parametrize("source", sorted((SPEECH / "original").glob("*.webm")), ids=lambda path: path.stem)
def test_a_recording_of_a_real_browser_becomes_an_mp3(tmp_path: Path, source: Path, whisper: Stt) -> None:
    target = tmp_path / "out.mp3"
    convert(source, target)
    assert duration(target) == pytest.approx(duration(source), abs=0.05)
    assert likeness(samples_of(target), samples_of(source)) > 0.98
    assert heard(whisper, target).split()[:3] == heard(whisper, source).split()[:3]
