"""What native libraries are told before they are loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotpin import environment


@pytest.mark.parametrize("chosen", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_how_threads_wait_is_left_to_the_person_who_has_chosen(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv(chosen, "7")
    environment.limit_spinning()
    assert {name: os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")} == {
        "OMP_WAIT_POLICY": None,
        "GOMP_SPINCOUNT": None,
        chosen: "7",
    }


def test_threads_spin_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "")  # so that the change is undone after the test
    monkeypatch.delenv("GOMP_SPINCOUNT")
    environment.limit_spinning()
    assert os.environ["GOMP_SPINCOUNT"] == environment.SPIN_COUNT


def test_nothing_is_reported_to_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.FORCED:
        monkeypatch.setenv(name, "0")
    environment.prepare()
    assert {name: os.environ[name] for name in environment.FORCED} == environment.FORCED


def test_engines_write_nothing_into_the_home_of_the_person(tmp_path: Path) -> None:
    """onnxruntime keeps what it is going to report in the home folder."""
    use = "from hotpin.vad.silero import SileroVad; SileroVad().load()"
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environ.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", use], env=environ, check=True)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps are Linux's")
def test_threads_share_two_heaps() -> None:
    """malloc_info(3) lists each heap that is in use."""
    use = (
        "import ctypes, threading; from hotpin import environment; environment.limit_malloc_arenas();"
        "libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p; wait = threading.Barrier(17);"
        "threads = [threading.Thread(target=lambda: (libc.malloc(100_000), wait.wait())) for _ in range(16)];"
        "[thread.start() for thread in threads]; wait.wait(); libc.fopen.restype = ctypes.c_void_p;"
        "out = libc.fopen(b'/dev/stdout', b'w'); libc.malloc_info(0, ctypes.c_void_p(out)); libc.fflush(None)"
    )
    environ = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    ran = subprocess.run([sys.executable, "-c", use], env=environ, capture_output=True, text=True, check=True)
    assert 1 <= ran.stdout.count("<heap nr=") <= environment.MALLOC_ARENAS
