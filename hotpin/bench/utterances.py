"""What is said in a benchmark: recordings with their texts, or questions that the voice itself asks."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from hotpin.audio import files
from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.resample import Resampler
from hotpin.errors import AudioError, TtsError
from hotpin.tts.base import Tts
from hotpin.tts.silence import AUDIBLE

LEAD_SECONDS = 0.3
"""s of silence before a synthesised question."""

MAX_SECONDS = 300.0
"""s of one utterance at most; they are kept in memory, so that reading them takes no time while it is measured."""

QUESTIONS = (
    "What is the capital of France?",
    "How many days are there in a week?",
    "Can you tell me a short joke?",
    "What is the largest planet in the solar system?",
    "How do I boil an egg?",
    "What colour is the sky on a clear day?",
    "Who wrote Romeo and Juliet?",
    "What is the opposite of hot?",
    "How many legs does a spider have?",
    "Please name three kinds of fruit.",
    "What should I wear when it rains?",
    "Where do penguins live?",
    "What is two plus two?",
    "Tell me something about the moon.",
    "Why do leaves fall in autumn?",
    "What do bees make?",
    "How long is a football match?",
    "What is a good name for a cat?",
    "Which animal is the fastest on land?",
    "What can I cook with potatoes?",
    "How do I say thank you in Spanish?",
    "What is the boiling point of water?",
    "Do you know a song about the sea?",
    "What time of day is best for a walk?",
)
"""Two dozen questions as people ask an assistant."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing said."""

    name: str
    samples: Samples
    """int16, shape (n,), 16 kHz, mono."""
    text: str
    """The words in it."""
    speech_end: float
    """s from the beginning to the last sample of speech."""
    unfinished: bool = False
    """Whether its words plainly go on, as "and then I": to be slow after these is right."""
    pauses: tuple[tuple[float, float], ...] = ()
    """s from the beginning: where the speaker pauses before they have finished, as (start, end), in order."""

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / CAPTURE_RATE

    def frames(self) -> Iterator[Frame]:
        """Give it as a microphone would."""
        for start in range(0, len(self.samples), FRAME_SAMPLES):
            yield Frame(self.samples[start : start + FRAME_SAMPLES], CAPTURE_RATE, start / CAPTURE_RATE)


def load(folder: Path) -> list[Utterance]:
    """Read ``NN.wav`` with ``NN.json`` from ``folder``, in the order of their names.

    The JSON holds ``{"text", "speech_end_s"}``, and may hold ``"unfinished": true`` and ``"pauses": [[start, end], …]``
    in seconds.

    Raises:
        AudioError: if there is none, or one is unreadable, too long, or its JSON is not as it must be.
    """
    if not folder.is_dir():
        raise AudioError(f"there is no folder {str(folder)!r}", "Name one with NN.wav and NN.json files")
    found = [_load_one(path) for path in sorted(folder.glob("*.wav"))]
    if not found:
        raise AudioError(f"there are no .wav files in {str(folder)!r}", "It needs NN.wav with NN.json beside each")
    return found


def save(folder: Path, given: Iterable[Utterance]) -> int:
    """Write utterances as ``load`` reads them, ``001.wav`` first, and return how many they are."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for number, utterance in enumerate(given, 1):
        label = {
            "text": utterance.text,
            "speech_end_s": round(utterance.speech_end, 3),
            "unfinished": utterance.unfinished,
            "pauses": [[round(moment, 3) for moment in pause] for pause in utterance.pauses],
            "source": utterance.name,
        }
        (folder / f"{number:03}.wav").write_bytes(wav_bytes(utterance.samples, CAPTURE_RATE))
        (folder / f"{number:03}.json").write_text(json.dumps(label, ensure_ascii=False), encoding="utf-8")
    return number


def synthesise(tts: Tts, texts: Sequence[str] = QUESTIONS) -> list[Utterance]:
    """Let the voice ask the questions; it has to be loaded.

    Raises:
        TtsError: if it cannot speak.
    """
    return [_spoken(tts, number, text) for number, text in enumerate(texts, 1)]


def _load_one(path: Path) -> Utterance:
    label = path.with_suffix(".json")
    try:
        values = json.loads(label.read_text(encoding="utf-8"))
        text, speech_end = str(values["text"]), float(values["speech_end_s"])
        unfinished = bool(values.get("unfinished", False))
        pauses = tuple((float(start), float(end)) for start, end in values.get("pauses", ()))
    except FileNotFoundError as error:
        raise AudioError(f"{label.name} is missing beside {path.name}", 'It holds {"text", "speech_end_s"}') from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AudioError(f"{label.name} is not as it must be", 'It holds {"text": WORDS, "speech_end_s": S}') from error
    utterance = Utterance(path.stem, _samples(path), text, speech_end, unfinished, pauses)
    if not 0.0 < speech_end <= utterance.seconds:
        raise AudioError(f"{label.name}: speech_end_s is {speech_end}, but {path.name} has {utterance.seconds:.2f} s")
    moments = [0.0, *(moment for pause in pauses for moment in pause), speech_end]
    if not all(before <= after for before, after in pairwise(moments)):
        raise AudioError(
            f"{label.name}: the pauses {[list(pause) for pause in pauses]} are out of order",
            f"They lie one after another between 0 and speech_end_s, which is {speech_end}",
        )
    return utterance


def _samples(path: Path) -> Samples:
    pieces: list[Samples] = []
    for frame in files.read(path):
        if frame.end > MAX_SECONDS:
            raise AudioError(f"{path.name} is longer than {MAX_SECONDS:.0f} s", "Cut it into utterances")
        pieces.append(frame.samples)
    return np.concatenate(pieces)


def _spoken(tts: Tts, number: int, text: str) -> Utterance:
    frames = list(tts.speak(text))
    resampler = Resampler(frames[0].rate if frames else CAPTURE_RATE, CAPTURE_RATE)
    pieces = [resampler.push(frame.samples) for frame in frames]
    speech = np.concatenate([*pieces, resampler.flush()])
    audible = np.flatnonzero(np.abs(speech.astype(np.int32)) > AUDIBLE)
    if not len(audible):
        raise TtsError(f"the voice cannot say {text!r}", "Choose an English voice, or give --utterances")
    lead = np.zeros(int(LEAD_SECONDS * CAPTURE_RATE), np.int16)
    speech_end = LEAD_SECONDS + int(audible[-1] + 1) / CAPTURE_RATE
    return Utterance(f"{number:02}", np.concatenate((lead, speech)), text, speech_end)
