"""Makes the daemon a service of the person's own systemd, and undoes it."""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from hotpin import paths, toml_files
from hotpin.errors import HotpinError

UNIT = "hotpin.service"

SYSTEMCTL_SECONDS = 330.0
"""s that systemctl may take: it waits until the daemon is ready, for which the unit allows 300."""

_ELSEWHERE = "Let what starts programs here (launchd, runit, cron's @reboot) start: hotpin daemon"


def install(options: Sequence[str]) -> Iterator[str]:
    """Write the unit, and have systemd start it now and at every login; give a line for each thing done.

    Args:
        options: what ``hotpin daemon`` is to be started with.

    Raises:
        HotpinError: if there is no systemd here, or it refuses.
    """
    systemctl = _systemctl()
    path = paths.systemd_units_dir() / UNIT
    template = paths.unit_template().read_text("utf-8")
    command = [sys.executable, "-P", "-m", "hotpin", "daemon", *options]
    toml_files.replace(path, filled(template, command, os.environ), private=False)
    yield f"Written: {path}"
    _run(systemctl, "daemon-reload")
    _run(systemctl, "enable", UNIT)
    _run(systemctl, "restart", UNIT)
    yield "Hotpin listens now, and after every login. What it does: hotpin status, journalctl --user -u hotpin"
    yield f"To have it listen from boot, with nobody logged in: sudo loginctl enable-linger {getpass.getuser()}"


def uninstall() -> Iterator[str]:
    """Stop the service and remove its unit; give a line for each thing done.

    Raises:
        HotpinError: if there is no systemd here, or it refuses.
    """
    path = paths.systemd_units_dir() / UNIT
    if not path.exists():
        yield f"There is no service to remove: {path}"
        return
    systemctl = _systemctl()
    _run(systemctl, "disable", "--now", UNIT)
    path.unlink(missing_ok=True)
    _run(systemctl, "daemon-reload")
    yield f"Stopped, and removed: {path}"


def filled(template: str, command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Give the unit's text: the template with the command, and with the folder that ``HOTPIN_HOME`` names."""
    program, *arguments = command
    line = " ".join([_quoted(program), *(_quoted(argument).replace("$", "$$") for argument in arguments)])
    home = environ.get(paths.HOME_VARIABLE)
    variable = f"Environment={_quoted(f'{paths.HOME_VARIABLE}={home}')}" if home else ""
    return template.replace("@COMMAND@", line).replace("@ENVIRONMENT@\n", f"{variable}\n" if variable else "")


def _quoted(text: str) -> str:
    """Quote for a unit file (systemd.syntax(7)); ``%`` begins a specifier there."""
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("\n", "\\n")):
        text = text.replace(character, written)
    return f'"{text}"'


def _systemctl() -> str:
    if os.environ.get("SUDO_USER") and os.geteuid() == 0:
        raise HotpinError("with sudo it would be root's service, and root has no sound", "Run it without sudo")
    found = shutil.which("systemctl")
    if found is None:
        raise HotpinError("there is no systemd on this machine", _ELSEWHERE)
    return found


def _run(systemctl: str, *arguments: str) -> None:
    command = [systemctl, "--user", *arguments]
    shown = " ".join(["systemctl", "--user", *arguments])
    try:
        ran = subprocess.run(  # noqa: S603 - a list of fixed words, no shell
            command, check=False, capture_output=True, text=True, errors="replace", timeout=SYSTEMCTL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HotpinError(f"{shown} does not work: {error}", _ELSEWHERE) from error
    if ran.returncode:
        said = " ".join(ran.stderr.split()) or f"status {ran.returncode}"
        raise HotpinError(f"{shown} failed: {said.rstrip('.')}", _mend(arguments[0]))


def _mend(verb: str) -> str:
    if verb == "restart":
        return "See why: journalctl --user -u hotpin; or run hotpin daemon in a terminal"
    return (
        f"Without a login session of your own, first: sudo loginctl enable-linger {getpass.getuser()}; "
        "then run this again"
    )
