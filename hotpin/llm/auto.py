"""The faster of the language-model engines that are installed."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from hotpin.llm.base import Llm

if TYPE_CHECKING:
    from hotpin.settings import Settings


def build(settings: "Settings") -> Llm:
    """Make the engine of llama-cpp-python where it is installed, else that of xllamacpp; not yet loaded."""
    name = "llama_cpp_python" if find_spec("llama_cpp") else "xllamacpp_server"
    return cast(Llm, import_module(f"hotpin.llm.{name}").build(settings))
