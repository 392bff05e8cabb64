"""Errors that a person may see: what happened, what to do about it, and whether trying again can help."""


class HotpinError(Exception):
    """Base of every error that Hotpin raises on purpose.

    Args:
        message: what happened, in one line, with the offending value in it.
        fix: what the person can do about it, in one line; empty when there is nothing to do.
        retryable: whether the same call may succeed later without any change.
    """

    def __init__(self, message: str, fix: str = "", *, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.retryable = retryable

    def __str__(self) -> str:
        """Give the message and, where there is one, what to do: always a single line."""
        text = f"{self.message}. {self.fix}" if self.fix else self.message
        return " ".join(text.split())


class SettingsError(HotpinError, ValueError):
    """A setting, an option or a file of settings is wrong."""


class AudioError(HotpinError, ValueError):
    """Audio that is missing, broken, empty or of an unusable format, or a sound device that fails."""


class VadError(HotpinError):
    """The voice activity detector failed."""


class SttError(HotpinError):
    """Speech recognition failed."""


class LlmError(HotpinError):
    """The language model failed."""


class TtsError(HotpinError):
    """Speech synthesis failed."""


class ModelError(HotpinError):
    """A model is missing, incomplete, damaged or could not be fetched."""


class BusyError(HotpinError):
    """A bounded queue is full."""

    def __init__(self, message: str, fix: str = "Try again in a moment") -> None:
        super().__init__(message, fix, retryable=True)


class StoreError(HotpinError):
    """Sessions cannot be read or kept."""
