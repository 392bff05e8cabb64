"""What both llama.cpp engines do before they load."""

from pathlib import Path
from typing import TYPE_CHECKING

from hotpin.environment import available_cores
from hotpin.llm.gguf_header import GgufHeader, read_header

if TYPE_CHECKING:
    from hotpin.settings import Settings

MAX_THREADS = 8
"""More threads seldom help: the memory is the bottleneck."""

BATCH_TOKENS = 32
"""Prompt tokens evaluated in one go. llama.cpp cannot be stopped inside: this bounds how late a cancel takes effect.
With SmolLM2 on 2 cores a batch takes 0.11 s; batches of 64 are 13 % faster per token, of 512 18 %."""

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
    return min(available_cores(), MAX_THREADS)


def context_size(settings: "Settings", header: GgufHeader) -> int:
    """Give the tokens of context: what is set, but no more than the model was trained on."""
    return min(settings.llm.context, header.context_length or settings.llm.context)


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
