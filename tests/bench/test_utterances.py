"""What is said in a benchmark: recordings with labels, or questions that the voice asks."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame
from hotpin.bench import utterances
from hotpin.bench.utterances import LEAD_SECONDS, QUESTIONS, Utterance, load, synthesise
from hotpin.cancel import Cancelled, never
from hotpin.errors import AudioError, TtsError
from hotpin.tts.base import Tts
from hotpin.tts.silence import AUDIBLE
from tests.fakes.engines import SECONDS_PER_CLAUSE, FakeTts, speech

GOOD = {"text": "Hello there.", "speech_end_s": 0.4}


def put(folder: Path, name: str, label: object = None, seconds: float = 0.5, rate: int = CAPTURE_RATE) -> None:
    """Write a recording and its label; a label that is a string is written as it is."""
    (folder / f"{name}.wav").write_bytes(wav_bytes(np.full(round(seconds * rate), 1_000, np.int16), rate))
    text = label if isinstance(label, str) else json.dumps(GOOD if label is None else label)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def test_recordings_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("10", "02", "01"):
        put(tmp_path, name, {**GOOD, "text": f"text {name}"})
    (tmp_path / "README.txt").write_text("no recording")
    assert [(one.name, one.text) for one in load(tmp_path)] == [(n, f"text {n}") for n in ("01", "02", "10")]


def test_a_recording_is_read_with_its_label(tmp_path: Path) -> None:
    put(tmp_path, "01", {**GOOD, "speaker": "somebody"})
    (utterance,) = load(tmp_path)
    assert np.array_equal(utterance.samples, speech(0.5))
    assert (utterance.text, utterance.speech_end, utterance.seconds) == ("Hello there.", 0.4, 0.5)


def test_another_rate_becomes_the_capture_rate(tmp_path: Path) -> None:
    put(tmp_path, "01", rate=48_000)
    (utterance,) = load(tmp_path)
    assert utterance.seconds == pytest.approx(0.5, abs=0.001)


def test_speech_may_go_to_the_last_sample(tmp_path: Path) -> None:
    put(tmp_path, "01", {**GOOD, "speech_end_s": 0.5})
    assert load(tmp_path)[0].speech_end == 0.5


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"there is no folder .*nowhere"):
        load(tmp_path / "nowhere")


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    (tmp_path / "01.json").write_text(json.dumps(GOOD))
    with pytest.raises(AudioError, match=r"no \.wav files"):
        load(tmp_path)


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    put(tmp_path, "07")
    (tmp_path / "07.json").unlink()
    with pytest.raises(AudioError, match=r"07\.json is missing beside 07\.wav"):
        load(tmp_path)


@pytest.mark.parametrize(
    "label",
    ["", "no JSON", "[]", "7", "{}", {"text": "x"}, {"speech_end_s": 0.4}, {"text": "x", "speech_end_s": "soon"}],
)
def test_a_label_that_is_not_as_it_must_be_is_named(tmp_path: Path, label: object) -> None:
    put(tmp_path, "07", label)
    with pytest.raises(AudioError, match=r"07\.json is not as it must be"):
        load(tmp_path)


def test_a_label_in_another_encoding_is_named(tmp_path: Path) -> None:
    put(tmp_path, "07")
    (tmp_path / "07.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(AudioError, match=r"07\.json is not as it must be"):
        load(tmp_path)


@pytest.mark.parametrize("end", [0.0, -1.0, 0.51, 1e9, float("nan")])
def test_speech_ends_within_the_recording(tmp_path: Path, end: float) -> None:
    put(tmp_path, "07", {**GOOD, "speech_end_s": end})
    with pytest.raises(AudioError, match=r"07\.json: speech_end_s is .* 07\.wav has 0\.50 s"):
        load(tmp_path)


def test_a_recording_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    put(tmp_path, "07")
    (tmp_path / "07.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError, match=r"07\.wav"):
        load(tmp_path)


def test_a_recording_too_long_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterances, "MAX_SECONDS", 0.4)
    put(tmp_path, "07")
    with pytest.raises(AudioError, match=r"07\.wav is longer than"):
        load(tmp_path)


def test_an_utterance_is_given_in_frames_as_a_microphone_would() -> None:
    sound = np.arange(2 * FRAME_SAMPLES + 7).astype(np.int16)
    frames = list(Utterance("01", sound, "hello", 0.04).frames())
    assert [len(frame.samples) for frame in frames] == [FRAME_SAMPLES, FRAME_SAMPLES, 7]
    assert [frame.start for frame in frames] == [0.0, 0.02, 0.04]
    assert np.array_equal(np.concatenate([frame.samples for frame in frames]), sound)


def test_the_voice_asks_every_question() -> None:
    voice = FakeTts()
    asked = synthesise(voice)
    assert tuple(voice.said) == tuple(one.text for one in asked) == QUESTIONS
    assert [one.name for one in asked][:2] == ["01", "02"]
    for one in asked:
        assert not np.any(one.samples[: int(LEAD_SECONDS * CAPTURE_RATE)])
        assert one.speech_end == pytest.approx(LEAD_SECONDS + SECONDS_PER_CLAUSE, abs=0.01)
        assert one.seconds == pytest.approx(LEAD_SECONDS + SECONDS_PER_CLAUSE, abs=0.01)


def test_what_the_voice_asks_ends_where_nothing_can_be_heard_any_more(hibari: Tts) -> None:
    for one in synthesise(hibari):
        end = round(one.speech_end * CAPTURE_RATE)
        assert np.max(np.abs(one.samples[end:].astype(np.int32))) <= AUDIBLE < abs(int(one.samples[end - 1]))
        assert LEAD_SECONDS < one.speech_end < one.seconds < 6.0


class Mute(FakeTts):
    """Says nothing, or nothing that can be heard."""

    def __init__(self, *frames: Frame) -> None:
        super().__init__()
        self._frames = frames

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        yield from self._frames


@pytest.mark.parametrize("voice", [Mute(), Mute(Frame(np.zeros(2_400, np.int16), 24_000))])
def test_a_voice_that_cannot_say_a_question_is_told(voice: Mute) -> None:
    with pytest.raises(TtsError, match=r"What is the capital of France\?"):
        synthesise(voice)


def test_unfinished_words_and_pauses_are_read(tmp_path: Path) -> None:
    put(tmp_path, "01", {**GOOD, "unfinished": True, "pauses": [[0.1, 0.2], [0.2, 0.3]]})
    put(tmp_path, "02")
    first, second = load(tmp_path)
    assert (first.unfinished, first.pauses) == (True, ((0.1, 0.2), (0.2, 0.3)))
    assert (second.unfinished, second.pauses) == (False, ())


@pytest.mark.parametrize("pauses", [[[0.2, 0.1]], [[0.2, 0.3], [0.1, 0.2]], [[0.3, 0.5]], [[-0.1, 0.2]]])
def test_pauses_lie_in_order_before_the_end_of_speech(tmp_path: Path, pauses: list[list[float]]) -> None:
    put(tmp_path, "07", {**GOOD, "pauses": pauses})
    with pytest.raises(AudioError, match=r"07\.json: the pauses .* are out of order"):
        load(tmp_path)


@pytest.mark.parametrize("pauses", [7, [0.1], [[0.1]], [["a", "b"]], "ab"])
def test_pauses_that_are_not_as_they_must_be_are_named(tmp_path: Path, pauses: object) -> None:
    put(tmp_path, "07", {**GOOD, "pauses": pauses})
    with pytest.raises(AudioError, match=r"07\.json is not as it must be"):
        load(tmp_path)
