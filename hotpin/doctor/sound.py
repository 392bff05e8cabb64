"""Checks of sound: PortAudio, microphone, loudspeaker, espeak-ng."""

import ctypes
import sys
from collections.abc import Iterator

from hotpin.audio.devices import Device, find_devices
from hotpin.doctor.check import Check
from hotpin.errors import AudioError
from hotpin.settings import Settings

ESPEAK_LIBRARIES = ("libespeak-ng.so.1", "/usr/local/lib/libespeak-ng.so.1", "libespeak.so.1")
"""Where pyttsx3 looks for the system's voices on Linux."""


def devices(chosen: Settings) -> Iterator[Check]:
    """Whether there are a microphone and a loudspeaker; nothing is opened."""
    try:
        found = find_devices(chosen.audio.input, chosen.audio.output)
    except AudioError as error:
        yield Check("PortAudio", ok=False, detail=error.message, fix=error.fix, required=False)
        for name in ("microphone", "loudspeaker"):
            yield Check(name, ok=False, detail="unknown without PortAudio", fix="Mend PortAudio first", required=False)
        return
    yield Check("PortAudio", ok=True, detail=found.portaudio, required=False)
    yield _device("microphone", found.microphone, "input", chosen.audio.input, "type instead: hotpin ask TEXT")
    yield _device(
        "loudspeaker", found.loudspeaker, "output", chosen.audio.output, "write to a file: hotpin ask --out reply.wav"
    )


def _device(name: str, found: Device | None, key: str, wanted: str, instead: str) -> Check:
    if found is not None:
        return Check(name, ok=True, detail=f"{found.name}, {found.rate} Hz", required=False)
    if wanted:
        detail, fix = f"there is no {name} {wanted!r}", f"Correct the setting audio.{key}, or leave it empty"
    else:
        detail, fix = f"there is no {name}", f"Connect one, or {instead}"
    return Check(name, ok=False, detail=detail, fix=fix, required=False)


def espeak(chosen: Settings) -> Iterator[Check]:
    """Whether the system's voices are there, which the engine pyttsx3 speaks with."""
    if not sys.platform.startswith("linux"):
        yield Check("espeak-ng", ok=True, detail="not needed here: the system has voices of its own", required=False)
        return
    needed = chosen.tts.engine == "pyttsx3"
    library = next(filter(_loads, ESPEAK_LIBRARIES), None)
    yield Check(
        "espeak-ng",
        ok=library is not None,
        detail=library or "not installed; the engine pyttsx3 " + ("needs it" if needed else "would need it"),
        fix="" if library else "sudo apt-get install espeak-ng",
        required=needed,
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
