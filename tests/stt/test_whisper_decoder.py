"""What is made of the model's output: where the text ends, when it is doubted, and when it is no speech."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, Frame
from hotpin.cancel import Cancelled, never
from hotpin.errors import ModelError
from hotpin.stt.mel import FloatArray
from hotpin.stt.whisper import Rest, WhisperStream
from hotpin.stt.whisper_decoder import (
    FULL_WINDOW_SECONDS,
    MAX_NO_SPEECH,
    MIN_LOGPROB,
    PADDING_SECONDS,
    RETRY_BEAM,
    RETRY_PADDING_SECONDS,
    Decoded,
    WhisperDecoder,
    _repeats,
    is_model_folder,
    is_no_speech,
)
from tests.fakes.engines import FakeVad, speech

END = 100
FIRST_TIMESTAMP = 200


class Letters:
    """Stands in for the tokenizer: token 0 is a, 1 is b."""

    special: ClassVar = {"<|startoftranscript|>": 101, "<|transcribe|>": 102, "<|en|>": 103}

    def token_to_id(self, token: str) -> int | None:
        return self.special.get(token)

    def decode(self, tokens: Sequence[int]) -> str:
        return " ".join(chr(ord("a") + token) for token in tokens)


def at(seconds: float) -> int:
    """The token of a timestamp."""
    return FIRST_TIMESTAMP + round(seconds / 0.02)


@pytest.fixture
def decoder() -> WhisperDecoder:
    """A decoder without a model."""
    bare: Any = WhisperDecoder.__new__(WhisperDecoder)
    bare._tokenizer, bare._end, bare._first_timestamp, bare._factor = Letters(), END, FIRST_TIMESTAMP, 0.0
    return bare  # type: ignore[no-any-return]


def decoded(text: str = "hello", logprob: float = -0.3, no_speech: float = 0.1, *, doubtful: bool = False) -> Decoded:
    return Decoded(text, logprob, no_speech, reached=1.0, doubtful=doubtful)


# --- where the text ends: 2 s of audio ---


@pytest.mark.parametrize(
    ("tokens", "text", "reached"),
    [
        pytest.param([], "", 0.0, id="nothing"),
        pytest.param([at(0), 0, 1, at(2.0)], "a b", 2.0, id="one sentence"),
        pytest.param([at(0), 0, at(0.8), at(0.8), 1, at(2.0)], "a b", 2.0, id="an earlier timestamp ends nothing"),
        pytest.param([at(0), 0, at(1.6), at(1.6), 0, at(3.0)], "a", 1.6, id="repetition after the end"),
        pytest.param([at(0), 0, at(1.4), at(1.4), 1, at(2.6)], "a b", 2.0, id="never more than the audio"),
        pytest.param([at(1.9), 0, at(2.0)], "a", 2.0, id="a timestamp before any word"),
        pytest.param([at(0), 0, 1], "a b", 2.0, id="ended by itself without a timestamp"),
        pytest.param([at(0), 0, at(0.8)], "a", 0.8, id="ended early"),
        pytest.param([at(0), END + 7, 0, END, at(2.0)], "a", 2.0, id="special tokens are no words"),
        pytest.param([0, 1], "a b", 2.0, id="no timestamps at all"),
    ],
)
def test_the_text_goes_up_to_the_timestamp_that_reaches_the_end(
    decoder: WhisperDecoder, tokens: list[int], text: str, reached: float
) -> None:
    taken, up_to = decoder._up_to_end(tokens, 2.0)
    assert [tokens[step] for step, _ in taken] == [token for _, token in taken]
    assert decoder._tokenizer.decode([token for _, token in taken]).strip() == text
    assert up_to == pytest.approx(reached)


# --- which punctuation is expected ---

STOP, COMMA, WORD = 7, 8, 9


def expects(*likely: dict[int, float]) -> list[FloatArray]:
    """The logits of each step."""
    steps = []
    for step in likely:
        odds = np.full(300, 1e-9, np.float32)
        for token, probability in step.items():
            odds[token] = probability
        steps.append((np.log(odds) + 3.0).astype(np.float32))
    return steps


@pytest.mark.parametrize(
    ("words", "logits", "share"),
    [
        pytest.param([(1, 0), (2, STOP)], [{}, {}, {STOP: 0.6, COMMA: 0.2, WORD: 0.2}], 0.75, id="one is written"),
        pytest.param([(1, 0), (2, COMMA)], [{}, {}, {STOP: 0.3, COMMA: 0.7}], 0.3, id="a comma is written"),
        pytest.param([(1, 0)], [{}, {}, {STOP: 0.3, COMMA: 0.1, WORD: 0.6}], 0.75, id="nothing is written"),
        pytest.param([(1, 0)], [{}, {}, {WORD: 1.0}], 0.5, id="nothing is expected"),
        pytest.param([(1, 0)], [{}, {}], None, id="that was all"),
    ],
)
def test_of_the_punctuation_that_is_expected_the_share_that_ends_a_sentence_is_told(
    decoder: WhisperDecoder, words: list[tuple[int, int]], logits: list[dict[int, float]], share: float | None
) -> None:
    decoder._stops, decoder._others = [STOP], [COMMA]
    assert decoder._full_stop(words, expects(*logits)) == (pytest.approx(share, abs=0.01) if share else None)


# --- the short window, and the whole one ---


class Runs:
    """Stands in for the model: gives the results it was made with, in turn, and notes window and beam."""

    def __init__(self, *results: Decoded) -> None:
        self.given: list[tuple[float, int]] = []
        self._results = iter(results)

    def __call__(self, audio: FloatArray, window_seconds: float, beam: int) -> Decoded:
        self.given.append((window_seconds, beam))
        return next(self._results)


Decode = Callable[..., Decoded | None]


@pytest.fixture
def decode(decoder: WhisperDecoder, monkeypatch: pytest.MonkeyPatch) -> Decode:
    """Decodes 2 s (or ``seconds``) with a stand-in for the model."""

    def with_runs(
        runs: Runs, cancelled: Cancelled = never, seconds: float = 2.0, *, speech: bool = False
    ) -> Decoded | None:
        monkeypatch.setattr(decoder, "_run", runs)
        return decoder.decode(np.zeros(int(seconds * CAPTURE_RATE), np.float32), cancelled, speech=speech)

    return with_runs


SHORT = (2.0 + PADDING_SECONDS, 1)
RETRY = (2.0 + RETRY_PADDING_SECONDS, RETRY_BEAM)
FULL = (FULL_WINDOW_SECONDS, RETRY_BEAM)


def test_a_sure_result_of_the_short_window_is_taken(decode: Decode) -> None:
    runs = Runs(decoded())
    assert decode(runs) == decoded()
    assert runs.given == [SHORT]


def test_a_doubtful_result_is_tried_again_in_a_longer_window(decode: Decode) -> None:
    runs = Runs(decoded("short", -1.1, doubtful=True), decoded("retry", -0.8))
    assert decode(runs) == decoded("retry", -0.8)
    assert runs.given == [SHORT, RETRY]


@pytest.mark.parametrize(
    ("logprobs", "best"),
    [((-0.9, -1.2, -0.4), "full"), ((-0.4, -1.2, -0.9), "short"), ((-1.3, -1.1, -1.2), "retry")],
)
def test_the_best_of_doubtful_results_is_taken(decode: Decode, logprobs: tuple[float, float, float], best: str) -> None:
    names = ("short", "retry", "full")
    runs = Runs(*(decoded(name, logprob, doubtful=True) for name, logprob in zip(names, logprobs, strict=True)))
    result = decode(runs)
    assert result is not None
    assert result.text == best
    assert runs.given == [SHORT, RETRY, FULL]


def test_the_whole_window_is_not_tried_twice(decode: Decode) -> None:
    runs = Runs(decoded(doubtful=True), decoded(doubtful=True))
    decode(runs, seconds=25.0)
    assert runs.given == [(25.0 + PADDING_SECONDS, 1), FULL]


def test_what_need_not_be_thorough_is_not_tried_again(decoder: WhisperDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(decoded(doubtful=True))
    monkeypatch.setattr(decoder, "_run", runs)
    assert decoder.decode(np.zeros(2 * CAPTURE_RATE, np.float32), never, thorough=False) is None
    assert runs.given == [SHORT]


def test_how_long_it_takes_is_known_once_it_was_measured(decode: Decode, decoder: WhisperDecoder) -> None:
    assert decoder.expected_seconds(2.0) == 0.0
    decode(Runs(decoded()))
    assert 0.0 < decoder.expected_seconds(2.0) < decoder.expected_seconds(4.0) < 0.1


def test_no_speech_is_not_tried_again(decode: Decode) -> None:
    runs = Runs(decoded("you", MIN_LOGPROB - 0.1, 0.9, doubtful=True))
    assert decode(runs)
    assert runs.given == [SHORT]


def test_what_certainly_is_speech_is_tried_again_though_the_model_takes_it_for_none(decode: Decode) -> None:
    runs = Runs(decoded("one oh one", MIN_LOGPROB - 0.1, 0.9, doubtful=True), decoded("one zero one", -0.8, 0.8))
    assert decode(runs, speech=True) == decoded("one zero one", -0.8, 0.8)
    assert runs.given == [SHORT, RETRY]


def test_a_window_is_never_longer_than_the_model_takes(decode: Decode) -> None:
    runs = Runs(decoded())
    decode(runs, seconds=29.0)
    assert runs.given == [(FULL_WINDOW_SECONDS, 1)]


@pytest.mark.parametrize("looks", [0, 1])
def test_cancelled_decoding_gives_nothing_and_runs_no_further(decode: Decode, looks: int) -> None:
    wanted = iter([False] * looks)
    runs = Runs(decoded(doubtful=True))
    assert decode(runs, lambda: next(wanted, True)) is None
    assert len(runs.given) == looks


# --- a long utterance ---


class Decoder:
    """Stands in for the decoder: every text ends after ``reached`` seconds; notes how much audio it was given."""

    def __init__(self, reached: float) -> None:
        self.given: list[float] = []
        self._reached = reached

    def decode(self, audio: FloatArray, cancelled: Cancelled, *, thorough: bool, speech: bool) -> Decoded:
        self.given.append(round(len(audio) / CAPTURE_RATE, 1))
        return Decoded(f"part {len(self.given)}", -0.3, 0.1, self._reached, doubtful=False)


@pytest.mark.parametrize(
    ("reached", "given"),
    [
        pytest.param(10.0, [10.0], id="to the end"),
        pytest.param(9.5, [10.0], id="nearly to the end"),
        pytest.param(4.0, [10.0, 6.0, 2.0], id="not to the end"),
        pytest.param(0.5, [10.0], id="no way at all"),
    ],
)
def test_what_a_text_that_ends_early_has_left_is_decoded_on_its_own(reached: float, given: list[float]) -> None:
    decoder: Any = Decoder(reached)
    ear: Any = FakeVad()
    stream = WhisperStream(decoder, ear, Rest(), partials=False)
    stream.feed(Frame(speech(10.0)))
    assert stream.finish().text == " ".join(f"part {number}" for number in range(1, len(given) + 1))
    assert decoder.given == given


# --- the prompt ---


@pytest.mark.parametrize(
    ("multilingual", "language", "prompt"),
    [(True, "en", [101, 103, 102]), (True, "auto", [101, 0, 102]), (False, "en", [101]), (False, "xx", [101])],
)
def test_the_prompt_names_the_language_where_the_model_has_several(
    decoder: WhisperDecoder, multilingual: bool, language: str, prompt: list[int]
) -> None:
    decoder._model = SimpleNamespace(is_multilingual=multilingual)
    assert decoder._build_prompt(language) == prompt


def test_a_vocabulary_without_whisper_s_tokens_is_refused(decoder: WhisperDecoder) -> None:
    with pytest.raises(ModelError, match=r"no <\|notimestamps\|>"):
        decoder._token("<|notimestamps|>")


# --- doubt ---


@pytest.mark.parametrize(
    ("text", "seconds", "repeats"),
    [
        ("", 1.0, False),
        ("What is the capital of France?", 1.5, False),
        ("No, no, no!", 1.0, False),
        ("one two three four five six seven eight nine", 1.0, False),
        ("one two three four five six seven eight nine ten", 1.0, True),
        ("Sure. " * 20, 10.0, True),
        ("I think that it is. " * 6, 10.0, True),
    ],
)
def test_repetition_is_noticed(text: str, seconds: float, repeats: bool) -> None:
    assert _repeats(text, seconds) is repeats


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (decoded(""), True),
        (decoded(" ... ?!"), True),
        (decoded("♪"), True),
        (decoded("hello"), False),
        (decoded("42"), False),
        (decoded("안녕"), False),
        (decoded("you", MIN_LOGPROB - 0.1, MAX_NO_SPEECH + 0.1), True),
        (decoded("you", MIN_LOGPROB + 0.1, MAX_NO_SPEECH + 0.1), False),
        (decoded("you", MIN_LOGPROB - 0.1, MAX_NO_SPEECH - 0.1), False),
    ],
)
def test_no_speech_has_no_words_or_neither_model_nor_text_is_sure(result: Decoded, expected: bool) -> None:
    assert is_no_speech(result) is expected


# --- folders ---


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"model.bin": "x"}, False),
        ({"config.json": "{}"}, False),
        ({"model.bin": "x", "config.json": "{}"}, True),
        ({"model.bin": "x", "config.json": "[]"}, False),
        ({"model.bin": "x", "config.json": "no JSON"}, False),
        ({"model.bin": "x", "config.json": b"\xff\xfe"}, False),
    ],
)
def test_a_model_folder_has_weights_and_a_configuration(
    tmp_path: Path, files: dict[str, str | bytes], expected: bool
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert is_model_folder(tmp_path) is expected


def test_a_folder_that_is_not_there_is_no_model_folder(tmp_path: Path) -> None:
    assert not is_model_folder(tmp_path / "nowhere")
