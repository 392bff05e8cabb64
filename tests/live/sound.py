"""What goes into the microphone, and tapes of what can be heard, on the monotonic clock."""

import fcntl
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Self

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.tts.silence import AUDIBLE

LATENCY_MS = 10
BLOCK = CAPTURE_RATE // 100
TAPE_SECONDS = 3600.0
HISS = 3.0
"""Standard deviation of the room's noise, in int16 steps: about -80 dBFS."""

_SAMPLE_BYTES = 2
_SMALL_PIPE = 4096
_SET_PIPE_SIZE = 1031
_FORMAT = ("--raw", "--format=s16le", f"--rate={CAPTURE_RATE}", "--channels=1", f"--latency-msec={LATENCY_MS}")


class Tape:
    """Records a source of the sound server. A sample's time is exact to about ``LATENCY_MS``.

    Args:
        environment: where the sound server is.
        source: what to record.
        stream: the index of a playing stream; only that is recorded.
    """

    def __init__(self, environment: Mapping[str, str], source: str, stream: int | None = None) -> None:
        only = [] if stream is None else [f"--monitor-stream={stream}"]
        command = ["parec", *_FORMAT, f"--device={source}", *only]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        self._lock = threading.Lock()  # guards all that follows
        self._samples = np.zeros(CAPTURE_RATE, np.int16)
        self._count = 0
        self._began: float | None = None
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._record, name="tape", daemon=True)
        self._thread.start()
        assert self._running.wait(5.0), f"{source} gives no sound"

    def between(self, start: float, end: float) -> "Take":
        """Return what could be heard from ``start`` to ``end``, in s on the monotonic clock."""
        with self._lock:
            assert self._began is not None
            first = min(max(0, round((start - self._began) * CAPTURE_RATE)), self._count)
            last = min(max(first, round((end - self._began) * CAPTURE_RATE)), self._count)
            return Take(self._samples[first:last].copy(), self._began + first / CAPTURE_RATE)

    def since(self, start: float) -> "Take":
        """Return all that could be heard from ``start`` on."""
        return self.between(start, time.monotonic() + 1.0)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join(1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record(self) -> None:
        assert self._process.stdout is not None
        while len(data := self._process.stdout.read(BLOCK * _SAMPLE_BYTES)) == BLOCK * _SAMPLE_BYTES:
            now = time.monotonic()
            with self._lock:
                if self._count + BLOCK > len(self._samples):
                    room = min(2 * len(self._samples), int(TAPE_SECONDS * CAPTURE_RATE))
                    if room < self._count + BLOCK:
                        return
                    self._samples = np.concatenate((self._samples, np.zeros(room - len(self._samples), np.int16)))
                self._samples[self._count : self._count + BLOCK] = np.frombuffer(data, "<i2")
                self._count += BLOCK
                # Blocks come late or punctually, never early: the earliest tells when the first sample was.
                began = now - self._count / CAPTURE_RATE
                self._began = began if self._began is None else min(self._began, began)
            self._running.set()


@dataclass(frozen=True)
class Take:
    """A piece of a tape."""

    samples: Samples
    """int16, shape (n,), 16 kHz."""
    start: float
    """s on the monotonic clock."""

    @property
    def end(self) -> float:
        return self.start + len(self.samples) / CAPTURE_RATE

    @property
    def first_sound(self) -> float | None:
        """When the first audible sample was, in s; ``None`` if there is none."""
        audible = self._audible
        return self.start + int(audible[0]) / CAPTURE_RATE if len(audible) else None

    @property
    def last_sound(self) -> float | None:
        """When the last audible sample was, in s."""
        audible = self._audible
        return self.start + int(audible[-1]) / CAPTURE_RATE if len(audible) else None

    def gaps(self, least: float) -> list[tuple[float, float]]:
        """Return when it was silent between two sounds for ``least`` s or more, as (start, end) in s."""
        audible = self._audible
        long = np.flatnonzero(np.diff(audible) >= least * CAPTURE_RATE)
        return [
            (self.start + int(audible[at]) / CAPTURE_RATE, self.start + int(audible[at + 1]) / CAPTURE_RATE)
            for at in long
        ]

    @property
    def _audible(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        return np.flatnonzero(np.abs(self.samples.astype(np.int32)) > AUDIBLE)


class Mouth:
    """Plays into the microphone without a break: the noise of a quiet room, or what is to be said.

    Args:
        environment: where the sound server is.
        sink: where else it plays.
    """

    def __init__(self, environment: Mapping[str, str], sink: str = "mic_in") -> None:
        self._process = subprocess.Popen(
            ["pacat", *_FORMAT, f"--device={sink}"], env=environment, stdin=subprocess.PIPE
        )
        assert self._process.stdin is not None
        fcntl.fcntl(self._process.stdin, _SET_PIPE_SIZE, _SMALL_PIPE)  # what is in the pipe is late
        self._changed = threading.Condition()  # guards the queue
        self._queue: deque[Samples] = deque()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._play, args=(self._process.stdin,), name="mouth", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, samples: Samples, *, wait: bool = True) -> float:
        """Say something, and return before when nothing of it was heard, in s; with ``wait``, when it has been said."""
        now = time.monotonic()
        with self._changed:
            self._queue.extend(samples[at : at + BLOCK] for at in range(0, len(samples), BLOCK))
            if wait:
                self._changed.wait_for(lambda: not self._queue, len(samples) / CAPTURE_RATE + 5.0)
        return now

    def close(self) -> None:
        self._closed.set()
        self._process.terminate()
        self._thread.join(1.0)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _play(self, pipe: IO[bytes]) -> None:
        # What is digitally silent would be taken for a microphone that is switched off.
        silence = np.random.default_rng(1).normal(0.0, HISS, BLOCK).astype(np.int16)
        while not self._closed.is_set():
            with self._changed:
                samples = self._queue.popleft() if self._queue else silence
                if not self._queue:
                    self._changed.notify_all()
            try:
                pipe.write(samples.astype("<i2").tobytes())
                pipe.flush()
            except OSError:
                return
