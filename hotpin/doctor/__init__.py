"""Is everything there that Hotpin needs? One check for each thing, and what to do where it is not."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hotpin import registry
from hotpin.doctor import echo, engines, machine, servers, service, sound, store
from hotpin.doctor.check import Check, guarded
from hotpin.settings import Settings

__all__ = ["Check", "examine", "healthy"]

_Look = Callable[[Settings], Iterator[Check]]

_CHECKS: tuple[tuple[str, bool, _Look], ...] = (
    ("folders", False, machine.folders),
    ("models", True, engines.model_checks),
    ("vad engine", True, engines.engine_check("vad", registry.build_vad)),
    ("stt engine", True, engines.engine_check("stt", registry.build_stt)),
    ("prosody engine", True, engines.engine_check("prosody", registry.build_prosody)),
    ("llm engine", True, engines.engine_check("llm", registry.build_llm)),
    ("tts engine", True, engines.engine_check("tts", registry.build_tts)),
    ("wake engine", True, engines.engine_check("wake", registry.build_wake)),
    ("persona", True, engines.persona),
    ("voice", True, engines.voice),
    ("servers", True, servers.servers),
    ("sessions", False, store.sessions),
    ("llama.cpp for this CPU", False, engines.native),
    ("Kokoro's languages", False, engines.kokoro_languages),
    ("espeak-ng", False, sound.espeak),
    ("processor", False, machine.processor),
    ("memory", False, machine.memory),
    ("disk", False, machine.disk),
    ("network", False, engines.network),
)
"""Name, whether Hotpin is of no use where the check itself fails, and the check."""

_SOUND_CHECKS: tuple[tuple[str, _Look], ...] = (
    ("sound for a service", service.service),
    ("echo", echo.echo),
)
"""Name and check of what is only looked at when asked for: a sound is played."""


def examine(*, audio: bool = False) -> list[Check]:
    """Make every check, in the order in which a person should put things right. No check raises; no model is loaded.

    Args:
        audio: whether to play a sound and measure the room's echo as well.
    """
    chosen, settings_check = machine.load_settings()
    found = [*guarded("python", lambda: machine.python(chosen), required=True), settings_check]
    # Meanwhile: asking for the sound devices takes as long as all the rest.
    with ThreadPoolExecutor(max_workers=1) as pool:
        devices = pool.submit(guarded, "devices", lambda: sound.devices(chosen), required=False)
        for name, required, look in _CHECKS:
            found += guarded(name, partial(look, chosen), required=required)
        found += devices.result()
    for name, look in _SOUND_CHECKS if audio else ():
        found += guarded(name, partial(look, chosen), required=False)
    return found


def healthy(checks: list[Check]) -> bool:
    """Whether everything that is required is there."""
    return all(check.ok for check in checks if check.required)
