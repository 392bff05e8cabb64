"""The one thread loop that every engine uses: bounded, fair between conversations, and it drops what is stale."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from hotpin.cancel import Ticket
from hotpin.errors import BusyError

log = logging.getLogger(__name__)

Work = Callable[[], None]
"""One piece of work; it checks its ticket between steps and reports its own failures as events."""

Ahead = Callable[[], bool]
"""Whether a job only runs ahead: what is certain goes first. Asked whenever a job is chosen, since it changes."""

_Job = tuple[Ticket, Work, Ahead]

_RECHECK_SECONDS = 0.05
"""s. How long a waiting submitter may go on before it notices that its work has become stale."""


def certain() -> bool:
    """Stand in for work that is wanted in any case."""
    return False


def running_ahead() -> bool:
    """Stand in for work that is never more than a head start."""
    return True


class Worker:
    """Runs the jobs of one engine, one at a time, on one thread.

    Each conversation has its own queue of at most ``capacity`` jobs, and the conversations take turns, so one that asks
    much cannot starve another; where a conversation only runs ahead, those with certain work come first. A job whose
    ticket is stale is dropped when its turn comes, or its place is needed.
    """

    def __init__(self, name: str, capacity: int = 16, max_conversations: int = 64) -> None:
        if capacity < 1 or max_conversations < 1:
            raise ValueError(f"capacity and max_conversations must be at least 1, got {capacity}, {max_conversations}")
        self._capacity = capacity
        self._max_conversations = max_conversations
        self._queues: OrderedDict[str, deque[_Job]] = OrderedDict()
        self._changed = threading.Condition()  # guards _queues, _busy and _closed
        self._busy: str | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"hotpin-{name}", daemon=True)
        self._thread.start()

    def submit(self, ticket: Ticket, work: Work, *, wait: bool = False, ahead: Ahead = certain) -> bool:
        """Queue ``work``; return whether it was taken.

        With ``wait`` a full queue is waited for (back-pressure) until there is room or the ticket has become stale.
        ``ahead`` tells whether the work is only done ahead.

        Raises:
            BusyError: without ``wait``, when this conversation's queue or the number of conversations is at its bound.
        """
        with self._changed:
            while not self._closed and not ticket.cancelled():
                queue = self._room(ticket.conversation)
                if queue is not None:
                    queue.append((ticket, work, ahead))
                    self._changed.notify_all()
                    return True
                if not wait:
                    raise BusyError(f"{self._thread.name} has no room for more work")
                self._changed.wait(_RECHECK_SECONDS)
        return False

    def others_wait(self, conversation: str) -> bool:
        """Whether certain work of another conversation waits here."""
        with self._changed:
            return any(name != conversation and _is_certain(queue) for name, queue in self._queues.items())

    def idle(self, conversation: str) -> bool:
        """Whether nothing of this conversation is queued or running here."""
        with self._changed:
            return self._busy != conversation and not self._queues.get(conversation)

    def close(self, timeout: float = 2.0) -> bool:
        """Drop what is queued and end the thread; return whether it ended within ``timeout`` seconds."""
        with self._changed:
            self._closed = True
            self._queues.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _room(self, conversation: str) -> deque[_Job] | None:
        """Give the conversation's queue if one more job fits in; what is stale must not keep out what is wanted."""
        queue = self._queues.get(conversation)
        if queue is None:
            if len(self._queues) >= self._max_conversations:
                return None
            queue = self._queues[conversation] = deque()
        elif len(queue) >= self._capacity:
            wanted = [job for job in queue if not job[0].cancelled()]
            queue.clear()
            queue.extend(wanted)
        return queue if len(queue) < self._capacity else None

    def _next(self) -> _Job | None:
        with self._changed:
            self._busy = None
            self._changed.notify_all()
            while not self._closed:
                if self._queues:
                    first = next(iter(self._queues))
                    conversation = next((name for name, queue in self._queues.items() if _is_certain(queue)), first)
                    queue = self._queues.pop(conversation)
                    job = queue.popleft()
                    if queue:
                        # Behind all others: that is what makes it fair.
                        self._queues[conversation] = queue
                    self._busy = conversation
                    return job
                self._changed.wait()
            return None

    def _run(self) -> None:
        while (job := self._next()) is not None:
            ticket, work, _ = job
            if ticket.cancelled():
                continue
            try:
                work()
            except Exception:
                # Work reports its own failures; what still arrives here is a bug, and must not end the thread.
                log.exception("work on %s failed", self._thread.name)


def _is_certain(queue: deque[_Job]) -> bool:
    """Whether any job of the conversation that is still wanted is certain: those before it have to be done first."""
    return any(not ahead() for ticket, _, ahead in queue if not ticket.cancelled())
