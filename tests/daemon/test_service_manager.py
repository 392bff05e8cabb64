"""What systemd is told, on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotpin.service_manager import ServiceManager


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    """The other end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5.0)
        yield receiver


def told(systemd: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in systemd.recv(4096).decode().splitlines())


def test_it_is_told_each_thing(systemd: socket.socket, tmp_path: Path) -> None:
    systemd.bind(str(tmp_path / "notify"))
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    manager.ready("listening")
    assert told(systemd) == {"READY": "1", "STATUS": "listening"}
    manager.status("asleep")
    assert told(systemd) == {"STATUS": "asleep"}
    manager.reloading()
    reloading = told(systemd)
    assert reloading["RELOADING"] == "1"
    assert int(reloading["MONOTONIC_USEC"]) > 0
    manager.alive()
    assert told(systemd) == {"WATCHDOG": "1"}
    manager.stopping()
    assert told(systemd)["STOPPING"] == "1"


def test_an_abstract_socket_is_reached(systemd: socket.socket) -> None:
    name = f"hotpin-test-{os.getpid()}"
    systemd.bind(f"\0{name}")
    ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready("listening")
    assert told(systemd)["READY"] == "1"


def test_without_systemd_nothing_happens() -> None:
    ServiceManager({}).ready("listening")


def test_a_socket_that_is_gone_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("listening")
    assert "systemd cannot be told" in caplog.text


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_they_are_waited_for(
    environ: dict[str, str], seconds: float | None
) -> None:
    assert ServiceManager(environ).watchdog_seconds == seconds
