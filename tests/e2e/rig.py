"""A loudspeaker made of software: a PulseAudio server of its own, that nothing else on the machine notices."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Samples
from tests.conftest import skip_or_fail

PROGRAMS = ("pulseaudio", "pactl", "parec")
START_SECONDS = 10.0
PLAY_SECONDS = 30.0
"""s. Whatever plays longer than this hangs."""

AFTER_SECONDS = 0.5
"""s that are recorded after the end: what the server still had in its buffers."""

_ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
_SAMPLE_BYTES = 2
_BLOCK_BYTES = CAPTURE_RATE // 50 * _SAMPLE_BYTES


@dataclass(frozen=True)
class Rig:
    """A running sound server."""

    environment: Mapping[str, str]
    """What a program needs to play into it."""

    def heard(self, program: Sequence[str]) -> Samples:
        """Run a program; return what the loudspeaker has played, int16 of shape (n,), 16 kHz."""
        recording = [
            "parec", "--raw", "--device=speaker.monitor", f"--rate={CAPTURE_RATE}", "--channels=1", "--format=s16le",
            "--latency-msec=20",
        ]  # fmt: skip
        with self._running(recording) as recorder:
            data = recorder.read(_BLOCK_BYTES)  # returns once it records
            player = subprocess.Popen(program, env=self.environment)
            try:
                while player.poll() is None and len(data) < PLAY_SECONDS * CAPTURE_RATE * _SAMPLE_BYTES:
                    data += recorder.read(_BLOCK_BYTES)
            finally:
                player.kill()
            assert player.wait() == 0
            data += recorder.read(int(AFTER_SECONDS * CAPTURE_RATE) * _SAMPLE_BYTES)
        return np.frombuffer(data, "<i2").astype(np.int16)

    @contextmanager
    def _running(self, command: Sequence[str]) -> Iterator[IO[bytes]]:
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.stdout.close()
            process.terminate()
            process.wait()


@contextmanager
def sound_server(folder: Path) -> Iterator[Rig]:
    """Run a sound server whose files are all in ``folder``; it is ended afterwards."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        skip_or_fail(f"not installed: {', '.join(missing)}")
    alsa = folder / "asound.conf"
    alsa.write_text(_ALSA)
    socket = folder / "native"
    here = {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_SERVER": f"unix:{socket}",
        "ALSA_CONFIG_PATH": str(alsa),
    }
    rig = Rig({**os.environ, **here})
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no",
                "--load", f"module-native-protocol-unix socket={socket} auth-anonymous=1",
                "--load", "module-null-sink sink_name=speaker rate=48000 channels=1",
            ],
            env=rig.environment,
            stdin=subprocess.DEVNULL,
            stderr=log,
        )  # fmt: skip
    try:
        _await(server, rig.environment, folder / "log")
        yield rig
    finally:
        server.terminate()
        server.wait()


def _await(server: "subprocess.Popen[bytes]", environment: Mapping[str, str], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(["pactl", "info"], env=environment, capture_output=True, check=False).returncode:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)  # there is nothing to wait for but that it answers
