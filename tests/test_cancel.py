"""Work is dropped once its generation has passed."""

import threading

from hotpin.cancel import Generation, Ticket, never


def test_never_is_never() -> None:
    assert not never()


def test_a_generation_only_grows() -> None:
    generation = Generation()
    assert generation.number == 0
    assert [generation.advance(), generation.advance()] == [1, 2]
    assert generation.number == 2


def test_no_advance_is_lost_between_threads() -> None:
    generation = Generation()
    start = threading.Barrier(4)

    def advance() -> None:
        start.wait(5)
        for _ in range(500):
            generation.advance()

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert generation.number == 2_000


def test_a_ticket_is_cancelled_by_the_next_generation_and_stays_so() -> None:
    counter = Generation()
    ticket = Ticket("kitchen", 1, counter.number, counter)
    assert not ticket.cancelled()
    counter.advance()
    assert ticket.cancelled()
    counter.advance()
    assert ticket.cancelled()


def test_another_conversation_does_not_cancel_it() -> None:
    mine, other = Generation(), Generation()
    ticket = Ticket("kitchen", 1, mine.number, mine)
    other.advance()
    assert not ticket.cancelled()


def test_tickets_compare_by_what_they_name() -> None:
    assert Ticket("kitchen", 1, 0, Generation()) == Ticket("kitchen", 1, 0, Generation())
    assert Ticket("kitchen", 1, 0, Generation()) != Ticket("kitchen", 2, 0, Generation())
    assert "counter" not in repr(Ticket("kitchen", 1, 0, Generation()))
