"""How turns went: a line in the log, the figures, and the server's health."""

import logging

from hotpin.events import Event, Failed, TurnDone
from hotpin.server.services import Services

log = logging.getLogger(__name__)


class TurnLog:
    """Notes how the turns of one client went."""

    def __init__(self, services: Services, protocol: str) -> None:
        self._services = services
        self._protocol = protocol
        self._result = ""  # how the present turn failed, if it did

    def happened(self, event: Event) -> None:
        """Note a failure, or the end of a turn."""
        match event:
            case Failed():
                self._failed(event)
            case TurnDone():
                self._done(event)

    def _failed(self, event: Failed) -> None:
        log.warning(
            "session=%s turn=%d protocol=%s failed=%s error=%s",
            event.conversation, event.turn, self._protocol, event.stage, type(event.error).__name__,
        )  # fmt: skip
        log.debug("what failed", exc_info=event.error)
        self._services.health.failed(event)
        self._result = f"{event.stage}_failed"

    def _done(self, event: TurnDone) -> None:
        log.info("session=%s turn=%d protocol=%s done", event.conversation, event.turn, self._protocol)
        result, self._result = self._result or ("answered" if event.reply else "unheard"), ""
        self._services.metrics.turn(self._protocol, result, event.timing)
        if result == "answered":
            self._services.health.done()
