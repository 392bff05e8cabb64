"""What both llama.cpp engines do before they load."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin.llm.gguf_header import GgufHeader, read_header

if TYPE_CHECKING:
    from hotpin.settings import Settings

MAX_THREADS = 8
"""More threads seldom help: the memory is the bottleneck."""

BATCH_TOKENS = 32
"""Prompt tokens evaluated in one go. llama.cpp cannot be stopped inside: this bounds how late a cancel takes effect.
With SmolLM2 on 2 cores a batch takes 0.11 s; batches of 64 are 13 % faster per token, of 512 18 %."""

SPIN_COUNT = "1000"
"""Rounds that a waiting OpenMP thread spins, see ``limit_spinning``."""

TOP_K = 40
TOP_P = 0.95
MIN_P = 0.05
"""Sampling keeps the 40 likeliest tokens, of these the likeliest that make 95 %, and none below 5 % of the best."""

DRY_MULTIPLIER = 0.8
DRY_BASE = 1.75
DRY_ALLOWED_TOKENS = 3
DRY_LAST_TOKENS = 128
DRY_BREAKERS = ("\n", ":", '"', "*")
"""Against the loops that small models fall into ("don't repeat yourself", DRY): to say again what was said among the
last tokens gets unlikelier with its length. Measured with SmolLM2 on eight questions: of all groups of four tokens 10 %
were repeats at temperature 0 and 2 % at 0.7; with this, 1 %. A repeat penalty of 1.1 did as much, but where it sees the
prompt (xllamacpp) it also discourages the token that ends a reply: replies got 40 % longer. Not used at temperature 0,
which promises the likeliest token."""


def thread_count(configured: int) -> int:
    """Give the threads to use; 0 means as many as this process may have, ``MAX_THREADS`` at most."""
    if configured:
        return configured
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, MAX_THREADS)


def context_size(settings: "Settings", header: GgufHeader) -> int:
    """Give the tokens of context: what is set, but no more than the model was trained on."""
    return min(settings.llm.context, header.context_length or settings.llm.context)


def limit_spinning() -> None:
    """Have OpenMP's threads spin only briefly while they wait for each other, then sleep.

    GNU OpenMP spins for milliseconds by default. Measured with SmolLM2 on 2 cores that two other programs keep busy:
    1 token/s with the default, 28 with this count, 59 with OMP_WAIT_POLICY=PASSIVE; on idle cores 103, 105 and 45.
    OpenMP reads the environment once, when the first library that needs it is loaded; this has no effect later.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def open_model(settings: "Settings") -> tuple[Path, GgufHeader]:
    """Find the chosen model and check that its file is whole.

    Raises:
        ModelError: if it is missing or damaged.
    """
    from hotpin import models

    name = settings.llm.model
    path = models.resolve(settings, "llm", name)
    own = path == Path(name).expanduser()
    fix = "Choose another GGUF file" if own else f"Fetch it again with: hotpin models pull {name}"
    return path, read_header(path, fix)
