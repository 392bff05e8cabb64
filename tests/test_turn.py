"""The rules of turn-taking, as tables: what happens, and what is to be done, on a fake clock."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.endpoint import EndpointPolicy
from hotpin.events import State
from hotpin.over_reply import is_backchannel
from hotpin.turn import TurnMachine
from hotpin.turn_io import (
    Action,
    Answer,
    Attend,
    CancelReply,
    DropSpeculation,
    DropUtterance,
    EndUtterance,
    HearsItself,
    Ignore,
    Input,
    InputEnded,
    Interrupt,
    Judged,
    PausePlayback,
    PushToTalk,
    Recital,
    Recite,
    ReopenUtterance,
    ReplyEnded,
    ReplyStarted,
    ResumePlayback,
    Speculate,
    StartUtterance,
    Typed,
    Understand,
    Voice,
    Weigh,
    Words,
)
from hotpin.turn_policy import TurnPolicy

FRAME = 0.02
SPEECH = 0.9
SILENCE = 0.05


class Scene:
    """A machine and its clock."""

    def __init__(self, policy: TurnPolicy | None = None) -> None:
        self.machine = TurnMachine(policy or TurnPolicy(speculate_seconds=None))
        self.now = 0.0

    def voice(self, seconds: float, probability: float, level: float = -math.inf) -> list[Action]:
        """Let audio go by; return all that was to be done."""
        done: list[Action] = []
        for _ in range(round(seconds / FRAME)):
            self.now = round(self.now + FRAME, 3)
            done += self.machine.step(Voice(probability, FRAME, level=level), self.now)
        return done

    def speak(self, seconds: float) -> list[Action]:
        return self.voice(seconds, SPEECH)

    def pause(self, seconds: float) -> list[Action]:
        return self.voice(seconds, SILENCE)

    def step(self, event: Input) -> list[Action]:
        return self.machine.step(event, self.now)

    @property
    def state(self) -> State:
        return self.machine.state


def asked(policy: TurnPolicy | None = None) -> Scene:
    """Give a scene in which a question has been asked and is being thought about."""
    scene = Scene(policy)
    scene.speak(1.0)
    scene.pause(0.6)
    assert scene.state is State.THINKING
    return scene


def replying(*, barge_in: bool) -> Scene:
    """Give a scene in which a reply is being spoken."""
    scene = asked(TurnPolicy(speculate_seconds=None, barge_in=barge_in))
    scene.step(ReplyStarted())
    assert scene.state is State.SPEAKING
    return scene


def kinds(actions: Sequence[Action]) -> list[type]:
    return [type(action) for action in actions]


# --- hands-free ---


def test_silence_starts_nothing() -> None:
    scene = Scene()
    assert scene.pause(10.0) == []
    assert scene.state is State.LISTENING


def test_a_click_is_too_short_to_be_speech() -> None:
    scene = Scene()
    assert scene.speak(0.04) == []
    assert scene.pause(1.0) == []


def test_an_utterance_starts_with_its_pre_roll() -> None:
    scene = Scene()
    scene.pause(2.0)
    assert scene.speak(0.06) == [StartUtterance(since=pytest.approx(1.5))]  # type: ignore[arg-type]
    assert scene.state is State.HEARING


def test_half_a_second_of_silence_ends_the_turn() -> None:
    scene = Scene()
    scene.speak(1.0)
    assert scene.pause(0.48) == []
    assert scene.pause(0.04) == [EndUtterance(speech_end=1.0)]
    assert scene.state is State.THINKING


@pytest.mark.parametrize(("words", "wait"), [("What time is it?", 0.44), ("and then I, um", 2.0)])
def test_words_change_how_long_is_waited(words: str, wait: float) -> None:
    scene = Scene()
    scene.speak(1.0)
    scene.step(Words(words))
    assert scene.pause(wait - FRAME) == []
    assert kinds(scene.pause(2 * FRAME)) == [EndUtterance]


def test_words_out_of_place_change_nothing() -> None:
    scene = Scene()
    scene.step(Words("and then I, um"))
    scene.speak(1.0)
    assert kinds(scene.pause(0.52)) == [EndUtterance]


def test_a_pause_inside_an_utterance_does_not_end_it() -> None:
    scene = Scene()
    scene.speak(1.0)
    assert scene.pause(0.4) == []
    assert scene.speak(1.0) == []
    assert scene.pause(0.52) == [EndUtterance(speech_end=2.4)]


def test_soft_speech_counts_once_speech_is_going_on() -> None:
    scene = Scene()
    assert scene.voice(1.0, 0.4) == []
    scene.speak(0.5)
    assert scene.voice(1.0, 0.4) == []
    assert kinds(scene.pause(0.52)) == [EndUtterance]


def test_a_short_noise_is_dropped() -> None:
    scene = Scene()
    assert kinds(scene.speak(0.06)) == [StartUtterance]
    assert kinds(scene.pause(0.52)) == [DropUtterance]
    assert scene.state is State.LISTENING


def test_a_television_is_cut_after_the_longest_utterance_and_not_taken_back() -> None:
    scene = Scene(TurnPolicy(speculate_seconds=None, max_utterance_seconds=5.0))
    assert kinds(scene.speak(6.0)) == [StartUtterance, EndUtterance]
    assert scene.state is State.THINKING


def test_going_on_before_the_reply_is_heard_takes_the_turn_back() -> None:
    scene = asked()
    assert scene.speak(0.06) == [ReopenUtterance()]
    assert scene.state is State.HEARING
    scene.speak(0.5)
    assert kinds(scene.pause(0.52)) == [EndUtterance]


def test_a_late_end_of_a_reply_that_was_taken_back_is_ignored() -> None:
    scene = asked()
    scene.speak(0.06)
    assert scene.step(ReplyEnded()) == []
    assert scene.state is State.HEARING


def test_a_reply_that_ends_gives_the_turn_back() -> None:
    scene = replying(barge_in=False)
    assert scene.step(ReplyEnded()) == []
    assert scene.state is State.LISTENING


def test_nothing_understood_gives_the_turn_back() -> None:
    scene = asked()
    scene.step(ReplyEnded())
    assert scene.state is State.LISTENING


def test_a_late_first_sound_changes_nothing() -> None:
    scene = Scene()
    scene.step(ReplyStarted())
    assert scene.state is State.LISTENING


# --- push-to-talk ---


def test_a_held_key_hears_through_silence_until_it_is_released() -> None:
    scene = Scene()
    assert kinds(scene.step(PushToTalk(down=True))) == [StartUtterance]
    assert scene.pause(5.0) == []
    scene.speak(1.0)
    assert scene.pause(5.0) == []
    assert scene.step(PushToTalk(down=False)) == [EndUtterance(speech_end=6.0)]


def test_a_key_released_without_speech_ends_the_turn_all_the_same() -> None:
    scene = Scene()
    scene.step(PushToTalk(down=True))
    assert scene.step(PushToTalk(down=False)) == [EndUtterance(speech_end=None)]


def test_a_key_pressed_while_speaking_holds_the_utterance() -> None:
    scene = Scene()
    scene.speak(0.5)
    assert scene.step(PushToTalk(down=True)) == []
    assert scene.pause(3.0) == []
    assert kinds(scene.step(PushToTalk(down=False))) == [EndUtterance]


def test_releasing_a_key_that_was_not_held_does_nothing() -> None:
    assert Scene().step(PushToTalk(down=False)) == []


def test_what_is_said_after_the_key_was_released_does_not_take_the_turn_back() -> None:
    scene = Scene()
    scene.step(PushToTalk(down=True))
    scene.speak(1.0)
    scene.step(PushToTalk(down=False))
    assert scene.speak(0.5) == []


def test_pressing_the_key_stops_the_reply() -> None:
    scene = replying(barge_in=False)
    assert kinds(scene.step(PushToTalk(down=True))) == [CancelReply, StartUtterance]


def test_the_end_of_the_input_ends_the_utterance() -> None:
    scene = Scene()
    scene.speak(1.0)
    assert kinds(scene.step(InputEnded())) == [EndUtterance]
    assert scene.step(InputEnded()) == []


# --- the keyboard ---


def test_a_typed_message_is_answered() -> None:
    scene = Scene()
    assert scene.step(Typed("hello")) == [Answer("hello")]
    assert scene.state is State.THINKING


def test_a_typed_message_replaces_what_is_being_said() -> None:
    scene = Scene()
    scene.speak(0.5)
    assert scene.step(Typed("hello")) == [DropUtterance(), Answer("hello")]


def test_a_typed_message_replaces_the_reply() -> None:
    scene = replying(barge_in=False)
    assert scene.step(Typed("hello")) == [CancelReply(), Answer("hello")]


def test_speech_does_not_take_back_a_typed_message() -> None:
    scene = Scene()
    scene.step(Typed("hello"))
    assert scene.speak(1.0) == []


@pytest.mark.parametrize(
    ("scene", "done"), [(Scene(), []), (asked(), [CancelReply()]), (replying(barge_in=True), [CancelReply()])]
)
def test_the_interrupt_key_stops_whatever_is_going_on(scene: Scene, done: list[Action]) -> None:
    assert scene.step(Interrupt()) == done
    assert scene.state is State.LISTENING


def test_the_interrupt_key_forgets_what_is_being_said() -> None:
    scene = Scene()
    scene.speak(0.5)
    assert scene.step(Interrupt()) == [DropUtterance()]
    assert scene.state is State.LISTENING


# --- speaking over a reply ---


def test_without_barge_in_speech_over_the_reply_is_ignored() -> None:
    scene = replying(barge_in=False)
    assert scene.speak(3.0) == []
    assert scene.state is State.SPEAKING


def test_speech_over_the_reply_pauses_it_at_once() -> None:
    scene = replying(barge_in=True)
    assert scene.speak(0.02) == []
    assert kinds(scene.speak(0.02)) == [PausePlayback, StartUtterance]
    assert scene.state is State.SPEAKING


def test_less_is_enough_to_pause_a_reply_than_to_begin_a_turn() -> None:
    faint = TurnPolicy().start_threshold * 0.85
    assert kinds(replying(barge_in=True).voice(0.04, faint)) == [PausePlayback, StartUtterance]
    assert Scene().voice(1.0, faint) == []


def test_a_hint_of_a_voice_pauses_a_reply_at_once_where_there_is_more_than_its_echo() -> None:
    hint = Voice(TurnPolicy().start_threshold * 0.4, FRAME, no_echo=True)
    scene = replying(barge_in=True)
    assert scene.voice(1.0, hint.probability) == []
    assert kinds(scene.machine.step(hint, scene.now + FRAME)) == [PausePlayback, StartUtterance]


def test_noise_over_a_reply_in_which_there_is_no_voice_does_not_pause_it() -> None:
    scene = replying(barge_in=True)
    assert scene.machine.step(Voice(0.1, FRAME, no_echo=True), scene.now + FRAME) == []


def test_a_wary_reply_waits_for_more_than_a_hint() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    assert kinds(scene.pause(0.62)) == [Understand, DropUtterance, ResumePlayback]
    assert scene.machine.step(Voice(SPEECH, FRAME, no_echo=True), scene.now + FRAME) == []


def test_an_utterance_over_a_reply_has_a_longer_pre_roll() -> None:
    scene = replying(barge_in=True)
    scene.pause(5.0)
    _, start = scene.speak(0.04)
    assert isinstance(start, StartUtterance)
    assert scene.now - start.since == pytest.approx(1.04)


def test_speech_that_goes_on_cancels_the_reply() -> None:
    scene = replying(barge_in=True)
    assert kinds(scene.speak(0.98)) == [PausePlayback, StartUtterance]
    assert kinds(scene.speak(0.04)) == [CancelReply]
    assert scene.state is State.HEARING
    assert kinds(scene.pause(0.52)) == [EndUtterance]


def test_a_real_word_cancels_the_reply() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.3)
    assert kinds(scene.pause(0.14)) == [Understand]
    scene.step(Words("stop", whole=True))
    assert kinds(scene.pause(FRAME)) == [CancelReply]


def test_half_a_word_does_not_cancel_the_reply() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    scene.step(Words("stop"))
    assert scene.speak(0.3) == []


def test_a_short_word_that_the_recogniser_is_unsure_of_does_not_cancel_the_reply() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.3)
    scene.pause(0.2)
    scene.step(Words("Himmel.", whole=True, confidence=-1.24))
    assert scene.pause(0.38) == []
    assert kinds(scene.pause(0.04)) == [DropUtterance, ResumePlayback]


def test_more_than_a_short_word_cancels_the_reply_however_unsure_the_recogniser_is() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.7)
    scene.pause(0.2)
    scene.step(Words("fall down", whole=True, confidence=-1.24))
    assert kinds(scene.pause(FRAME)) == [CancelReply]


def test_a_blip_hardly_stops_the_reply_and_makes_it_wary_of_the_next() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    assert kinds(scene.pause(0.58)) == [Understand]
    assert kinds(scene.pause(0.04)) == [DropUtterance, ResumePlayback]
    assert scene.speak(0.1) == []
    scene.pause(0.1)
    assert kinds(scene.speak(0.12)) == [PausePlayback, StartUtterance]


def test_the_next_reply_is_not_wary_any_more() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    scene.pause(0.7)
    scene.step(ReplyEnded())
    scene.step(Typed("hello"))
    scene.step(ReplyStarted())
    assert kinds(scene.speak(0.06)) == [PausePlayback, StartUtterance]


@pytest.mark.parametrize(("words", "first"), [("No.", DropUtterance), ("Stop!", CancelReply)])
def test_a_blip_is_no_word_whatever_is_understood_unless_it_is_stop(words: str, first: type[Action]) -> None:
    scene = replying(barge_in=True)
    scene.speak(0.2)
    scene.pause(0.5)
    scene.step(Words(words, whole=True))
    assert kinds(scene.pause(0.12))[0] is first


def test_a_short_word_cancels_the_reply() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.32)
    scene.pause(0.2)
    scene.step(Words("No.", whole=True, confidence=-0.9))
    assert kinds(scene.pause(FRAME)) == [CancelReply]


def test_a_cough_lets_the_reply_go_on_as_soon_as_it_is_known_to_be_one() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.4)
    assert kinds(scene.pause(0.9)) == [Understand]
    scene.step(Words("", whole=True))
    assert kinds(scene.pause(FRAME)) == [DropUtterance, ResumePlayback]
    assert scene.state is State.SPEAKING


def test_a_reply_goes_on_after_a_while_if_nobody_can_tell_what_was_said() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.3)
    assert kinds(scene.pause(1.9)) == [Understand]
    assert kinds(scene.pause(0.2)) == [DropUtterance, ResumePlayback]


def test_where_it_costs_nobody_finds_out_what_was_said_over_a_reply() -> None:
    scene = replying(barge_in=True)
    scene.machine.policy = replace(scene.machine.policy, understand_seconds=math.inf)
    scene.speak(0.3)
    assert scene.pause(1.9) == []
    assert kinds(scene.pause(0.2)) == [DropUtterance, ResumePlayback]


def test_a_backchannel_lets_the_reply_go_on_however_long_it_is() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.2)
    scene.step(Words("uh-huh, yeah"))
    assert scene.speak(1.0) == []
    assert kinds(scene.pause(0.4)) == [Understand]
    scene.step(Words("Uh-huh, yeah.", whole=True))
    assert scene.pause(0.38) == []
    assert kinds(scene.pause(0.04)) == [DropUtterance, ResumePlayback]


def test_words_after_a_backchannel_cancel_the_reply() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.3)
    scene.pause(0.2)
    scene.step(Words("Yeah.", whole=True))
    assert scene.pause(0.2) == []
    scene.speak(0.3)
    assert kinds(scene.pause(0.2)) == [Understand]
    scene.step(Words("Yeah, but why?", whole=True))
    assert kinds(scene.pause(FRAME)) == [CancelReply]


def test_a_reply_that_ends_while_somebody_speaks_over_it_leaves_them_the_turn() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    scene.step(ReplyEnded())
    assert scene.state is State.HEARING
    scene.speak(0.5)
    assert kinds(scene.pause(0.52)) == [EndUtterance]


def test_typing_while_speaking_over_a_reply_drops_both() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    assert kinds(scene.step(Typed("hello"))) == [DropUtterance, CancelReply, Answer]


@pytest.mark.parametrize("words", ["uh-huh", "Mm-hmm.", "yeah, okay", "I see.", "Right!", "hmm", "Ha, ha, ha!", "Him."])
def test_backchannels_are_no_wish_to_speak(words: str) -> None:
    assert is_backchannel(words)


@pytest.mark.parametrize("words", ["stop", "no", "what do you mean", "yeah but wait", "seaweed", "ham and eggs", ""])
def test_other_words_are(words: str) -> None:
    assert not is_backchannel(words)


# --- an echo, a muted microphone, a sleeping assistant ---


def test_where_the_microphone_hears_the_loudspeaker_only_a_key_interrupts() -> None:
    scene = replying(barge_in=True)
    scene.step(HearsItself(possible=True))
    assert scene.speak(3.0) == []
    assert kinds(scene.step(Interrupt())) == [CancelReply]


def test_what_rings_on_after_the_reply_is_not_taken_for_the_person() -> None:
    scene = replying(barge_in=True)
    scene.step(HearsItself(possible=True))
    scene.speak(1.0)
    over = scene.now
    scene.step(ReplyEnded())
    assert scene.speak(0.4) == []
    assert scene.speak(0.06) == [StartUtterance(since=pytest.approx(over + 0.4))]  # type: ignore[arg-type]


def test_an_echo_that_has_been_removed_is_in_nobodys_way() -> None:
    scene = replying(barge_in=True)
    scene.step(HearsItself(possible=True))
    scene.speak(1.0)
    scene.step(HearsItself(possible=False))
    scene.pause(0.1)
    assert kinds(scene.speak(0.06)) == [PausePlayback, StartUtterance]


def test_nobody_is_heard_while_ignored() -> None:
    scene = Scene()
    scene.step(Ignore())
    assert scene.speak(3.0) == []
    scene.step(Attend(since=scene.now - 0.1))
    assert scene.speak(0.06) == [StartUtterance(since=pytest.approx(2.9))]  # type: ignore[arg-type]


def test_muting_forgets_what_is_being_said() -> None:
    scene = Scene()
    scene.speak(1.0)
    assert scene.step(Ignore()) == [DropUtterance()]
    assert scene.state is State.LISTENING


def test_muting_while_speaking_over_a_reply_lets_it_go_on() -> None:
    scene = replying(barge_in=True)
    scene.speak(0.1)
    assert scene.step(Ignore()) == [DropUtterance(), ResumePlayback()]
    assert scene.state is State.SPEAKING


def test_the_talk_key_is_heard_even_while_ignored() -> None:
    scene = Scene()
    scene.step(Ignore())
    assert kinds(scene.step(PushToTalk(down=True))) == [StartUtterance]
    assert scene.speak(1.0) == []
    assert scene.step(Ignore()) == []
    assert kinds(scene.step(PushToTalk(down=False))) == [EndUtterance]


def test_a_text_to_be_spoken_takes_the_turn_as_a_typed_message_does() -> None:
    scene = replying(barge_in=False)
    assert scene.step(Recital("Dinner is ready.")) == [CancelReply(), Recite("Dinner is ready.")]
    assert scene.state is State.THINKING


# --- whatever happens ---

_ANYTHING = st.lists(
    st.one_of(
        st.builds(Voice, st.floats(0.0, 1.0), st.just(FRAME)),
        st.builds(Words, st.sampled_from(["", "uh-huh", "stop", "and then I"]), st.booleans()),
        st.builds(PushToTalk, st.booleans()),
        st.sampled_from([Typed("hello"), Recital("hello"), Attend(since=1.0), Ignore()]),
        st.builds(HearsItself, st.booleans()),
        st.sampled_from([InputEnded(), Interrupt(), ReplyStarted(), ReplyEnded()]),
        st.lists(st.builds(Voice, st.sampled_from([SPEECH, SILENCE]), st.just(0.2)), min_size=3, max_size=5),
    ),
    max_size=60,
)


@dataclass
class Ledger:
    """What is going on, as the actions tell it; each must fit what came before."""

    hearing: bool = False
    answering: bool = False
    paused: bool = False

    def enter(self, happening: Action | Input) -> None:
        before, after = LEDGER_RULES.get(type(happening), ({}, {}))
        for name, value in before.items():
            assert getattr(self, name) is value, f"{happening} while {self}"
        for name, value in after.items():
            setattr(self, name, value)


LEDGER_RULES: dict[type[Action | Input], tuple[dict[str, bool], dict[str, bool]]] = {
    StartUtterance: ({"hearing": False}, {"hearing": True}),
    ReopenUtterance: ({"hearing": False, "answering": True}, {"hearing": True, "answering": False}),
    DropUtterance: ({"hearing": True}, {"hearing": False}),
    EndUtterance: ({"hearing": True, "answering": False}, {"hearing": False, "answering": True}),
    Answer: ({"hearing": False}, {"answering": True}),
    Recite: ({"hearing": False}, {"answering": True}),
    Understand: ({"hearing": True, "paused": True}, {}),
    PausePlayback: ({"paused": False}, {"paused": True}),
    ResumePlayback: ({"paused": True}, {"paused": False}),
    CancelReply: ({}, {"answering": False, "paused": False}),
    ReplyEnded: ({}, {"answering": False, "paused": False}),
}
"""What must be so before, and is so afterwards."""


@given(_ANYTHING, st.booleans())
def test_actions_fit_together_whatever_happens(happenings: list[Input | list[Input]], barge_in: bool) -> None:
    machine = TurnMachine(TurnPolicy(speculate_seconds=None, barge_in=barge_in, resume_seconds=0.5))
    ledger = Ledger()
    now = 0.0
    for happening in happenings:
        for event in happening if isinstance(happening, list) else [happening]:
            now += event.seconds if isinstance(event, Voice) else 0.0
            ledger.enter(event)
            for action in machine.step(event, now):
                ledger.enter(action)
            assert ledger.hearing == (machine.state is State.HEARING or machine._over_reply is not None)


# --- what is asked in a pause ---


AHEAD = TurnPolicy(speculate_seconds=0.12)


def test_how_it_sounds_is_asked_before_the_pipeline_runs_ahead_and_once_a_pause() -> None:
    scene = Scene(AHEAD)
    scene.speak(1.0)
    assert scene.pause(0.04) == [Weigh()]
    assert scene.pause(0.08) == [Speculate()]
    assert scene.pause(0.2) == []
    assert scene.speak(0.06) == [DropSpeculation()]
    assert scene.pause(0.12) == [Weigh(), Speculate()]


def test_how_it_sounds_is_asked_again_after_a_silence_too_short_to_run_ahead_in() -> None:
    scene = Scene(AHEAD)
    scene.speak(1.0)
    assert scene.pause(0.08) == [Weigh()]
    assert scene.speak(0.02) == []
    assert scene.pause(0.04) == [Weigh()]


@pytest.mark.parametrize(
    ("policy", "spoken", "silent"),
    [(AHEAD, 1.0, 0.02), (AHEAD, 0.06, 0.3), (TurnPolicy(speculate_seconds=None), 1.0, 0.3)],
    ids=["within a word", "after a noise", "where nothing runs ahead"],
)
def test_how_it_sounds_is_not_asked(policy: TurnPolicy, spoken: float, silent: float) -> None:
    scene = Scene(policy)
    scene.speak(spoken)
    assert scene.pause(silent) == []


def test_a_pipeline_that_runs_ahead_at_once_knows_how_it_sounded() -> None:
    scene = Scene(TurnPolicy(speculate_seconds=0.02))
    scene.speak(1.0)
    assert scene.pause(0.02) == [Weigh(), Speculate()]


# --- how long the VAD went on hearing speech after the sound had died away ---


def waited(silence: float | None) -> float:
    """Return the silence after which a finished turn ended, if ``silence`` s of it were measured after 0.12 s."""
    scene = Scene(TurnPolicy(speculate_seconds=0.12, endpoint=EndpointPolicy(finished=0.4)))
    scene.speak(1.0)
    assert Speculate() in scene.pause(0.12)
    pause = 0.12
    scene.step(Judged("what time is it", 0.95, silence))
    while scene.state is State.HEARING:
        scene.pause(FRAME)
        pause += FRAME
    return pause


def test_a_click_in_a_pause_makes_it_no_longer_and_a_word_does() -> None:
    def ended(sound: float) -> float:
        scene = Scene(TurnPolicy(speculate_seconds=0.12, endpoint=EndpointPolicy(finished=0.4)))
        scene.speak(1.0)
        scene.pause(0.12)
        scene.step(Judged("what time is it", 0.95))
        scene.pause(0.08)
        scene.speak(sound)
        scene.pause(0.14)
        scene.step(Judged("what time is it", 0.95))  # of the pause before, if it is none of its own
        while scene.state is State.HEARING:
            scene.pause(FRAME)
        return scene.now

    assert ended(0.04) == pytest.approx(1.0 + 0.4, abs=FRAME + 0.001)
    assert ended(0.08) == pytest.approx(1.28 + 0.4, abs=FRAME + 0.001)


def about_to_end() -> Scene:
    """Give a scene in which a question has been judged to be over, a frame before its turn ends."""
    scene = Scene(TurnPolicy(speculate_seconds=0.12, endpoint=EndpointPolicy(finished=0.4)))
    scene.speak(1.0)
    scene.voice(0.14, SILENCE, -60.0)
    scene.step(Judged("what time is it", 0.95))
    scene.voice(0.24, SILENCE, -60.0)
    return scene


@pytest.mark.parametrize(("probability", "level"), [(SPEECH, -60.0), (SILENCE, -45.0)], ids=["a voice", "a sound"])
def test_a_turn_does_not_end_while_somebody_may_begin_to_speak(probability: float, level: float) -> None:
    scene = about_to_end()
    assert scene.voice(2 * FRAME, probability, level) == []
    assert kinds(scene.voice(FRAME, SILENCE, -60.0)) == [EndUtterance]


def test_noise_as_loud_as_the_pause_does_not_hold_its_end_up_nor_does_any_other_for_long() -> None:
    assert kinds(about_to_end().voice(2 * FRAME, SILENCE, -52.0)) == [EndUtterance]
    assert EndUtterance in kinds(about_to_end().voice(0.14, SILENCE, -30.0))


@pytest.mark.parametrize(("silence", "wait"), [(None, 0.4), (0.1, 0.4), (0.17, 0.4), (0.27, 0.3), (0.9, 0.4)])
def test_silence_counts_from_where_the_sound_died_away(silence: float | None, wait: float) -> None:
    assert waited(silence) == pytest.approx(wait, abs=FRAME + 0.001)
