"""The full-screen interface with a look at its event loop; run as a program in a terminal, with a file to write to."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from hotpin import settings as all_settings
from hotpin.events import Event, TurnDone
from hotpin.tui.app import Interface
from hotpin.tui.call import Plan
from hotpin.tui.terminal import kept_clean

QUESTIONS = ("Tell me a long story about a dragon.", "Explain how rain is made, in many sentences.")
LOOK_SECONDS = 0.005
SETTLE_SECONDS = 1.0


class Watched(Interface):
    """Asks by itself, and notes how late its event loop comes while a reply is made and spoken."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.lags: list[float] = []
        self._over = asyncio.Event()
        self._writing = False

    def on_ready(self) -> None:
        self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._ask())]

    async def _look(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK_SECONDS)
            if self._writing:
                self.lags.append(time.perf_counter() - began - LOOK_SECONDS)

    async def _ask(self) -> None:
        while not self._call_ready:
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        for question in QUESTIONS:
            self._over.clear()
            self._writing = True
            self.take_message(question)
            await self._over.wait()
            self._writing = False
        self.exit()

    def _show(self, event: Event) -> None:
        super()._show(event)
        if isinstance(event, TurnDone):
            self._over.set()


if __name__ == "__main__":
    with kept_clean(Path(os.devnull)):
        interface = Watched(Plan(all_settings.load(), "watched"))
        interface.run()
        interface.call.close()
    Path(sys.argv[1]).write_text(json.dumps(interface.lags))
    os._exit(0)
