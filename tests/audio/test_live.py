"""The live sound path on a sound server of software: echo, and devices that come and go in the middle of a reply."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from hotpin.audio.live_speaker import REST_SECONDS
from tests.e2e.rig import Rig, sound_server

from .test_device_mic import needs_pulsectl, pactl, playing, plug, unplug

LIVE = """
import sys, threading, time
import numpy as np
from hotpin.audio.live import LiveSound
from hotpin.cancel import Generation, Ticket
from hotpin.clock import RealClock
from hotpin.settings import AudioSettings

from hotpin import registry, settings
from hotpin.audio.resample import Resampler

RATE = 24_000
output = threading.Lock()

def say(*words):
    with output:
        print(*words, flush=True)

def noise(seconds):
    times = np.arange(int(seconds * RATE)) / RATE
    made = np.convolve(np.random.default_rng(1).standard_normal(len(times)), np.ones(8) / 8, "same")
    sound = made * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * times))
    return (10_000 * sound / np.abs(sound).max()).astype(np.int16)

def speech(seconds):
    # Of a beat the detector of people cannot tell how late its echo comes: this needs something as irregular as talk.
    voice = registry.build_tts(settings.load({}))
    voice.load()
    text = "Once there was an old fisherman who lived alone on a small island. Every morning he rowed out to sea."
    frames = list(voice.speak(text))
    resampler = Resampler(frames[0].rate, RATE)
    sound = np.concatenate([resampler.push(frame.samples) for frame in frames])
    return np.resize(sound, int(seconds * RATE))

live = LiveSound(AudioSettings(), RealClock(), RATE, lambda news: say(news.kind, "there" if news.present else "gone"))

next_frame = threading.Event()

def listen():
    hears_itself, last = None, 0.0
    while not live.microphone.ended:
        frame = live.microphone.read(0.05)
        if frame is not None:
            next_frame.set()
            if time.monotonic() > last + 0.4:
                say("frames")
            last = time.monotonic()
        if live.microphone.hears_itself != hears_itself:
            hears_itself = live.microphone.hears_itself
            say("hears_itself", hears_itself)

listener = threading.Thread(target=listen)
listener.start()
playback, counter = live.speaker.playback, Generation()
for line in sys.stdin:
    if line.startswith("listen"):
        next_frame.clear()
        say("heard" if next_frame.wait(5) else "deaf")
        continue
    if line.startswith("quality"):
        say("quality", live.echo_quality.erle_db)
        continue
    make = speech if line.startswith("say") else noise
    sound = make(float(line.removeprefix("say ")))
    ticket, began = Ticket("live", 1, counter.number, counter), time.monotonic()
    playback.begin(ticket)
    for start in range(0, len(sound), 2_400):
        playback.write(ticket, 0, sound[start : start + 2_400])
    playback.end(ticket)
    playback.wait_finished()
    say("played", time.monotonic() - began)
