"""What native libraries are told through the environment, before any of them is loaded.

Each reads it once, so it is set when the package is imported. Hotpin promises that nothing leaves the machine unless
asked: onnxruntime reports its use to its maker unless it is told not to, and calls after its import come too late.
"""

import os
import sys

FORCED = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Privacy is not a default that something else may have changed."""

SPIN_COUNT = "1000"
"""Rounds that a waiting OpenMP thread spins."""

MALLOC_ARENAS = 2
_M_ARENA_MAX = -8  # malloc.h

DEFAULTS = {
    # numpy's own threads would wait for each other over products that take microseconds: a spectrogram of 8 s took
    # 13 ms of processor time instead of 3.
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # oneDNN, with which Whisper is run, keeps what it compiles for each new length of audio, by default 1024 pieces:
    # 0.7 MB more with every decode, for hundreds of MB. Few lengths come again, and to compile one anew takes 3 ms.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
    # Where llama.cpp aborts, no debugger should be started to print hundreds of lines.
    "GGML_NO_BACKTRACE": "1",
}


def prepare() -> None:
    """Set what is needed; what a person has set stays, but for their privacy."""
    os.environ.update(FORCED)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    limit_spinning()


def limit_spinning() -> None:
    """Have OpenMP's threads spin only briefly while they wait for each other, then sleep.

    GNU OpenMP spins for milliseconds by default. Measured with SmolLM2 on 2 cores that two other programs keep busy:
    1 token/s with the default, 28 with this count, 59 with OMP_WAIT_POLICY=PASSIVE; on idle cores 103, 105 and 45.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def limit_malloc_arenas() -> None:
    """Have glibc share two heaps among all threads instead of up to eight a core, each keeping what it once held.

    Measured with `hotpin bench --repeat 2` on 2 cores: 574 MiB resident instead of 666, at the same speed. It can only
    be told by a call, since the environment variable is read when the process starts.
    """
    if not sys.platform.startswith("linux") or "MALLOC_ARENA_MAX" in os.environ:
        return
    import ctypes

    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # musl has none, and no arenas either
        libc.mallopt(_M_ARENA_MAX, MALLOC_ARENAS)


def available_cores() -> int:
    """Return how many cores this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return allowed or 1
