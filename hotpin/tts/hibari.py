"""hibari: Kokoro's af_heart voice distilled to 8 MB; English, 24 kHz, about 65 times faster than Kokoro."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotpin.audio.frame import Frame, to_int16
from hotpin.cancel import Cancelled, never
from hotpin.errors import ModelError, TtsError
from hotpin.registry import EngineInfo
from hotpin.tts.base import Voice, find_voice
from hotpin.tts.silence import trim

if TYPE_CHECKING:
    from hotpin.settings import Settings

log = logging.getLogger(__name__)

_SEED = 0
"""Of the noise in consonants and breath: the same text always sounds the same."""


def build(settings: "Settings") -> "HibariTts":
    """Build the voice from the settings, not yet loaded."""
    return HibariTts(settings)


class HibariTts:
    """The voices of hibari that are on this machine: one in its package, others where its cache has them."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._threads = settings.tts.threads or 1  # more gain it little
        self._loaded: dict[str, Any] = {}

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        threads = "1 thread" if self._threads == 1 else f"{self._threads} threads"
        return EngineInfo("hibari", f"hibari-{self._settings.tts.voice or 'heart'}", threads)

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices on this machine, the default first. The library would download others: never unasked."""
        from hibari import voices

        present = [name for name in voices.VOICES if _file(name) is not None]
        return [Voice(name, ("en",)) for name in sorted(present, key=lambda name: name != voices.DEFAULT)]

    def voice(self, name: str = "") -> Voice:
        """Look a voice up; empty means the default.

        Raises:
            TtsError: if there is none of that name here.
        """
        return find_voice("hibari", self.voices, name)

    def load(self) -> None:
        """Read the voice of the settings and its pronunciation rules; a second call does nothing.

        Raises:
            ModelError: if the voice's files are damaged.
            TtsError: if there is no such voice here.
        """
        voice = self.voice(self._settings.tts.voice).name
        if voice not in self._loaded:
            self._load(voice)

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, a sentence at a time, without the silence around it.

        Raises:
            TtsError: if there is no such voice or the engine fails.
        """
        name = self.voice(voice or self._settings.tts.voice).name
        engine = self._loaded.get(name) or self._load(name)
        try:
            for phonemes in engine.phonemize(text):
                if cancelled():
                    return
                # Of punctuation alone the model would make a breath.
                if not any(letter.isalpha() for letter in phonemes):
                    continue
                chunk = engine.from_phonemes(phonemes, speed=self._settings.tts.speed, seed=_SEED)
                samples = trim(to_int16(chunk), engine.sample_rate)
                if len(samples):
                    yield Frame(samples, engine.sample_rate)
        except (RuntimeError, ValueError, IndexError, KeyError) as error:
            log.debug("hibari failed", exc_info=True)
            raise TtsError(f"the voice {name!r} could not speak: {type(error).__name__}") from error

    def close(self) -> None:
        """Free the models."""
        self._loaded.clear()

    def _load(self, voice: str) -> Any:  # noqa: ANN401 - hibari has no type stubs
        from hibari import Hibari

        try:
            engine = Hibari(voice=voice, threads=self._threads)
            engine.sess = _frugal_session(engine.model_path, self._threads)
            engine("Hello.")  # reads the pronunciation rules, and warms the model up
        except Exception as error:  # onnxruntime raises its own unexported classes
            raise ModelError(
                f"the voice {voice!r} cannot be read: {error}",
                "Install it again: pip install --force-reinstall hibari-tts",
            ) from error
        self._loaded[voice] = engine
        return engine


def _frugal_session(path: str, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no type stubs
    """Open the model without an arena, which never gives memory back (30 MB after some dozen sentences) for no gain."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _file(voice: str) -> Path | None:
    from hibari import voices

    try:
        path = Path(voices.voice_path(voice, download_missing=False))
    except FileNotFoundError:
        return None
    return path if path.is_file() else None
