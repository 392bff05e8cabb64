"""What a benchmark makes of its turns."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hotpin.bench.figures import Percentiles
from hotpin.bench.report import paired
from hotpin.bench.resources import available_mb, machine, peak_rss_mb, rss_mb
from hotpin.bench.runner import BenchTurn
from hotpin.speculation import Ahead
from hotpin.timing import STAGES, Timing

from .measured import (
    AHEAD,
    CUT_OFF,
    EARLY,
    FAILED,
    HEARD_AND_TAKEN_BACK,
    SILENT,
    TAKEN_BACK,
    TIMING,
    paused,
    report,
    turn,
    unfinished,
)

# --- times ---


def test_times_are_taken_from_the_moments() -> None:
    measured = report(turn())
    assert measured.voice_to_voice == Percentiles(1.0, 1.0)
    assert measured.critical_path == Percentiles(0.7, 0.7)
    assert [value.p50 for value in measured.stages.values()] == pytest.approx([0.3, 0.3, 0.1, 0.1, 0.2])


@pytest.mark.parametrize("timing", [TIMING, AHEAD])
def test_what_is_waited_for_adds_up_to_voice_to_voice(timing: Timing) -> None:
    measured = report(turn(timing))
    assert sum(value.p50 or 0.0 for value in measured.waits.values()) == pytest.approx(measured.voice_to_voice.p50)


def test_the_slow_stage_is_the_one_that_is_waited_for() -> None:
    slow_but_ahead = replace(AHEAD, speculated=1.01, stt_final=1.29, endpoint=1.31)
    assert report(turn(slow_but_ahead)).slow_stage == "end of turn"
    assert report(turn(replace(TIMING, endpoint=1.1))).slow_stage == "words"
    assert report(SILENT).slow_stage is None


@pytest.mark.parametrize("unanswered", [FAILED, SILENT])
def test_a_turn_without_an_answer_is_counted_and_not_timed(unanswered: BenchTurn) -> None:
    measured = report(turn(), unanswered)
    assert measured.failed == 1
    assert measured.voice_to_voice == Percentiles(1.0, 1.0)
    assert report(unanswered).voice_to_voice == Percentiles(None, None)


def test_unfinished_endings_are_reported_apart() -> None:
    slow = unfinished(turn(replace(TIMING, first_audio=3.0)))
    given = report(turn(), slow).as_dict()
    assert given["voice_to_voice"] == {"p50": 1.0, "p95": 1.0, "n": 1, "failed": 0}
    assert given["unfinished"] == {
        "p50": 2.0,
        "p95": 2.0,
        "n": 1,
        "failed": 0,
        "critical_path": {"p50": 1.7, "p95": 1.7},
    }


def test_without_speculation_the_whole_of_the_work_lies_after_the_decision() -> None:
    assert report(turn()).unspeculated == report(turn()).critical_path


def test_with_speculation_the_work_alone_is_measured_in_turns_of_its_own() -> None:
    assert report(turn(AHEAD), sample=[turn()], speculates=True).unspeculated == Percentiles(0.7, 0.7)
    assert report(turn(AHEAD), speculates=True).unspeculated == Percentiles(None, None)


def test_sound_that_began_before_the_decision_makes_the_critical_path_zero() -> None:
    assert report(turn(replace(TIMING, endpoint=2.5))).critical_path == Percentiles(0.0, 0.0)


# --- ends that came too early ---


@pytest.mark.parametrize(
    ("measured", "cut_offs", "early_ends"),
    [
        (turn(), 0, 0),
        (turn(Timing()), 0, 0),
        (turn(replace(TIMING, endpoint=1.0)), 0, 0),
        (CUT_OFF, 1, 0),
        (EARLY, 0, 1),
        (TAKEN_BACK, 0, 1),
        (HEARD_AND_TAKEN_BACK, 1, 0),
    ],
)
def test_a_reply_heard_too_early_is_a_cut_off_and_one_that_nobody_heard_is_not(
    measured: BenchTurn, cut_offs: int, early_ends: int
) -> None:
    found = report(measured, paused(measured))
    assert (found.cut_offs, found.early_ends) == (2 * cut_offs, 2 * early_ends)
    assert found.as_dict()["pauses"] == {"turns": 1, "cut_offs": cut_offs, "early_ends": early_ends}


def test_an_answer_to_half_a_question_is_no_quick_answer() -> None:
    assert report(turn(), CUT_OFF).voice_to_voice == Percentiles(1.0, 1.0)
    assert report(CUT_OFF).stages["words"] == Percentiles(None, None)


# --- words, gaps, cost ---


def test_word_errors_are_counted_over_all_words() -> None:
    turns = [turn(), turn(text="What is 2 plus 2?", heard="what is two plus too"), turn(heard="")]
    assert report(*turns).word_errors == (4, 11)
    assert report(*turns).word_error_rate == pytest.approx(4 / 11, abs=1e-4)


def test_words_that_were_cut_off_are_told_apart() -> None:
    half = replace(CUT_OFF, result=replace(CUT_OFF.result, heard="how"))
    found = report(turn(heard="how are they"), half)
    assert (found.word_errors, found.whole_word_errors) == ((3, 6), (1, 3))
    assert found.as_dict()["heard_whole"] == {"word_errors": 1, "words": 3}


def test_without_words_there_is_no_word_error_rate() -> None:
    assert report().word_error_rate is None
    assert report(turn(text="", heard="ghosts")).word_error_rate is None


def test_only_gaps_that_are_noticed_are_counted() -> None:
    measured = turn()
    gappy = replace(measured, result=replace(measured.result, gaps=(0.02, 0.1, 0.3)))
    found = report(measured, gappy)
    assert (found.gaps, found.longest_gap, found.gap_seconds) == ([0.125, 0.3], 0.3, 0.545)
    assert report().longest_gap == 0.0


def test_memory_is_told_in_megabytes_and_never_shrinks() -> None:
    before = peak_rss_mb()
    ballast = np.ones(30_000_000, np.int8)
    now = rss_mb()
    assert 10 < before <= peak_rss_mb() < 100_000
    assert now is None or 30 < now <= peak_rss_mb() * 1.05
    assert (available_mb() or 1.0) > 0
    assert len(ballast)


def test_the_machine_is_described() -> None:
    assert set(machine()) == {"system", "architecture", "cores", "usable_cores", "memory_gb", "python"}


# --- the JSON ---


def test_the_json_has_what_programs_read() -> None:
    measured = report(
        turn(), SILENT, CUT_OFF, ahead=Ahead(4, 3, 1.5), steady_rss_mb=500.0, advice=["Buy a new machine"]
    )
    given = json.loads(json.dumps(measured.as_dict()))
    assert given["voice_to_voice"] == {"p50": 1.0, "p95": 1.0, "n": 3, "failed": 1}
    assert {"p50", "p95"} <= set(given["critical_path"]) & set(given["unspeculated"])
    assert list(given["engines"]) == ["vad"]
    assert given["engines"]["vad"].items() >= {"name": "fake", "model": "a model", "detail": "1 thread"}.items()
    assert given["load_seconds"] == 1.235
    assert (given["wer"], given["word_errors"], given["words"]) == (0.0, 0, 9)
    assert (given["cut_offs"], given["early_ends"]) == (1, 0)
    assert (given["gap_seconds"], given["gaps"]) == (0.375, {"n": 3, "longest": 0.125})
    assert (given["cpu_seconds"], given["steady_rss_mb"]) == (1.5, 500.0)
    assert given["speculation"] == {"begun": 4, "confirmed": 3, "wasted_cpu_seconds": 1.5, "hit_rate": 0.75}
    assert list(given["stages"]) == list(given["waits"]) == [stage.name for stage in STAGES]
    assert (given["slow_stage"], given["advice"]) == ("end of turn", ["Buy a new machine"])
    assert given["machine"]["cores"] >= 1
    assert given["peak_rss_mb"] > 0
    first = given["turns"][0]
    assert (first["heard"], first["reply"], first["audio_seconds"]) == ("how are you", "I am fine.", 1.5)
    assert first["timing"] == TIMING.as_dict()
    assert (first["failed"], first["cut_off"], first["speech_end_detected"]) == (False, False, 1.02)
    assert [one["failed"] for one in given["turns"]] == [False, True, False]


# --- two choices ---


def test_turns_are_compared_in_pairs_that_both_answered() -> None:
    quick = turn(replace(TIMING, first_audio=1.8))
    found = paired(report(turn(), turn(), SILENT, CUT_OFF, turn()), report(quick, FAILED, quick, quick))
    assert (found["voice to voice"].n, found["voice to voice"].ratio) == (1, 0.8)
    assert found["critical path"].difference == pytest.approx(-0.2)
    assert found["playing"].difference == pytest.approx(-0.2)
    assert found["words"].difference == 0.0
