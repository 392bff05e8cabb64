"""What clients are told when something goes wrong: a code, a sentence, and whether trying again can help.

The sentences are fixed: the errors behind them name files and settings of this machine, and stand in its log.
"""

from dataclasses import dataclass

from hotpin.errors import BusyError, HotpinError
from hotpin.events import Failed


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong, as a client is told of it."""

    code: str
    message: str
    retryable: bool

    def as_dict(self) -> dict[str, object]:
        """Give the fields of an error message."""
        return {"type": "error", "code": self.code, "message": self.message, "retryable": self.retryable}


BAD_AUDIO = Problem("BAD_AUDIO", "this is not audio of a kind that is known here", retryable=False)
BUSY = Problem("BUSY", "too many turns are being answered; try again in a moment", retryable=True)
RATE_LIMITED = Problem("RATE_LIMITED", "too many turns in a minute; wait a little", retryable=True)
TOO_LATE = Problem("BUSY", "the answer took too long and was given up", retryable=True)

NOT_STORED = Problem("STORE_FAILED", "this turn is answered, but could not be kept", retryable=True)

_STAGES = {
    "stt": ("STT_FAILED", "the speech could not be understood"),
    "audio": ("STT_FAILED", "the audio could not be listened to"),
    "llm": ("LLM_FAILED", "the language model failed"),
    "tts": ("TTS_FAILED", "the voice failed"),
}


def bad_message(why: str) -> Problem:
    """Tell that a message is none of the protocol's."""
    return Problem("BAD_MESSAGE", why, retryable=False)


def too_large(seconds: float) -> Problem:
    """Tell that an utterance is longer than may be."""
    return Problem("TOO_LARGE", f"an utterance may have {seconds:g} s; the rest is not heard", retryable=False)


def of_failure(failed: Failed) -> Problem | None:
    """Say what a client is told of a failure; ``None`` where its turn is answered all the same."""
    if isinstance(failed.error, BusyError):
        return BUSY
    known = _STAGES.get(failed.stage)
    if known is None:
        return None
    retryable = failed.error.retryable if isinstance(failed.error, HotpinError) else True
    return Problem(*known, retryable)
