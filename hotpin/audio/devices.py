"""Which sound devices there are.

``list_devices`` asks in a process of its own: PortAudio aborts where ALSA's configuration is broken, and may hang on a
sound server that does not answer. Nothing is opened, nothing recorded.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hotpin.audio import alsa
from hotpin.errors import AudioError

TIMEOUT_SECONDS = 5.0
"""s that listing the devices may take; a sound server that starts first takes about 2 s."""

Direction = Literal["input", "output"]
"""Whether sound comes out of the device (a microphone) or goes into it (a loudspeaker)."""

_REASON_CHARACTERS = 200
_CORRECT_ALSA = "Correct the sound system's configuration: ALSA_CONFIG_PATH, ~/.asoundrc, /etc/asound.conf"
_NOUNS: dict[Direction, str] = {"input": "microphone", "output": "loudspeaker"}
_UNAVAILABLE = -9985  # PaErrorCode; for ALSA's "Device or resource busy", too
_IN_USE = "Close that program, or choose another device: hotpin devices lists them"


class DeviceInUseError(AudioError):
    """Another program holds a sound device, and shares it with nobody."""


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone or a loudspeaker, or both."""

    name: str
    """As PortAudio calls it."""

    rate: int
    """Hz it runs at by default."""

    index: int = -1
    """PortAudio's number of it; it may change when devices come and go."""

    host: str = ""
    """The sound system it is reached through, such as ``ALSA``."""

    inputs: int = 0
    """Channels that can be recorded."""

    outputs: int = 0
    """Channels that can be played."""

    @property
    def monitor(self) -> bool:
        """Whether it records what a loudspeaker plays, instead of what a person says."""
        return self.name.startswith("Monitor of ") or ".monitor" in self.name or "[Loopback]" in self.name

    def has(self, direction: Direction) -> bool:
        """Whether it is a microphone, or a loudspeaker."""
        return (self.inputs if direction == "input" else self.outputs) > 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What PortAudio knew when it was initialised."""

    portaudio: str
    """PortAudio's version."""

    devices: tuple[Device, ...]
    """All of them."""

    default_input: int
    """Index of the system's own choice; negative if there is none."""

    default_output: int
    """Index of the system's own choice; negative if there is none."""

    def default(self, direction: Direction) -> Device | None:
        """Return the system's own choice."""
        index = self.default_input if direction == "input" else self.default_output
        return next((one for one in self.devices if one.index == index and one.has(direction)), None)

    def usable(self, direction: Direction) -> list[Device]:
        """Return all microphones, or all loudspeakers; no monitors."""
        return [one for one in self.devices if one.has(direction) and not (direction == "input" and one.monitor)]

    def choose(self, direction: Direction, wanted: str = "") -> Device:
        """Find a device by index, name or part of its name; empty means the system's default.

        A loudspeaker's monitor is only a microphone for who asks for it by its whole name.

        Raises:
            AudioError: if there is none, or more than one; it lists what there is.
        """
        usable, noun = self.usable(direction), _NOUNS[direction]
        if not wanted:
            if not usable:
                raise AudioError(f"there is no {noun}", "Connect one, or close the program that uses it")
            default = self.default(direction)
            return default if default in usable else usable[0]
        if wanted.isdecimal():
            found = [one for one in usable if one.index == int(wanted)]
        else:
            found = self._named(direction, wanted)
        if len(found) == 1:
            return found[0]
        if found:
            raise AudioError(f"{wanted!r} may be any of these: {_names(found)}", "Give more of the name, or the index")
        there = f"There are: {_names(usable)}" if usable else "There is none at all: connect one"
        raise AudioError(f"there is no {noun} {wanted!r}", there)

    def _named(self, direction: Direction, wanted: str) -> list[Device]:
        # ALSA's own name of a card that converts rates; PortAudio lists the card itself, and converts when it is told.
        sought = wanted.removeprefix("plug").lower() if wanted.startswith("plughw:") else wanted.lower()
        whole = [one for one in self.devices if one.has(direction) and one.name.lower() == sought]
        part = [one for one in self.usable(direction) if sought in f"{one.name}, {one.host}".lower()]
        found = whole or part
        if len(found) > 1:
            # Windows lists each device once per sound system.
            default = self.default(direction)
            same_host = [one for one in found if default is not None and one.host == default.host]
            return same_host or found
        return found


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
    listing = list_devices()
    return Devices(listing.portaudio, _chosen(listing, "input", microphone), _chosen(listing, "output", loudspeaker))


