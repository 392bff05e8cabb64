"""What the voices say is understood by a recogniser: 30 sentences as an assistant says them."""

from collections.abc import Iterable

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, Frame
from hotpin.audio.resample import Resampler
from hotpin.bench import words
from hotpin.spoken import speakable
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from tests.conftest import Loaded

SENTENCES = (
    "Good morning, how can I help you today?",
    "The capital of France is Paris.",
    "Your appointment is on Tuesday at half past nine.",
    "There are twelve eggs in the kitchen and three in the fridge.",
    "Would you like me to call Doctor Miller?",
    "The train to London leaves in fifteen minutes.",
    "I have set a timer for 25 minutes.",
    "It will be cloudy with a little rain in the afternoon.",
    "Please tell me your name and your telephone number.",
    "The answer is 42.",
    "Why do you want to know that?",
    "Michael and Sarah are coming to dinner on Friday.",
    "Turn left at the church, then go straight on for two miles.",
    "The second world war ended in 1945.",
    "I am sorry, I did not understand you.",
    "Water boils at 100 degrees.",
    "What time should I wake you up tomorrow?",
    "The shop around the corner closes at eight in the evening.",
    "My favourite animal is the elephant.",
    "She bought a new car for 18,000 dollars.",
    "Don't forget to take your umbrella with you.",
    "Is there anything else that I can do for you?",
    "He was born on the third of March.",
    "The quick brown fox jumps over the lazy dog.",
    "About 8 million people live in New York City.",
    "Let us begin with the first question.",
    "Can you hear the birds singing in the garden?",
    "The restaurant has a table for four people at seven o'clock.",
    "Yes, that sounds like a very good idea!",
    "Thank you for calling, and have a nice day.",
)

KOKORO_VOICES = ("af_heart", "am_michael", "bf_emma", "bm_george")


def heard(stt: Stt, frames: Iterable[Frame]) -> str:
    """Let the recogniser hear the frames, with the pauses between them."""
    stream = stt.stream()
    for frame in frames:
        resampler = Resampler(frame.rate, CAPTURE_RATE)
        stream.feed(Frame(np.concatenate((resampler.push(frame.samples), resampler.flush()))))
    return stream.finish().text


def word_error_rate(tts: Tts, stt: Stt, voices: tuple[str, ...]) -> float:
    """Say each sentence with one of the voices, in turn, and count the words that were heard wrongly."""
    wrong = said = 0
    for number, sentence in enumerate(SENTENCES):
        voice = voices[number % len(voices)]
        reference = words.normalised(sentence)
        text = heard(stt, tts.speak(speakable(sentence), voice))
        errors = words.errors(reference, words.normalised(text))
        if errors:
            print(f"{voice}: {sentence!r} was heard as {text!r}")
        wrong += errors
        said += len(reference)
    print(f"{voices}: {wrong} of {said} words wrong")
    return wrong / said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "voices", "allowed"),
    [("hibari", ("",), 0.08), ("kokoro", KOKORO_VOICES, 0.08), ("pyttsx3", ("",), 0.25)],
)
def test_thirty_sentences_are_understood(
    loaded: Loaded, whisper: Stt, engine: str, voices: tuple[str, ...], allowed: float
) -> None:
    assert word_error_rate(loaded.tts(engine), whisper, voices) <= allowed
