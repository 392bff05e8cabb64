"""Keeps the turns of one conversation on the store's own thread, so that a slow disk holds nobody up.

What a front end is told as final has been stored before: a reply's text before ``ReplyWritten`` is published, what was
heard of it before ``TurnDone`` is. So whatever a person saw finished is there after a crash.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hotpin.cancel import Generation, Ticket
from hotpin.errors import BusyError
from hotpin.sessions.base import SessionStore, StoredTurn
from hotpin.worker import Worker

log = logging.getLogger(__name__)

Then = Callable[[Exception | None], None]
"""Called once a change is stored, or with the error for which it could not be; possibly on another thread."""


@dataclass(slots=True, eq=False)
class KeptTurn:
    """What a keeper knows of one turn. Its ``number`` is used on the store's thread only."""

    number: int | None = None
    """Its number in the store; ``None`` while it is not there."""

    retracted: bool = False
    """Whether the person took it back by speaking on."""


class Keeper(Protocol):
    """Keeps the turns of one conversation; its methods never wait but for ``flush``."""

    def written(self, turn: KeptTurn, heard: str, reply: str, then: Then) -> None:
        """Keep a turn whose reply's text is final; it counts as heard to its end until ``done`` says otherwise."""
        ...

    def done(self, turn: KeptTurn, stored: StoredTurn, then: Then) -> None:
        """Keep a turn that is over as it was."""
        ...

    def retract(self, turn: KeptTurn) -> None:
        """Forget a turn that was taken back."""
        ...

    def flush(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until everything is stored; return whether it is."""
        ...


class Unkept:
    """For conversations that nobody keeps."""

    def written(self, turn: KeptTurn, heard: str, reply: str, then: Then) -> None:
        """Go on."""
        then(None)

    def done(self, turn: KeptTurn, stored: StoredTurn, then: Then) -> None:
        """Go on."""
        then(None)

    def retract(self, turn: KeptTurn) -> None:
        """Do nothing."""

    def flush(self, timeout: float) -> bool:
        """Return at once."""
        return True


class SessionKeeper:
    """Keeps one session's turns in a store.

    Args:
        store: where they are kept.
        worker: the store's thread, shared by all conversations.
        session_id: the session; it is made with its first turn.
        agent: the persona that answers.
    """

    def __init__(self, store: SessionStore, worker: Worker, session_id: str, agent: str) -> None:
        self._store = store
        self._worker = worker
        self._session_id = session_id
        self._agent = agent
        # Of a generation that never ends: what was said stays said, whatever is cancelled.
        self._ticket = Ticket(session_id, 0, 0, Generation())

    def written(self, turn: KeptTurn, heard: str, reply: str, then: Then) -> None:
        """Keep a turn whose reply's text is final."""
        stored = StoredTurn(heard, reply, reply, time.time())
        self._submit(lambda: self._add(turn, stored), then)

    def done(self, turn: KeptTurn, stored: StoredTurn, then: Then) -> None:
        """Keep a turn that is over as it was."""

        def work() -> None:
            if turn.number is None:
                self._add(turn, stored)
            else:
                self._store.amend(self._session_id, turn.number, stored.spoken, stored.timing)

        self._submit(work, then)

    def retract(self, turn: KeptTurn) -> None:
        """Forget a turn that was taken back, also one that is only about to be stored."""
        turn.retracted = True

        def work() -> None:
            if turn.number is not None:
                self._store.retract(self._session_id, turn.number)

        self._submit(work, _log_failure)

    def flush(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until everything is stored; return whether it is."""
        flushed = threading.Event()
        self._submit(flushed.set, lambda _: flushed.set())
        return flushed.wait(timeout)

    def _add(self, turn: KeptTurn, stored: StoredTurn) -> None:
        # Already there: it was interrupted just when its text became final.
        if turn.number is None and not turn.retracted:
            turn.number = self._store.add(self._session_id, self._agent, stored)

    def _submit(self, work: Callable[[], None], then: Then) -> None:
        def tell() -> None:
            try:
                work()
            except Exception as error:
                then(error)
            else:
                then(None)

        try:
            if not self._worker.submit(self._ticket, tell):
                then(BusyError("the session store is closed"))
        except BusyError as error:
            then(error)


def _log_failure(error: Exception | None) -> None:
    if error is not None:
        log.warning("a turn that was taken back could not be removed: %s", error)
