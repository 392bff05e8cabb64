"""Runs one quantised matrix product of llama.cpp, as a language model does for every token.

Importing the module would prove too little: an instruction that this CPU lacks ends the process only where it is
executed. Run by setup.sh in a process of its own, because there is no other way to survive that.
"""

import ctypes
import sys
from pathlib import Path

import llama_cpp

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


if __name__ == "__main__":
    sys.exit(multiply())