live.close()
listener.join()
say("closed", threading.active_count())
"""


class Live:
    """A process that has the whole sound path open and says what becomes of it."""

    def __init__(self, rig: Rig) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-c", LIVE], env=rig.environment, stdin=pipe, stdout=pipe, text=True
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def play(self, seconds: float) -> None:
        """Let a reply be played."""
        self.tell(str(seconds))

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def until(self, words: str, timeout: float) -> str:
        """Wait for a line that begins with ``words``; return the rest of it."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._lines.get(timeout=max(0.001, deadline - time.monotonic()))
            if line.startswith(words):
                return line.removeprefix(words).strip()

    def end(self) -> str:
        """Let it close everything; return how many threads are left."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.until("closed", 5)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def live_sound(rig: Rig) -> Iterator[Live]:
    """Open the whole path, and wait until both devices run."""
    # A software loudspeaker without any other stream stands still for 2 s when this one runs dry on a busy machine.
    with playing(rig, "speaker", 0):
        live = Live(rig)
        try:
            live.until("loudspeaker there", 15)
            live.until("frames", 15)
            yield live
        finally:
            live.close()


def echo_path(rig: Rig, gain: str, milliseconds: int) -> None:
    """Let the microphone hear what the loudspeaker plays."""
    pactl(
        rig, "load-module", "module-loopback", "source=speaker.monitor", "sink=room", f"latency_msec={milliseconds}",
        "source_dont_move=true", "sink_dont_move=true",
    )  # fmt: skip
    deadline = time.monotonic() + 5
    while not (inputs := pactl(rig, "list", "short", "sink-inputs")):
        assert time.monotonic() < deadline, "the echo path did not start"
        time.sleep(0.05)  # there is nothing to wait for but that it is listed
    pactl(rig, "set-sink-input-volume", inputs.split()[0], gain)


@pytest.mark.e2e
@pytest.mark.parametrize(("gain", "milliseconds"), [("0dB", 60), ("-6dB", 150)])
def test_the_microphone_hears_itself_until_the_echo_is_removed(tmp_path: Path, gain: str, milliseconds: int) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        echo_path(rig, gain, milliseconds)
        with live_sound(rig) as live:
            live.tell("say 20")
            live.until("hears_itself False", 20)
            live.until("played", 25)
            live.tell("quality")
            assert float(live.until("quality", 1)) > 25
            assert live.end() == "1"


@pytest.mark.e2e
def test_an_echo_is_removed_as_before_when_the_loudspeaker_has_rested(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        echo_path(rig, "-6dB", 60)
        with live_sound(rig) as live:
            live.tell("say 12")
            live.until("played", 25)
            playing_now = len(streams(rig))
            deadline = time.monotonic() + 2 * REST_SECONDS
            while len(streams(rig)) == playing_now:
                assert time.monotonic() < deadline, "the loudspeaker does not rest"
                time.sleep(0.1)  # there is nothing to wait for but that it is listed no more
            live.tell("say 8")
            assert float(live.until("played", 20)) < 12
            assert len(streams(rig)) == playing_now
            live.tell("quality")  # of the last 5 s
            assert float(live.until("quality", 1)) > 20


def streams(rig: Rig) -> list[str]:
    """Return what is played into any sink."""
    return pactl(rig, "list", "short", "sink-inputs").splitlines()


@pytest.mark.e2e
def test_with_headphones_a_reply_s_second_second_can_be_interrupted(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        plug(rig)
        with live_sound(rig) as live:
            live.play(5)
            live.until("hears_itself False", 4)


@pytest.mark.e2e
def test_a_microphone_unplugged_in_the_middle_of_a_reply_comes_back_five_times(tmp_path: Path) -> None:
    needs_pulsectl()
    with sound_server(tmp_path) as rig:
        modules = plug(rig)
        with live_sound(rig) as live:
            live.play(25)
            for _ in range(5):
                unplug(rig, modules)
                live.until("microphone gone", 2)
                modules = plug(rig)
                live.until("microphone there", 2)
                live.until("frames", 4)  # such a source gives its first samples after 2 s, to any program
            assert float(live.until("played", 40)) < 35  # a busy machine lets it run dry now and then


@pytest.mark.e2e
def test_a_reply_ends_although_its_loudspeaker_is_gone_which_is_taken_back(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig, rig_without_microphone(rig) as live:
        sink = pactl(rig, "list", "short", "modules").split("module-null-sink")[0].split()[-1]
        live.play(4)
        time.sleep(1)  # in the middle of the reply
        pactl(rig, "unload-module", sink)
        live.until("loudspeaker gone", 3)
        assert 3.5 < float(live.until("played", 10)) < 8
        pactl(rig, "load-module", "module-null-sink", "sink_name=speaker", "rate=48000", "channels=1")
        with playing(rig, "speaker", 0):
            live.until("loudspeaker there", 2 + 2)  # such a sink takes its first samples after 2 s
            live.play(1)
            live.until("played", 10)


@contextmanager
def rig_without_microphone(rig: Rig) -> Iterator[Live]:
    """Open the path where the loudspeaker is the only device, and nothing can be put in its place."""
    live = Live(rig)
    try:
        live.until("loudspeaker there", 15)
        yield live
    finally:
        live.close()


@pytest.mark.e2e
def test_a_microphone_that_was_not_there_at_the_start_is_found_while_the_loudspeaker_is_open(tmp_path: Path) -> None:
    needs_pulsectl()
    with sound_server(tmp_path) as rig, rig_without_microphone(rig) as live:
        plug(rig)
        live.until("microphone there", 3)
        live.until("frames", 4)


@pytest.mark.e2e
def test_a_loudspeaker_that_was_not_there_at_the_start_is_found_while_the_microphone_is_open(tmp_path: Path) -> None:
    with sound_server(tmp_path) as rig:
        sink = pactl(rig, "list", "short", "modules").split("module-null-sink")[0].split()[-1]
        source = pactl(rig, "load-module", "module-null-source", "source_name=mic", "rate=48000", "channels=1")
        assert source
        pactl(rig, "unload-module", sink)
        live = Live(rig)
        try:
            live.until("loudspeaker gone", 15)
            live.until("frames", 10)
            pactl(rig, "load-module", "module-null-sink", "sink_name=speaker", "rate=48000", "channels=1")
            live.until("loudspeaker there", 5)
            live.tell("listen")
            live.until("heard", 5)
        finally:
            live.close()
