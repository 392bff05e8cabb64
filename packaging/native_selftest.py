"""Runs the compiled llama.cpp as Hotpin does: a quantised matrix product, then a few tokens of the chosen model.

Importing the module would prove too little: an instruction that this CPU lacks, or that was compiled wrongly, ends the
process only where it is executed; and which ones are depends on the model's format. Run by setup.sh in a process of its
own, because there is no other way to survive that.
"""

import ctypes
import sys
from pathlib import Path

import llama_cpp

from hotpin import settings
from hotpin.errors import ModelError
from hotpin.llm.base import Message, ReplyOptions
from hotpin.llm.llama_cpp_python import LlamaCppPython

GGML_TYPE_F32 = 0
GGML_TYPE_Q4_K = 12
ROWS = 256
"""A block of Q4_K is 256 values: nothing smaller can be multiplied."""
MEMORY = 16 * 2**20
"""Bytes for the three tensors and the graph."""


class InitParams(ctypes.Structure):
    """``ggml_init_params`` of ggml.h."""

    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


def load(name: str) -> ctypes.CDLL:
    """Load one of the libraries that came with ``llama_cpp``: ``.so``, or ``.dylib`` on macOS."""
    return ctypes.CDLL(str(min((Path(llama_cpp.__file__).parent / "lib").glob(f"lib{name}.*"))))


def multiply() -> int:
    """Multiply two matrices on two threads; return ggml's status, 0 if all went well."""
    base, cpu = load("ggml-base"), load("ggml-cpu")
    pointer = ctypes.c_void_p
    for name, arguments in {
        "ggml_init": [InitParams],
        "ggml_new_tensor_2d": [pointer, ctypes.c_int, ctypes.c_int64, ctypes.c_int64],
        "ggml_mul_mat": [pointer, pointer, pointer],
        "ggml_new_graph": [pointer],
    }.items():
        function = getattr(base, name)
        function.argtypes, function.restype = arguments, pointer
    base.ggml_build_forward_expand.argtypes = [pointer, pointer]
    cpu.ggml_graph_compute_with_ctx.argtypes = [pointer, pointer, ctypes.c_int]

    context = base.ggml_init(InitParams(MEMORY, None, False))
    weights = base.ggml_new_tensor_2d(context, GGML_TYPE_Q4_K, ROWS, ROWS)
    vectors = base.ggml_new_tensor_2d(context, GGML_TYPE_F32, ROWS, 8)
    graph = base.ggml_new_graph(context)
    base.ggml_build_forward_expand(graph, base.ggml_mul_mat(context, weights, vectors))
    return int(cpu.ggml_graph_compute_with_ctx(context, graph, 2))


def write() -> None:
    """Read a question in batches and write some tokens, with the model of the settings; without one, do nothing."""
    engine = LlamaCppPython(settings.load())
    try:
        engine.load()
    except ModelError:
        return
    for _ in engine.reply("selftest", [Message("user", "What is two plus two?")], ReplyOptions(max_tokens=4)):
        pass
    engine.close()


if __name__ == "__main__":
    if (status := multiply()) == 0:
        write()
    sys.exit(status)
