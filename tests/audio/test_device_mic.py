"""The real microphone: frames and their times from plain arrays, the device itself on a sound server of software."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.ring import SILENT_SECONDS, Framer, Piece, Ring, Timeline
from tests.conftest import skip_or_fail
from tests.e2e.rig import Rig, sound_server

RATE = 48_000
BEGAN = 50.0
"""s: when sample 0 was captured."""


def timeline() -> Timeline:
    made = Timeline(RATE)
    made.arrived(0, BEGAN)
    return made


def frames_of(framer: Framer) -> list[Frame]:
    frames = []
    while (frame := framer.pop()) is not None:
        frames.append(frame)
    return frames


def click_at(position: int, count: int) -> Samples:
    samples = np.zeros(count, np.int16)
    samples[position : position + 48] = 20_000
    return samples


def test_frames_are_dated_by_when_their_samples_were_captured() -> None:
    framer, times = Framer(), timeline()
    samples = click_at(RATE // 2, RATE)
    for begin in range(0, RATE, 480):
        framer.push(Piece(samples[begin : begin + 480], begin, times, RATE))
    frames = frames_of(framer)
    assert all(len(frame.samples) == FRAME_SAMPLES and frame.rate == CAPTURE_RATE for frame in frames)
    assert [frame.start for frame in frames[:3]] == pytest.approx([BEGAN, BEGAN + 0.02, BEGAN + 0.04])
    loudest = max(frames, key=lambda frame: int(frame.samples.max()))
    click = loudest.start + int(np.argmax(loudest.samples > 10_000)) / CAPTURE_RATE
    assert click == pytest.approx(BEGAN + 0.5, abs=0.001)


def test_after_a_hole_the_frames_are_dated_behind_it() -> None:
    framer, times = Framer(), timeline()
    framer.push(Piece(np.ones(RATE, np.int16), 0, times, RATE))
    before = frames_of(framer)
    framer.push(Piece(np.ones(RATE, np.int16), 5 * RATE, times, RATE))
    after = frames_of(framer)
    assert before[-1].end <= BEGAN + 1
    assert after[0].start == pytest.approx(BEGAN + 5)


def test_another_stream_of_another_rate_goes_on_in_frames() -> None:
    framer = Framer()
    framer.push(Piece(np.ones(RATE, np.int16), 0, timeline(), RATE))
    frames_of(framer)
    other = Timeline(44_100)
    other.arrived(0, 2 * BEGAN)
    framer.push(Piece(np.ones(44_100, np.int16), 0, other, 44_100))
    frames = frames_of(framer)
    assert frames[0].start == pytest.approx(2 * BEGAN)
    assert sum(frame.seconds for frame in frames) == pytest.approx(1, abs=0.05)


def test_a_frame_takes_no_more_samples_than_are_said_to_be_missing() -> None:
    framer, ring = Framer(), Ring()
    ring.restart(CAPTURE_RATE)
    ring.write(np.ones(FRAME_SAMPLES - 1, np.int16), BEGAN)
    piece = ring.read(0)
    assert piece is not None
    framer.push(piece)
    assert framer.pop() is None
    assert framer.missing == 1
    ring.write(np.ones(1, np.int16), BEGAN)
    piece = ring.read(0, framer.missing)
    assert piece is not None
    framer.push(piece)
    assert framer.pop() is not None


def test_nothing_but_zeros_is_told_after_five_seconds_and_taken_back_at_the_first_sound() -> None:
    framer, times = Framer(), timeline()
    second = np.zeros(RATE, np.int16)
    for number in range(int(SILENT_SECONDS)):
        assert not framer.silent
        framer.push(Piece(second, number * RATE, times, RATE))
    assert framer.silent
    framer.push(Piece(second + np.int16(1), int(SILENT_SECONDS) * RATE, times, RATE))
    assert not framer.silent


def test_a_silent_microphone_stays_one_when_it_is_opened_anew() -> None:
    framer = Framer()
    framer.push(Piece(np.zeros(int(SILENT_SECONDS) * RATE, np.int16), 0, timeline(), RATE))
    assert framer.silent
    framer.push(Piece(np.zeros(RATE, np.int16), 0, timeline(), RATE))
    assert framer.silent
    framer.push(Piece(np.ones(RATE, np.int16), 0, timeline(), RATE))
    assert not framer.silent


LISTEN = """
import sys
from hotpin.audio.device_mic import DeviceMicrophone
from hotpin.clock import RealClock
from hotpin.errors import AudioError
try:
    mic = DeviceMicrophone(RealClock(), *sys.argv[1:])
except AudioError as error:
    print("refused", error, flush=True)
    sys.exit()
print("open", flush=True)
lost = silent = False
while True:
    frame = mic.read(0.05)
    if mic.lost != lost:
        lost = mic.lost
        print("lost" if lost else "back", flush=True)
    if mic.silent != silent:
        silent = mic.silent
        print("silent", flush=True)
    if frame is not None:
        print("frame", abs(frame.samples.astype(int)).max(), flush=True)
