"""Silero VAD v6, a small recurrent network, on onnxruntime.

The model file ships inside the faster-whisper package; only the file is used, so that package's imports are not paid
for. Each step takes 64 samples of context and 512 new ones (32 ms) and carries two state vectors of 128 values.

In a conversation it is only asked while there is more than the room's noise. When a sound opens the gate, the last
blocks before it are gone through first, so that the network's state is much as if it had heard all.
"""

from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import Frame, Samples, to_float
from hotpin.audio.noise_gate import NoiseGate
from hotpin.errors import ModelError, VadError
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.settings import Settings

BLOCK_SAMPLES = 512
CONTEXT_SAMPLES = 64
CAUGHT_UP_BLOCKS = 32
"""Blocks before the gate opened that are gone through then, a second: the state forgets what was earlier."""

_LIVELY = 0.1
"""Probability from which the gate stays open, whatever it thinks itself."""

_STATE_SHAPE = (1, 1, 128)
_MODEL = "silero_vad_v6.onnx"


def build(settings: "Settings") -> "SileroVad":
    """Build the detector, not yet loaded."""
    return SileroVad(gated=True)


class SileroVad:
    """Speech probability by Silero's network; real-time factor about 0.007 on one thread.

    Args:
        gated: whether the last answer is repeated while there is nothing but the room's noise.
    """

    def __init__(self, session: Any = None, *, gated: bool = False) -> None:  # noqa: ANN401 - onnxruntime is untyped
        self._session = session
        self._gate = NoiseGate() if gated else None
        self._passed_over: deque[Samples] = deque(maxlen=CAUGHT_UP_BLOCKS)
        self._blocks = Reblocker(BLOCK_SAMPLES)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._h = np.zeros(_STATE_SHAPE, np.float32)
        self._c = np.zeros(_STATE_SHAPE, np.float32)
        self._probability = 0.0

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("silero", "silero-vad-v6", "1 thread")

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model file is not where its package puts it, or is damaged.
        """
        if self._session is None:
            self._session = _open(_model_file())

    def fork(self) -> Self:
        """Give a fresh detector for another stream; the loaded model is shared."""
        self.load()
        return type(self)(self._session, gated=self._gate is not None)

    def probability(self, frame: Frame) -> float:
        """Return the probability of speech at the end of ``frame``; blocks of 32 ms are formed inside.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            VadError: if the detector has not been loaded.
        """
        require_capture_rate(frame, "the Silero VAD")
        if self._session is None:
            raise VadError("the Silero VAD has not been loaded")
        for block in self._blocks.push(frame.samples):
            self._passed_over.append(block)
            if self._gate is None or self._gate.opens(block) or self._probability >= _LIVELY:
                while self._passed_over:
                    self._step(self._passed_over.popleft())
        return self._probability

    def close(self) -> None:
        """Free the model."""
        self._session = None

    def _step(self, block: Samples) -> None:
        audio = to_float(block)
        window = np.concatenate((self._context, audio))[np.newaxis, :]
        output, self._h, self._c = self._session.run(None, {"input": window, "h": self._h, "c": self._c})
        self._context = audio[-CONTEXT_SAMPLES:]
        self._probability = float(output.flat[0])


def _model_file() -> Path:
    spec = find_spec("faster_whisper")
    path = Path(spec.origin).parent / "assets" / _MODEL if spec and spec.origin else Path(_MODEL)
    if not path.is_file():
        raise ModelError(f"the Silero VAD's model {_MODEL} is missing", "Install it with: pip install faster-whisper")
    return path


def _open(path: Path) -> Any:  # noqa: ANN401 - onnxruntime has no type stubs
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One tiny step at a time: more threads only spin and slow the other engines.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own unexported classes
        raise ModelError(f"the Silero VAD's model {path.name} cannot be read: {error}") from error
