"""The service: its unit file, and what installing it does."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hotpin import paths
from hotpin.errors import HotpinError
from hotpin.service_unit import UNIT, filled, install, uninstall

COMMAND = ["/usr/bin/python3", "-P", "-m", "hotpin", "daemon"]

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$CALLS"
if [ "$2" = "$FAILING" ]; then echo "Failed to connect to bus: No medium found" >&2; exit 1; fi
"""
"""Stands in for systemd's, since tests must not change this machine's services; it only notes what it is asked."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with systemd, of which this file tells what it was asked."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAILING", "nothing")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HOTPIN_HOME", raising=False)
    monkeypatch.delenv("SUDO_USER", raising=False)
    return tmp_path / "calls"


class Unit(configparser.ConfigParser):
    """A unit file; its keys have capitals."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(text: str) -> configparser.ConfigParser:
    found = Unit(interpolation=None, strict=True)
    found.read_string(text)
    return found


def test_the_unit_tells_when_it_is_ready_and_is_started_again_after_a_failure() -> None:
    service = unit(filled(paths.unit_template().read_text(), COMMAND, {}))["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"
    assert service["ExecStart"] == '"/usr/bin/python3" "-P" "-m" "hotpin" "daemon"'
    assert service["ExecReload"].endswith("-HUP $MAINPID")
    assert int(service["WatchdogSec"]) > 0
    assert int(service["TimeoutStopSec"]) > 2


def test_the_unit_is_not_kept_from_the_sound() -> None:
    service = unit(filled(paths.unit_template().read_text(), COMMAND, {}))["Service"]
    assert {"AF_UNIX", "AF_NETLINK"} <= set(service["RestrictAddressFamilies"].split())
    for key in ("PrivateDevices", "DevicePolicy", "PrivateUsers", "ProtectHome", "RestrictRealtime"):
        assert key not in service


def test_nothing_is_left_to_be_filled_in() -> None:
    template = paths.unit_template().read_text()
    assert not re.search("@[A-Z]+@", filled(template, COMMAND, {}))
    service = unit(filled(template, COMMAND, {"HOTPIN_HOME": "/srv/100% pin"}))["Service"]
    assert service["Environment"] == '"HOTPIN_HOME=/srv/100%% pin"'


def test_whatever_is_in_the_command_stays_one_word_each() -> None:
    hard = ["/opt/a b/py$1", "--session-id", 'a"b\\c', "100%", "$HOME"]
    line = unit(filled(paths.unit_template().read_text(), hard, {}))["Service"]["ExecStart"]
    assert line == r'"/opt/a b/py$1" "--session-id" "a\"b\\c" "100%%" "$$HOME"'


def test_systemd_itself_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    path = tmp_path / UNIT
    path.write_text(
        filled(paths.unit_template().read_text(), ["/bin/sh", "a b", "100%", "$x"], {"HOTPIN_HOME": "/a b"})
    )
    assert unit(path.read_text()).sections() == ["Unit", "Service", "Install"]
    if verify := shutil.which("systemd-analyze"):  # where there is no systemd, the tests of its keys must do
        command = [verify, "--user", "verify", str(path)]
        environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert ran.stderr == ""


def test_installing_writes_the_unit_and_starts_it(calls: Path, tmp_path: Path) -> None:
    said = "\n".join(install(["--session-id", "kitchen"]))
    written = tmp_path / "config" / "systemd" / "user" / UNIT
    assert '"daemon" "--session-id" "kitchen"' in written.read_text()
    assert calls.read_text().splitlines() == [
        "--user daemon-reload",
        f"--user enable {UNIT}",
        f"--user restart {UNIT}",
    ]
    assert str(written) in said
    assert "loginctl enable-linger" in said


def test_uninstalling_undoes_it(calls: Path, tmp_path: Path) -> None:
    list(install([]))
    calls.unlink()
    assert "removed" in "\n".join(uninstall())
    assert not (tmp_path / "config" / "systemd" / "user" / UNIT).exists()
    assert calls.read_text().splitlines() == [f"--user disable --now {UNIT}", "--user daemon-reload"]


def test_uninstalling_what_is_not_there_says_so(calls: Path) -> None:
    assert "no service to remove" in "\n".join(uninstall())
    assert not calls.exists()


@pytest.mark.parametrize(("verb", "fix"), [("daemon-reload", "enable-linger"), ("restart", "journalctl --user")])
def test_what_systemd_refuses_is_told_with_what_to_do(
    calls: Path, monkeypatch: pytest.MonkeyPatch, verb: str, fix: str
) -> None:
    monkeypatch.setenv("FAILING", verb)
    with pytest.raises(HotpinError, match=f"systemctl --user {verb}.*No medium found.*{fix}"):
        list(install([]))


def test_without_systemd_it_says_what_to_do_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, calls: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HotpinError, match=r"no systemd on this machine.*hotpin daemon"):
        list(install([]))
    assert not (tmp_path / "config").exists()


def test_with_sudo_it_would_be_the_wrong_persons(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(HotpinError, match="Run it without sudo"):
        list(install([]))
