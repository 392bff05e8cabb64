"""What is measured, as a process of its own: a live conversation.

It takes a command a line on standard input (``type TEXT``, ``say TEXT``, ``interrupt``, ``mute``, ``unmute``,
``close``), and tells each event as a line of JSON on standard output, with its moment on the monotonic clock.
"""

import importlib
import json
import sys
import threading
import time
from dataclasses import fields
from typing import Any

from hotpin import settings
from hotpin.events import Event

READY = "Ready"


def main() -> None:
    live = _live()
    live.open(lambda _: None)
    threading.Thread(target=_tell_events, args=(live,), daemon=True).start()
    _tell(READY, {})
    for line in sys.stdin:
        verb, _, text = line.strip().partition(" ")
        if verb == "close":
            break
        getattr(live.conversation, verb)(*([text] if text else []))
    live.close(2.0)


def _live() -> Any:  # noqa: ANN401 - one of two classes
    try:
        module = importlib.import_module("hotpin.live")
    except ModuleNotFoundError:
        module = importlib.import_module("tests.live.composition")
    return module.Live(settings.load(), "live")


def _tell_events(live: Any) -> None:  # noqa: ANN401
    while True:
        event = live.events.get(None)
        if event is None:
            return
        _tell(type(event).__name__, _plain(event))


def _plain(event: Event) -> dict[str, object]:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {name: value if isinstance(value, int | float | str) else str(value) for name, value in values.items()}


def _tell(name: str, values: dict[str, object]) -> None:
    print(json.dumps({"at": time.monotonic(), "event": name, **values}), flush=True)


if __name__ == "__main__":
    main()
