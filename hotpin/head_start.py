"""What the model is given to evaluate before it is asked, so that at the end only the last words are."""

import logging
from collections.abc import Sequence

from hotpin.cancel import Ticket
from hotpin.engines import Engines
from hotpin.errors import BusyError
from hotpin.llm.base import Message
from hotpin.worker import running_ahead

log = logging.getLogger(__name__)


class HeadStart:
    """The beginning of one conversation's next prompt, evaluated while nobody waits for it. For any thread.

    Args:
        engines: with the model and its worker.
        session: whose prompt it is.
    """

    def __init__(self, engines: Engines, session: str) -> None:
        self._engines = engines
        self._session = session
        self._messages: Sequence[Message] = ()

    def take(self, ticket: Ticket, messages: Sequence[Message], words: str = "") -> None:
        """Have messages evaluated, in pieces where others wait for the model meanwhile; they replace the former ones.

        Args:
            ticket: of the work that they are for.
            messages: what the next prompt begins with.
            words: of these, what the person is saying, of which the model will be asked whether it is all.
        """
        self._messages = messages
        self._submit(ticket, messages, words)

    def stop(self) -> None:
        """Evaluate no more of it: something more urgent wants the cores, and asks for the rest itself."""
        self._messages = ()

    def _submit(self, ticket: Ticket, messages: Sequence[Message], words: str) -> None:
        try:
            self._engines.llm_worker.submit(
                ticket, lambda: self._evaluate(ticket, messages, words), ahead=running_ahead
            )
        except BusyError:
            log.info("no room to evaluate the prompt ahead")

    def _evaluate(self, ticket: Ticket, messages: Sequence[Message], words: str) -> None:
        def stale() -> bool:
            return ticket.cancelled() or self._messages is not messages

        def interrupted() -> bool:
            return stale() or self._others_wait()

        if stale():
            return
        try:
            self._engines.llm.prepare(self._session, messages, interrupted)
            if words and not interrupted():
                self._engines.llm.hear(self._session, words, interrupted)
        except Exception as error:
            # Only a head start is lost; the turn itself will report what is wrong.
            log.info("the prompt could not be evaluated ahead: %s", type(error).__name__)
            return
        if self._others_wait():  # what is missing is evaluated after them
            self._submit(ticket, messages, words)

    def _others_wait(self) -> bool:
        return self._engines.llm_worker.others_wait(self._session)
