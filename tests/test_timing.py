"""The moments of a turn and what follows from them."""

import threading
from dataclasses import replace

import pytest

from hotpin.timing import STAGES, Stopwatch, Timing

SPOKEN = Timing(
    speech_end=10.0, endpoint=10.5, stt_final=10.6, llm_first_token=10.7, tts_first_audio=10.8, first_audio=10.9
)


def test_voice_to_voice_is_from_the_last_sound_in_to_the_first_sound_out() -> None:
    assert SPOKEN.voice_to_voice == pytest.approx(0.9)


def test_the_critical_path_begins_with_the_decision() -> None:
    assert SPOKEN.critical_path == pytest.approx(0.4)


def test_the_critical_path_is_never_negative() -> None:
    assert Timing(endpoint=2.0, first_audio=1.9).critical_path == 0.0


@pytest.mark.parametrize("timing", [Timing(), Timing(first_audio=1.0), Timing(speech_end=1.0, endpoint=1.0)])
def test_what_did_not_happen_has_no_duration(timing: Timing) -> None:
    assert timing.voice_to_voice is None
    assert timing.critical_path is None


def test_the_stages_of_a_turn_follow_one_another_without_a_gap() -> None:
    lengths = [SPOKEN.seconds(stage) for stage in STAGES]
    assert lengths == pytest.approx([0.5, 0.1, 0.1, 0.1, 0.1])
    assert {Timing(first_audio=1.0).seconds(stage) for stage in STAGES} == {None}


AHEAD = Timing(
    speech_end=10.0,
    speculated=10.15,
    endpoint=10.5,
    stt_final=10.3,
    llm_first_token=10.4,
    tts_first_audio=10.45,
    first_audio=10.52,
)
"""A turn whose reply was ready before its end was decided."""


def test_work_done_in_a_pause_is_measured_from_where_it_began() -> None:
    assert [AHEAD.seconds(stage) for stage in STAGES] == pytest.approx([0.5, 0.15, 0.1, 0.05, 0.02])


def test_what_is_ready_early_costs_no_wait() -> None:
    assert [AHEAD.waited(stage) for stage in STAGES] == pytest.approx([0.5, 0.0, 0.0, 0.0, 0.02])


@pytest.mark.parametrize(
    "timing",
    [SPOKEN, AHEAD, replace(AHEAD, endpoint=10.2), replace(AHEAD, endpoint=10.42), replace(AHEAD, endpoint=10.16)],
)
def test_what_is_waited_for_adds_up_to_voice_to_voice(timing: Timing) -> None:
    waits = [timing.waited(stage) for stage in STAGES]
    assert sum(wait or 0.0 for wait in waits) == pytest.approx(timing.voice_to_voice)


def test_a_typed_question_has_no_end_to_wait_for() -> None:
    typed = Timing(stt_final=0.0, llm_first_token=0.1, tts_first_audio=0.2, first_audio=0.25)
    assert [typed.seconds(stage) for stage in STAGES] == pytest.approx([None, None, 0.1, 0.1, 0.05])
    assert [typed.waited(stage) for stage in STAGES] == pytest.approx([None, None, 0.1, 0.1, 0.05])


def test_since_moves_the_zero_and_leaves_gaps() -> None:
    moved = Timing(speech_end=10.00004, first_audio=10.9).since(9.0)
    assert moved == Timing(speech_end=1.0, first_audio=1.9)


def test_as_dict_has_the_names_of_the_json_contract() -> None:
    names = ["speech_end", "speculated", "endpoint", "stt_final", "llm_first_token", "tts_first_audio", "first_audio"]
    assert list(SPOKEN.as_dict()) == names
    assert Timing().as_dict() == dict.fromkeys(names)


def test_the_first_mark_of_a_stage_counts() -> None:
    watch = Stopwatch()
    watch.mark("endpoint", 1.0)
    watch.mark("endpoint", 2.0)
    watch.mark("stt_final", 3.0)
    assert watch.timing == Timing(endpoint=1.0, stt_final=3.0)


def test_zero_is_a_moment_too() -> None:
    watch = Stopwatch()
    watch.mark("speech_end", 0.0)
    watch.mark("speech_end", 1.0)
    assert watch.timing.speech_end == 0.0


def test_a_stage_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(AttributeError, match="lunch"):
        Stopwatch().mark("lunch", 12.0)


def test_marks_from_several_threads_are_all_kept() -> None:
    watch = Stopwatch()
    stages = list(Timing().as_dict())
    start = threading.Barrier(len(stages))

    def mark(stage: str) -> None:
        start.wait(5)
        watch.mark(stage, 1.0)

    threads = [threading.Thread(target=mark, args=[stage]) for stage in stages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert watch.timing == Timing(*[1.0] * len(stages))
