"""Engines that keep the contracts and do nothing: for tests of what happens between engines, never of engines."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.cancel import Cancelled, never
from hotpin.engines import Engines
from hotpin.llm.base import Message, ReplyOptions
from hotpin.registry import EngineInfo
from hotpin.stt.base import Transcript
from hotpin.tts.base import Voice, find_voice

VOICE_RATE = 24_000
SECONDS_PER_CLAUSE = 0.5


class FakeVad:
    """Takes everything that is not digital silence for speech."""

    info = EngineInfo("fake", "fake")

    def load(self) -> None: ...

    def close(self) -> None: ...

    def fork(self) -> Self:
        return type(self)()

    def probability(self, frame: Frame) -> float:
        return 0.95 if np.any(frame.samples) else 0.02


class FakeSttStream:
    def __init__(self, stt: "FakeStt") -> None:
        self._stt = stt
        self.seconds = 0.0

    def feed(self, frame: Frame) -> None:
        self._stt.feeding.wait(5.0)
        self.seconds += frame.seconds

    def partial(self, cancelled: Cancelled = never) -> Transcript | None:
        return Transcript(self._stt.words_so_far, final=False) if self._stt.words_so_far else None

    def draft(self, cancelled: Cancelled = never) -> Transcript:
        self._stt.drafts += 1
        return replace(self.finish(cancelled), final=False)

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        self._stt.heard_seconds.append(self.seconds)
        self._stt.gate.wait(5.0)
        if self._stt.error:
            raise self._stt.error
        return Transcript(self._stt.text, final=True)


class FakeStt:
    """Understands ``text`` in whatever it hears, once its ``gate`` is open; takes audio while ``feeding`` is set."""

    info = EngineInfo("fake", "fake")

    def __init__(self, text: str = "how are you") -> None:
        self.text = text
        self.words_so_far = ""
        self.error: Exception | None = None
        self.heard_seconds: list[float] = []
        self.drafts = 0
        self.draft_seconds = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.feeding = threading.Event()
        self.feeding.set()

    def load(self) -> None: ...

    def close(self) -> None: ...

    def stream(self) -> FakeSttStream:
        return FakeSttStream(self)


class FakeLlm:
    """Writes ``reply`` a word at a time, once its ``gate`` is open; remembers what it was given."""

    info = EngineInfo("fake", "fake")

    def __init__(self, reply: str = "I am fine, thank you. And how are you today?") -> None:
        self.text = reply
        self.error: Exception | None = None
        self.prompts: list[list[Message]] = []
        self.prepared: list[list[Message]] = []
        self.listened: list[str] = []
        self.weighed: list[str] = []
        self.resting: list[str] = []
        self.complete: float | None = 0.95
        self.gate = threading.Event()
        self.gate.set()

    def load(self) -> None: ...

    def close(self) -> None: ...

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None:
        self.prepared.append(list(messages))

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None:
        self.listened.append(words)

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        self.weighed.append(words)
        return self.complete

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        self.prompts.append(list(messages))
        for word in self.text.split(" "):
            self.gate.wait(5.0)
            if cancelled():
                return
            yield word + " "
        if self.error:
            raise self.error

    def rest(self, session: str) -> None:
        self.resting.append(session)

    def forget(self, session: str) -> None: ...


class FakeProsody:
    """Hears whatever it is told to that the person has finished."""

    info = EngineInfo("fake", "fake")

    def __init__(self) -> None:
        self.sound = 0.95
        self.heard_seconds: list[float] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def load(self) -> None: ...

    def close(self) -> None: ...

    def finished(self, samples: Samples) -> float:
        self.heard_seconds.append(len(samples) / CAPTURE_RATE)
        assert self.may_answer.wait(10.0)
        return self.sound


class FakeTts:
    """Makes half a second of a loud tone of every clause."""

    info = EngineInfo("fake", "fake")
    voices = (Voice("fake", ("en",)),)

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.said: list[str] = []

    def voice(self, name: str = "") -> Voice:
        return find_voice("fake", self.voices, name)

    def load(self) -> None: ...

    def close(self) -> None: ...

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        if self.error:
            raise self.error
        self.said.append(text)
        yield Frame(np.full(int(VOICE_RATE * SECONDS_PER_CLAUSE), 8000, np.int16), VOICE_RATE)


def fake_engines() -> Engines:
    """Give a set of fakes with real workers."""
    return Engines(FakeVad(), FakeStt(), FakeLlm(), FakeTts(), prosody=FakeProsody())


def speech(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Audio that the fake VAD takes for speech."""
    return np.full(round(seconds * CAPTURE_RATE), 1000, np.int16)


def silence(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Audio that it does not."""
    return np.zeros(round(seconds * CAPTURE_RATE), np.int16)
