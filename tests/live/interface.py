"""The full-screen interface in a terminal of its own: how soon it is there, and whether it goes on while it writes."""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.live.figures import Findings, percentile

PAINTED = b"loading"
LISTENING = "● listening".encode()
START_SECONDS = 60.0
WRITE_SECONDS = 180.0
_COLUMNS, _ROWS = 100, 30


def starting(environment: Mapping[str, str], times: int) -> Findings:
    """Time a start: the first paint, which tells that the engines are loading, and the state in which it listens."""
    found = Findings("interface")
    paints: list[float | None] = []
    listens: list[float | None] = []
    for _ in range(times):
        began = time.monotonic()
        with _terminal([sys.executable, "-m", "hotpin"], environment) as screen:
            for waits, wanted in ((paints, PAINTED), (listens, LISTENING)):
                written = _until(screen, wanted, began + START_SECONDS)
                waits.append(None if written is None else round(written - began, 3))
        found.rows.append({"first_paint": paints[-1], "listening": listens[-1]})
    for name, waits in (("first_paint", paints), ("listening", listens)):
        found.summary |= {f"{name}_p50": percentile(waits, 50), f"{name}_max": percentile(waits, 100)}
    return found


def writing(environment: Mapping[str, str], folder: Path) -> Findings:
    """Ask for long replies; tell how late the event loop was while they were written."""
    told = folder / "lags.json"
    deadline = time.monotonic() + WRITE_SECONDS
    with _terminal([sys.executable, "-m", "tests.live.interface_subject", str(told)], environment) as screen:
        while not told.exists() and time.monotonic() < deadline and _read(screen, deadline):
            pass
    lags = json.loads(told.read_text()) if told.exists() else []
    milliseconds = [1000 * lag for lag in lags]
    return Findings(
        "interface while it writes",
        {
            "looks": len(lags),
            "lag_ms_p50": percentile(milliseconds, 50),
            "lag_ms_p99": percentile(milliseconds, 99),
            "lag_ms_max": percentile(milliseconds, 100),
        },
    )


@contextmanager
def _terminal(program: Sequence[str], environment: Mapping[str, str]) -> Iterator[int]:
    """Run a program in a terminal; it is ended afterwards."""
    screen, inside = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    own = {**environment, "TERM": "xterm-256color"}
    process = subprocess.Popen(program, stdin=inside, stdout=inside, stderr=inside, env=own, start_new_session=True)
    os.close(inside)
    try:
        yield screen
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def _until(screen: int, wanted: bytes, deadline: float) -> float | None:
    """Return when something was written to the terminal, in s on the monotonic clock."""
    seen = b""
    while data := _read(screen, deadline):
        seen = seen[-len(wanted) :] + data
        if wanted in seen:
            return time.monotonic()
    return None


def _read(screen: int, deadline: float) -> bytes:
    with suppress(OSError):  # the program has ended
        if select.select([screen], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return os.read(screen, 1 << 16)
    return b""
