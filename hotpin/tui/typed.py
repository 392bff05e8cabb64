"""What is typed, answered one message after the other."""

from collections import deque
from collections.abc import Callable

from hotpin.errors import BusyError
from hotpin.tui.widgets.transcript import Entry, Transcript

MAX_WAITING = 16
"""Messages that may wait to be answered one after the other."""


class TypedMessages:
    """Messages on the screen that wait to be answered: those typed before the call was ready, and behind them.

    Args:
        transcript: where they are shown.
        ask: has one answered; returns whether that could be done.
    """

    def __init__(self, transcript: Transcript, ask: Callable[[str], bool]) -> None:
        self._transcript = transcript
        self._ask = ask
        self._waiting: deque[Entry] = deque()

    def take(self, text: str, *, ready: bool) -> None:
        """Show a message, and have it answered at once if the call is ready and none waits before it.

        Raises:
            BusyError: if too many wait already.
        """
        if len(self._waiting) >= MAX_WAITING:
            wait = "Wait for the next answer, then press Enter again"
            raise BusyError(f"{MAX_WAITING} messages wait to be answered", wait)
        waits = not ready or bool(self._waiting)
        self._waiting.append(self._transcript.type(text, waits=waits))
        if not waits:
            self.send_next()

    def send_next(self) -> None:
        """Have the message that waits longest answered, if any does."""
        if not self._waiting:
            return
        entry = self._waiting.popleft()
        if not self._ask(entry.text):
            self._transcript.drop(entry)
