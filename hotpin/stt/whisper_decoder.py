"""Decodes stretches of speech with a Whisper model on CTranslate2, in a window as short as the speech allows.

Whisper was trained on windows of 30 s, and the usual way pads every utterance to that. Encoding is most of the time, so
here the window is the speech plus 3 s of silence. Three things keep the words as good as with the whole window:
decoding with timestamps (without them the model repeats itself), dropping what comes after the timestamp that reaches
the end of the speech, and longer windows, up to those 30 s, where the short one repeats itself or is not sure.

Measured on 34 clips, 320 words, base model: 25 errors against 22 of the library's own 30 s window with beam 5, in a
quarter of the time (tests/stt/test_recordings.py).
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE
from hotpin.cancel import Cancelled
from hotpin.errors import ModelError, SttError
from hotpin.stt.mel import HOP_SAMPLES, FloatArray, LogMel

FULL_WINDOW_SECONDS = 30.0
"""s. What the model was trained on and can take at most."""

PADDING_SECONDS = 3.0
"""s of silence after the speech: with 1 s short words are repeated, with 6 s nothing is gained."""

TIMESTAMP_SECONDS = 0.02
"""s. Resolution of Whisper's timestamp tokens."""

END_TOLERANCE_SECONDS = 0.5
"""s. A timestamp this close to the end of the audio (of which 0.3 s are silence) has reached the end of the speech."""

MIN_LOGPROB = -1.0
"""Mean log probability per token under which a result is doubted; OpenAI's own threshold."""

MAX_NO_SPEECH = 0.5
"""A doubted result is no speech if the model gives that more than this probability; on noise it gave 0.57-0.91."""

MAX_COMPRESSION = 2.4
"""Text that zlib shrinks more than this repeats itself; OpenAI's own threshold."""

MAX_WORDS_PER_SECOND = 7.0
"""Nobody speaks faster; repetition in a short window does."""

TOKENS_PER_SECOND = 12
"""Bound of the decoder: languages written with several tokens a syllable need about 10."""

FULL_STOPS = '. ? ! ." ?" !" 。 ？ ！'
OTHER_MARKS = ", ; : ... - -- — – … ， 、 ； ："
"""Punctuation after a word: what ends a sentence, and the rest. Which of them the model expects tells better than which
it writes whether the person has finished: of pairs of an end and a pause 0.81 are put in the right order, not 0.66."""

MARK_FLOOR = 0.003
"""Probability that is added to both: where the model expects no punctuation at all, it tells nothing."""

RETRY_BEAM = 5

RETRY_PADDING_SECONDS = 10.0
"""s of silence that a doubtful result is tried again with: enough on 4 clips of 4, in a fifth of the time."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One result of the model."""

    text: str
    logprob: float
    """Mean log probability per token."""
    no_speech: float
    """Probability that there was no speech at all."""
    reached: float
    """s from the start of the audio up to which the text goes."""
    doubtful: bool
    """Whether it repeats itself or the model was not sure."""
    full_stop: float | None = None
    """Share of what ends a sentence in the probability of punctuation after the last word; ``None`` if not known."""


