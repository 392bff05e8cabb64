"""What a benchmark makes of its turns."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hotpin.app import TurnResult
from hotpin.bench.report import Percentiles, Report, machine, peak_rss_mb
from hotpin.bench.runner import BenchTurn
from hotpin.bench.utterances import Utterance
from hotpin.errors import SttError
from hotpin.events import Failed
from hotpin.registry import EngineInfo
from hotpin.timing import STAGES, Timing

TIMING = Timing(speech_end=1.0, endpoint=1.3, stt_final=1.6, llm_first_token=1.7, tts_first_audio=1.8, first_audio=2.0)


def turn(
    timing: Timing = TIMING, text: str = "how are you", heard: str = "how are you", failure: Failed | None = None
) -> BenchTurn:
    """A measured turn; its utterance is 1.5 s long with speech to 1.0 s."""
    utterance = Utterance("01", np.zeros(24_000, np.int16), text, 1.0)
    return BenchTurn(utterance, TurnResult(heard, "I am fine.", timing, 0.125, failure), 1.02)


def report(*turns: BenchTurn) -> Report:
    return Report({"vad": EngineInfo("fake", "a model", "1 thread")}, 1.23456, turns)


FAILED = turn(failure=Failed("bench", 1, "stt", SttError("broken")))
SILENT = turn(replace(TIMING, first_audio=None))
CUT_OFF = turn(replace(TIMING, endpoint=0.9))


# --- percentiles ---


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [
        ([], None, None),
        ([None, None], None, None),
        ([2.0], 2.0, 2.0),
        ([3.0, None, 1.0, 2.0], 2.0, 2.9),
        ([float(n) for n in range(101)], 50.0, 95.0),
        ([1 / 3], 0.3333, 0.3333),
    ],
)
def test_percentiles_are_taken_of_what_there_is(
    values: list[float | None], p50: float | None, p95: float | None
) -> None:
    assert Percentiles.of(values) == Percentiles(p50, p95)


def test_a_percentile_that_is_not_there_is_a_dash() -> None:
    assert str(Percentiles(None, 1.234)).split() == ["-", "1.23", "s"]


# --- turns ---


def test_times_are_taken_from_the_moments() -> None:
    measured = report(turn())
    assert measured.voice_to_voice == Percentiles(1.0, 1.0)
    assert measured.critical_path == Percentiles(0.7, 0.7)
    assert [value.p50 for value in measured.stages.values()] == pytest.approx([0.3, 0.3, 0.1, 0.1, 0.2])


def test_the_stages_add_up_to_voice_to_voice() -> None:
    measured = report(turn())
    assert sum(value.p50 or 0.0 for value in measured.stages.values()) == pytest.approx(measured.voice_to_voice.p50)


@pytest.mark.parametrize("unanswered", [FAILED, SILENT])
def test_a_turn_without_an_answer_is_counted_and_not_timed(unanswered: BenchTurn) -> None:
    measured = report(turn(), unanswered)
    assert measured.failed == 1
    assert measured.voice_to_voice == Percentiles(1.0, 1.0)
    assert report(unanswered).voice_to_voice == Percentiles(None, None)


def test_a_turn_that_was_ended_too_early_is_a_cut_off() -> None:
    assert report(turn(), CUT_OFF, CUT_OFF).cut_offs == 2
    assert report(turn(replace(TIMING, endpoint=1.0)), turn(Timing())).cut_offs == 0


def test_sound_that_began_before_the_decision_makes_the_critical_path_zero() -> None:
    assert report(turn(replace(TIMING, endpoint=2.5))).critical_path == Percentiles(0.0, 0.0)


def test_word_errors_are_counted_over_all_words() -> None:
    turns = [turn(), turn(text="What is 2 plus 2?", heard="what is two plus too"), turn(heard="")]
    assert report(*turns).word_error_rate == pytest.approx(4 / 11, abs=1e-4)


def test_without_words_there_is_no_word_error_rate() -> None:
    assert report().word_error_rate is None
    assert report(turn(text="", heard="ghosts")).word_error_rate is None


# --- outputs ---


def test_the_json_has_what_programs_read() -> None:
    given = json.loads(json.dumps(report(turn(), SILENT, CUT_OFF).as_dict()))
    assert given["voice_to_voice"] == {"p50": 1.0, "p95": 1.0, "n": 3, "failed": 1}
    assert set(given["critical_path"]) == set(given["unspeculated"]) == {"p50", "p95"}
    assert given["engines"] == {"vad": {"name": "fake", "model": "a model", "detail": "1 thread"}}
    assert given["load_seconds"] == 1.235
    assert (given["wer"], given["cut_offs"], given["gap_seconds"]) == (0.0, 1, 0.375)
    assert list(given["stages"]) == [stage.name for stage in STAGES]
    assert given["machine"]["cores"] >= 1
    assert given["peak_rss_mb"] > 0
    first = given["turns"][0]
    assert (first["heard"], first["reply"], first["audio_seconds"]) == ("how are you", "I am fine.", 1.5)
    assert first["timing"] == TIMING.as_dict()
    assert (first["failed"], first["cut_off"], first["speech_end_detected"]) == (False, False, 1.02)
    assert [one["failed"] for one in given["turns"]] == [False, True, False]


def test_a_person_reads_where_the_time_goes() -> None:
    slow = replace(TIMING, stt_final=5.0, llm_first_token=5.1, tts_first_audio=5.2, first_audio=5.3)
    lines = report(turn(slow)).lines()
    assert any(line.split()[:4] == ["voice", "to", "voice", "4.30"] for line in lines)
    assert lines[-1] == "Most of the time goes into: words"
    assert "1 turns, 0 not answered, 0 cut off" in lines[-2]


def test_a_report_without_any_answer_can_be_read() -> None:
    assert all(report(SILENT).lines()[0:1])
    assert "1 not answered" in " ".join(report(SILENT).lines())


def test_memory_is_told_in_megabytes_and_never_shrinks() -> None:
    before = peak_rss_mb()
    ballast = np.ones(30_000_000, np.int8)
    assert 10 < before <= peak_rss_mb() < 100_000
    assert len(ballast)


def test_the_machine_is_described() -> None:
    assert set(machine()) == {"system", "architecture", "cores", "memory_gb", "python"}
