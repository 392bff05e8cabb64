"""How long, how loud, where silent: of anything that can be decoded, and bad input is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.files import decode, describe, read
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.audio.measure import SILENCE_DBFS, Meter, duration, is_silent, measure, silences
from hotpin.errors import AudioError

from .sounds import KINDS, encode, tone, wav


def frames(*pieces: Samples, rate: int = CAPTURE_RATE) -> list[Frame]:
    return [Frame(piece, rate) for piece in pieces]


def quiet(seconds: float, rate: int = CAPTURE_RATE) -> Samples:
    return np.zeros(round(seconds * rate), np.int16)


def at_dbfs(level: float, seconds: float = 1.0) -> Samples:
    """A square wave: its level is its amplitude."""
    amplitude = round(32_768 * 10 ** (level / 20))
    return (amplitude * np.where(np.arange(round(seconds * CAPTURE_RATE)) % 40 < 20, 1, -1)).astype(np.int16)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "codec", "rate"), KINDS, ids=[kind[0] for kind in KINDS])
def test_the_duration_of_any_kind_of_file_is_exact_but_for_an_encoders_padding(
    tmp_path: Path, name: str, codec: str, rate: int
) -> None:
    assert duration(encode(tmp_path / name, codec, rate, [tone(rate, 1.5)])) == pytest.approx(1.5, abs=0.05)


def test_the_duration_is_what_is_there_not_what_the_header_promises(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(wav(tone(44_100).tobytes(), rate=44_100, size=10**6))
    assert duration(path) == pytest.approx(1.0)
    assert describe(path).stated_seconds == pytest.approx(10**6 / 88_200)


def test_raw_samples_have_a_duration_at_their_rate(tmp_path: Path) -> None:
    (tmp_path / "speech.raw").write_bytes(bytes(16_000))
    assert duration(tmp_path / "speech.raw") == pytest.approx(0.5)
    assert duration(tmp_path / "speech.raw", raw_rate=8_000) == pytest.approx(1.0)


@pytest.mark.parametrize("level", [-3.0, -20.0, -40.0, -60.0])
def test_levels_are_relative_to_full_scale(level: float) -> None:
    measured = measure(frames(at_dbfs(level)))
    assert measured.rms_dbfs == pytest.approx(level, abs=0.1)
    assert measured.peak_dbfs == pytest.approx(level, abs=0.1)
    assert measured.seconds == pytest.approx(1.0)


def test_the_loudest_sample_is_full_scale_and_no_signal_is_minus_infinity() -> None:
    assert measure(frames(np.full(320, -32_768, np.int16))).peak_dbfs == 0.0
    assert measure(frames(quiet(1.0))).rms_dbfs == -math.inf


def test_silences_are_found_where_they_are() -> None:
    sound = np.concatenate([quiet(0.6), at_dbfs(-20, 1.0), quiet(0.3), at_dbfs(-20, 0.5), quiet(0.8)])
    found = silences(frames(sound))
    assert np.allclose(found, [(0.0, 0.6), (2.4, 3.2)], atol=0.021)
    assert len(silences(frames(sound), min_seconds=0.2)) == 3


def test_however_the_audio_is_cut_the_same_is_measured() -> None:
    sound = np.concatenate([tone(CAPTURE_RATE), quiet(0.7), tone(CAPTURE_RATE, 0.33)])
    whole = measure(frames(sound))
    assert measure(frames(*np.array_split(sound, 97))) == whole


def test_the_rate_may_change_on_the_way() -> None:
    measured = measure([*frames(tone(48_000), rate=48_000), *frames(quiet(1.0, 8_000), rate=8_000)])
    assert measured.seconds == pytest.approx(2.0)
    assert measured.silences == ((1.0, 2.0),)


def test_audio_is_silent_while_no_moment_reaches_the_threshold() -> None:
    assert is_silent(frames(at_dbfs(SILENCE_DBFS - 1)))
    assert not is_silent(frames(at_dbfs(SILENCE_DBFS + 1)))
    assert not is_silent(frames(np.concatenate([quiet(5.0), at_dbfs(-10, 0.1)])))
    assert is_silent(frames(at_dbfs(-30)), threshold_dbfs=-20)


def test_a_file_is_measured_as_the_microphone_would_hear_it_or_as_it_is(tmp_path: Path) -> None:
    path = encode(tmp_path / "half.flac", "flac", 48_000, [np.concatenate([tone(48_000), quiet(1.0, 48_000)])])
    for source in (read(path), decode(path)):
        assert np.allclose(silences(source), [(1.0, 2.0)], atol=0.03)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "0 samples"),
        ([Frame(np.empty(0, np.int16))], "0 samples"),
        (None, "NoneType"),
        ([None], "NoneType"),
        (np.zeros(100, np.int16), "int16"),
        (b"RIFF", "int"),
    ],
)
def test_what_is_no_audio_is_refused(given: list[Frame], said: str) -> None:
    with pytest.raises(AudioError, match=said):
        measure(given)


@pytest.mark.parametrize("threshold", [0.0, 3.0, math.nan])
def test_a_threshold_above_full_scale_is_refused(threshold: float) -> None:
    with pytest.raises(AudioError, match=f"{threshold}"):
        is_silent(frames(quiet(1.0)), threshold)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_silence_without_length_is_refused(seconds: float) -> None:
    with pytest.raises(AudioError, match=f"{seconds}"):
        Meter(min_seconds=seconds)
