"""The child process in which pyttsx3 lives, as its parent sees it; the program that runs there is ``pyttsx3_child``."""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import IO, Any, cast

from hotpin.cancel import Cancelled, never
from hotpin.errors import ModelError, TtsError

START_SECONDS = 30.0
"""s the child has to start and list its voices: it takes 0.3 s, but longer where the disk is a slow memory card."""

SPEAK_SECONDS = 5.0
"""s the child has for any sentence: espeak needs 0.02 s, but the system may have to load a voice first."""

SPEAK_SECONDS_A_CHARACTER = 0.05

_POLL_SECONDS = 0.02
"""s between two questions whether a speech is still wanted."""

_END_SECONDS = 5.0
_PROGRAM = Path(__file__).with_name("pyttsx3_child.py")

Message = Mapping[str, Any]
"""A line of the protocol; see ``pyttsx3_child``."""


class Child:
    """A process, and a private folder for the file that it writes speech to. ``end()`` ends it, more than once too."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="hotpin-"))
        self.file = folder / "speech.wav"
        try:
            # -P: no folder, neither this one nor the working folder, may stand in for the package pyttsx3.
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", str(_PROGRAM), str(self.file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
                start_new_session=True,  # Ctrl-C in the terminal is for the parent
            )
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._process = process
        self._requests = cast("IO[str]", process.stdin)
        self._answers: SimpleQueue[Message | None] = SimpleQueue()
        self._hello: Message | None = None
        # A thread, since on Windows nobody can wait for a pipe with a limit.
        pipe = cast("IO[str]", process.stdout)
        threading.Thread(target=_read, args=(pipe, self._answers), name="hotpin-pyttsx3", daemon=True).start()
        # Also when the engine is forgotten unclosed, and when the interpreter exits.
        self.end = weakref.finalize(self, _end, process, self._requests, folder)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def hello(self, cancelled: Cancelled = never) -> Message | None:
        """Give what the child tells when it has started, its voices; nothing as soon as it is cancelled.

        Raises:
            ModelError: if pyttsx3 or the system's speech library is missing.
            TtsError: if it does not start.
        """
        if self._hello is None:
            hello = self._answer(START_SECONDS, cancelled)
            if hello and "error" in hello:
                raise ModelError(f"pyttsx3 has no voices here: {hello['error']}", _mend(hello["error"]))
            self._hello = hello
        return self._hello

    def speak(self, text: str, voice: str, rate: int, cancelled: Cancelled = never) -> Message | None:
        """Have ``text`` spoken into the file; give the answer, or nothing as soon as it is cancelled.

        Raises:
            TtsError: if the child dies or hangs.
        """
        try:
            self._requests.write(json.dumps({"text": text, "voice": voice, "rate": rate}) + "\n")
            self._requests.flush()
        except (OSError, ValueError) as error:  # the pipe is broken, or closed
            raise self._died() from error
        return self._answer(SPEAK_SECONDS + SPEAK_SECONDS_A_CHARACTER * len(text), cancelled)

    def _answer(self, seconds: float, cancelled: Cancelled) -> Message | None:
        deadline = monotonic() + seconds
        while not cancelled():
            left = deadline - monotonic()
            if left <= 0:
                raise TtsError(
                    f"the system's voice hung: it was stopped after {seconds:.1f} s",
                    "Try again; if it hangs each time, choose another with tts.voice or tts.engine",
                    retryable=True,
                )
            with suppress(Empty):
                answer = self._answers.get(timeout=min(left, _POLL_SECONDS))
                if answer is None:
                    raise self._died()
                return answer
        return None

    def _died(self) -> TtsError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        status = self._process.returncode
        return TtsError(f"the system's voice ended unexpectedly (status {status})", "Try again", retryable=True)


def _read(pipe: IO[str], answers: "SimpleQueue[Message | None]") -> None:
    with pipe, suppress(ValueError):  # half a line: it was killed while it wrote
        for line in pipe:
            answers.put(json.loads(line))
    answers.put(None)


def _end(process: "subprocess.Popen[str]", requests: IO[str], folder: Path) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    with suppress(OSError):  # a request that was never read
        requests.close()
    shutil.rmtree(folder, ignore_errors=True)


def _mend(error: str) -> str:
    if error.startswith(("ImportError", "ModuleNotFoundError")):
        return "Install it: pip install 'hotpin[pyttsx3]'"
    if sys.platform.startswith("linux"):
        return "Install it: sudo apt-get install espeak-ng"
    return "Check that the system itself can speak, or choose another engine with tts.engine"
