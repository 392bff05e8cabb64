"""Silero's detector rests while there is only the room's noise; what it says of speech must not depend on that."""

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.vad.silero import SileroVad
from tests.conftest import Spoken

QUIET_SECONDS = 8
SAME_SECONDS = 0.1


def start_of_speech(vad: SileroVad, sound: Samples) -> float:
    for start in range(0, len(sound), FRAME_SAMPLES):
        if vad.probability(Frame(sound[start : start + FRAME_SAMPLES])) >= 0.5:
            return start / CAPTURE_RATE
    raise AssertionError("no speech was found")


def test_speech_begins_when_it_would_have_begun_without_a_rest(spoken: Spoken) -> None:
    rng = np.random.default_rng(2)
    said = spoken("Hello there, how are you?")
    loaded = SileroVad()
    loaded.load()
    for level in (1.0, 0.1, 0.03):
        faint = np.concatenate((np.zeros(QUIET_SECONDS * CAPTURE_RATE), said * level))
        sound = np.rint(faint + rng.normal(0, 5, len(faint))).astype(np.int16)
        always = start_of_speech(loaded.fork(), sound)
        resting = SileroVad(loaded._session, gated=True)
        assert abs(start_of_speech(resting, sound) - always) <= SAME_SECONDS
