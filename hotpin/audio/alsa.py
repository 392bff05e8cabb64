"""ALSA's library, which PortAudio uses on Linux: it must not write over the conversation, nor end it."""

import ctypes
import functools
import sys
import threading
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


_checking = threading.Lock()


def has_devices() -> bool:
    """Whether ALSA's configuration can be read and names any device; true where there is no ALSA.

    Where it names none, PortAudio ends the process.
    """
    if not sys.platform.startswith("linux"):
        return True
    keep_quiet()
    with suppress(OSError, AttributeError, ValueError), _checking:
        library = ctypes.CDLL("libasound.so.2")
        if library.snd_config_update() < 0:
            return False
        root = ctypes.c_void_p.in_dll(library, "snd_config")
        return bool(root) and library.snd_config_search(root, b"pcm", None) >= 0
    return True
