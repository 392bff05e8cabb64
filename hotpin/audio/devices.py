"""Which sound devices there are.

They are asked for in a process of its own: PortAudio aborts where ALSA's configuration is broken, and may hang on a
sound server that does not answer. Nothing is opened, nothing recorded.
"""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from hotpin.errors import AudioError

TIMEOUT_SECONDS = 5.0
"""s that listing the devices may take; a sound server that starts first takes about 2 s."""

_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone or a loudspeaker."""

    name: str
    """As PortAudio calls it."""

    rate: int
    """Hz it runs at by default."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What would be used."""

    portaudio: str
    """PortAudio's version."""

    microphone: Device | None
    """The one asked for; ``None`` if it is not there."""

    loudspeaker: Device | None
    """The one asked for; ``None`` if it is not there."""


def find_devices(microphone: str = "", loudspeaker: str = "") -> Devices:
    """Look devices up by name, part of a name or index; empty means the system's default.

    Raises:
        AudioError: if PortAudio is missing, crashes or does not answer in time.
    """
    command = [sys.executable, "-P", "-m", "hotpin.audio.devices", microphone, loudspeaker]
    try:
        asked = subprocess.run(  # noqa: S603 - our own module; the names are arguments, not a shell's
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AudioError(
            f"PortAudio did not list the sound devices within {TIMEOUT_SECONDS:g} s",
            "Restart the sound server, or unplug the device that hangs",
            retryable=True,
        ) from error
    except OSError as error:
        raise AudioError(f"the sound devices cannot be asked for: {error}", "Close other programs") from error
    if asked.returncode:
        raise AudioError(
            f"PortAudio ended with {_ending(asked.returncode)}: {_last_line(asked.stderr)}",
            "Correct the sound system's configuration: ALSA_CONFIG_PATH, ~/.asoundrc, /etc/asound.conf",
        )
    # Libraries may print before it.
    found: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    if "missing" in found:
        raise AudioError(f"there is no sound: {found['missing']}", _how_to_install())
    return Devices(found["portaudio"].partition(",")[0], _device(found["input"]), _device(found["output"]))


def _device(found: dict[str, Any] | None) -> Device | None:
    return None if found is None else Device(str(found["name"]), round(found["rate"]))


def _ending(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"status {status}"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1][:_REASON_CHARACTERS] if lines else "no reason given"


def _how_to_install() -> str:
    if sys.platform.startswith("linux"):
        return "sudo apt-get install libportaudio2"
    return "pip install --force-reinstall sounddevice"


def _report(microphone: str, loudspeaker: str) -> dict[str, Any]:
    """Ask PortAudio, in this process."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # the module, or the library that it loads
        return {"missing": str(error)}

    def look_up(device: str, kind: str) -> dict[str, Any] | None:
        try:
            found = sounddevice.query_devices(int(device) if device.isdecimal() else device or None, kind)
        except (sounddevice.PortAudioError, ValueError):
            return None
        return {"name": found["name"], "rate": found["default_samplerate"]}

    return {
        "portaudio": sounddevice.get_portaudio_version()[1],
        "input": look_up(microphone, "input"),
        "output": look_up(loudspeaker, "output"),
    }


if __name__ == "__main__":
    print(json.dumps(_report(*sys.argv[1:3])))
