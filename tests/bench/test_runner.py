"""Utterances fed as a microphone would, and what a person would have heard; engines that do nothing, real time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from hotpin.app import App
from hotpin.bench.report import Report
from hotpin.bench.runner import Arm, BenchTurn, Step, run, sample, without_speculation
from hotpin.bench.utterances import Utterance
from hotpin.cancel import Cancelled, never
from hotpin.clock import RealClock
from hotpin.conversation_options import ConversationOptions
from hotpin.settings import Settings
from hotpin.stt.base import Transcript
from hotpin.turn_policy import TurnPolicy
from tests.conftest import choosing
from tests.fakes.engines import FakeStt, FakeSttStream, fake_engines, silence, speech

from .measured import turn

WAIT = 0.1
"""s of silence that ends a turn in these tests."""

SHORT = Utterance("01", np.concatenate([silence(0.1), speech(0.2)]), "how are you", 0.3)
PAUSED = Utterance(
    "02", np.concatenate([speech(0.2), silence(0.6), speech(0.3)]), "how are you", 1.1, pauses=((0.2, 0.8),)
)


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    """Hotpin with engines that do nothing, and little patience."""
    kinds = ("", "finished_", "doubtful_", "unfinished_")
    waits = {f"{kind}wait_seconds": WAIT for kind in kinds}
    with App(choosing(settings, "turn", **waits)) as built:
        built.engines = fake_engines()
        yield built


@pytest.fixture
def arm(app: App) -> Iterator[Arm]:
    measuring = Arm(app, RealClock())
    yield measuring
    measuring.close()


def test_a_turn_is_measured_as_a_person_hears_it(arm: Arm) -> None:
    measured = arm.measure(SHORT)
    timing = measured.result.timing
    assert (measured.result.heard, measured.failed, measured.cut_off, measured.early_end) == (
        "how are you",
        False,
        False,
        False,
    )
    assert timing.speech_end == SHORT.speech_end
    assert measured.detected_end == pytest.approx(0.3, abs=0.05)
    assert timing.endpoint is not None
    assert timing.first_audio is not None
    assert measured.first_sound == pytest.approx(timing.first_audio, abs=0.05)
    assert measured.decisions == pytest.approx([timing.endpoint], abs=0.1)
    assert timing.endpoint - timing.speech_end >= WAIT - 0.03
    assert 0.0 < measured.cpu_seconds < 5.0
    assert arm.turns == [measured]


@pytest.mark.slow
def test_a_reply_in_a_pause_is_heard_too_early(arm: Arm) -> None:
    measured = arm.measure(PAUSED)
    assert measured.cut_off
    assert not measured.early_end
    assert measured.first_sound is not None
    assert 0.2 < measured.first_sound < 0.8


class Interrupted(FakeStt):
    """Understands nothing until its first attempt is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0

    def stream(self) -> FakeSttStream:
        return _Waiting(self)


class _Waiting(FakeSttStream):
    def __init__(self, stt: Interrupted) -> None:
        super().__init__(stt)
        self._own = stt

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        self._own.attempts += 1
        deadline = time.monotonic() + 5.0
        while self._own.attempts == 1 and not cancelled() and time.monotonic() < deadline:
            time.sleep(0.005)
        return super().finish(cancelled)


@pytest.mark.slow
def test_a_turn_that_is_taken_back_unheard_is_an_early_end(arm: Arm, app: App) -> None:
    app.engines.stt = Interrupted()
    measured = arm.measure(PAUSED)
    assert not measured.cut_off
    assert measured.early_end
    assert len(measured.decisions) == 2
    assert measured.result.timing.endpoint == pytest.approx(1.1 + WAIT, abs=0.1)


@pytest.mark.slow
def test_the_warm_up_does_not_count_and_gaps_and_memory_are_kept(arm: Arm) -> None:
    steps = list(run([arm], [SHORT], 2, unspeculated=False))
    assert [(step.number, step.total, step.arm) for step in steps] == [(1, 2, arm), (2, 2, arm)]
    assert [step.turn for step in steps] == arm.turns
    found = Report.of(arm)
    assert found.failed == 0
    assert found.engines["stt"].name == "fake"
    assert found.steady_rss_mb is None or found.steady_rss_mb > 10
    assert found.unspeculated == found.critical_path or found.speculates