class WhisperDecoder:
    """A loaded model; used from one thread at a time.

    Args:
        folder: a CTranslate2 Whisper model of any size, with its ``tokenizer.json``.
        threads: bound of the model's threads.
        language: ISO 639-1 code, or ``auto``.

    Raises:
        ModelError: if the folder is not such a model.
        SttError: if the model does not know the language.
    """

    def __init__(self, folder: Path, threads: int, language: str) -> None:
        import ctranslate2
        import tokenizers

        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._model = ctranslate2.models.Whisper(
                str(folder), compute_type="int8", intra_threads=threads, inter_threads=1
            )
        except Exception as error:  # both libraries raise bare exceptions
            raise ModelError(
                f"the Whisper model in {folder} cannot be read: {error}",
                f"Fetch it again: hotpin models pull {folder.name}",
            ) from error
        self._view = ctranslate2.StorageView.from_array
        self._mel = LogMel(self._model.n_mels)
        self._end = self._token("<|endoftext|>")
        self._first_timestamp = self._token("<|notimestamps|>") + 1
        self._stops, self._others = self._marks(FULL_STOPS), self._marks(OTHER_MARKS)
        self._prompt = self._build_prompt(language)
        self._factor = 0.0  # s of work for each s of window, as last measured

    def expected_seconds(self, seconds: float) -> float:
        """Return how long decoding so much audio will take on this machine; 0 before anything was measured."""
        return self._factor * min(seconds + PADDING_SECONDS, FULL_WINDOW_SECONDS)

    def decode(
        self, audio: FloatArray, cancelled: Cancelled, *, thorough: bool = True, speech: bool = False
    ) -> Decoded | None:
        """Understand speech of at most 30 s, shape (n,), 16 kHz; ``None`` if cancelled in between.

        Without ``thorough`` what is doubtful gives ``None`` as well: it is not tried again in the whole window. What
        the model takes for no speech is only tried again if it certainly is ``speech``.
        CTranslate2 cannot be stopped inside a call: ``cancelled`` is asked before each.
        """
        seconds = len(audio) / CAPTURE_RATE
        if cancelled():
            return None
        window_seconds = min(seconds + PADDING_SECONDS, FULL_WINDOW_SECONDS)
        began = perf_counter()
        short = self._run(audio, window_seconds, beam=1)
        factor = (perf_counter() - began) / window_seconds
        self._factor = (self._factor + factor) / 2 if self._factor else factor  # one busy moment counts half
        if not short.doubtful or (is_no_speech(short) and not speech):
            return short
        tried = [short]
        for longer in sorted({min(seconds + RETRY_PADDING_SECONDS, FULL_WINDOW_SECONDS), FULL_WINDOW_SECONDS}):
            if not thorough or cancelled():
                return None
            tried.append(self._run(audio, longer, beam=RETRY_BEAM))
            if not tried[-1].doubtful:
                break
        return max(tried, key=lambda result: result.logprob)

    def _run(self, audio: FloatArray, window_seconds: float, beam: int) -> Decoded:
        seconds = len(audio) / CAPTURE_RATE
        features = self._features(audio, window_seconds)
        try:
            encoded = self._model.encode(self._view(features[np.newaxis]))
            result = self._model.generate(
                encoded,
                [self._prompt_for(encoded)],
                beam_size=beam,
                max_length=min(448, int(seconds * TOKENS_PER_SECOND) + 16),
                return_scores=True,
                return_no_speech_prob=True,
                return_logits_vocab=beam == 1,
            )[0]
        except RuntimeError as error:
            raise SttError(f"Whisper failed: {error}") from error
        words, reached = self._up_to_end(result.sequences_ids[0], seconds)
        text = self._tokenizer.decode([token for _, token in words]).strip()
        full_stop = self._full_stop(words, result.logits[0]) if words and beam == 1 else None
        logprob = float(result.scores[0])
        doubtful = logprob < MIN_LOGPROB or _repeats(text, seconds)
        return Decoded(text, logprob, float(result.no_speech_prob), reached, doubtful, full_stop)

    def _features(self, audio: FloatArray, window_seconds: float) -> FloatArray:
        """Return the spectrogram of the window, shape (bands, frames), contiguous."""
        samples = int(window_seconds * CAPTURE_RATE)
        if window_seconds < FULL_WINDOW_SECONDS:
            features = self._mel(np.pad(audio, (0, samples - len(audio))))
            # The encoder halves the number of frames: an odd one would be cut in the middle of its stride.
            return np.ascontiguousarray(features[:, : features.shape[1] // 2 * 2])
        # The whole window is filled up as the library does it, after the spectrogram: with 0, which is no silence.
        # On the clip that needs this window most it makes 13 errors instead of 19.
        spoken = self._mel(np.pad(audio, (0, HOP_SAMPLES)))[:, : samples // HOP_SAMPLES]
        return np.pad(spoken, ((0, 0), (0, samples // HOP_SAMPLES - spoken.shape[1])))

    def _up_to_end(self, tokens: list[int], seconds: float) -> tuple[list[tuple[int, int]], float]:
        """Take the text up to the timestamp that reaches the end of the audio: the step and the token of each piece."""
        words: list[tuple[int, int]] = []
        reached = 0.0
        for step, token in enumerate(tokens):
            if token >= self._first_timestamp:
                reached = (token - self._first_timestamp) * TIMESTAMP_SECONDS
                if words and reached >= seconds - END_TOLERANCE_SECONDS:
                    break
            elif token < self._end:
                words.append((step, token))
        else:
            # It ended by itself, without a last timestamp: then the text goes to the end.
            if tokens and tokens[-1] < self._first_timestamp:
                reached = seconds
        return words, min(reached, seconds)

    def _full_stop(self, words: list[tuple[int, int]], logits: Any) -> float | None:  # noqa: ANN401 - no type stubs
        """Return the share of what ends a sentence in the probability of punctuation after the last word.

        Args:
            words: steps and tokens of the text.
            logits: of each step, for the whole vocabulary.
        """
        step, token = words[-1]
        if token not in self._stops and token not in self._others:
            step += 1  # nothing is written: what might have been?
        if step >= len(logits):
            return None
        values = np.array(logits[step], np.float64)
        odds = np.exp(values - values.max())
        floor = MARK_FLOOR * odds.sum()
        stops = odds[self._stops].sum() + floor
        return float(stops / (stops + odds[self._others].sum() + floor))

    def _marks(self, marks: str) -> list[int]:
        """Return the tokens of punctuation marks, with and without a space before."""
        ids = (
            self._tokenizer.encode(text, add_special_tokens=False).ids
            for mark in marks.split()
            for text in (mark, f" {mark}")
        )
        return sorted({one[0] for one in ids if len(one) == 1})

    def _build_prompt(self, language: str) -> list[int]:
        start = self._token("<|startoftranscript|>")
        if not self._model.is_multilingual:
            return [start]
        if language == "auto":
            return [start, 0, self._token("<|transcribe|>")]
        code = self._tokenizer.token_to_id(f"<|{language}|>")
        if code is None:
            raise SttError(
                f"Whisper does not know the language {language!r}", "Give its ISO 639-1 code, such as en, or auto"
            )
        return [start, code, self._token("<|transcribe|>")]

    def _prompt_for(self, encoded: Any) -> list[int]:  # noqa: ANN401 - ctranslate2 has no type stubs
        if len(self._prompt) == 1 or self._prompt[1]:
            return self._prompt
        language, _ = self._model.detect_language(encoded)[0][0]
        return [self._prompt[0], self._token(language), self._prompt[2]]

    def _token(self, text: str) -> int:
        token = self._tokenizer.token_to_id(text)
        if token is None:
            raise ModelError(f"this is not a Whisper model: its vocabulary has no {text}")
        return int(token)


def is_no_speech(result: Decoded) -> bool:
    """Whether a result is the model's guess on something that holds no words."""
    if not any(letter.isalnum() for letter in result.text):
        return True
    return result.logprob < MIN_LOGPROB and result.no_speech > MAX_NO_SPEECH


def _repeats(text: str, seconds: float) -> bool:
    if len(text.split()) > MAX_WORDS_PER_SECOND * seconds + 2:
        return True
    raw = text.encode()
    return len(raw) > 0 and len(raw) / len(zlib.compress(raw)) > MAX_COMPRESSION


def is_model_folder(folder: Path) -> bool:
    """Whether ``folder`` looks like a Whisper model for CTranslate2."""
    config = folder / "config.json"
    if not (folder / "model.bin").is_file() or not config.is_file():
        return False
    try:
        return isinstance(json.loads(config.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return False
