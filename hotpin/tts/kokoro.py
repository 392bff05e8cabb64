"""Kokoro: 54 voices in nine languages, 24 kHz, as an ONNX model.

The model is run directly. The package kokoro-onnx would make the same call, but at once imports its phonemizer, which
is under the GPL, even where no language needs it; the call is twenty lines.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotpin import models
from hotpin.audio.frame import Frame, to_int16
from hotpin.cancel import Cancelled, never
from hotpin.environment import available_cores
from hotpin.errors import HotpinError, ModelError, TtsError
from hotpin.registry import EngineInfo
from hotpin.tts import kokoro_voices
from hotpin.tts.base import Voice
from hotpin.tts.silence import trim

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hotpin.settings import Settings
    from hotpin.tts.phonemes import Reader

log = logging.getLogger(__name__)

RATE = 24_000
"""Hz. What the model makes."""

MAX_THREADS = 4
"""More gain little and are missing elsewhere."""

MAX_PHONEMES = 400
"""Phonemes of one call at most, about 25 s of speech; the model takes 510, but hurries through its last ones."""

MAX_STYLES = 16
"""Voices and blends kept in memory, half a megabyte each."""

PEAK = 0.98
"""Loudest sample of a chunk that is left as it is; louder ones are turned down, not cut off."""

Synthesis = Callable[[list[int], "npt.NDArray[np.float32]", float], "npt.NDArray[np.float32]"]
"""Makes speech, shape (m,), 24 kHz, of n tokens, the voice's style for so many, shape (256,), and a speed."""

OpenModel = Callable[["Settings", int], Synthesis]
"""Reads a model, given how many threads it may use; it may raise ModelError and TtsError."""

_WIDE_END = re.compile(r"(?<=[。！？])(?=[^\s。！？」』）])")


def build(settings: "Settings") -> "KokoroTts":
    """Build the voice from the settings, not yet loaded."""
    return KokoroTts(settings, EngineInfo("kokoro", models.tts_model(settings)), _open_onnx)


class KokoroTts:
    """Kokoro's voices that are on this machine, and blends of them, whatever runs the model."""

    def __init__(self, settings: "Settings", info: EngineInfo, open_model: OpenModel) -> None:
        self._settings = settings
        self._threads = settings.tts.threads or min(available_cores(), MAX_THREADS)
        self._info = info
        self._open_model = open_model
        self._synthesise: Synthesis | None = None
        self._readers: dict[str, Reader] = {}
        self._styles: dict[str, npt.NDArray[np.float32]] = {}

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return replace(self._info, detail="1 thread" if self._threads == 1 else f"{self._threads} threads")

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices on this machine, the default first.

        Raises:
            ModelError: if the voices are not installed.
        """
        return kokoro_voices.list_voices(self._voices_folder())

    def voice(self, name: str = "") -> Voice:
        """Look up a voice, or a blend such as ``af_heart:0.6,bf_emma:0.4``, whose first voice decides the language.

        Raises:
            TtsError: if a voice is not here, or a weight is no positive number.
        """
        return kokoro_voices.find(self.voices, name, self._info.name)

    def load(self) -> None:
        """Read the model, the voice of the settings and the rules of its language; a second call does nothing.

        Raises:
            ModelError: if the model or the voices are missing or damaged.
            TtsError: if there is no such voice here, or its language needs a package that is not installed.
        """
        self._loaded()

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, a sentence at a time, without the silence around it.

        Raises:
            TtsError: if there is no such voice, its language cannot be read here, or the engine fails.
            ModelError: if the model or the voice is missing or damaged.
        """
        synthesise = self._loaded()
        blend = self._blend(voice)
        style, read = self._style(blend), self._reader(blend.accent)
        try:
            for sentence in _sentences(text):
                for tokens in _calls(read(sentence)):
                    if cancelled():
                        return
                    audio = synthesise(tokens, style[len(tokens) - 1], self._settings.tts.speed)
                    samples = trim(to_int16(_turned_down(audio)), RATE)
                    if len(samples):
                        yield Frame(samples, RATE)
        except HotpinError:
            raise
        except Exception as error:  # onnxruntime raises its own unexported classes
            log.debug("kokoro failed", exc_info=True)
            raise TtsError(f"the voice {voice or 'of the settings'!r} failed: {type(error).__name__}") from error

    def close(self) -> None:
        """Free the model."""
        self._synthesise = None
        self._readers.clear()
        self._styles.clear()

    def _loaded(self) -> Synthesis:
        if self._synthesise is None:
            blend = self._blend("")
            style = self._style(blend)
            synthesise = self._open_model(self._settings, self._threads)
            read = self._reader(blend.accent)
            # The first call is slower than all others.
            for tokens in _calls(read("Hello.")):
                synthesise(tokens, style[len(tokens) - 1], 1.0)
            self._synthesise = synthesise
        return self._synthesise

    def _blend(self, voice: str) -> kokoro_voices.Blend:
        return kokoro_voices.blend(self.voices, voice or self._settings.tts.voice, self._info.name)

    def _style(self, blend: kokoro_voices.Blend) -> "npt.NDArray[np.float32]":
        key = repr(blend.parts)
        if key not in self._styles:
            if len(self._styles) >= MAX_STYLES:
                self._styles.clear()
            self._styles[key] = kokoro_voices.style(self._voices_folder(), blend)
        return self._styles[key]

    def _reader(self, accent: str) -> "Reader":
        if accent not in self._readers:
            from hotpin.tts import phonemes

            self._readers[accent] = phonemes.reader(accent)
        return self._readers[accent]

    def _voices_folder(self) -> Path:
        return models.resolve(self._settings, "tts", "kokoro-voices")