def _chosen(listing: Listing, direction: Direction, wanted: str) -> Device | None:
    with suppress(AudioError):
        return listing.choose(direction, wanted)
    return None


def list_devices() -> Listing:
    """List the devices there are now.

    Raises:
        AudioError: if PortAudio is missing, crashes or does not answer in time.
    """
    command = [sys.executable, "-P", "-m", "hotpin.audio.devices"]
    try:
        asked = subprocess.run(  # noqa: S603 - our own module
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
            _CORRECT_ALSA,
        )
    # Libraries may print before it.
    found: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    if "missing" in found:
        raise AudioError(found["missing"], found["fix"])
    return Listing(**found | {"devices": tuple(Device(**one) for one in found["devices"])})


def portaudio_listing() -> Listing:
    """List the devices that PortAudio knows in this process: those there were when it was initialised.

    Raises:
        AudioError: if PortAudio is missing, or fails.
    """
    sounddevice = portaudio()
    try:
        return _ask(sounddevice)
    except sounddevice.PortAudioError as error:
        raise AudioError(f"PortAudio lists no devices: {error}", "Restart the sound server", retryable=True) from error


def _ask(sounddevice: Any) -> Listing:  # noqa: ANN401
    hosts = [host["name"] for host in sounddevice.query_hostapis()]
    default_input, default_output = sounddevice.default.device
    return Listing(
        portaudio=sounddevice.get_portaudio_version()[1].partition(",")[0],
        devices=tuple(
            Device(
                name=found["name"],
                rate=round(found["default_samplerate"]),
                index=index,
                host=hosts[found["hostapi"]],
                inputs=found["max_input_channels"],
                outputs=found["max_output_channels"],
            )
            for index, found in enumerate(sounddevice.query_devices())
        ),
        default_input=default_input,
        default_output=default_output,
    )


def cannot_open(direction: Direction, name: str, error: BaseException | None, fix: str = "") -> AudioError:
    """Say why a device cannot be opened; a later attempt may succeed.

    Args:
        direction: whether it is a microphone or a loudspeaker.
        name: the device's.
        error: what PortAudio says, as the module ``sounddevice`` raises it.
        fix: what to do about it, unless another program holds the device.
    """
    noun = _NOUNS[direction]
    if error is not None and _UNAVAILABLE in error.args[1:2]:
        return DeviceInUseError(f"another program uses the {noun} {name!r}", _IN_USE, retryable=True)
    fix = fix or "Connect it anew, or choose another: hotpin devices lists them"
    return AudioError(f"the {noun} {name!r} cannot be opened: {error}", fix, retryable=True)


def portaudio() -> Any:  # noqa: ANN401 - sounddevice has no type stubs
    """Return the module ``sounddevice``.

    Raises:
        AudioError: if it is missing, or the library that it loads, or PortAudio cannot start.
    """
    if "sounddevice" not in sys.modules and not alsa.has_devices():
        raise AudioError("ALSA's configuration cannot be read, or names no devices", _CORRECT_ALSA)
    # PortAudio opens ALSA's cards as plughw then, which converts rates and formats that a card lacks.
    os.environ.setdefault("PA_ALSA_PLUGHW", "1")
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise AudioError(f"there is no sound: {error}", _how_to_install()) from error
    except Exception as error:  # PortAudioError, whose class cannot be named without the library
        raise AudioError(f"PortAudio does not start: {error}", "Restart the sound server", retryable=True) from error
    alsa.keep_quiet()
    return sounddevice


def _names(devices: list[Device]) -> str:
    return ", ".join(f"{one.index} {one.name!r}" for one in devices)


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


def _report() -> dict[str, Any]:
    """Ask PortAudio, in this process."""
    try:
        return asdict(portaudio_listing())
    except AudioError as error:
        return {"missing": error.message, "fix": error.fix}


if __name__ == "__main__":
    print(json.dumps(_report()))
