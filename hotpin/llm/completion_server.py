"""llama.cpp's server inside this process, closed to everybody else: a thin layer over xllamacpp.

Import this module only in ``load()``: it loads the native library.
"""

import secrets
import socket
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import xllamacpp

from hotpin.errors import ModelError
from hotpin.llm import native

SILENT = -1
"""Verbosity at which the server prints nothing at all."""

MAX_SOCKET_PATH_BYTES = 100
"""Longest path of a local socket that every system takes: macOS allows 103 bytes, Linux 107."""

_READ_BYTES = 1 << 20

Answer = Mapping[str, Any]
"""One piece of a streamed completion, or an error, as the server's JSON has it."""


class CompletionServer:
    """A running server with its model.

    Args:
        path: a GGUF file that is known to be whole.
        size: tokens of context that all slots share.
        threads: threads for evaluation.
        slots: prompts that are kept at once.

    Raises:
        ModelError: if llama.cpp cannot load it.
    """

    def __init__(self, path: Path, size: int, threads: int, slots: int) -> None:
        _read_ahead(path)
        # The server insists on listening. In a folder that only this user may enter, deleted before anybody could
        # look, its socket can be reached by nobody; where there are no such sockets the key keeps others out.
        with TemporaryDirectory(prefix="hotpin-") as folder:
            try:
                params = _parameters(path, size, threads, slots)
                params.hostnames = [_address(folder)]
                self._server = xllamacpp.Server(params)
            except RuntimeError as error:
                fix = "Choose another model, update xllamacpp, or lower llm.context if memory is short"
                raise ModelError(f"llama.cpp cannot load {path}", fix) from error
        # Its thread may not have begun yet, and a server that is freed before that never ends.
        self.run({"prompt": " ", "max_tokens": 0})

    def run(self, request: Mapping[str, Any]) -> None:
        """Run one request to its end, whatever comes of it."""
        for _ in self.complete(request):
            pass

    def complete(self, request: Mapping[str, Any]) -> Generator[Answer, None, None]:
        """Run one request; closing the generator stops it after the present token or prefill batch.

        Args:
            request: as for llama.cpp's ``/v1/completions``. There is an answer for each prefill batch too, with its
                ``prompt_progress``: without them prefill could not be stopped.
        """
        # Not bounded, but short: no longer than the tokens that were asked for.
        answers: SimpleQueue[Answer | None] = SimpleQueue()
        closed = threading.Event()

        def take(answer: Answer) -> bool:
            answers.put(answer)
            return closed.is_set()

        def run() -> None:
            try:
                self._server.handle_completions({**request, "stream": True, "return_progress": True}, take)
            except Exception as error:  # whatever the native side raises
                answers.put({"error": {"message": str(error)}})
            finally:
                answers.put(None)

        thread = threading.Thread(target=run, name="llm-completion")
        thread.start()
        try:
            while (answer := answers.get()) is not None:
                yield answer
        finally:
            closed.set()
            thread.join()


def _address(folder: str) -> str:
    path = str(Path(folder) / "closed.sock")
    return path if hasattr(socket, "AF_UNIX") and len(path.encode()) <= MAX_SOCKET_PATH_BYTES else "127.0.0.1"


def _parameters(path: Path, size: int, threads: int, slots: int) -> Any:  # noqa: ANN401 - the binding has no types
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = size
    params.n_batch = params.n_ubatch = native.BATCH_TOKENS
    params.n_parallel = slots
    params.kv_unified = True  # one slot may use the whole context while the others are idle
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup = False
    params.fit_params = _has_gpu()  # else the model is read once more, to see what fits into a GPU: a third of the time
    params.cache_ram_mib = 0  # idle slots are cache enough
    params.api_keys = [secrets.token_hex()]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    params.offline = True
    params.verbosity = SILENT
    return params


def _has_gpu() -> bool:
    return any(device["type"].name != "GGML_BACKEND_DEVICE_TYPE_CPU" for device in xllamacpp.get_device_info())


def _read_ahead(path: Path) -> None:
    """Bring the file into the system's cache: the server loads it with Python's lock held, so let that be quick."""
    buffer = bytearray(_READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
