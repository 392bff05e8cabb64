"""What both llama.cpp engines do before they load."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin.llm.gguf_header import GgufHeader, read_header

if TYPE_CHECKING:
    from hotpin.settings import Settings

MAX_THREADS = 8
"""More threads seldom help: the memory is the bottleneck."""

BATCH_TOKENS = 64
"""Prompt tokens evaluated in one go. llama.cpp cannot be stopped inside: this bounds how late a cancel takes effect.
With SmolLM2-135M on 2 cores a batch takes 0.1-0.2 s, and larger ones are hardly faster per token."""

TOP_K = 40
TOP_P = 0.95
MIN_P = 0.05
"""Sampling keeps the 40 likeliest tokens, of these the likeliest that make 95 %, and none below 5 % of the best."""

REPEAT_PENALTY = 1.1
REPEAT_TOKENS = 64
"""Tokens written lately become a little less likely again: small models fall into loops."""


def thread_count(configured: int) -> int:
    """Give the threads to use; 0 means as many as this process may have, ``MAX_THREADS`` at most."""
    if configured:
        return configured
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, MAX_THREADS)


def let_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait for each other, where the person has not chosen otherwise.

    By default they spin, and then two busy libraries on the same cores slow each other down several times over
    (measured: two engines at once on 2 cores, 18 tokens/s each spinning, 69 sleeping). OpenMP reads the environment
    once, when the first library that uses it is loaded: this has no effect later.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def open_model(settings: "Settings") -> tuple[Path, GgufHeader]:
    """Find the chosen model and check that its file is whole.

    Raises:
        ModelError: if it is missing or damaged.
    """
    from hotpin import models

    name = settings.llm.model
    path = models.resolve(settings, "llm", name)
    own = Path(name).suffix == path.suffix
    fix = "Choose another GGUF file" if own else f"Fetch it again with: hotpin models pull {name}"
    return path, read_header(path, fix)
