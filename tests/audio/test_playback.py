"""The queue between a voice and a loudspeaker: order, back-pressure, and what is known of what was heard."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from hotpin.audio.frame import Samples
from hotpin.audio.playback import Playback
from hotpin.cancel import Generation, Ticket
from hotpin.tts.silence import AUDIBLE

RATE = 1_000
"""Hz: a sample is a millisecond."""

CAPACITY = 100
TIMEOUT = 5.0


@pytest.fixture
def playback() -> Playback:
    return Playback(RATE, CAPACITY / RATE)


@pytest.fixture
def ticket(playback: Playback) -> Ticket:
    """The reply that is being written."""
    current = ticket_of(1)
    playback.begin(current)
    return current


def ticket_of(turn: int) -> Ticket:
    counter = Generation()
    return Ticket("kitchen", turn, counter.number, counter)


def loud(samples: int, value: int = 9_000) -> Samples:
    return np.full(samples, value, np.int16)


def read(playback: Playback, samples: int, now: float = 0.0) -> list[int]:
    """Let the loudspeaker take ``samples``; return those of the reply, and make sure that the rest is silent."""
    out = loud(samples, 77)
    filled = playback.read_into(out, now)
    assert not np.any(out[filled:])
    return list(map(int, out[:filled]))


def started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def joined(thread: threading.Thread) -> bool:
    thread.join(TIMEOUT)
    return not thread.is_alive()


# --- order ---


def test_nothing_is_silence(playback: Playback) -> None:
    assert read(playback, 10) == []
    progress = playback.progress()
    assert (progress.ticket, progress.first_audible, progress.fractions) == (None, None, {})
    assert progress.finished


def test_pieces_are_played_in_order_however_they_are_read(playback: Playback, ticket: Ticket) -> None:
    for start, stop in ((1, 11), (11, 12), (12, 31)):
        assert playback.write(ticket, 0, np.arange(start, stop, dtype=np.int16))
    played = [sample for size in (3, 0, 20, 4) for sample in read(playback, size)]
    assert played == list(range(1, 28))
    assert read(playback, 10) == [28, 29, 30]


@pytest.mark.parametrize(("rate", "capacity"), [(0, 1.0), (-1, 1.0), (RATE, 0.0), (RATE, -1.0)])
def test_rate_and_capacity_are_positive(rate: int, capacity: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Playback(rate, capacity)


# --- whose reply it is ---


def test_a_new_reply_drops_what_is_left_of_the_old_one(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(10))
    newer = ticket_of(2)
    playback.begin(newer)
    assert read(playback, 10) == []
    assert not playback.write(ticket, 0, loud(10))
    assert playback.progress().ticket == newer
    assert playback.progress().fractions == {}


def test_a_cancelled_reply_is_not_taken(playback: Playback, ticket: Ticket) -> None:
    ticket.counter.advance()
    assert not playback.write(ticket, 0, loud(10))
    assert read(playback, 10) == []


def test_nothing_is_taken_before_a_reply_has_begun(playback: Playback) -> None:
    assert not playback.write(ticket_of(1), 0, loud(10))


def test_nothing_is_taken_after_the_end(playback: Playback, ticket: Ticket) -> None:
    playback.end(ticket)
    assert not playback.write(ticket, 0, loud(10))
    assert playback.progress().finished


def test_the_end_of_another_reply_does_not_end_this_one(playback: Playback, ticket: Ticket) -> None:
    playback.end(ticket_of(2))
    assert not playback.progress().written
    assert playback.write(ticket, 0, loud(10))


def test_a_flush_ends_the_reply_where_it_is(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(10))
    assert len(read(playback, 4)) == 4
    playback.flush()
    assert read(playback, 4) == []
    assert not playback.write(ticket, 0, loud(10))
    progress = playback.progress()
    assert progress.fractions == {0: 0.4}
    assert progress.finished


# --- pausing ---


def test_a_pause_fades_out_and_in_and_drops_nothing(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(40, 8_000))
    played(playback, 3)
    playback.pause()
    fading = list(range(7_000, 0, -1_000))
    assert played(playback, 5) + played(playback, 15) == fading + [0] * 13
    assert not playback.wait(0.0)
    playback.resume()
    assert playback.wait(0.0)
    assert played(playback, 40) == [*range(1_000, 8_000, 1_000), *[8_000] * 22, *[0] * 11]
    assert playback.progress().gap_seconds == 0.0


def test_what_is_written_in_a_pause_waits_for_its_end(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(2))
    played(playback, 5)
    playback.pause()
    playback.write(ticket, 0, loud(5))
    assert played(playback, 5) == [0] * 5


def test_a_new_reply_is_not_paused(playback: Playback, ticket: Ticket) -> None:
    playback.pause()
    newer = ticket_of(2)
    playback.begin(newer)
    playback.write(newer, 0, loud(5))
    assert len(read(playback, 5)) == 5


# --- what was heard ---


def test_each_clause_tells_how_much_of_it_was_played(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(10))
    playback.write(ticket, 1, loud(10))
    playback.write(ticket, 1, loud(10))
    playback.write(ticket, 2, np.empty(0, np.int16))
    assert playback.progress().fractions == {0: 0.0, 1: 0.0}
    read(playback, 15)
    assert playback.progress().fractions == {0: 1.0, 1: 0.25}
    read(playback, 15)
    assert playback.progress().fractions == {0: 1.0, 1: 1.0}


def test_the_silence_behind_a_clause_is_no_part_of_it(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, np.concatenate((loud(8), np.zeros(4, np.int16))))
    read(playback, 4)
    assert playback.progress().fractions == {0: 0.5}
    read(playback, 5)
    assert playback.progress().fractions == {0: 1.0}
    assert not playback.progress().finished


def test_a_reply_is_finished_when_it_is_written_and_played(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(10))
    assert not playback.progress().written
    playback.end(ticket)
    assert playback.progress().written
    read(playback, 9)
    assert not playback.progress().finished
    read(playback, 9)
    assert playback.progress().finished


@pytest.mark.parametrize("value", [AUDIBLE + 1, -AUDIBLE - 1, 32_767, -32_768])
def test_the_first_sound_is_the_first_that_can_be_heard(playback: Playback, ticket: Ticket, value: int) -> None:
    playback.write(ticket, 0, loud(20, AUDIBLE))
    playback.write(ticket, 0, np.concatenate((loud(5, -AUDIBLE), loud(1, value))))
    read(playback, 15, now=3.0)
    assert playback.progress().first_audible is None
    read(playback, 15, now=3.5)
    # 10 samples of this block are inaudible: the rest of the first piece, and 5 of the second.
    assert playback.progress().first_audible == pytest.approx(3.51)


def test_the_first_sound_stays_the_first_until_the_next_reply(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(20))
    read(playback, 10, now=1.0)
    read(playback, 10, now=2.0)
    assert playback.progress().first_audible == 1.0
    playback.begin(ticket_of(2))
    assert playback.progress().first_audible is None


def test_only_silence_in_the_middle_is_a_gap(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, np.empty(0, np.int16))
    read(playback, 10)
    playback.write(ticket, 0, loud(10))
    assert playback.progress().gap_seconds == 0.0
    read(playback, 14)
    read(playback, 10)
    playback.write(ticket, 1, loud(10))
    read(playback, 10)
    assert playback.progress().gap_seconds == pytest.approx(0.014)
    # The voice says after 30 ms that this was all: nobody has missed anything.
    read(playback, 30)
    playback.end(ticket)
    read(playback, 30)
    assert playback.progress().gap_seconds == pytest.approx(0.014)


# --- waiting ---


def test_a_voice_that_is_ahead_waits_for_room(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(CAPACITY))
    writer = started(lambda: playback.write(ticket, 1, loud(10)))
    writer.join(0.02)
    assert writer.is_alive()
    assert 1 not in playback.progress().fractions
    read(playback, 10)
    assert joined(writer)
    assert len(read(playback, 2 * CAPACITY)) == CAPACITY


def test_a_piece_longer_than_the_queue_is_taken_when_it_is_empty(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(1))
    writer = started(lambda: playback.write(ticket, 0, loud(5 * CAPACITY)))
    writer.join(0.02)
    assert writer.is_alive()
    read(playback, 1)
    assert joined(writer)
    assert len(read(playback, 9 * CAPACITY)) == 5 * CAPACITY


@pytest.mark.parametrize("way", ["cancel", "flush", "end", "begin"])
def test_a_waiting_voice_is_let_go_when_its_reply_is_over(playback: Playback, ticket: Ticket, way: str) -> None:
    ways: dict[str, Callable[[], object]] = {
        "cancel": ticket.counter.advance,
        "flush": playback.flush,
        "end": lambda: playback.end(ticket),
        "begin": lambda: playback.begin(ticket_of(2)),
    }
    playback.write(ticket, 0, loud(CAPACITY))
    taken: list[bool] = []
    writer = started(lambda: taken.append(playback.write(ticket, 1, loud(10))))
    ways[way]()
    assert joined(writer)
    assert taken == [False]


def test_a_waiting_loudspeaker_is_woken_by_the_first_piece(playback: Playback, ticket: Ticket) -> None:
    there: list[bool] = []
    speaker = started(lambda: there.append(playback.wait(TIMEOUT)))
    playback.write(ticket, 0, loud(1))
    assert joined(speaker)
    assert there == [True]


def test_waiting_for_the_end_lasts_until_all_is_played(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(10))
    waiter = started(playback.wait_finished)
    read(playback, 5)
    playback.end(ticket)
    waiter.join(0.02)
    assert waiter.is_alive()
    read(playback, 5)
    assert joined(waiter)
    playback.wait_finished()


def test_who_rests_is_woken_when_a_reply_is_to_come_or_a_sound_is_laid_over(playback: Playback) -> None:
    assert not playback.expected.is_set()
    playback.begin(ticket_of(1), held=True)
    assert playback.expected.is_set()
    playback.expected.clear()
    playback.overlay(loud(5))
    assert playback.expected.is_set()


def test_it_is_quiet_when_all_is_played_and_nothing_more_is_to_come(playback: Playback, ticket: Ticket) -> None:
    assert not playback.quiet  # the reply is being made
    playback.write(ticket, 0, loud(10))
    playback.end(ticket)
    read(playback, 9)
    assert not playback.quiet
    read(playback, 1)
    assert playback.quiet
    playback.overlay(loud(10))
    assert not playback.quiet
    read(playback, 10)
    assert playback.quiet


def test_a_voice_and_a_loudspeaker_on_their_own_threads_lose_nothing(playback: Playback, ticket: Ticket) -> None:
    said = np.random.default_rng(7).integers(1, 30_000, 20_000).astype(np.int16)
    heard: list[int] = []

    def speak() -> None:
        for clause, piece in enumerate(np.array_split(said, 333)):
            assert playback.write(ticket, clause, piece)
        playback.end(ticket)

    def play() -> None:
        while not playback.progress().finished:
            playback.wait(0.01)
            heard.extend(read(playback, 47))

    voice, speaker = started(speak), started(play)
    assert joined(voice)
    assert joined(speaker)
    assert heard == said.tolist()
    assert set(playback.progress().fractions.values()) == {1.0}


def played(playback: Playback, samples: int) -> list[int]:
    """Let the loudspeaker take ``samples``; return all of them."""
    out = loud(samples, 77)
    playback.read_into(out, 0.0)
    return list(map(int, out))


def test_a_sound_laid_over_a_reply_is_added_to_it(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(4, 100))
    playback.overlay(loud(6, 10))
    assert played(playback, 3) == [110, 110, 110]
    assert played(playback, 5) == [110, 10, 10, 0, 0]


def test_a_sound_laid_over_silence_or_a_pause_is_played(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(4, 100))
    playback.pause()
    playback.overlay(loud(2, 10))
    assert played(playback, 3) == [10, 10, 0]
    playback.resume()
    assert played(playback, 4) == [100] * 4


def test_what_is_too_loud_together_is_clipped(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(2, 30_000))
    playback.overlay(loud(1, 20_000))
    playback.overlay(loud(2, 20_000))
    assert played(playback, 2) == [32_767, 32_767]


def test_a_sound_laid_over_is_no_progress_of_the_reply(playback: Playback, ticket: Ticket) -> None:
    before = playback.progress()
    playback.overlay(loud(10))
    played(playback, 10)
    assert playback.progress() == before
    assert before.first_audible is None


def test_a_dropped_reply_does_not_cut_a_sound_laid_over_it(playback: Playback, ticket: Ticket) -> None:
    playback.write(ticket, 0, loud(50, 100))
    playback.overlay(loud(4, 10))
    played(playback, 1)
    playback.flush()
    assert played(playback, 4) == [10, 10, 10, 0]


def test_a_sound_laid_over_is_cut_after_a_second(playback: Playback) -> None:
    playback.overlay(loud(2 * RATE, 10))
    playback.overlay(loud(2 * RATE, 10))
    assert np.count_nonzero(played(playback, 2 * RATE)) == RATE


def test_a_waiting_loudspeaker_is_woken_by_a_sound_laid_over(playback: Playback) -> None:
    woken: list[bool] = []
    waiting = started(lambda: woken.append(playback.wait(TIMEOUT)))
    playback.overlay(loud(1))
    waiting.join(TIMEOUT)
    assert woken == [True]
