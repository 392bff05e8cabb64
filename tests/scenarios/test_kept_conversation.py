"""Conversations that are kept: what is stored, and when a front end is told."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from hotpin.conversation_options import ConversationOptions
from hotpin.errors import LlmError, StoreError, SttError, TtsError
from hotpin.events import (
    Failed,
    Heard,
    Interrupted,
    Noticed,
    Partial,
    ReplyWritten,
    Speaking,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.history import Turn
from hotpin.llm.base import Message
from hotpin.sessions.base import StoredTurn
from hotpin.sessions.keeper import KeptTurn, SessionKeeper, Then, Unkept
from hotpin.sessions.memory import MemoryStore
from hotpin.worker import Worker
from tests.fakes.engines import silence, speech
from tests.fakes.sound import play
from tests.scenarios.stage import Make, Stage

ID = "kitchen"


class Cupboard(MemoryStore):
    """A store that can break, and notes what had been announced when something was stored."""

    def __init__(self) -> None:
        super().__init__()
        self.error: StoreError | None = None

    def add(self, session_id: str, agent: str, turn: StoredTurn) -> int:
        if self.error:
            raise self.error
        return super().add(session_id, agent, turn)

    def amend(self, session_id: str, number: int, spoken: str, timing: Mapping[str, float | None]) -> None:
        if self.error:
            raise self.error
        super().amend(session_id, number, spoken, timing)

    @property
    def turns(self) -> list[tuple[str, str, str]]:
        """What is stored: heard, reply, spoken."""
        session = self.load(ID)
        return [(turn.heard, turn.reply, turn.spoken) for turn in session.turns] if session else []


@pytest.fixture
def store() -> Cupboard:
    return Cupboard()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("store")
    yield worker
    worker.close()


@pytest.fixture
def stage(make_stage: Make, store: Cupboard, worker: Worker) -> Stage:
    keeper = SessionKeeper(store, worker, ID, "hotpin")
    return make_stage(ConversationOptions(prompt="Be brief.", keeper=keeper))


def heard_a_bit(stage: Stage) -> None:
    """Let the first half second of a reply of two clauses be heard."""
    stage.llm.text = "This was heard. This was not heard at all."
    stage.conversation.type("first")
    stage.until(ReplyWritten)
    while not stage.playback.progress().written:
        pass
    play(stage.playback, stage.clock, 0.5)
    stage.until(Speaking)


def test_a_turn_is_stored_before_its_reply_is_announced_as_final(stage: Stage, store: Cupboard) -> None:
    stage.conversation.type("first")
    stage.until(ReplyWritten)
    assert store.turns == [("first", stage.llm.text, stage.llm.text)]


def test_a_finished_turn_is_stored_with_its_times(stage: Stage, store: Cupboard) -> None:
    stage.ask()
    stage.hear_reply()
    session = store.load(ID)
    assert session is not None
    (turn,) = session.turns
    assert (turn.heard, turn.reply, turn.spoken, turn.number) == ("how are you", stage.llm.text, stage.llm.text, 1)
    assert turn.timing["speech_end"] == pytest.approx(1.0)
    assert session.agent == "hotpin"


def test_of_an_interrupted_reply_the_part_that_was_heard_is_stored(stage: Stage, store: Cupboard) -> None:
    heard_a_bit(stage)
    stage.conversation.interrupt()
    stage.until(TurnDone)
    assert store.turns == [("first", stage.llm.text, "This was heard.")]


def test_a_reply_that_is_interrupted_while_it_is_written_is_stored(stage: Stage, store: Cupboard) -> None:
    stage.llm.gate.clear()
    stage.conversation.type("first")
    stage.until(Heard)
    stage.conversation.interrupt()
    stage.until(TurnDone)
    stage.llm.gate.set()
    assert store.turns == [("first", "", "")]


def test_when_the_voice_fails_the_whole_reply_is_still_written_and_stored(
    stage: Stage, store: Cupboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def reply(*_: object) -> Iterator[str]:
        yield "This is the first. This"
        go_on.wait(5.0)
        yield " is the second."

    monkeypatch.setattr(stage.llm, "reply", reply)
    stage.tts.error = TtsError("broken")
    stage.conversation.type("first")
    stage.until(Failed)
    threading.Timer(0.1, go_on.set).start()
    whole = "This is the first. This is the second."
    assert stage.until(TurnDone).reply == whole
    assert store.turns == [("first", whole, whole)]


def test_what_the_model_thought_aloud_before_it_failed_is_not_stored(stage: Stage, store: Cupboard) -> None:
    stage.llm.text = "I am fine, thank you. <think>They seem nice"
    stage.llm.error = LlmError("broken")
    stage.conversation.type("first")
    stage.until(Failed)
    while not stage.playback.progress().finished:
        play(stage.playback, stage.clock, 0.1)
    stage.until(TurnDone)
    assert store.turns == [("first", "I am fine, thank you.", "I am fine, thank you.")]


class SlowKeeper(Unkept):
    """Takes its time before a reply counts as written."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._over = threading.Event()

    def written(self, turn: KeptTurn, heard: str, reply: str, then: Then) -> None:
        self._over.wait(0.15)
        self.calls.append("written")
        then(None)

    def done(self, turn: KeptTurn, stored: StoredTurn, then: Then) -> None:
        self.calls.append("done")
        self._over.set()
        then(None)


