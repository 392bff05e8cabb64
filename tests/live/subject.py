"""What is measured, as a process of its own: a live conversation.

It takes a command a line on standard input (``type TEXT``, ``say TEXT``, ``interrupt``, ``mute``, ``unmute``,
``close``), and tells each event as a line of JSON on standard output, with its moment on the monotonic clock.
"""

import json
import sys
import threading
import time
from dataclasses import fields

from hotpin import settings
from hotpin.bus import Subscription
from hotpin.cli import leave
from hotpin.events import Event, Level
from hotpin.live import Live

READY = "Ready"


def main() -> None:
    live = Live(settings.load(), "live")
    threading.Thread(target=_tell_events, args=(live.bus.subscribe(),), daemon=True).start()
    live.open()
    _tell(READY, {})
    for line in sys.stdin:
        verb, _, text = line.strip().partition(" ")
        if verb == "close":
            break
        assert live.conversation is not None
        getattr(live.conversation, verb)(*([text] if text else []))
    live.close(2.0)
    leave(0)


def _tell_events(events: Subscription) -> None:
    while (event := events.get()) is not None:
        if not isinstance(event, Level):
            _tell(type(event).__name__, _plain(event))


def _plain(event: Event) -> dict[str, object]:
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {name: value if isinstance(value, int | float | str) else str(value) for name, value in values.items()}


def _tell(name: str, values: dict[str, object]) -> None:
    print(json.dumps({"at": time.monotonic(), "event": name, **values}), flush=True)


if __name__ == "__main__":
    main()
