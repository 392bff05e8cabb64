"""One loaded model with one sequence of evaluated tokens: a thin, safe layer over llama.cpp's C functions.

Import this module only in ``load()``: it loads the native library.
"""

import ctypes
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp as lib
import numpy as np

from hotpin.errors import LlmError, ModelError
from hotpin.llm import native

log = logging.getLogger(__name__)

Sampler = Any
"""llama.cpp's pointer to a chain of samplers."""


_WARNINGS = (3, 4)
"""llama.cpp's levels of warnings and errors. What it says beside them is thousands of lines for one load."""


def _log(level: int, text: bytes, _data: int | None) -> None:
    if level in _WARNINGS:
        log.debug("%s", text.decode("utf-8", "replace").rstrip())


# llama.cpp keeps only the address: the object must outlive every model, and does as a part of the module.
_LOG_CALLBACK = lib.llama_log_callback(_log)


class LlamaContext:
    """A model and what it has read so far.

    Args:
        path: a GGUF file that is known to be whole.
        size: tokens of context.
        threads: threads for evaluation.

    Raises:
        ModelError: if llama.cpp cannot load it.
    """

    def __init__(self, path: Path, size: int, threads: int) -> None:
        lib.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p())
        lib.llama_backend_init()
        model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
        if not model:
            raise ModelError(f"llama.cpp cannot load {path}", "Choose another model, or update llama-cpp-python")
        self._model: Any = model
        self._owns_model = True
        self._open(size, threads)

    def beside(self, size: int) -> "LlamaContext":
        """Make a second context of the same model, for ``size`` tokens; close it before this one.

        Raises:
            ModelError: if there is not enough memory.
        """
        other = LlamaContext.__new__(LlamaContext)
        other._model = self._model
        other._owns_model = False
        other._open(size, self._threads)
        return other

    def _open(self, size: int, threads: int) -> None:
        params = lib.llama_context_default_params()
        params.n_ctx = size
        params.n_batch = params.n_ubatch = native.BATCH_TOKENS
        params.n_threads = params.n_threads_batch = self._threads = threads
        self._context: Any = lib.llama_init_from_model(self._model, params)
        if not self._context:
            self.close()
            raise ModelError(f"there is not enough memory for {size} tokens of context", "Lower llm.context")
        self._vocabulary: Any = lib.llama_model_get_vocab(self._model)
        self._memory: Any = lib.llama_get_memory(self._context)
        self.size: int = lib.llama_n_ctx(self._context)
        self.tokens: list[int] = []
        self.exact = 0
        """Tokens at the beginning that were evaluated with nothing but each other in sight; those behind were moved, or
        came after such: they hold a trace of what stood before them once, which is nobody else's business."""
        self._logits_after = 0  # tokens read when llama.cpp last told what may follow

    def close(self) -> None:
        """Free the model; nothing else may be called afterwards."""
        if self._context:
            lib.llama_free(self._context)
        if self._model and self._owns_model:
            lib.llama_model_free(self._model)
        self._context = self._model = None

    @property
    def writing_threads(self) -> int:
        """Threads that evaluate single tokens."""
        return int(lib.llama_n_threads(self._context))

    def write_with(self, threads: int) -> None:
        """Evaluate single tokens with so many threads from now on; batches are worth them all."""
        lib.llama_set_n_threads(self._context, threads, self._threads)

    def tokenise(self, text: str) -> list[int]:
        """Turn a prompt into tokens: special ones too, and one that begins the sequence if the model wants it."""
        data = text.encode()
        tokens = (lib.llama_token * len(data))()  # no token is shorter than a byte
        count: int = lib.llama_tokenize(self._vocabulary, data, len(data), tokens, len(data), False, True)
        if count < 0:
            raise LlmError(f"the model's vocabulary cannot express a prompt of {len(text)} characters")
        begin: int = lib.llama_vocab_bos(self._vocabulary)
        wanted = lib.llama_vocab_get_add_bos(self._vocabulary) and tokens[:1] != [begin]
        return [*([begin] if wanted else []), *tokens[:count]]

    def piece(self, token: int) -> bytes:
        """Give the text of a token: UTF-8, perhaps a part of a character; nothing for special tokens."""
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            count: int = lib.llama_token_to_piece(self._vocabulary, token, buffer, room, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    def is_end(self, token: int) -> bool:
        """Whether the token ends a reply."""
        return bool(lib.llama_vocab_is_eog(self._vocabulary, token))

    def evaluate(self, tokens: Sequence[int]) -> None:
        """Read on: at most ``native.BATCH_TOKENS`` tokens.

        Raises:
            LlmError: if llama.cpp fails; then nothing of them counts as read.
        """
        array = (lib.llama_token * len(tokens))(*tokens)
        status: int = lib.llama_decode(self._context, lib.llama_batch_get_one(array, len(tokens)))
        self._logits_after = 0
        if status != 0:
            self.rewind(len(self.tokens))
            raise LlmError(f"llama.cpp failed with status {status} after {len(self.tokens)} tokens", retryable=True)
        if self.exact == len(self.tokens):
            self.exact += len(tokens)
        self.tokens += tokens
        self._logits_after = len(self.tokens)

    @property
    def foresees(self) -> bool:
        """Whether what follows the tokens read so far is known, so that the last one need not be evaluated again."""
        return self._logits_after == len(self.tokens) > 0

    def likeliest(self, count: int) -> list[tuple[bytes, float]]:
        """Give text and probability of the ``count`` likeliest next tokens, in no order; only if it ``foresees``."""
        size = lib.llama_vocab_n_tokens(self._vocabulary)
        logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(self._context, -1), shape=(size,))
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        best = np.argpartition(weights, -min(count, size))[-count:]
        return [(self.piece(int(token)), float(weights[token])) for token in best]

    def rewind(self, length: int) -> None:
        """Forget all but the first ``length`` tokens; all of them where the model can only forget everything."""
        if not lib.llama_memory_seq_rm(self._memory, 0, length, -1):
            lib.llama_memory_seq_rm(self._memory, 0, -1, -1)
            length = 0
        del self.tokens[length:]
        self.exact = min(self.exact, length)

    def close_gap(self, gap: range) -> bool:
        """Forget the tokens at ``gap`` and move what was read behind them up to their place, if the model can.

        The last token is evaluated again: only with the next batch does llama.cpp turn the keys to their new positions,
        and a state copied before that would be wrong.

        Raises:
            LlmError: if llama.cpp fails; then nothing counts as read.
        """
        if not lib.llama_memory_can_shift(self._memory):
            return False
        if not lib.llama_memory_seq_rm(self._memory, 0, gap.start, gap.stop):
            return False
        lib.llama_memory_seq_add(self._memory, 0, gap.stop, -1, -len(gap))
        del self.tokens[gap.start : gap.stop]
        self.exact = min(self.exact, gap.start)
        last = self.tokens[-1]
        self.rewind(len(self.tokens) - 1)
        try:
            self.evaluate([last])
        except LlmError:
            self.rewind(0)
            raise
        return True

    def state_bytes(self) -> int:
        """Give the size of what ``state`` would return."""
        return int(lib.llama_state_seq_get_size(self._context, 0))

    def state(self) -> bytes:
        """Copy what the model keeps of the tokens read so far."""
        size = self.state_bytes()
        buffer = (ctypes.c_uint8 * size)()
        written: int = lib.llama_state_seq_get_data(self._context, buffer, size, 0)
        return bytes(memoryview(buffer)[:written])

    def restore(self, tokens: Sequence[int], state: bytes, exact: int) -> None:
        """Go back to where ``state`` was copied; to the beginning if that fails."""
        self.rewind(0)
        self._logits_after = 0
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if lib.llama_state_seq_set_data(self._context, buffer, len(state), 0):
            self.tokens, self.exact = list(tokens), exact
        else:
            self.rewind(0)

    @contextmanager
    def sampler(self, temperature: float) -> Iterator[Sampler]:
        """Make what chooses the tokens of one reply.

        Args:
            temperature: 0 always takes the likeliest token.
        """
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if temperature == 0:
            links = [lib.llama_sampler_init_greedy()]
        else:
            links = [
                self._dry_sampler(),
                lib.llama_sampler_init_top_k(native.TOP_K),
                lib.llama_sampler_init_top_p(native.TOP_P, 1),
                lib.llama_sampler_init_min_p(native.MIN_P, 1),
                lib.llama_sampler_init_temp(temperature),
                lib.llama_sampler_init_dist(lib.LLAMA_DEFAULT_SEED),
            ]
        for link in links:
            lib.llama_sampler_chain_add(chain, link)
        try:
            yield chain
        finally:
            lib.llama_sampler_free(chain)

    def _dry_sampler(self) -> Any:  # noqa: ANN401 - a native pointer
        breakers = (ctypes.c_char_p * len(native.DRY_BREAKERS))(*(text.encode() for text in native.DRY_BREAKERS))
        return lib.llama_sampler_init_dry(
            self._vocabulary,
            native.DRY_MULTIPLIER,
            native.DRY_BASE,
            native.DRY_ALLOWED_TOKENS,
            native.DRY_LAST_TOKENS,
            breakers,
            len(breakers),
        )

    def sample(self, sampler: Sampler) -> int:
        """Choose the token that follows those read so far."""
        return int(lib.llama_sampler_sample(sampler, self._context, -1))