def _open_onnx(settings: "Settings", threads: int) -> Synthesis:
    import numpy as np

    path = models.resolve(settings, "tts", models.tts_model(settings))
    session, options = _session(path, threads)
    # The exports of the model differ in one name and in one type.
    types = {value.name: value.type for value in session.get_inputs()}
    tokens_name = "tokens" if "tokens" in types else "input_ids"
    if set(types) != {tokens_name, "style", "speed"}:
        raise ModelError(
            f"{path} is no Kokoro model: its inputs are {', '.join(sorted(types))}",
            "Name kokoro-int8, kokoro-fp32 or an ONNX export of Kokoro-82M v1.0 in tts.model",
        )
    speed_type = np.float32 if types["speed"] == "tensor(float)" else np.int32

    def synthesise(tokens: list[int], style: "npt.NDArray[np.float32]", speed: float) -> "npt.NDArray[np.float32]":
        given = {tokens_name: np.array([[0, *tokens, 0]]), "style": style[np.newaxis]}
        given["speed"] = np.array([speed]).astype(speed_type)
        audio: npt.NDArray[np.float32] = session.run(None, given, options)[0]
        return audio.reshape(-1)

    return synthesise


def _session(path: Path, threads: int) -> tuple[Any, Any]:
    """Open the model: the session, and the options of a run.

    Measured with 2 threads on 12 s of speech: with onnxruntime's arena 717 MB stay resident; without it 280 MB, but it
    peaks at 2.5 GB; with an arena that shrinks after each run 316 MB and 598 MB, for 8 % more time.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads that spin while they wait slow the language model down, which writes while this speaks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    run = onnxruntime.RunOptions()
    run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    run.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]), run
    except Exception as error:  # onnxruntime raises its own unexported classes
        raise ModelError(
            f"the voice model {path} cannot be read: {' '.join(str(error).split())[:200]}",
            "Fetch it again: hotpin models pull kokoro-int8",
        ) from error


def _sentences(text: str) -> list[str]:
    from hibari import Hibari

    sentences: list[str] = Hibari.split_sentences(_WIDE_END.sub(" ", text).replace("。 ", "。\n"))
    return sentences


def _calls(phonemes: str) -> Iterator[list[int]]:
    """Divide a sentence's phonemes into the tokens of one call each, at punctuation or else between words."""
    from hotpin.tts.phonemes import tokens

    rest = phonemes.strip()
    while rest:
        end = len(rest) if len(rest) <= MAX_PHONEMES else _cut(rest[:MAX_PHONEMES])
        call, rest = rest[:end], rest[end:].lstrip()
        # Of punctuation alone the model would make a breath.
        if any(map(str.isalpha, call)) and (found := tokens(call)):
            yield found


def _cut(phonemes: str) -> int:
    marks = max(phonemes.rfind(mark) for mark in ",;:—.!?…")
    return marks + 1 or phonemes.rfind(" ") + 1 or len(phonemes)


def _turned_down(audio: "npt.NDArray[np.float32]") -> "npt.NDArray[np.float32]":
    loudest = float(abs(audio).max(initial=0.0))
    return audio * (PEAK / loudest) if loudest > PEAK else audio
