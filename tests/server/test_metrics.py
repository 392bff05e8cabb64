"""Figures of several processes, and of processes that are killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotpin.server import metrics

pytestmark = pytest.mark.slow

WORKER = """
import sys
from hotpin.server.metrics import Metrics
from hotpin.timing import Timing

figures = Metrics()
figures.connections.labels("stream").inc()
figures.turn("stream", "answered", Timing(speech_end=0.0, stt_final=0.4))
figures.open_connections.set(3)
print("counted", flush=True)
sys.stdin.readline()
print(figures.text().decode(), flush=True)
"""


def a_worker() -> "subprocess.Popen[str]":
    worker = subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "counted\n"
    return worker


def test_any_worker_tells_the_sums_of_all() -> None:
    with metrics.shared_by_workers():
        folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        one, two, killed = a_worker(), a_worker(), a_worker()
        killed.kill()
        killed.communicate()
        told = [worker.communicate("\n", timeout=20)[0] for worker in (one, two)]
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    for text in told:
        assert 'hotpin_connections_total{protocol="stream"} 3.0' in text
        assert 'hotpin_turns_total{protocol="stream",result="answered"} 3.0' in text
    assert "hotpin_open_connections 6.0" in told[0]  # what was killed has nothing open
    assert "hotpin_open_connections 3.0" in told[1]  # the first has ended by now
