"""Turns as a benchmark might have measured them."""

from dataclasses import replace
from typing import Any

import numpy as np

from hotpin.bench.report import Report
from hotpin.bench.runner import BenchTurn
from hotpin.bench.utterances import Utterance
from hotpin.errors import SttError
from hotpin.events import Failed
from hotpin.one_turn import TurnResult
from hotpin.registry import EngineInfo
from hotpin.timing import Timing

TIMING = Timing(speech_end=1.0, endpoint=1.3, stt_final=1.6, llm_first_token=1.7, tts_first_audio=1.8, first_audio=2.0)

AHEAD = Timing(
    speech_end=1.0,
    speculated=1.1,
    endpoint=1.4,
    stt_final=1.2,
    llm_first_token=1.25,
    tts_first_audio=1.3,
    first_audio=1.42,
)
"""Everything was ready before the end of the turn was decided."""


def turn(
    timing: Timing = TIMING,
    text: str = "how are you",
    heard: str = "how are you",
    failure: Failed | None = None,
    **others: Any,  # noqa: ANN401
) -> BenchTurn:
    """A measured turn; its utterance is 1.5 s long with speech to 1.0 s."""
    utterance = Utterance("01", np.zeros(24_000, np.int16), text, 1.0)
    measured = BenchTurn(
        utterance,
        TurnResult(heard, "I am fine.", timing, (0.125,), failure),
        1.02,
        first_sound=timing.first_audio,
        decisions=() if timing.endpoint is None else (timing.endpoint,),
        cpu_seconds=0.5,
    )
    return replace(measured, **others)


def report(*turns: BenchTurn, **others: Any) -> Report:  # noqa: ANN401
    return Report({"vad": EngineInfo("fake", "a model", "1 thread")}, 1.23456, turns, **others)


FAILED = turn(failure=Failed("bench", 1, "stt", SttError("broken")))
SILENT = turn(replace(TIMING, first_audio=None))
CUT_OFF = turn(replace(TIMING, endpoint=0.5, first_audio=0.9))
EARLY = turn(replace(TIMING, endpoint=0.9))
TAKEN_BACK = turn(decisions=(0.4, 1.3))
HEARD_AND_TAKEN_BACK = turn(decisions=(0.4, 1.3), first_sound=0.6)


def unfinished(measured: BenchTurn) -> BenchTurn:
    """The same turn, after words that plainly go on."""
    return replace(measured, utterance=replace(measured.utterance, unfinished=True))


def paused(measured: BenchTurn) -> BenchTurn:
    """The same turn, of a speaker who paused in the middle."""
    return replace(measured, utterance=replace(measured.utterance, pauses=((0.3, 0.7),)))
