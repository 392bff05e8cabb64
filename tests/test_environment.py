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


GLIBC_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps are Linux's")

MALLINFO = """
class Info(ctypes.Structure):  # mallinfo(3)
    _fields_ = [(name, ctypes.c_size_t) for name in "arena o s h mapped u f used free k".split()]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
"""

GROWTH = """
import ctypes
import numpy as np
from hotpin import registry, settings
{mallinfo}
def held():
    info = libc.mallinfo2()
    return (info.used + info.mapped) / 1e6

stt = registry.build_stt(settings.load())
stt.load()
decoder = stt._decoder
noise = np.random.default_rng(1).normal(0, 0.1, 20 * 16_000).astype(np.float32)
for count in range(140):
    if count == 80:
        before = held()
    decoder._run(noise[: 8_000 + 320 * count], 3.5 + 0.02 * count, beam=1)
print(held() - before)
"""
"""Tells by how many MB a recogniser grows over the last 60 of 140 lengths of audio: on a processor with AMX, what
oneDNN keeps is complete after the first 60."""


def run(code: str) -> str:
    """Run Python in a process of its own, without what this one's environment says about memory."""
    ours = (*environment.MALLOC_OPTIONS, "ONEDNN_PRIMITIVE_CACHE_CAPACITY")
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True).stdout


@GLIBC_ONLY
def test_large_blocks_go_back_to_the_system_even_after_others_did() -> None:
    use = (
        f"import ctypes; from hotpin import environment; environment.limit_heaps(){MALLINFO}"
        "[libc.free(libc.malloc(20_000_000)) for _ in range(2)]; before = libc.mallinfo2().mapped;"
        "libc.malloc(5_000_000); print(libc.mallinfo2().mapped - before)"
    )
    assert int(run(use)) >= 5_000_000


@GLIBC_ONLY
@pytest.mark.slow
@pytest.mark.usefixtures("whisper")
def test_a_recogniser_does_not_grow_with_each_new_length_of_audio() -> None:
    assert float(run(GROWTH.format(mallinfo=MALLINFO))) < 10.0


@GLIBC_ONLY
def test_threads_share_two_heaps() -> None:
    """malloc_info(3) lists each heap that is in use."""
    use = (
        "import ctypes, threading; from hotpin import environment; environment.limit_heaps();"
        "libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p; wait = threading.Barrier(17);"
        "threads = [threading.Thread(target=lambda: (libc.malloc(100_000), wait.wait())) for _ in range(16)];"
        "[thread.start() for thread in threads]; wait.wait(); libc.fopen.restype = ctypes.c_void_p;"
        "out = libc.fopen(b'/dev/stdout', b'w'); libc.malloc_info(0, ctypes.c_void_p(out)); libc.fflush(None)"
    )
    assert 1 <= run(use).count("<heap nr=") <= environment.MALLOC_ARENAS
