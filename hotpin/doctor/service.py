"""The check how a service of this user reaches the sound, which needs no window and no login shell."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hotpin.doctor.check import Check
from hotpin.settings import Settings

SOCKETS = ("pulse/native", "pipewire-0")
"""Where PulseAudio and PipeWire wait for programs, in the user's runtime folder."""

CARDS = Path("/dev/snd")
LINGER = Path("/var/lib/systemd/linger")
_NAME = "sound for a service"


def service(_: Settings) -> Iterator[Check]:
    """Whether a systemd user unit would find a sound server, or may use the sound cards themselves."""
    if not sys.platform.startswith("linux"):
        return
    server = os.environ.get("PULSE_SERVER", "")
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    socket = next((runtime / name for name in SOCKETS if (runtime / name).is_socket()), None)
    if server:
        fix = f"A service does not know it from this terminal: systemctl --user set-environment PULSE_SERVER={server}"
        yield Check(_NAME, ok=True, detail=f"the sound server {server}", fix=fix, required=False)
    elif socket is not None:
        yield Check(_NAME, ok=True, detail=f"the sound server {socket}", fix=_lingering(), required=False)
    else:
        yield _cards(runtime)


def _lingering() -> str:
    with suppress(OSError, KeyError):  # no name for this user
        if not (LINGER / getpass.getuser()).exists():
            return "To have it without anybody logged in: loginctl enable-linger"
    return ""


def _cards(runtime: Path) -> Check:
    """Judge the way without a sound server, as on a Raspberry Pi."""
    cards = sorted(CARDS.glob("pcm*")) if CARDS.is_dir() else []
    if not cards:
        where = "no sound server" if runtime.is_dir() else f"no sound server: there is no folder {runtime}"
        fix = (
            "Start PulseAudio or PipeWire as this user, or connect a sound card; run Hotpin as a user unit, not as root"
        )
        return Check(_NAME, ok=False, detail=f"{where}, and no sound card in {CARDS}", fix=fix, required=False)
    if not all(os.access(card, os.R_OK | os.W_OK) for card in cards):
        fix = (
            "sudo usermod -aG audio $USER, then log in anew; a service takes it over after the next start of the system"
        )
        return Check(
            _NAME, ok=False, detail=f"no access to {cards[0]}: not in the group audio", fix=fix, required=False
        )
    detail = "no sound server; ALSA's sound cards can be used: name one in audio.input and audio.output, as plughw:1,0"
    return Check(_NAME, ok=True, detail=detail, fix=_lingering(), required=False)
