"""One thread for all conversations: fair, bounded, and done with what is stale."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from hotpin.cancel import Generation, Ticket
from hotpin.errors import BusyError
from hotpin.worker import Worker

WAIT = 5.0
"""s. Longer than anything here takes; only a failure waits for it."""


def ticket(conversation: str = "kitchen", counter: Generation | None = None) -> Ticket:
    counter = counter or Generation()
    return Ticket(conversation, 1, counter.number, counter)


class Watched(Generation):
    """Tells when somebody who holds a ticket has looked at it twice: between the two looks he was waiting."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0
        self.waited_for = threading.Event()

    @property
    def number(self) -> int:
        self._looks += 1
        if self._looks > 2:  # the first was to issue the ticket
            self.waited_for.set()
        return super().number


class Gate:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.opened.wait(WAIT)


MakeWorker = Callable[..., tuple[Worker, Gate]]


@pytest.fixture
def busy_worker() -> Iterator[MakeWorker]:
    """Make workers whose thread is held in a gate of the conversation "hall"."""
    made: list[tuple[Worker, Gate]] = []

    def make(**bounds: int) -> tuple[Worker, Gate]:
        worker, gate = Worker("test", **bounds), Gate()
        made.append((worker, gate))
        worker.submit(ticket("hall"), gate)
        assert gate.entered.wait(WAIT)
        return worker, gate

    yield make
    for worker, gate in made:
        gate.opened.set()
        assert worker.close(WAIT)


def finish(worker: Worker, gate: Gate, *conversations: str) -> None:
    """Let the worker go and wait until nothing of these conversations (by default of the kitchen) is left."""
    gate.opened.set()
    idle = False
    while not idle:
        # As the conversations take turns, one more job of each is done when this one is.
        done = threading.Event()
        worker.submit(ticket("~last"), done.set, wait=True)
        assert done.wait(WAIT)
        idle = all(worker.idle(name) for name in conversations or ["kitchen"])


def waiting_submit(worker: Worker, counter: Watched, work: Callable[[], None]) -> tuple[threading.Thread, list[bool]]:
    """Submit on a thread of its own and return once it waits; the list gets what the submit returns."""
    taken: list[bool] = []
    job = ticket(counter=counter)
    thread = threading.Thread(target=lambda: taken.append(worker.submit(job, work, wait=True)))
    thread.start()
    assert counter.waited_for.wait(WAIT)
    assert taken == []
    return thread, taken


