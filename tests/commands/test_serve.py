"""`hotpin serve`: what it refuses, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from websockets.sync.client import connect

from hotpin import models
from hotpin import settings as all_settings
from tests.commands.hotpin_process import Hotpin

pytestmark = pytest.mark.e2e


def test_other_machines_are_not_let_in_without_a_token(hotpin: Hotpin) -> None:
    hotpin("serve", "--host", "0.0.0.0").refused("0.0.0.0", "hotpin config token")  # noqa: S104 - it is refused


def test_a_certificate_that_cannot_be_read_is_told_before_anything_is_loaded(hotpin: Hotpin) -> None:
    refused = hotpin("serve", HOTPIN_SERVER__TLS_CERT="missing.pem")
    refused.refused("missing.pem", "server.tls_cert")
    assert "Loaded" not in refused.err


@pytest.mark.usefixtures("real_models")
def test_a_port_that_is_taken_is_told(hotpin: Hotpin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        hotpin("serve", "--port", port).refused(f"port {port}", "--port")


@pytest.mark.usefixtures("real_models")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_until_it_is_interrupted(tmp_path: Path, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    folder = models.models_dir(all_settings.load())
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "hotpin", "serve", "--port", port, "--workers", workers],
        env={
            **os.environ,
            "HOTPIN_HOME": str(tmp_path),
            "HOTPIN_MODELS__DIR": str(folder),
            "TMPDIR": str(temporary),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        while f"port {port}" not in (line := process.stderr.readline()) and f":{port}" not in line:
            assert line, "it has ended"
        assert json.loads(_get(f"http://127.0.0.1:{port}/"))["name"] == "Hotpin"
        with ExitStack() as sockets:
            for _ in range(4):
                sockets.enter_context(connect(f"ws://127.0.0.1:{port}/ws"))
            for _ in range(8):  # whichever process answers
                assert b'hotpin_connections_total{protocol="stream"} 4.0' in _get(f"http://127.0.0.1:{port}/metrics")
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert not list(temporary.glob("hotpin-metrics-*"))


def _get(url: str) -> bytes:
    """Ask until it listens."""
    while True:
        try:
            with urlopen(url, timeout=20) as answer:  # noqa: S310 - on the loopback
                found: bytes = answer.read()
                return found
        except OSError:
            continue
