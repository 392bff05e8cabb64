"""pyttsx3: the voices that the system has: espeak-ng's on Linux, those of macOS and Windows; 130 languages with espeak.

Its run loop cannot be trusted in a thread, so it lives in a child process that can be killed when it hangs.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hotpin.audio import files
from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never
from hotpin.clauses import ClauseSplitter
from hotpin.errors import AudioError, HotpinError, TtsError
from hotpin.registry import EngineInfo
from hotpin.tts.base import Voice, find_voice
from hotpin.tts.pyttsx3_process import Child, Message
from hotpin.tts.silence import trim

if TYPE_CHECKING:
    from hotpin.settings import Settings

_TWO_LETTERS: Mapping[str, tuple[str, ...]] = {
    "cmn": ("zh",),
    "nb": ("nb", "no"),
    "nn": ("nn", "no"),
    "hyw": ("hyw", "hy"),
}
"""Languages that espeak and recognisers call by different codes."""

_PREFERRED: Mapping[str, str] = {"en": "en-us", "zh": "cmn", "no": "nb"}
"""The voice for a language where it is not the one called like the language."""

_SENTENCE_END = re.compile(r"[.!?…。！？]['\"’”)\]」』）]*$")


def build(settings: "Settings") -> "Pyttsx3Tts":
    """Build the engine from the settings; no process is started yet."""
    return Pyttsx3Tts(settings)


class Pyttsx3Tts:
    """The system's voices, spoken by a child process that is started when it is needed, and anew after a failure."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._rate = round(settings.tts.rate * settings.tts.speed)
        self._lock = threading.RLock()  # one request at a time: the voices may be listed while the worker speaks
        self._child: Child | None = None
        self._ids: dict[str, str] = {}  # the system's identifier of each voice, by name
        self._voices: tuple[Voice, ...] = ()
        self._loaded = False

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("pyttsx3", self._settings.tts.voice or "the system's voice", f"{self._rate} words/min")

    @property
    def voices(self) -> Sequence[Voice]:
        """The system's voices, first the best for the language of the settings.

        Raises:
            ModelError: if pyttsx3 or the system's speech library is missing.
            TtsError: if they cannot be listed.
        """
        if not self._voices:
            with self._lock:
                self._started()
        return self._voices

    def voice(self, name: str = "") -> Voice:
        """Look a voice up; empty means the default.

        Raises:
            TtsError: if there is none of that name here.
        """
        return find_voice("pyttsx3", self.voices, name)

    def load(self) -> None:
        """Start the child and try it; a second call does nothing.

        Raises:
            ModelError: if pyttsx3 or the system's speech library is missing.
            TtsError: if there is no such voice here as in the settings, or it fails.
        """
        voice = self.voice(self._settings.tts.voice).name
        if not self._loaded:
            self._speak("Hello", voice)
            self._loaded = True

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, a sentence at a time, without the silence around it.

        Raises:
            TtsError: if there is no such voice, or the child fails or hangs: then the next call starts another.
        """
        name = self.voice(voice or self._settings.tts.voice).name
        for sentence in sentences(text):
            frame = None if cancelled() else self._speak(sentence, name, cancelled)
            if cancelled():
                return
            if frame is not None:
                yield frame

    def close(self) -> None:
        """End the child, also while it speaks in another thread; nothing of it is left."""
        child, self._child = self._child, None
        self._loaded = False
        if child:
            child.end()

    def _speak(self, sentence: str, voice: str, cancelled: Cancelled = never) -> Frame | None:
        with self._lock:
            child = self._started(cancelled)
            if child is None:
                return None
            try:
                answer = child.speak(sentence, self._ids[voice], self._rate, cancelled)
            except TtsError:
                self.close()
                raise
            if answer is None:
                # It cannot be told to stop. Its successor starts now, while nobody waits for it.
                self.close()
                self._child = _new_child()
                return None
            try:
                return _heard(child.file, voice, answer)
            finally:
                child.file.unlink(missing_ok=True)

    def _started(self, cancelled: Cancelled = never) -> Child | None:
        """Give the child once it is ready; nothing if it is cancelled until then."""
        child = self._child = self._child or _new_child()
        try:
            hello = child.hello(cancelled)
        except HotpinError:
            self.close()
            raise
        if hello and not self._voices:
            language = self._settings.spoken_language
            self._ids, self._voices = _named(hello, language)
        return child if hello else None


def _new_child() -> Child:
    try:
        return Child()
    except OSError as error:
        raise TtsError(f"the system's voice cannot be started: {error}", retryable=True) from error


def sentences(text: str) -> list[str]:
    """Cut ``text`` into sentences of words to say, so that the first can be heard before the others are spoken."""
    splitter = ClauseSplitter()
    clauses = [clause.text for clause in (*splitter.feed(text), *splitter.finish()) if clause.text]
    # The splitter cuts the first sentence at a comma, to be early: here that gains nothing and costs the melody.
    if len(clauses) > 1 and not _SENTENCE_END.search(clauses[0]):
        clauses[:2] = [" ".join(clauses[:2])]
    return clauses


def _heard(file: Path, voice: str, answer: Message) -> Frame | None:
    """Read what was spoken, at its own rate, whatever its format: macOS writes AIFF."""
    if "error" in answer:
        raise TtsError(f"the voice {voice!r} could not speak: {answer['error']}")
    try:
        frames = list(files.decode(file))
    except AudioError as error:
        raise TtsError(f"the voice {voice!r} could not speak: {error}", retryable=True) from error
    samples = trim(np.concatenate([frame.samples for frame in frames]), frames[0].rate)
    return Frame(samples, frames[0].rate) if len(samples) else None


def _named(hello: Message, language: str) -> tuple[dict[str, str], tuple[Voice, ...]]:
    """Give each voice a short name: its identifier and its description by name, the best for ``language`` first."""
    ids: dict[str, str] = {}
    voices: dict[str, Voice] = {}
    for found in hello["voices"]:
        name = _short_name(found)
        if name in voices:
            name = found["id"]
        title = ", ".join(filter(None, (found["name"].strip(), found["gender"])))
        ids[name] = found["id"]
        voices[name] = Voice(name, _codes(found["languages"]), title)

    language = "en" if language in ("", "auto") else language
    wanted = _PREFERRED.get(language, language)

    def rank(voice: Voice) -> tuple[bool, ...]:
        return not voice.speaks(language), voice.name != wanted, ids[voice.name] != hello["default"]

    return ids, tuple(sorted(voices.values(), key=rank))


def _short_name(found: Message) -> str:
    """``en-us`` of espeak's ``gmw/en-us``; elsewhere identifiers are long, and names are what people know."""
    espeak = re.fullmatch(r"(?:[a-z]+/)?([a-z0-9-]+)", found["id"])
    return espeak[1] if espeak else str(found["name"])


def _codes(tags: Sequence[str]) -> tuple[str, ...]:
    codes = [re.split("[-_]", tag.lower())[0] for tag in tags]
    return tuple(code for known in codes for code in _TWO_LETTERS.get(known, (known,)))
