"""A daemon with real engines that is asked something as soon as it is ready, by a keyboard that daemons do not have."""

import sys
import threading

from hotpin import logs
from hotpin.cli import leave
from hotpin.daemon import Daemon, Plan, heed_signals
from hotpin.events import Speaking
from hotpin.live import Live
from hotpin.settings import load


def ask(live: Live, question: str) -> None:
    with live.bus.subscribe() as events:
        while live.conversation is None:
            events.get(0.05)
        live.conversation.type(question)
        while not isinstance(events.get(1.0), Speaking):
            pass
        print("speaking", flush=True)


if __name__ == "__main__":
    settings = load()
    logs.configure_service("INFO")
    live = Live(settings, "daemon")
    daemon = Daemon(Plan(settings, {}, "daemon"), live)
    heed_signals(daemon)
    threading.Thread(target=ask, args=(live, sys.argv[1]), daemon=True).start()
    daemon.run()
    leave(0)  # as the command does
