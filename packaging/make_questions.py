"""Makes the demo's questions, assets/questions/*.wav, with Hotpin's own voice: run it again after changing them."""

from pathlib import Path

import numpy as np

from hotpin import settings
from hotpin.audio.codecs import WavWriter
from hotpin.audio.frame import CAPTURE_RATE
from hotpin.audio.resample import Resampler
from hotpin.tts.hibari import build

QUESTIONS = {
    "1-france": "What is the capital of France?",
    "2-week": "How many days are there in a week?",
    "3-spider": "How many legs does a spider have?",
    "4-penguins": "Where do penguins live?",
}
"""File name and what is asked in it."""

FOLDER = Path(__file__).parent.parent / "assets" / "questions"
SILENCE_SECONDS = 0.3
"""s before and after each question."""


def main() -> None:
    """Write every question."""
    voice = build(settings.load(environ={}))
    voice.load()
    silence = np.zeros(int(SILENCE_SECONDS * CAPTURE_RATE), np.int16)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in QUESTIONS.items():
        with WavWriter(FOLDER / f"{name}.wav", CAPTURE_RATE) as writer:
            writer.write(silence)
            for frame in voice.speak(text):
                resampler = Resampler(frame.rate, CAPTURE_RATE)
                writer.write(resampler.push(frame.samples))
                writer.write(resampler.flush())
            writer.write(silence)


if __name__ == "__main__":
    main()
