"""ALSA's library, which PortAudio uses on Linux: it must not write over the conversation."""

import ctypes
import functools
import sys
from contextlib import suppress

_Handler = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)  # file, line, function, error, format; what else it passes is not looked at


_ignore = _Handler(lambda *_: None)  # what matters PortAudio reports as well; it must live as long as the library


@functools.cache
def keep_quiet() -> None:
    """Have ALSA print nothing on standard error, as it else does at every underrun; where there is no ALSA, nothing."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_ignore)
