"""The rules of waking and falling asleep: what happens, and what is to be done, on a fake clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.events import State
from hotpin.settings import Settings
from hotpin.wake.policy import (
    Action,
    FallAsleep,
    TurnChanged,
    WakeMachine,
    WakePolicy,
    WakeUp,
    WordJudged,
    is_stop,
    policy_of,
)
from tests.conftest import choosing

FRAME = 0.02
WORD = 0.9
REST = 0.01


class Scene:
    """A machine and its clock."""

    def __init__(self, policy: WakePolicy | None = None) -> None:
        self.machine = WakeMachine(policy)
        self.now = 0.0

    def hear(self, seconds: float, probability: float) -> list[Action]:
        """Let audio go by; return all that was to be done."""
        done: list[Action] = []
        for _ in range(round(seconds / FRAME)):
            self.now = round(self.now + FRAME, 3)
            done += self.machine.step(WordJudged(probability), self.now)
        return done

    def call(self, seconds: float = 0.6) -> list[Action]:
        return self.hear(seconds, WORD)

    def wait(self, seconds: float) -> list[Action]:
        return self.hear(seconds, REST)

    def turn(self, *states: State) -> list[Action]:
        return [action for state in states for action in self.machine.step(TurnChanged(state), self.now)]


def called() -> Scene:
    """Give a scene in which the word was said just now."""
    scene = Scene()
    assert scene.call(FRAME) == [WakeUp()]
    return scene


def replied() -> Scene:
    """Give a scene in which a question was answered and the reply is over just now."""
    scene = called()
    assert scene.turn(State.HEARING, State.THINKING, State.SPEAKING) == []
    assert scene.wait(20.0) == []
    assert scene.turn(State.LISTENING) == []
    return scene


# --- waking ---


def test_it_sleeps_until_it_is_called() -> None:
    scene = Scene()
    assert scene.wait(600.0) == []
    assert not scene.machine.awake
    assert scene.call() == [WakeUp()]
    assert scene.machine.awake


@pytest.mark.parametrize(("probability", "wakes"), [(0.59, False), (0.6, True)])
def test_the_threshold_decides_what_is_the_word(probability: float, wakes: bool) -> None:
    scene = Scene(WakePolicy(threshold=0.6))
    scene.hear(1.0, probability)
    assert scene.machine.awake is wakes


@pytest.mark.parametrize("state", [State.HEARING, State.THINKING])
def test_a_key_or_a_typed_message_wakes_it_without_a_sound(state: State) -> None:
    scene = Scene()
    assert scene.turn(state) == []
    assert scene.machine.awake


def test_a_word_that_rings_on_is_one_word() -> None:
    scene = Scene()
    assert scene.call(4.0) == [WakeUp()]


def test_a_flickering_probability_is_one_word() -> None:
    scene = Scene()
    assert [*scene.call(0.2), *scene.wait(0.1), *scene.call(0.3)] == [WakeUp()]


@pytest.mark.parametrize(("between", "heard"), [(1.9, []), (2.0, [WakeUp()])])
def test_it_is_deaf_for_the_word_for_a_while(between: float, heard: list[Action]) -> None:
    scene = called()
    assert scene.wait(between - FRAME) == []
    assert scene.call(FRAME) == heard


# --- falling asleep ---


def test_it_falls_asleep_if_nobody_speaks_after_the_word() -> None:
    scene = called()
    assert scene.wait(5.0 - FRAME) == []
    assert scene.wait(FRAME) == [FallAsleep()]
    assert not scene.machine.awake
    assert scene.wait(60.0) == []


def test_the_word_once_more_gives_more_time() -> None:
    scene = called()
    scene.wait(4.0)
    assert scene.call(FRAME) == [WakeUp()]
    assert scene.wait(4.9) == []
    assert scene.wait(0.1) == [FallAsleep()]


@pytest.mark.parametrize("state", [State.HEARING, State.THINKING, State.SPEAKING])
def test_nobody_falls_asleep_in_a_turn(state: State) -> None:
    scene = called()
    scene.turn(state)
    assert scene.wait(120.0) == []


def test_after_a_reply_no_word_is_needed_for_a_while() -> None:
    scene = replied()
    assert scene.wait(8.0 - FRAME) == []
    assert scene.wait(FRAME) == [FallAsleep()]


def test_what_follows_up_is_a_turn_like_any_other() -> None:
    scene = replied()
    scene.wait(7.0)
    assert scene.turn(State.HEARING, State.THINKING, State.SPEAKING) == []
    assert scene.wait(20.0) == []
    assert scene.turn(State.LISTENING) == []
    assert scene.wait(7.9) == []
    assert scene.machine.awake


def test_what_was_not_understood_may_be_said_again() -> None:
    scene = called()
    scene.turn(State.HEARING)
    scene.wait(10.0)
    assert scene.turn(State.THINKING, State.LISTENING) == []
    assert scene.wait(4.9) == []
    assert scene.wait(0.1) == [FallAsleep()]


def test_a_noise_does_not_keep_it_awake() -> None:
    scene = called()
    scene.wait(4.0)
    scene.turn(State.HEARING)
    assert scene.wait(0.5) == []
    assert scene.turn(State.LISTENING) == []
    assert scene.wait(0.5) == [FallAsleep()]


def test_a_noise_at_the_end_of_its_time_sends_it_to_sleep() -> None:
    scene = called()
    scene.wait(4.9)
    scene.turn(State.HEARING)
    assert scene.wait(0.5) == []
    assert scene.turn(State.LISTENING) == [FallAsleep()]


# --- the word in a turn ---


@pytest.mark.parametrize("state", [State.THINKING, State.SPEAKING])
def test_the_word_interrupts_a_reply(state: State) -> None:
    scene = called()
    scene.turn(State.HEARING, state)
    scene.wait(10.0)
    assert scene.call(FRAME) == [WakeUp()]
    assert scene.turn(State.LISTENING) == []
    assert scene.wait(4.9) == []


def test_the_word_within_a_sentence_is_one_of_its_words() -> None:
    scene = called()
    scene.turn(State.HEARING)
    scene.wait(10.0)
    assert scene.call() == []
    assert scene.machine.awake


def test_a_turn_begun_by_a_key_is_not_disturbed_by_the_word() -> None:
    scene = Scene()
    scene.turn(State.HEARING)
    assert scene.call() == []


# --- all of it ---


@given(st.lists(st.one_of(st.sampled_from(State), st.floats(0.0, 1.0), st.integers(1, 12)), max_size=60))
def test_it_never_falls_asleep_twice_or_in_a_turn(happens: list[State | float | int]) -> None:
    scene = Scene()
    turn = State.LISTENING
    for what in happens:
        before = scene.machine.awake
        if isinstance(what, State):
            turn, done = what, scene.turn(what)
        elif isinstance(what, float):
            done = scene.hear(FRAME, what)
        else:
            scene.now += what
            done = scene.wait(FRAME)
        assert done in ([], [WakeUp()], [FallAsleep()])
        if FallAsleep() in done:
            assert turn is State.LISTENING
        assert scene.machine.awake == (
            FallAsleep() not in done and (before or turn is not State.LISTENING or done != [])
        )


def test_the_settings_make_the_policy(settings: Settings) -> None:
    assert policy_of(settings) == WakePolicy()
    changed = {"threshold": 0.7, "refractory_seconds": 1.0, "follow_up_seconds": 3.0, "sleep_seconds": 2.0}
    assert policy_of(choosing(settings, "wake", **changed)) == WakePolicy(0.7, 1.0, 3.0, 2.0)


@pytest.mark.parametrize(
    "words",
    ["Stop.", "stop", "Stop it!", "Hey Jarvis, stop.", "Alexa stop", "Please stop", "Never mind.", "Be quiet, please."],
)
def test_who_only_wants_silence_says_so(words: str) -> None:
    assert is_stop(words)


@pytest.mark.parametrize(
    "words", ["", "Stop the timer.", "Where is the bus stop?", "Hey Jarvis", "Don't stop", "please"]
)
def test_stop_in_a_sentence_is_a_word_like_any_other(words: str) -> None:
    assert not is_stop(words)
