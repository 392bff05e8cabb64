"""openWakeWord: a network of Google's that turns 80 ms of sound into features, and a small one for each word.

The package pyopen-wakeword carries both, and TensorFlow Lite to run them. It is optional, since openWakeWord's models
may not be used commercially (CC-BY-NC-SA). With a threshold of 0.5 all of 50 calls were heard, each of the 5 words in
10 synthesised voices. In 6 minutes of recordings and 35 of a synthesised voice ``alexa`` was called twice by mistake,
``hey_rhasspy`` once, the others never. What sounds alike is often taken for the word: "Hey Charles", "Okay now". After
digital silence, as a noise gate leaves it, ``okay_nabu`` is missed one time in six; a quiet room's noise is enough.

It is only asked while there is more than the room's noise, beginning with the last half second before.
"""

from collections import deque
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import Frame, Samples
from hotpin.audio.noise_gate import NoiseGate
from hotpin.errors import HotpinError, ModelError, SettingsError
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.settings import Settings

NAME = "open-wakeword"
WORDS = ("hey_jarvis", "okay_nabu", "hey_mycroft", "alexa", "hey_rhasspy")
"""What the package has a model for."""

BLOCK_SAMPLES = 1_280
"""Samples from one answer to the next."""

WARM_UP_BLOCKS = 28
"""Blocks of silence that are heard before the first real one: each answer needs the last 2 s."""

CAUGHT_UP_BLOCKS = 6
"""Blocks before a sound rose over the room's noise that are gone through then."""

_SHARED_MODELS = ("melspectrogram", "embedding_model")
_REINSTALL = "Install it again with: pip install --force-reinstall pyopen-wakeword"


def build(settings: "Settings") -> "OpenWakeWord":
    """Build the engine, not yet loaded.

    Raises:
        SettingsError: if it has no model for the word.
        HotpinError: if its package is not installed.
    """
    word = settings.wake.word
    if word not in WORDS:
        raise SettingsError(f"{NAME} does not know the wake word {word!r}", f"Choose one of: {', '.join(WORDS)}")
    if find_spec("pyopen_wakeword") is None:
        raise HotpinError(
            f"the wake engine {NAME!r} needs the Python module 'pyopen_wakeword', which is not installed",
            "Install it with pip install 'hotpin[wake]', or leave wake.word empty to do without a wake word",
        )
    return OpenWakeWord(word)


class OpenWakeWord:
    """Probability of one word; real-time factor about 0.06 on one thread."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._blocks = Reblocker(BLOCK_SAMPLES)
        self._features: Any = None  # the package may be missing where types are checked
        self._model: Any = None
        self._probability = 0.0
        self._gate = NoiseGate()
        self._passed_over: deque[Samples] = deque(maxlen=CAUGHT_UP_BLOCKS)

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo(NAME, self._word, "1 thread")

    def load(self) -> None:
        """Read the models and warm them up; a second call does nothing.

        Raises:
            ModelError: if one is missing or damaged, or TensorFlow Lite does not run here.
        """
        if self._model is None:
            self._features, self._model = _open(self._word)
            for _ in range(WARM_UP_BLOCKS):
                self._step(np.zeros(BLOCK_SAMPLES, np.int16))

    def fork(self) -> Self:
        """Give a fresh engine for another stream; both map the same model files into memory."""
        other = type(self)(self._word)
        other.load()
        return other

    def probability(self, frame: Frame) -> float:
        """Return the highest probability in the frame that the word was said; blocks of 80 ms are formed inside.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            HotpinError: if the models have not been loaded.
        """
        require_capture_rate(frame, "openWakeWord")
        if self._model is None:
            raise HotpinError(f"the wake word {self._word!r} has not been loaded")
        answers = [answer for block in self._blocks.push(frame.samples) for answer in self._judge(block)]
        self._probability = max(answers, default=self._probability)
        return self._probability

    def close(self) -> None:
        """Free the models."""
        if self._model is not None:
            self._model.close()
            self._features.close()
        self._features = self._model = None

    def _judge(self, block: Samples) -> Iterator[float]:
        self._passed_over.append(block)
        if not self._gate.opens(block):
            yield 0.0
            return
        while self._passed_over:
            yield self._step(self._passed_over.popleft())

    def _step(self, block: Samples) -> float:
        answers = (
            float(answer)
            for features in self._features.process_streaming(block.tobytes())
            for answer in self._model.process_streaming(features)
        )
        return max(answers, default=0.0)


def _open(word: str) -> tuple[Any, Any]:
    """Open what makes features and what finds the word in them, for a stream of their own."""
    import pyopen_wakeword

    folder = Path(pyopen_wakeword.__file__).parent / "models"
    for name in (*_SHARED_MODELS, word):
        _require_model(folder / f"{name}.tflite")
    try:
        features = pyopen_wakeword.OpenWakeWordFeatures.from_builtin(folder)
        model = pyopen_wakeword.OpenWakeWord.from_builtin(pyopen_wakeword.Model(word), folder)
    except (OSError, RuntimeError, ValueError) as error:  # the library is missing, or is for another system
        raise ModelError(f"the wake word {word!r} cannot be listened for: {error}", _REINSTALL) from error
    features.new_audio_samples = 0  # it would hear 8 s of silence first, four times what is needed
    return features, model


def _require_model(path: Path) -> None:
    """Refuse what is no TensorFlow Lite model: the library would crash on it, and Hotpin with it."""
    try:
        with path.open("rb") as file:
            mark = file.read(8)[4:]
    except OSError as error:
        raise ModelError(f"the wake word's model {path} cannot be read: {error.strerror}", _REINSTALL) from error
    if mark != b"TFL3":
        raise ModelError(f"the wake word's model {path} is damaged", _REINSTALL)
