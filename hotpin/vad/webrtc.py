"""WebRTC's VAD: fixed-point Gaussian mixtures on 10, 20 or 30 ms of audio; cheap, but noise can fool it."""

from collections import deque
from typing import TYPE_CHECKING, Any, Self

from hotpin.audio.blocks import Reblocker, require_capture_rate
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame
from hotpin.errors import VadError
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.settings import Settings

AGGRESSIVENESS = 3
"""0 lets most through, 3 least: a false start costs a whole turn, a late one only pre-roll."""

SMOOTHING_BLOCKS = 5
"""Blocks of 20 ms whose yes-or-no answers are averaged into a probability."""


def build(settings: "Settings") -> "WebRtcVad":
    """Build the detector, not yet loaded."""
    return WebRtcVad()


class WebRtcVad:
    """Speech probability as the share of the last 100 ms that WebRTC's detector calls speech."""

    def __init__(self) -> None:
        self._vad: Any = None
        self._blocks = Reblocker(FRAME_SAMPLES)
        self._answers: deque[bool] = deque([False] * SMOOTHING_BLOCKS, maxlen=SMOOTHING_BLOCKS)

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("webrtc", "WebRTC VAD", f"aggressiveness {AGGRESSIVENESS}")

    def load(self) -> None:
        """Create the detector; a second call does nothing."""
        if self._vad is None:
            import webrtcvad

            self._vad = webrtcvad.Vad(AGGRESSIVENESS)

    def fork(self) -> Self:
        """Give a fresh detector for another stream."""
        other = type(self)()
        other.load()
        return other

    def probability(self, frame: Frame) -> float:
        """Return the share of the last 100 ms that held speech, 0 to 1.

        Raises:
            AudioError: if the frame is not at 16 kHz.
            VadError: if the detector has not been loaded.
        """
        require_capture_rate(frame, "the WebRTC VAD")
        if self._vad is None:
            raise VadError("the WebRTC VAD has not been loaded")
        for block in self._blocks.push(frame.samples):
            self._answers.append(self._vad.is_speech(block.tobytes(), CAPTURE_RATE))
        return sum(self._answers) / SMOOTHING_BLOCKS

    def close(self) -> None:
        """Free the detector."""
        self._vad = None