# --- the order of the run ---


class Noted(Arm):
    """Measures nothing, and notes what it was asked to."""

    def __init__(self, title: str, calls: list[str], *, speculates: bool = False) -> None:
        self.title = title
        self.turns: list[BenchTurn] = []
        self.sample: list[BenchTurn] = []
        self._calls = calls
        self._ahead = speculates

    @property
    def speculates(self) -> bool:
        return self._ahead

    def warm_up(self, utterance: Utterance) -> None:
        self._calls.append(f"{self.title} warm-up")

    def measure(self, utterance: Utterance) -> BenchTurn:
        self._calls.append(f"{self.title} {utterance.name}")
        self.turns.append(turn())
        return self.turns[-1]

    def measure_unspeculated(self, utterance: Utterance) -> BenchTurn:
        self._calls.append(f"{self.title} {utterance.name} unspeculated")
        return turn()


def named(*names: str) -> list[Utterance]:
    return [replace(SHORT, name=name) for name in names]


def test_two_choices_take_turns_and_neither_always_goes_first() -> None:
    calls: list[str] = []
    steps = list(run([Noted("a", calls), Noted("b", calls)], named("1", "2"), 2))
    assert calls == "a warm-up,b warm-up,a 1,b 1,b 2,a 2,a 1,b 1,b 2,a 2".split(",")
    assert [step.number for step in steps] == list(range(1, 9))
    assert {step.total for step in steps} == {8}


def test_a_sample_is_measured_again_without_speculation() -> None:
    calls: list[str] = []
    steps = list(run([Noted("a", calls, speculates=True), Noted("b", calls)], named("1", "2"), 1))
    assert calls[-2:] == ["a 1 unspeculated", "a 2 unspeculated"]
    assert [(step.speculated, step.total) for step in steps] == [(True, 6)] * 4 + [(False, 6)] * 2
    skipped: list[str] = []
    list(run([Noted("a", skipped, speculates=True)], named("1"), 1, unspeculated=False))
    assert skipped == ["a warm-up", "a 1"]


def test_what_was_measured_stays_when_the_run_is_broken_off() -> None:
    arms = [Noted("a", []), Noted("b", [])]
    steps: Iterator[Step] = run(arms, named("1", "2"), 1)
    for _ in range(3):
        next(steps)
    assert [len(arm.turns) for arm in arms] == [1, 2]


@pytest.mark.parametrize(("given", "repeat"), [([], 1), ([SHORT], 0)])
def test_a_run_without_anything_to_measure_is_refused(given: list[Utterance], repeat: int) -> None:
    with pytest.raises(ValueError, match="a benchmark needs utterances and repeats"):
        next(run([Noted("a", [])], given, repeat))


@pytest.mark.parametrize(("there", "taken"), [(1, 1), (8, 8), (9, 8), (24, 8), (30, 10), (150, 50)])
def test_a_third_is_sampled_from_beginning_to_end(there: int, taken: int) -> None:
    found = sample(named(*map(str, range(there))))
    places = [int(one.name) for one in found]
    assert len(set(places)) == len(places) == taken
    assert places == sorted(places)
    assert places[0] == 0
    assert there - places[-1] <= max(3, there // taken + 1)


@dataclass(frozen=True, slots=True)
class AheadPolicy(TurnPolicy):
    speculate_seconds: float | None = 0.15


def test_speculation_is_switched_off_and_nothing_else_is_changed() -> None:
    options = ConversationOptions(policy=AheadPolicy(start_seconds=0.09))
    off = without_speculation(options)
    assert off is not None
    assert off == replace(options, policy=AheadPolicy(start_seconds=0.09, speculate_seconds=None))
    assert without_speculation(off) is None
