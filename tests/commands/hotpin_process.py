"""Hotpin as a person runs it: a process of its own."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotpin import models
from hotpin import settings as all_settings

TIMEOUT_SECONDS = 240.0

_RUN = "runpy.run_module('hotpin', run_name='__main__')"
IN_TERMINAL = (
    "import fcntl, runpy, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__')"
)
"""Takes its standard input as the controlling terminal, so that Ctrl-C typed there reaches it; then runs a module."""

LIMITED = (
    "import resource, runpy, sys; room = int(sys.argv.pop(1)); "
    f"resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)); {_RUN}"
)
"""Cannot write a file beyond some bytes, as on a disk that is full; then runs Hotpin."""

MEASURED = (
    "import resource, subprocess, sys; ran = subprocess.run([sys.executable, '-m', 'hotpin', *sys.argv[1:]]); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(ran.returncode)"
)
"""Runs Hotpin, and tells last how many KiB it held at most. For the system a process began with all that the one which
started it held, so that has to be a small one."""


@dataclass(frozen=True)
class Ran:
    """A finished process."""

    status: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Read standard output as one JSON object."""
        assert self.status == 0, self.err
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def refused(self, *words: str, status: int = 1) -> None:
        """Check that it failed in one clear line that has all ``words`` in it."""
        assert self.status == status, self
        assert self.out == ""
        assert "Traceback" not in self.err
        line = self.err.strip().splitlines()[-1]
        if status == 1:
            assert line.startswith("hotpin: "), self.err
        for word in words:
            assert word in line, line


class Hotpin:
    """Runs commands in an empty home that shares the real models."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOTPIN_")},
            "HOTPIN_HOME": str(home),
            "HOTPIN_MODELS__DIR": str(models.models_dir(all_settings.load())),
        }

    def start(
        self, *arguments: str | Path, stdin: int = subprocess.DEVNULL, **environment: str
    ) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "hotpin", *map(str, arguments)],
            env={**self.environment, **environment},
            cwd=self.home,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_in(self, terminal: int, *arguments: str | Path, module: str = "hotpin") -> "subprocess.Popen[bytes]":
        """Start a command as the foreground process of a terminal, given as the descriptor of its inner end."""
        return subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, module, *map(str, arguments)],
            env={**self.environment, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=self.home,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )

    def on_full_disk(self, *arguments: str | Path, room: int) -> Ran:
        """Run a command that cannot write any file beyond ``room`` bytes."""
        return self._run_in(LIMITED, str(room), *arguments)

    def measured(self, *arguments: str | Path) -> tuple[Ran, int]:
        """Run a command, and tell how many KiB of memory it held at most."""
        ran = self._run_in(MEASURED, *arguments)
        return ran, int(ran.err.splitlines()[-1])

    def _run_in(self, code: str, *arguments: str | Path) -> Ran:
        ran = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def __call__(self, *arguments: str | Path, typed: str | None = None, **environment: str) -> Ran:
        """Run a command to its end, with ``typed`` as its standard input."""
        stdin = subprocess.DEVNULL if typed is None else subprocess.PIPE
        with self.start(*arguments, stdin=stdin, **environment) as process:
            try:
                out, err = process.communicate(typed, timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Ran(process.returncode, out, err)


class Terminal:
    """A real terminal, and what is shown in it.

    Args:
        start: starts a process in it, given the descriptor of its inner end.
    """

    def __init__(self, start: "Callable[[int], subprocess.Popen[bytes]]") -> None:
        self.shown = ""
        self._ours, inner = pty.openpty()
        self.process = start(inner)
        os.close(inner)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, text: str, seconds: float = 60.0) -> None:
        """Wait until ``text`` has been shown anew."""
        deadline = time.monotonic() + seconds
        seen = len(self.shown)
        while text not in self.shown[seen:]:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} was not shown in {self.shown!r}"
            self.shown += os.read(self._ours, 4096).decode("utf-8", "replace")

    def hang_up(self) -> None:
        """Close the terminal over what runs in it."""
        os.close(self._ours)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