def test_a_turn_is_never_over_before_its_reply_is_written(make_stage: Make) -> None:
    keeper = SlowKeeper()
    stage = make_stage(ConversationOptions(keeper=keeper))
    stage.tts.error = TtsError("broken")  # nothing is quicker
    stage.conversation.type("first")
    stage.until(TurnDone)
    assert keeper.calls == ["written", "done"]


def test_hanging_up_stores_what_was_heard(stage: Stage, store: Cupboard) -> None:
    heard_a_bit(stage)
    stage.conversation.close()
    assert store.turns == [("first", stage.llm.text, "This was heard.")]
    assert stage.until(Interrupted).spoken == "This was heard."


def test_hanging_up_twice_stores_once(stage: Stage, store: Cupboard) -> None:
    heard_a_bit(stage)
    stage.conversation.close()
    stage.conversation.close()
    assert len(store.turns) == 1


def test_a_turn_that_is_taken_back_leaves_no_trace(stage: Stage, store: Cupboard) -> None:
    stage.ask()
    stage.until(ReplyWritten)
    assert len(store.turns) == 1
    stage.mic.hear(speech(1.0))
    stage.until(StateChanged, lambda event: event.state is State.HEARING and event.turn == 0)
    stage.mic.hear(silence(0.6))
    stage.hear_reply()
    assert len(store.turns) == 1


def test_sound_without_words_is_not_stored(stage: Stage, store: Cupboard) -> None:
    stage.stt.text = " "
    stage.ask()
    stage.until(TurnDone)
    assert stage.conversation.options.keeper.flush(1.0)
    assert store.turns == []


def test_what_could_not_be_recognised_is_not_stored(stage: Stage, store: Cupboard) -> None:
    stage.stt.error = SttError("broken")
    stage.ask()
    stage.until(TurnDone)
    assert store.turns == []


def test_a_store_that_fails_is_told_once_a_turn_and_the_conversation_goes_on(stage: Stage, store: Cupboard) -> None:
    store.error = StoreError("the disk is full")
    stage.conversation.type("first")
    failed = stage.until(Failed)
    assert (failed.stage, str(failed.error)) == ("store", "the disk is full")
    assert stage.hear_reply().reply == stage.llm.text
    store.error = None
    stage.conversation.type("second")
    stage.hear_reply()
    assert [turn[0] for turn in store.turns] == ["second"]
    assert len([event for event in stage.seen if isinstance(event, Failed)]) == 1
    assert Message("user", "first") in stage.llm.prompts[-1]


def test_a_turn_that_could_not_be_stored_at_first_is_stored_at_its_end(stage: Stage, store: Cupboard) -> None:
    store.error = StoreError("the disk is full")
    stage.conversation.type("first")
    stage.until(ReplyWritten)
    store.error = None
    while not stage.playback.progress().finished:
        play(stage.playback, stage.clock, 0.1)
    stage.until(TurnDone)
    assert [turn[0] for turn in store.turns] == ["first"]


def test_earlier_turns_of_the_session_are_given_to_the_model(make_stage: Make) -> None:
    stage = make_stage(ConversationOptions(prompt="Be brief.", earlier=[Turn("who am I?", "You are Ada.")]))
    earlier = [Message("system", "Be brief."), Message("user", "who am I?"), Message("assistant", "You are Ada.")]
    stage.conversation.type("again?")
    stage.hear_reply()
    assert stage.llm.prepared[0] == earlier
    assert stage.llm.prompts == [[*earlier, Message("user", "again?")]]


def test_what_a_person_should_know_is_told_at_the_start(make_stage: Make) -> None:
    stage = make_stage(replace(ConversationOptions(), notice="The voice was switched"))
    assert stage.until(Noticed).text == "The voice was switched"


def test_words_are_shown_while_they_are_spoken(stage: Stage) -> None:
    stage.stt.words_so_far = "how are"
    stage.mic.hear(speech(1.0))
    assert stage.until(Partial).text == "how are"
    stage.stt.words_so_far = "how are you"
    stage.ask()
    assert stage.until(Partial).text == "how are you"
    stage.mic.hear(silence(0.6))
    stage.until(Heard)
    partials = [event for event in stage.seen if isinstance(event, Partial)]
    assert len(partials) == 2


def test_unfinished_words_make_it_wait_longer(stage: Stage) -> None:
    stage.stt.words_so_far = "and then I um"
    stage.mic.hear(speech(1.0))
    stage.until(Partial)
    stage.mic.hear(silence(1.5))
    stage.stt.words_so_far = "and then I um went home"
    stage.mic.hear(speech(0.5))
    stage.until(Partial, lambda event: event.text.endswith("home"))
    stage.mic.hear(silence(0.7))
    stage.until(Heard)
    assert stage.stt.heard_seconds == [pytest.approx(1.0 + 1.5 + 0.5 + 0.5, abs=0.25)]