"""

QUIET, LOUD = 300, 3_000
"""Levels of what a person says and of what must not be heard."""


class Listener:
    """A process that has the microphone open and says what it hears."""

    def __init__(self, rig: Rig, device: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LISTEN, device], env=rig.environment, stdout=subprocess.PIPE, text=True
        )
        self._lines: Queue[str] = Queue()
        self.loudest = 0
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def until(self, word: str, timeout: float, level: int = 0) -> str:
        """Wait for a line that begins with ``word``; frames must be as loud as ``level``."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._lines.get(timeout=max(0.001, deadline - time.monotonic()))
            kind, _, rest = line.partition(" ")
            if kind == "frame":
                self.loudest = max(self.loudest, int(rest))
                if int(rest) < level:
                    continue
            if kind == word:
                return rest

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def listening(rig: Rig, device: str = "") -> Iterator[Listener]:
    listener = Listener(rig, device)
    try:
        yield listener
    finally:
        listener.close()


def pactl(rig: Rig, *arguments: str) -> str:
    asked = subprocess.run(["pactl", *arguments], env=rig.environment, capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def plug(rig: Rig) -> list[str]:
    """Give the server a microphone that hears what is played to ``room``; return what to unload to take it away."""
    room = pactl(rig, "load-module", "module-null-sink", "sink_name=room", "rate=48000", "channels=1")
    mic = pactl(rig, "load-module", "module-remap-source", "master=room.monitor", "source_name=mic")
    pactl(rig, "set-default-source", "mic")
    return [mic, room]


def unplug(rig: Rig, modules: list[str]) -> None:
    for module in modules:
        pactl(rig, "unload-module", module)


@contextmanager
def playing(rig: Rig, sink: str, level: int) -> Iterator[None]:
    """Play a tone without an end."""
    tone = (level * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype("<i2").tobytes()
    command = ["pacat", f"--device={sink}", "--raw", f"--rate={RATE}", "--channels=1", "--format=s16le"]
    player = subprocess.Popen([*command, "--latency-msec=20"], env=rig.environment, stdin=subprocess.PIPE)

    def feed() -> None:
        assert player.stdin is not None
        try:
            while True:
                player.stdin.write(tone)
        except (OSError, ValueError):
            return

    threading.Thread(target=feed, daemon=True).start()
    try:
        yield
    finally:
        player.kill()
        player.wait()


def needs_pulsectl() -> None:
    if find_spec("pulsectl") is None:
        skip_or_fail("not installed: pulsectl")


@pytest.mark.e2e
def test_what_is_said_into_the_microphone_is_read_at_its_level(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        with playing(rig, "room", 12_000), listening(rig) as listener:
            listener.until("frame", 15, level=11_000)
            for _ in range(50):
                listener.until("frame", 1, level=11_000)
            assert listener.loudest < 13_000


@pytest.mark.e2e
def test_a_microphone_unplugged_five_times_comes_back_and_never_hears_the_loudspeaker(tmp_path: Path) -> None:
    needs_pulsectl()
    with sound_server(tmp_path) as rig:
        modules = plug(rig)
        with playing(rig, "speaker", 12_000), listening(rig) as listener:
            listener.until("frame", 15)
            for _ in range(5):
                unplug(rig, modules)
                listener.until("lost", 2)
                modules = plug(rig)
                listener.until("back", 2)
                with playing(rig, "room", QUIET):
                    listener.until("frame", 5, level=QUIET // 2)  # such a sink gives its first samples after 2 s
            assert listener.loudest < LOUD


@pytest.mark.e2e
def test_a_monitor_is_no_microphone(tmp_path: Path) -> None:
    needs_pulsectl()
    with sound_server(tmp_path) as rig, listening(rig) as listener:
        assert "only what a loudspeaker plays" in listener.until("refused", 15)


@pytest.mark.e2e
def test_a_microphone_that_gives_only_zeros_is_called_silent(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        with listening(rig) as listener:
            listener.until("frame", 15)
            began = time.monotonic()
            listener.until("silent", 10)
            assert time.monotonic() - began > SILENT_SECONDS - 1


@pytest.mark.e2e
def test_a_microphone_that_gives_no_samples_is_lost_until_it_gives_some(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        with playing(rig, "room", 12_000), listening(rig) as listener:
            listener.until("frame", 15)
            pactl(rig, "suspend-source", "mic", "1")
            listener.until("lost", 3)
            listener.until("back", 2)  # it can be opened
            listener.until("lost", 6)  # but gives nothing, so it is not taken for back any more
            pactl(rig, "suspend-source", "mic", "0")
            listener.until("back", 6)
            listener.until("frame", 1)


@pytest.mark.e2e
def test_a_device_that_does_not_exist_lists_those_that_do(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig, listening(rig, "no such device") as listener:
        refused = listener.until("refused", 15)
        assert "'no such device'" in refused
        assert "'default'" in refused
