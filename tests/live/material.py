"""What is said and what makes a noise: recordings, questions that are synthesised, coughs and doors."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hotpin import registry
from hotpin.audio import files
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples, to_int16
from hotpin.audio.resample import Resampler
from hotpin.bench.utterances import QUESTIONS
from hotpin.settings import Settings
from hotpin.tts.base import Tts
from hotpin.tts.silence import AUDIBLE
from hotpin.vad.base import Vad
from tests.conftest import choosing

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
"""Recordings with a ``manifest.jsonl``, where there are any."""

LONGEST_SECONDS = 6.5
ONSET_DB = 20.0
"""dB below the loud parts of a recording from which something is speech, if it lasts."""

_ONSET_SAMPLES = CAPTURE_RATE // 100
_ONSET_RUN = 6
BACKCHANNELS = (
    *(("hibari", text) for text in ("Uh-huh.", "Mm-hm.", "Right.")),
    *(("pyttsx3", text) for text in ("Uh-huh.", "Hum.", "Right.")),
)
"""A voice and what it says. The system's own spells "Mm-hm" out, letter by letter: that is no hum."""
_BASES = ("repository", "file name")


@dataclass(frozen=True)
class Clip:
    """Something that is played into the microphone."""

    name: str
    samples: Samples
    """int16, shape (n,), 16 kHz."""
    text: str = ""
    """The words in it; empty for a noise."""
    speech_end: float = 0.0
    """s from the beginning to the last sample of speech."""
    made: bool = False
    """Whether a synthetic voice says it."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / CAPTURE_RATE

    @property
    def first_sound(self) -> float:
        """s from the beginning to the first audible sample."""
        return int(np.argmax(np.abs(self.samples.astype(np.int32)) > AUDIBLE)) / CAPTURE_RATE

    @property
    def speech_start(self) -> float:
        """s from the beginning to the first word: recordings begin with the hiss of their room, and with a breath."""
        frames = self.samples[: len(self.samples) // _ONSET_SAMPLES * _ONSET_SAMPLES].reshape(-1, _ONSET_SAMPLES)
        levels = 10 * np.log10(np.mean(np.square(frames.astype(np.float64)), axis=1) + 1.0)
        loud = levels > np.percentile(levels, 95) - ONSET_DB
        runs = np.convolve(loud, np.ones(_ONSET_RUN), "valid") == _ONSET_RUN
        return int(np.argmax(runs)) * _ONSET_SAMPLES / CAPTURE_RATE


class Voices:
    """Voices that say what is wanted; each is loaded when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: dict[str, Tts] = {}

    def say(self, text: str, engine: str = "hibari") -> Clip:
        if engine not in self._engines:
            self._engines[engine] = registry.build_tts(choosing(self._settings, "tts", engine=engine))
            self._engines[engine].load()
        frames = list(self._engines[engine].speak(text))
        resampler = Resampler(frames[0].rate, CAPTURE_RATE)
        samples = np.concatenate([*(resampler.push(frame.samples) for frame in frames), resampler.flush()])
        audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
        return Clip(f"{engine}: {text}", samples, text, (int(audible[-1]) + 1) / CAPTURE_RATE, made=True)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()


def recordings(folder: Path, settings: Settings) -> list[Clip]:
    """Return what people say in English, in sentences whose words are certain; none where there is no such folder."""
    vad = registry.build_vad(choosing(settings, "vad", engine="silero"))
    vad.load()
    wanted = [
        entry
        for entry in _manifest(folder)
        if entry.get("language") == "en"
        and entry.get("transcript_basis") in _BASES
        and "variant_of" not in entry
        and float(str(entry["seconds"])) <= LONGEST_SECONDS
    ]
    clips = []
    for entry in wanted:
        samples = _read(folder / str(entry["file"]))
        clips.append(Clip(str(entry["id"]), samples, str(entry["transcript"]), _speech_end(vad.fork(), samples)))
    vad.close()
    return clips


def noises(folder: Path) -> list[Clip]:
    """Return recordings of noise and music."""
    return [
        Clip(str(entry["id"]), _read(folder / str(entry["file"])))
        for entry in _manifest(folder)
        if entry.get("speaker_kind") == "noise"
    ]


def utterances(folder: Path, settings: Settings, voices: Voices, count: int) -> list[Clip]:
    """Return questions that are synthesised and recordings in turns, as many as there are up to ``count``."""
    people = recordings(folder, settings)
    questions: Sequence[str] = QUESTIONS
    mixed: list[Clip] = []
    for number in range(max(len(people), len(questions))):
        if number < len(questions) and len(mixed) < count:
            mixed.append(voices.say(questions[number]))
        if number < len(people) and len(mixed) < count:
            mixed.append(people[number])
    return mixed


def made_noises(seed: int = 1) -> list[Clip]:
    """Return coughs and doors, made of filtered noise: bursts without a pitch or the resonances of a vowel."""
    chance = np.random.default_rng(seed)
    made = [Clip(f"cough {number}", _cough(chance)) for number in range(3)]
    return [*made, *(Clip(f"door {number}", _door(chance)) for number in range(3))]


def _cough(chance: np.random.Generator) -> Samples:
    """Two bursts of broad noise: a hard beginning, then a hiss that dies away within 0.2 s."""
    bursts = []
    for level in (0.35, 0.2):
        at = np.arange(round(chance.uniform(0.18, 0.25) * CAPTURE_RATE)) / CAPTURE_RATE
        shape = np.minimum(at / 0.008, 1.0) * np.exp(-at / chance.uniform(0.04, 0.07))
        bursts += [level * shape * _noise(chance, len(at), 400.0, 5000.0), np.zeros(CAPTURE_RATE // 12)]
    return to_int16(np.concatenate(bursts))


def _door(chance: np.random.Generator) -> Samples:
    """A thud below 200 Hz with the click of the latch on top."""
    at = np.arange(round(0.5 * CAPTURE_RATE)) / CAPTURE_RATE
    thud = 0.5 * np.exp(-at / chance.uniform(0.06, 0.12)) * _noise(chance, len(at), 40.0, 200.0)
    latch = 0.25 * np.exp(-at / 0.006) * _noise(chance, len(at), 1500.0, 6000.0)
    return to_int16(thud + latch)


def _noise(chance: np.random.Generator, count: int, low: float, high: float) -> npt.NDArray[np.float64]:
    """Noise between two frequencies in Hz, as loud as a full scale sine at most."""
    spectrum = np.fft.rfft(chance.normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / CAPTURE_RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / np.abs(noise).max())


def _speech_end(vad: Vad, samples: Samples) -> float:
    ends = [
        (start + FRAME_SAMPLES) / CAPTURE_RATE
        for start in range(0, len(samples) - FRAME_SAMPLES, FRAME_SAMPLES)
        if vad.probability(Frame(samples[start : start + FRAME_SAMPLES])) >= 0.5
    ]
    return ends[-1] if ends else len(samples) / CAPTURE_RATE


def _manifest(folder: Path) -> list[dict[str, object]]:
    file = folder / "manifest.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def _read(path: Path) -> Samples:
    return np.concatenate([frame.samples for frame in files.read(path)])
