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
MMAP_THRESHOLD_BYTES = 1 << 20
TRIM_THRESHOLD_BYTES = 8 << 20
MALLOC_OPTIONS = {
    "MALLOC_ARENA_MAX": (-8, MALLOC_ARENAS),
    "MALLOC_MMAP_THRESHOLD_": (-3, MMAP_THRESHOLD_BYTES),
    "MALLOC_TRIM_THRESHOLD_": (-1, TRIM_THRESHOLD_BYTES),
}
"""glibc's variables, with the number that malloc.h gives each option and its value here."""

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


def limit_heaps() -> None:
    """Have glibc give back what the engines no longer use.

    By itself it makes up to eight heaps a core, each keeping what it once held, and takes ever larger blocks from them,
    up to 32 MB, once one was freed: between blocks of every length a heap only grows. So all threads share two heaps
    here, and large blocks come from the system and go back there. It costs 5 to 10 ms for each sentence of the voice.

    Measured with Whisper, Smart Turn and hibari over 220 turns on 2 cores: from the 30th turn on 384 to 395 MB are
    resident; without this and the bound for oneDNN 508 to 614, and growing.
    It can only be told by a call, since the environment's variables are read when the process starts.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):  # musl has none, and no arenas either
        return
    for variable, (option, value) in MALLOC_OPTIONS.items():
        if variable not in os.environ:
            libc.mallopt(option, value)


def available_cores() -> int:
    """Return how many cores this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return allowed or 1
