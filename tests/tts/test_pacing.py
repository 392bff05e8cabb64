"""How a slow voice's clauses are divided so that the sound comes early and has no gaps."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpin.audio.frame import Frame
from hotpin.audio.playback import Playback
from hotpin.cancel import Cancelled, Generation, Ticket, never
from hotpin.conversation_options import ConversationOptions
from hotpin.events import Interrupted, ReplyWritten, Speaking
from hotpin.tts.pacing import FIRST_SECONDS, MIN_LETTERS, MIN_WORDS, MIN_WORDS_LEFT, Pace, Piece
from tests.fakes.engines import VOICE_RATE, FakeTts
from tests.fakes.sound import play
from tests.scenarios.stage import Stage

SECONDS_PER_CHARACTER = 0.065
LONG = (
    "To write a good letter you should begin with what matters most to the person who is going to read it, and leave "
    "out all the rest of what you might have wanted to say at the beginning."
)
CLAUSES = (
    "Well, I think so,",
    "because the capital of France has been Paris for a very long time and nobody wants to change that.",
    LONG,
    "That is all.",
)


def pace_of(factor: float, fixed: float) -> Pace:
    """A pace that has learnt these figures."""
    pace = Pace()
    for characters in (20, 60, 100):
        seconds = characters * SECONDS_PER_CHARACTER
        pace.learn(characters, seconds, fixed + factor * seconds)
    return pace


def simulated(pace: Pace, factor: float, fixed: float) -> tuple[list[list[Piece]], float, list[float]]:
    """Speak the clauses on a machine of these figures; return the pieces, the first sound's moment and the gaps."""
    now = plays_until = first = 0.0
    gaps: list[float] = []
    spoken: list[list[Piece]] = []

    def lead() -> float:
        return max(0.0, plays_until - now)

    for clause in CLAUSES:
        spoken.append([])
        for piece in pace.pieces(clause, lead):
            seconds = len(piece.text) * SECONDS_PER_CHARACTER
            now += fixed + factor * seconds
            if first:
                gaps.append(max(0.0, now - plays_until))
            first = first or now
            plays_until = max(plays_until, now) + seconds
            # The playback takes three seconds; then the voice waits.
            now = max(now, plays_until - max(3.0, seconds))
            spoken[-1].append(piece)
    return spoken, first, gaps


@pytest.mark.parametrize(("factor", "fixed"), [(0.2, 0.05), (0.3, 0.15), (0.45, 0.15), (0.55, 0.1), (0.6, 0.1)])
def test_a_slow_voice_begins_early_and_has_no_gaps(factor: float, fixed: float) -> None:
    spoken, first, gaps = simulated(pace_of(factor, fixed), factor, fixed)
    assert first <= 0.85
    assert max(gaps) == 0.0
    assert [" ".join(piece.text for piece in pieces) for pieces in spoken] == list(CLAUSES)


def test_undivided_the_same_voice_would_have_gaps() -> None:
    """Or the test above could not fail."""
    pace = Pace()  # knows of no costs, so it never divides
    _, _, gaps = simulated(pace, 0.55, 0.1)
    assert max(gaps) > 1.0


@settings(max_examples=40)
@given(st.integers(1, 250), st.floats(0.0, 3.0))
def test_a_fast_voice_is_never_divided(length: int, lead: float) -> None:
    pace = pace_of(0.015, 0.01)
    assert pace.piece_end(("word " * 50)[:length], lead) == length


def test_a_voice_slower_than_speech_is_divided_only_for_its_first_sound() -> None:
    spoken, first, _ = simulated(pace_of(1.3, 0.2), 1.3, 0.2)
    assert first < 2.0
    assert [len(pieces) for pieces in spoken[1:]] == [1, 1, 1]


def test_pieces_grow_with_the_lead() -> None:
    pace = pace_of(0.55, 0.1)
    ends = [pace.piece_end(LONG, lead) for lead in (0.8, 1.5, 3.0, 5.0, 20.0)]
    assert ends == sorted(ends)
    assert ends[0] < 40
    assert ends[-1] == len(LONG)


def test_what_fits_is_spoken_in_one_piece() -> None:
    pace = pace_of(0.5, 0.1)
    assert pace.cost(10) < FIRST_SECONDS
    assert [piece.text for piece in pace.pieces("That is so.", lambda: 0.0)] == ["That is so."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I would go there, if I had the time for it.", "I would go there, "),
        ("The capital of France is Paris.", "The capital of France "),
        ("I would go there tomorrow because it is nice.", "I would go there tomorrow "),
        ("We all went to see the elephant and the tiger.", "We all went to see "),
        ("Nobody has ever seen the large elephant here.", "Nobody has ever seen "),
        ("Yesterday I met Mr. Smith and his dog.", "Yesterday I met Mr. Smith "),
    ],
)
def test_it_is_divided_where_a_speaker_would_pause(text: str, expected: str) -> None:
    assert text[: pace_of(0.5, 0.1).piece_end(text, 1.4)] == expected


@pytest.mark.parametrize("text", ["コーヒーをください、それからケーキもください。" * 5, "Incomprehensibilities!" * 9])
def test_text_without_places_to_divide_is_left_whole(text: str) -> None:
    assert len(list(pace_of(0.6, 0.2).pieces(text, lambda: 0.0))) == 1


