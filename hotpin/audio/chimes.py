"""Short sounds that tell what no screen shows: I hear you, I fall asleep, I am still thinking, something went wrong.

``assets/chimes`` has them, made by packaging/make_chimes.py of tones that no voice activity detector takes for speech.
"""

import threading
import time
import wave
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hotpin import paths
from hotpin.audio.frame import Samples
from hotpin.audio.playback import Playback
from hotpin.audio.resample import Resampler
from hotpin.bus import Subscription
from hotpin.events import Attention, AttentionChanged, Event, Failed, State, StateChanged

THINKING_SECONDS = 1.5
"""s without an answer after which a sound tells that it is still being made."""

STILL_THINKING_SECONDS = 6.0
"""s from then on until it is told again."""

_CLOSE_SECONDS = 1.0


class Chime(StrEnum):
    """What is told; the value is the file's name."""

    HEARD = "heard"
    """Woken, or listening again: go ahead."""

    ASLEEP = "asleep"
    """Nobody listens any more."""

    THINKING = "thinking"
    ERROR = "error"


@dataclass(slots=True)
class Occasions:
    """When which chime is due: no threads, no clock. ``now`` is in s on any clock."""

    due: float | None = None
    """When, in s, the next sign of thinking is to be given if no answer comes before; ``None`` if none is."""
    _attention: Attention | None = None
    _state: State = State.LISTENING

    def step(self, event: Event, now: float) -> Chime | None:
        """Take what happened and return what is to be played at once."""
        match event:
            case StateChanged(state=state):
                self._state = state
                self.due = now + THINKING_SECONDS if state is State.THINKING else None
            case AttentionChanged(attention=attention):
                before, self._attention = self._attention, attention
                return self._attend(before, attention)
            case Failed():
                self.due = None
                return Chime.ERROR
        return None

    def pass_time(self, now: float) -> Chime | None:
        """Return what is due by ``now`` because nothing has happened."""
        if self.due is None or now < self.due:
            return None
        self.due = now + STILL_THINKING_SECONDS
        return Chime.THINKING

    def _attend(self, before: Attention | None, now: Attention) -> Chime | None:
        if now is Attention.AWAKE:
            return Chime.HEARD
        # It begins awake, or falls asleep without a word at the start; and who talks by key is left as a reply begins.
        was_awake = before is Attention.AWAKE or (before is None and now is Attention.MUTED)
        return Chime.ASLEEP if was_awake and self._state is State.LISTENING else None


class Chimes:
    """Plays a chime whenever something happens that calls for one, on a thread of its own.

    Args:
        playback: lays the sounds over whatever it plays.
        events: what happens in one conversation; closed with the chimes.

    Raises:
        OSError: if the sounds are not where Hotpin was installed.
    """

    def __init__(self, playback: Playback, events: Subscription) -> None:
        self._playback = playback
        self._events = events
        self._sounds = {chime: load(chime, playback.rate) for chime in Chime}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotpin-chimes", daemon=True)
        self._thread.start()

    def play(self, chime: Chime) -> None:
        """Play one now."""
        self._playback.overlay(self._sounds[chime])

    def close(self) -> None:
        """Play none from now on; one that sounds is played to its end."""
        self._closed.set()
        self._events.close()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        occasions = Occasions()
        while not self._closed.is_set():
            wait = None if occasions.due is None else max(0.0, occasions.due - time.monotonic())
            event = self._events.get(wait)
            now = time.monotonic()
            chime = occasions.pass_time(now) if event is None else occasions.step(event, now)
            if chime is not None and not self._closed.is_set():
                self.play(chime)


def load(chime: Chime, rate: int) -> Samples:
    """Return a chime at ``rate`` Hz: int16, shape (n,).

    Raises:
        OSError: if its file is missing.
    """
    with closing(wave.open(str(paths.assets_dir() / "chimes" / f"{chime}.wav"))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        resampler = Resampler(file.getframerate(), rate)
    return np.concatenate((resampler.push(samples), resampler.flush()))
