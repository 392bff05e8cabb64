"""Lines that a person types during a call: in a terminal, or through a pipe."""

import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TextIO

import typer

from hotpin.commands import common
from hotpin.conversation import Conversation
from hotpin.errors import BusyError, HotpinError
from hotpin.events import State

PROMPT = "You: "

FAREWELLS = frozenset({"exit", "quit", "/exit", "/quit"})
"""Lines that end the call instead of going to the model."""

COMMANDS: dict[str, Callable[[Conversation], None]] = {
    "/mute": Conversation.mute,
    "/unmute": Conversation.unmute,
    "/listen": Conversation.listen,
}
"""Lines that do something else."""

MAX_LINE_BYTES = 64 << 10
"""Bytes of one typed line; a longer one is taken in pieces."""

_LOOK_SECONDS = 0.05
"""s between two looks whether the prompt may be shown."""


class Typist:
    """Reads lines from standard input on a thread of its own and gives them to a conversation.

    From a terminal at once, since typing over a reply interrupts it; else one after the other.

    Args:
        conversation: who is told.
        prompts: whether to ask for each line with a prompt, wherever no reply is being written.
    """

    def __init__(self, conversation: Conversation, *, prompts: bool) -> None:
        self.failure: HotpinError | None = None
        """Why there are no more lines, if not because their end was reached."""
        self._terminal = _Terminal() if prompts else None
        self._conversation = conversation
        self._at_once = is_terminal(sys.stdin)
        self._changed = threading.Condition()  # guards all below
        self._taken = 0
        self._seen: deque[bool] = deque()
        self._written: set[int] = set()
        self._over: set[int] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._read, name="hotpin-typist", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether there are no more lines, and the last one has been answered."""
        return self._ended.is_set() and self._idle()

    @property
    def prompt(self) -> str:
        """The prompt that is shown, with what is typed behind it; empty if there is none."""
        return self._terminal.prompt if self._terminal is not None else ""

    def close(self) -> None:
        """Leave the terminal as it was found, the cursor on a line of its own."""
        if self._terminal is not None:
            self._terminal.close()

    def was_seen(self) -> bool:
        """Whether the line that is answered next stands on the screen already; each line is asked for once."""
        with self._changed:
            return self._seen.popleft() if self._seen else False

    def written(self, turn: int) -> None:
        """Tell that nothing more will be written of the reply to a line: there is room for a prompt."""
        with self._changed:
            self._written.add(turn)

    def over(self, turn: int) -> None:
        """Tell that the turn of a line is over."""
        self.written(turn)
        with self._changed:
            self._over.add(turn)
            self._changed.notify_all()

    def _idle(self) -> bool:
        """Whether every line has been answered."""
        with self._changed:
            return len(self._over) >= self._taken

    def _prompt_fits(self) -> bool:
        """Whether no reply is being written, or about to be."""
        with self._changed:
            return len(self._written) >= self._taken

    def _read(self) -> None:
        try:
            for line, seen in self._lines():
                if line.lower() in FAREWELLS:
                    self._silence()
                    break
                self._take(line, seen=seen)
        except OSError as error:  # such as the standard input that nohup gives
            self.failure = HotpinError(
                f"standard input cannot be read: {error.strerror or error}",
                "Type in a terminal, pipe lines in, or say recordings with --input",
            )
        finally:
            self._ended.set()

    def _lines(self) -> Iterator[tuple[str, bool]]:
        """Give each line, and whether the person saw it behind a prompt while they typed."""
        if self._terminal is not None:
            while (typed := self._terminal.read(self._prompt_fits)) is not None:
                yield typed[0].strip(), typed[1]
            return
        # In bytes: what is no text in it must not end the call.
        while sys.stdin is not None and (line := sys.stdin.buffer.readline(MAX_LINE_BYTES)):
            if not self._at_once:
                with self._changed:
                    self._changed.wait_for(self._idle)
            yield line.decode("utf-8", "replace").strip(), False

    def _take(self, line: str, *, seen: bool) -> None:
        if not line:
            if self._at_once:
                self._silence()
            return
        if line.lower() in COMMANDS:
            with suppress(BusyError):
                COMMANDS[line.lower()](self._conversation)
            return
        with self._changed:
            self._taken += 1
            self._seen.append(seen)
        try:
            self._conversation.type(line)
        except BusyError as error:
            with self._changed:
                self._taken -= 1
                self._seen.pop()
            common.say(f"hotpin: {error}")

    def _silence(self) -> None:
        with suppress(BusyError):
            if self._conversation.state is State.LISTENING:
                self._conversation.listen()
            else:
                self._conversation.interrupt()


class _Terminal:
    """Reads lines from a terminal: at a prompt with line editing, or unseen while something else is being written.

    What is typed unseen stands at the next prompt, unless Enter made it a line before.
    """

    def __init__(self) -> None:
        with suppress(ImportError):
            import readline  # noqa: F401 - its import alone lets input() edit
        sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
        self._unseen = b""
        self._prompting = False
        self._closed = False
        self._found = _modes()
        self._show_typing(on=False)

    def read(self, prompt_fits: Callable[[], bool]) -> tuple[str, bool] | None:
        """Give the next line, and whether it was typed at a prompt; ``None`` at the end.

        Raises:
            OSError: if the terminal is gone.
        """
        while not self._closed:
            line, newline, rest = self._unseen.partition(b"\n")
            if newline or len(line) >= MAX_LINE_BYTES:
                self._unseen = rest
                return line.decode("utf-8", "replace"), False
            fits = prompt_fits()
            if self._whole_line_waits(0.0 if fits else _LOOK_SECONDS):
                typed = os.read(sys.stdin.fileno(), MAX_LINE_BYTES)
                if not typed:
                    return None
                # The line editor has the terminal leave Enter as it is.
                self._unseen += typed.replace(b"\r", b"\n")
            elif fits:
                return self._at_prompt()
        return None

    @property
    def prompt(self) -> str:
        """The prompt with what is typed behind it; empty if there is none."""
        if not self._prompting:
            return ""
        editor = sys.modules.get("readline")
        return PROMPT + (editor.get_line_buffer() if editor else "")

    def close(self) -> None:
        """Leave the terminal as it was found, the cursor on a line of its own."""
        self._closed = True
        self._show_typing(on=True)
        if self._prompting:
            typer.echo()

    def _at_prompt(self) -> tuple[str, bool] | None:
        begun, self._unseen = self._unseen.decode("utf-8", "replace"), b""
        self._prompting = True
        self._show_typing(on=True)
        try:
            line = input(PROMPT + begun)
        except EOFError:
            return None
        self._prompting = False
        if not self._closed:
            self._show_typing(on=False)
        return begun + line, True

    @staticmethod
    def _whole_line_waits(seconds: float) -> bool:
        if sys.platform == "win32":  # there only sockets can be asked
            time.sleep(seconds)
            return False
        return bool(select.select([sys.stdin], [], [], seconds)[0])

    def _show_typing(self, *, on: bool) -> None:
        """Have the terminal show what is typed, or not; in either case it hands over whole lines."""
        if sys.platform == "win32" or self._found is None:
            return
        import termios

        local = self._found[3] if on else self._found[3] & ~termios.ECHO
        with suppress(termios.error):  # it is gone: reading from it will tell
            termios.tcsetattr(sys.stdin, termios.TCSANOW, [*self._found[:3], local, *self._found[4:]])


def _modes() -> list[Any] | None:
    """Give how the terminal is set, where the system tells."""
    if sys.platform == "win32":
        return None
    import termios

    with suppress(termios.error):
        return list(termios.tcgetattr(sys.stdin))
    return None


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is there and is a terminal."""
    return stream is not None and stream.isatty()