@settings(max_examples=40)
@given(st.text(st.sampled_from("ab, .and"), max_size=200).map(str.strip), st.floats(0.0, 5.0), st.floats(0.0, 2.0))
def test_nothing_is_lost_and_no_piece_is_tiny(text: str, lead: float, factor: float) -> None:
    pieces = list(pace_of(factor, 0.1).pieces(text, lambda: lead))
    assert " ".join(piece.text for piece in pieces).split() == text.split()
    if len(pieces) > 1:
        for piece in pieces[:-1]:
            assert len(piece.text.split()) >= MIN_WORDS
            assert sum(map(str.isalpha, piece.text)) >= MIN_LETTERS
        assert len(pieces[-1].text.split()) >= MIN_WORDS_LEFT
    shares = [piece.share for piece in pieces]
    assert shares == sorted(shares)
    assert not pieces or shares[-1] == 1.0


def test_a_pause_belongs_after_punctuation_and_not_within_a_phrase() -> None:
    pieces = list(pace_of(0.5, 0.1).pieces("I would go there, if I had the time for it or the money.", lambda: 0.9))
    assert len(pieces) > 2
    assert [piece.pauses for piece in pieces] == [piece.text[-1] in ",." for piece in pieces]


@pytest.mark.parametrize(("factor", "fixed"), [(0.5, 0.15), (0.015, 0.01), (1.2, 0.3)])
def test_what_a_piece_costs_is_learnt(factor: float, fixed: float) -> None:
    pace = pace_of(factor, fixed)
    assert pace.factor == pytest.approx(factor)
    assert pace.fixed == pytest.approx(fixed)
    assert pace.cost(200) == pytest.approx(fixed + factor * 200 * SECONDS_PER_CHARACTER)


def test_a_machine_that_gets_busy_is_noticed() -> None:
    pace = pace_of(0.2, 0.05)
    for characters in (20, 60, 30, 80, 25, 70, 40, 90):
        seconds = characters * SECONDS_PER_CHARACTER
        pace.learn(characters, seconds, 0.1 + 0.5 * seconds)
    assert pace.cost(60) == pytest.approx(0.1 + 0.5 * 60 * SECONDS_PER_CHARACTER, rel=0.35)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 250), st.floats(0.0, 20.0), st.floats(0.0, 20.0)), max_size=20))
def test_no_figures_make_a_cost_that_cannot_be(figures: list[tuple[int, float, float]]) -> None:
    pace = Pace()
    for characters, seconds, taken in figures:
        pace.learn(characters, seconds, taken)
    assert pace.fixed >= 0.0
    assert pace.factor >= 0.0
    assert 1 <= pace.piece_end(LONG, 1.0) <= len(LONG)


def test_speech_that_was_cancelled_teaches_nothing() -> None:
    pace = Pace()
    frames = iter([Frame(np.ones(VOICE_RATE, np.int16), VOICE_RATE)])
    list(pace.timed("some hundred characters", frames, lambda: True))
    assert (pace.fixed, pace.factor) == (0.0, 0.0)


def test_an_engine_is_measured_before_it_is_needed() -> None:
    tts, pace = FakeTts(), Pace()
    pace.measure(tts)
    assert len(tts.said) == 2
    assert pace.seconds_per_character != Pace().seconds_per_character


def test_of_a_clause_in_pieces_no_more_counts_as_heard_than_was_written() -> None:
    playback = Playback(1_000)
    counter = Generation()
    ticket = Ticket("kitchen", 1, counter.number, counter)
    playback.begin(ticket)
    heard = np.zeros(100, np.int16)
    playback.write(ticket, 0, heard + 9_000, share=0.25)
    assert playback.queued_seconds == pytest.approx(0.1)
    playback.read_into(heard, 0.0)
    assert playback.progress().fractions == {0: 0.25}
    playback.write(ticket, 0, np.full(300, 9_000, np.int16))
    assert playback.progress().fractions == {0: 0.25}
    playback.read_into(np.zeros(300, np.int16), 0.1)
    assert playback.progress().fractions == {0: 1.0}


class HesitatingTts(FakeTts):
    """Says its first piece and holds the next one back until the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        if self.said:
            self.gate.wait(5.0)
        yield from super().speak(text, voice, cancelled)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(ConversationOptions(prompt="Be brief."))
    made.engines.tts = tts = HesitatingTts()
    made.engines.pace = pace_of(0.6, 0.1)
    made.llm.text = LONG
    yield made
    tts.gate.set()
    made.close()


@pytest.mark.slow  # the model waits for a voice that says nothing for 5 s
def test_a_reply_that_is_cut_off_between_pieces_is_remembered_as_far_as_it_was_heard(stage: Stage) -> None:
    stage.conversation.type("how")
    stage.until(ReplyWritten)
    while not play(stage.playback, stage.clock, 0.02):
        pass
    play(stage.playback, stage.clock, 1.0)
    stage.until(Speaking)
    stage.conversation.interrupt()
    spoken = stage.until(Interrupted).spoken
    assert 10 < len(spoken) < 0.5 * len(LONG)
    assert LONG.startswith(spoken)


def test_all_pieces_of_a_reply_are_spoken(stage: Stage) -> None:
    tts = stage.engines.tts
    assert isinstance(tts, HesitatingTts)
    tts.gate.set()
    stage.conversation.type("how")
    assert stage.hear_reply().spoken == LONG
    assert len(tts.said) > 1
    assert " ".join(tts.said) == LONG