def test_jobs_of_a_conversation_run_in_order(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    ran: list[int] = []
    for number in range(5):
        assert worker.submit(ticket(), partial(ran.append, number))
    finish(worker, gate)
    assert ran == [0, 1, 2, 3, 4]


def test_conversations_take_turns(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    ran: list[str] = []
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        worker.submit(ticket(name[0]), partial(ran.append, name))
    finish(worker, gate, "a", "b", "c")
    assert ran == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_full_queue_refuses_and_leaves_the_others_their_room(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker(capacity=2)
    ran: list[str] = []
    for _ in range(2):
        worker.submit(ticket(), lambda: ran.append("kitchen"))
    with pytest.raises(BusyError, match="no room") as caught:
        worker.submit(ticket(), lambda: ran.append("too much"))
    assert caught.value.retryable
    assert worker.submit(ticket("cellar"), lambda: ran.append("cellar"))
    finish(worker, gate, "kitchen", "cellar")
    assert ran == ["kitchen", "cellar", "kitchen"]


def test_the_number_of_waiting_conversations_is_bounded(busy_worker: MakeWorker) -> None:
    worker, _ = busy_worker(max_conversations=2)
    worker.submit(ticket("a"), lambda: None)
    worker.submit(ticket("b"), lambda: None)
    with pytest.raises(BusyError):
        worker.submit(ticket("c"), lambda: None)
    assert worker.submit(ticket("b"), lambda: None)


@pytest.mark.parametrize("bounds", [{"capacity": 0}, {"max_conversations": 0}])
def test_bounds_must_leave_room_for_something(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Worker("test", **bounds)


def test_a_waiting_submitter_goes_on_when_there_is_room(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker(capacity=1)
    ran: list[str] = []
    worker.submit(ticket(), lambda: ran.append("first"))
    thread, taken = waiting_submit(worker, Watched(), lambda: ran.append("second"))
    gate.opened.set()
    thread.join(WAIT)
    assert taken == [True]
    finish(worker, gate)
    assert ran == ["first", "second"]


def test_a_waiting_submitter_goes_on_when_its_work_is_stale(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker(capacity=1)
    ran: list[str] = []
    counter = Watched()
    worker.submit(ticket(), lambda: ran.append("first"))
    thread, taken = waiting_submit(worker, counter, lambda: ran.append("stale"))
    counter.advance()
    thread.join(WAIT)
    assert taken == [False]
    finish(worker, gate)
    assert ran == ["first"]


def test_a_waiting_submitter_goes_on_when_the_worker_is_closed(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker(capacity=1)
    worker.submit(ticket(), lambda: None)
    thread, taken = waiting_submit(worker, Watched(), lambda: None)
    worker.close(timeout=0)
    thread.join(WAIT)
    assert taken == [False]
    gate.opened.set()


def test_stale_work_is_not_even_queued(busy_worker: MakeWorker) -> None:
    worker, _ = busy_worker()
    counter = Generation()
    stale = ticket(counter=counter)
    counter.advance()
    assert not worker.submit(stale, lambda: None)
    assert worker.idle("kitchen")


def test_work_that_became_stale_in_the_queue_is_dropped(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    ran: list[str] = []
    counter = Generation()
    worker.submit(ticket(counter=counter), lambda: ran.append("stale"))
    counter.advance()
    worker.submit(ticket(counter=counter), lambda: ran.append("wanted"))
    finish(worker, gate)
    assert ran == ["wanted"]


def test_stale_work_makes_room_for_work_that_is_wanted(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker(capacity=2)
    ran: list[str] = []
    counter = Generation()
    for _ in range(2):
        worker.submit(ticket(counter=counter), lambda: ran.append("stale"))
    counter.advance()
    assert worker.submit(ticket(counter=counter), lambda: ran.append("wanted"))
    finish(worker, gate)
    assert ran == ["wanted"]


def test_a_failure_is_logged_and_the_next_job_runs(busy_worker: MakeWorker, caplog: pytest.LogCaptureFixture) -> None:
    worker, gate = busy_worker()
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("out of paper")

    worker.submit(ticket(), fail)
    worker.submit(ticket(), lambda: ran.append("next"))
    finish(worker, gate)
    assert ran == ["next"]
    assert "out of paper" in caplog.text


def test_a_conversation_is_idle_when_nothing_of_it_waits_or_runs(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    assert not worker.idle("hall")
    assert worker.idle("kitchen")
    worker.submit(ticket(), lambda: None)
    assert not worker.idle("kitchen")
    finish(worker, gate, "kitchen", "hall")
    assert worker.idle("hall")
    assert worker.idle("kitchen")


def test_closing_drops_what_is_queued_and_takes_no_more(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    ran: list[str] = []
    worker.submit(ticket(), lambda: ran.append("queued"))
    assert not worker.close(timeout=0)
    gate.opened.set()
    assert worker.close(WAIT)
    assert not worker.submit(ticket(), lambda: ran.append("late"))
    assert ran == []


def test_an_idle_worker_closes_at_once() -> None:
    assert Worker("test").close(WAIT)


def test_work_may_close_its_own_worker() -> None:
    worker = Worker("test")
    answers: list[bool] = []
    closed = threading.Event()

    def close() -> None:
        answers.append(worker.close())
        closed.set()

    worker.submit(ticket(), close)
    assert closed.wait(WAIT)
    assert answers == [False]
    assert worker.close(WAIT)


# --- what only runs ahead ---


def note_last(done: list[str], what: str, finished: threading.Event) -> None:
    done.append(what)
    finished.set()


def test_certain_work_of_others_goes_before_work_done_ahead(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    done: list[str] = []
    finished = threading.Event()
    worker.submit(ticket("kitchen"), partial(note_last, done, "ahead", finished), ahead=lambda: True)
    worker.submit(ticket("garden"), partial(done.append, "certain"))
    gate.opened.set()
    assert finished.wait(WAIT)
    assert done == ["certain", "ahead"]


def test_work_that_has_become_certain_waits_no_longer_than_others(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    ahead = True
    done: list[str] = []
    finished = threading.Event()
    worker.submit(ticket("kitchen"), partial(done.append, "confirmed"), ahead=lambda: ahead)
    worker.submit(ticket("garden"), partial(note_last, done, "certain", finished))
    ahead = False
    gate.opened.set()
    assert finished.wait(WAIT)
    assert done == ["confirmed", "certain"]


def test_certain_work_behind_a_head_start_of_its_own_waits_no_longer_than_others(busy_worker: MakeWorker) -> None:
    worker, gate = busy_worker()
    done: list[str] = []
    finished = threading.Event()
    worker.submit(ticket("kitchen"), partial(done.append, "ahead"), ahead=lambda: True)
    worker.submit(ticket("kitchen"), partial(done.append, "kitchen"))
    for number in range(3):
        worker.submit(ticket("office"), partial(done.append, f"office {number}"))
    worker.submit(ticket("office"), partial(note_last, done, "office", finished))
    gate.opened.set()
    assert finished.wait(WAIT)
    assert done.index("kitchen") < done.index("office 2")


def test_whoever_runs_ahead_can_tell_that_others_wait(busy_worker: MakeWorker) -> None:
    worker, _ = busy_worker()
    assert not worker.others_wait("hall")
    worker.submit(ticket("kitchen"), lambda: None, ahead=lambda: True)
    assert not worker.others_wait("hall")
    stale = Generation()
    worker.submit(ticket("attic", stale), lambda: None)
    stale.advance()
    assert not worker.others_wait("hall")
    worker.submit(ticket("garden"), lambda: None)
    assert worker.others_wait("hall")
    assert not worker.others_wait("garden")
