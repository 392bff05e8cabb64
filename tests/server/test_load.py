"""The load generator against a real server over fake engines: it tells what is answered, lost and mixed up."""

import threading

import pytest

from hotpin.audio.frame import CAPTURE_RATE
from hotpin.bench.load import NAMES, RECALL, TEXTS, Asked, Load, introduction, run
from hotpin.bench.load_report import LoadReport
from hotpin.bench.utterances import Utterance
from tests.fakes.engines import speech
from tests.server.conftest import MakeServer, Server

pytestmark = pytest.mark.slow


def utterance(text: str) -> Utterance:
    samples = speech(0.2)
    return Utterance(text, samples, text, len(samples) / CAPTURE_RATE)


SAID = [utterance(text) for text in TEXTS]
QUESTIONS = [utterance("how are you")]


def put_under(url: str, **more: object) -> tuple[LoadReport, list[Asked]]:
    load = Load(url, **{"sessions": 3, "every": 0.3, "seconds": 1.2, **more})  # type: ignore[arg-type]
    told: list[Asked] = []
    return LoadReport(load, run(load, SAID, QUESTIONS, told.append)), told


def test_every_question_of_every_session_is_answered_and_told(server: Server) -> None:
    report, told = put_under(server.ws)
    assert len(report.asked) == len(told) == 3 * 4
    assert (report.unanswered, report.mixed_up) == ([], 0)
    assert [asked.text for asked in report.ran[1].asked] == [
        introduction(NAMES[1]), "how are you", "how are you", RECALL,
    ]  # fmt: skip
    found = report.as_dict()
    assert found["misheard"] == 3 * 2  # the fake hears the same in everything
    assert all(0 < (asked.first_audio or 0) <= (asked.whole or 0) for asked in report.asked)
    assert "12 questions of 3 sessions, 0 not answered" in "\n".join(report.lines())


def test_a_reply_with_another_sessions_name_is_mixed_up(server: Server) -> None:
    server.llm.text = f"Your name is {NAMES[1]}."
    report, _ = put_under(server.ws)
    assert report.mixed_up == 2 * 4
    assert [ran.remembers for ran in report.ran] == [False, True, False]


def test_whoever_is_not_let_in_is_not_answered(make_server: MakeServer) -> None:
    url = make_server(server__token="right").ws  # noqa: S106 - not a real one
    refused, _ = put_under(url, token="wrong")  # noqa: S106
    assert [bool(ran.lost) for ran in refused.ran] == [True] * 3
    assert "right" not in str(refused.as_dict())
    let_in, _ = put_under(url, token="right", sessions=1)  # noqa: S106
    assert (let_in.unanswered, len(let_in.asked)) == ([], 4)
    assert "right" not in str(let_in.as_dict())


def test_a_server_that_goes_away_ends_the_run(server: Server) -> None:
    threading.Timer(0.5, server.thread.close).start()
    report, told = put_under(server.ws, seconds=30.0)
    assert all(ran.lost for ran in report.ran)
    assert len(told) < 3 * 100
