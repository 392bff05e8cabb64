"""A call with a Hotpin on another machine: its microphone and loudspeaker are here, everything else is there.

It knows of the server what ``docs/protocols.md`` says of ``/ws``, and nothing else.
"""

import json
import random
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hotpin.audio.frame import FRAME_SAMPLES, Frame
from hotpin.audio.mic import Microphone
from hotpin.remote_line import Line, RemoteError
from hotpin.remote_player import ReplyPlayer

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
"""s before the line is opened anew: at first, and at most; doubled at each attempt."""

STABLE_SECONDS = 5.0
"""s after which a line counts as good, so that the next attempt is the first again."""

ANSWER_SECONDS = 150.0
"""s that a reply may take to begin: longer than the server gives any turn."""

_POLL_SECONDS = 0.1
_TAIL_SECONDS = 0.3
"""s for which a reply is still in the room after it has been played."""

_SILENCE = np.zeros(FRAME_SAMPLES, np.int16)


@dataclass(slots=True)
class RemoteTurn:
    """A question and its answer."""

    heard: str = ""
    reply: str = ""
    spoken: str | None = None
    """What was heard of a reply that was interrupted."""


class Show(Protocol):
    """Shows what happens."""

    def partial(self, text: str) -> None:
        """What has been understood so far."""
        ...

    def heard(self, text: str) -> None:
        """What was said."""
        ...

    def reply(self, delta: str) -> None:
        """The next piece of a reply."""
        ...

    def reply_over(self) -> None:
        """The reply is complete, or cut off."""
        ...

    def tell(self, text: str) -> None:
        """What is no part of the conversation."""
        ...


class RemoteCall:
    """A call while it is held.

    Args:
        line: to the server.
        player: plays the replies.
        show: shows what happens.
    """

    def __init__(self, line: Line, player: ReplyPlayer, show: Show) -> None:
        self.turns: list[RemoteTurn] = []
        self.failed = False
        """Whether something went wrong in the last turn."""
        self._line = line
        self._player = player
        self._show = show
        self._turn = RemoteTurn()
        self._answering = False
        """Whether more of a reply is to come."""
        self._dropping = False
        """Whether what still comes of it is not to be heard."""
        self._replies = 0
        self._over = threading.Event()

    def interrupt(self) -> None:
        """Stop the reply; from any thread."""
        self._line.send({"signal": "cancel"})
        self._silence()

    def hang_up(self) -> None:
        """End the call; from any thread."""
        self._over.set()

    def listen(self, microphone: Microphone) -> None:
        """Hold the call, whose line is open, until somebody hangs up; a line that is cut is opened anew.

        Raises:
            RemoteError: if the server refuses.
        """
        opened = time.monotonic()
        speaking = threading.Thread(target=self._send_all, args=(microphone,), name="hotpin-remote", daemon=True)
        speaking.start()
        attempt = 0
        try:
            while not self._over.is_set():
                try:
                    self._take_next()
                except RemoteError as error:
                    attempt = 0 if time.monotonic() - opened > STABLE_SECONDS else attempt
                    attempt = self._come_back(error, attempt)
                    opened = time.monotonic()
        finally:
            self._over.set()
            self._line.close()

    def say(self, recordings: Iterable[Iterable[Frame]], *, real_time: bool) -> None:
        """Say recordings one after the other, each once the reply before it has been heard.

        Raises:
            RemoteError: if the line cannot be had, or is cut: what was asked is not asked twice.
        """
        self._line.open()
        try:
            for recording in recordings:
                self._ask(recording, real_time=real_time)
        finally:
            self._over.set()
            self._line.close()

    # --- what is said ---

    def _send_all(self, microphone: Microphone) -> None:
        """Send what the microphone hears; silence while it may hear the reply."""
        sounded = 0.0
        while not self._over.is_set():
            frame = microphone.read(_POLL_SECONDS)
            if frame is None:
                continue
            now = time.monotonic()
            if self._player.busy:
                sounded = now
            deaf = microphone.hears_itself and now - sounded < _TAIL_SECONDS
            self._line.send((_SILENCE if deaf else frame.samples).astype("<i2", copy=False).tobytes())

    def _ask(self, recording: Iterable[Frame], *, real_time: bool) -> None:
        began, seconds, replies = time.monotonic(), 0.0, self._replies
        for frame in recording:
            while self._take_next(0.0):  # such as that the server does not go on
                pass
            seconds += frame.seconds
            if real_time:
                time.sleep(max(0.0, began + seconds - time.monotonic()))
            self._line.send(frame.samples.astype("<i2", copy=False).tobytes())
        self._line.send({"signal": "EOS"})
        deadline = time.monotonic() + ANSWER_SECONDS
        while self._replies == replies or not self._player.heard:
            if self._take_next():
                deadline = time.monotonic() + ANSWER_SECONDS
            elif time.monotonic() > deadline:
                raise RemoteError(f"the server has not answered within {ANSWER_SECONDS:g} s", retryable=True)

    # --- what the server says ---

    def _take_next(self, timeout: float = _POLL_SECONDS) -> bool:
        """Wait a moment for a message; return whether one came."""
        message = self._line.receive(timeout)
        if isinstance(message, bytes):
            if not self._dropping:
                self._answering = True
                self._player.push(message)
        elif message is not None:
            self._take(_read(message))
        return message is not None

    def _take(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"type": "status", "status": "thinking"}:
                self._turn, self.failed = RemoteTurn(), False
                self._answering, self._dropping = True, False
            case {"type": "transcript", "text": str(text), "is_final": True}:
                self._turn.heard = text
                self._show.heard(text)
            case {"type": "transcript", "text": str(text)}:
                self._show.partial(text)
            case {"type": "reply", "delta": str(delta)}:
                self._turn.reply += delta
                self._show.reply(delta)
            case {"type": "audio_end"}:
                self._end_reply()
            case {"type": "interrupted", **more}:
                self._turn.spoken = str(more.get("spoken", ""))
                self._silence()
                self._show.reply_over()
            case {"type": "error", "message": str(text)}:
                self.failed = True
                self._show.tell(f"hotpin: the server says: {text}")

    def _end_reply(self) -> None:
        if not self._dropping:
            self._player.end()
        self._answering = self._dropping = False
        self._replies += 1
        self._show.reply_over()
        if self._turn.heard:
            self.turns.append(self._turn)

    def _silence(self) -> None:
        self._dropping = self._answering
        self._player.stop()

    def _come_back(self, error: RemoteError, attempt: int) -> int:
        """Open the line anew, however long it takes; return how many attempts it took.

        Raises:
            RemoteError: if that is of no use.
        """
        self._silence()
        self._answering = self._dropping = False
        self._show.reply_over()
        while not self._over.is_set():
            if not error.retryable:
                raise error
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            attempt += 1
            self._show.tell(f"{error.message[0].upper()}{error.message[1:]}; trying again in {max(1, round(wait))} s")
            if self._over.wait(wait):
                break
            try:
                self._line.open()
            except RemoteError as again:
                error = again
            else:
                self._show.tell("Connected again")
                break
        return attempt


def _read(text: str) -> Mapping[str, Any]:
    """Read a message; what is none, or of a kind that is not known, is passed over."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
