"""Language models elsewhere: what is asked, and what becomes of every way in which a server can fail."""

import json
import threading
import time
from collections.abc import Callable

import pytest

from hotpin.cloud import http
from hotpin.errors import LlmError
from hotpin.llm.base import Message, ReplyOptions
from tests.cloud.conftest import BuildLlm
from tests.fakes.api_server import TIMEOUT, ApiServer, Reply, Script, chat, events, failing, piece_of_chat
from tests.fakes.counterparts import KEY

SYSTEM = Message("system", "Be brief.")
FRANCE = Message("user", "What is the capital of France?")


def reply(llm: object, options: ReplyOptions | None = None) -> str:
    return "".join(llm.reply("s", [SYSTEM, FRANCE], options))  # type: ignore[attr-defined]


def test_what_is_asked_is_what_the_reference_says(api: ApiServer, llm: BuildLlm) -> None:
    assert reply(llm(), ReplyOptions(0.3, 99, stop=("", "\n\n"))) == "It is Paris."
    (asked,) = api.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.json == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is the capital of France?"},
        ],
        "temperature": 0.3,
        "max_tokens": 99,
        "stop": ["\n\n"],
        "stream": True,
    }


@pytest.mark.slow
def test_groq_is_asked_for_its_own_model(api: ApiServer, llm: BuildLlm) -> None:
    assert reply(llm("groq")) == "It is Paris."
    assert api.asked[0].json["model"] == "llama-3.1-8b-instant"


def test_a_server_without_a_key_is_sent_none(api: ApiServer, llm: BuildLlm) -> None:
    from pydantic import SecretStr

    reply(llm(openai_api_key=SecretStr("")))
    assert "authorization" not in api.asked[0].headers


def test_pieces_come_as_they_are_written(api: ApiServer, llm: BuildLlm) -> None:
    go_on = threading.Event()

    def slowly(answer: Reply) -> None:
        answer.begin("text/event-stream")
        answer.events(piece_of_chat("It is"))
        assert go_on.wait(TIMEOUT)
        answer.events(piece_of_chat(" Paris."), piece_of_chat(None, "stop"), "[DONE]")
        answer.end()

    api.usual = slowly
    pieces = llm().reply("s", [FRANCE])
    assert next(pieces) == "It is"
    go_on.set()
    assert list(pieces) == [" Paris."]


@pytest.mark.slow
def test_one_connection_serves_all_replies(api: ApiServer, llm: BuildLlm) -> None:
    asked = llm()
    for _ in range(3):
        reply(asked)
    reply(llm("groq"))
    assert len(api.asked) == 4
    assert api.connections == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_is_busy_is_asked_again(api: ApiServer, llm: BuildLlm, status: int) -> None:
    api.script = [failing(status)]
    assert reply(llm()) == "It is Paris."
    assert len(api.asked) == 2


def test_a_server_that_stays_broken_is_asked_three_times(api: ApiServer, llm: BuildLlm) -> None:
    api.usual = failing(500)
    with pytest.raises(LlmError, match=r"127.0.0.1.* failed .500.") as caught:
        reply(llm())
    assert caught.value.retryable
    assert len(api.asked) == 3


def test_a_line_that_is_cut_before_the_answer_is_tried_again(api: ApiServer, llm: BuildLlm) -> None:
    api.script = [Reply.reset]
    assert reply(llm()) == "It is Paris."
    assert len(api.asked) == 2


@pytest.mark.slow
def test_the_pause_that_a_server_asks_for_is_kept(api: ApiServer, llm: BuildLlm) -> None:
    api.script = [failing(429, Retry_After="0.2")]
    began = time.monotonic()
    reply(llm())
    assert time.monotonic() - began >= 0.2


@pytest.mark.slow
def test_a_pause_that_is_too_long_is_not_waited_for(api: ApiServer, llm: BuildLlm) -> None:
    api.script = [failing(429, Retry_After="60")]
    with pytest.raises(LlmError, match="too often") as caught:
        reply(llm())
    assert caught.value.retryable
    assert len(api.asked) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (failing(429, "You have no credit left", "insufficient_quota"), "no credit left"),
        (failing(404, "The model `x` does not exist"), "`x` does not exist"),
        (lambda answer: answer.whole(b"<html>", "text/html", 302, Location="http://127.0.0.1:9/"), "302"),
        (lambda answer: answer.whole(b"\xff" * 100_000, "text/html", 400), "400"),
    ],
    ids=["no credit", "no such model", "redirect", "no reason"],
)
def test_what_no_waiting_helps_against_is_told_at_once(
    api: ApiServer, llm: BuildLlm, script: Script, said: str
) -> None:
    api.usual = script
    with pytest.raises(LlmError, match=said) as caught:
        reply(llm())
    assert not caught.value.retryable
    assert len(api.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_setting_alone(api: ApiServer, llm: BuildLlm, status: int) -> None:
    api.usual = failing(status, f"Incorrect API key provided: {KEY}", "invalid_api_key")
    with pytest.raises(LlmError, match=r"refused the key .invalid_api_key.*OPENAI_API_KEY") as caught:
        reply(llm())
    assert not caught.value.retryable
    assert KEY not in str(caught.value)
    assert len(api.asked) == 1


@pytest.mark.slow
def test_a_server_that_echoes_the_key_does_not_bring_it_into_the_error(api: ApiServer, llm: BuildLlm) -> None:
    api.usual = failing(400, f"cannot read Bearer {KEY}")
    with pytest.raises(LlmError, match=r"cannot read Bearer \*\*\*"):
        reply(llm())


@pytest.mark.slow
def test_a_server_that_is_not_there_is_an_error_that_says_where(llm: BuildLlm, api: ApiServer) -> None:
    with pytest.raises(LlmError, match=r"127.0.0.1:9 cannot be reached") as caught:
        reply(llm(openai_base_url="http://127.0.0.1:9/v1"))
    assert caught.value.retryable


@pytest.mark.slow
def test_a_server_that_says_nothing_is_given_up(api: ApiServer, llm: BuildLlm) -> None:
    api.usual = Reply.hang
    began = time.monotonic()
    with pytest.raises(LlmError, match=r"has not answered within 0\.2 s") as caught:
        reply(llm(timeout_seconds=0.2))
    assert time.monotonic() - began < 1.0
    assert caught.value.retryable
    assert len(api.asked) == 1
    assert api.dropped.wait(TIMEOUT)


def after_a_piece(then: Callable[[Reply], None]) -> Script:
    def script(answer: Reply) -> None:
        answer.begin("text/event-stream")
        answer.events(piece_of_chat("It is"))
        then(answer)

    return script


def keep_alive(answer: Reply) -> None:
    while True:  # until the client is gone
        answer.send(b": still there\n\n")
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "said"),
    [
        (Reply.reset, "broke off"),
        (Reply.end, "broke off"),
        (Reply.hang, "has not answered"),
        (keep_alive, "has not answered"),
        (lambda answer: answer.events('{"error": {"message": "overloaded"}}'), "failed in the middle"),
        (lambda answer: answer.events("{not json"), "no part of a chat completion"),
    ],
    ids=["reset", "end", "silence", "comments only", "error", "malformed"],
)
def test_a_reply_that_breaks_off_is_never_begun_anew(
    api: ApiServer, llm: BuildLlm, then: Callable[[Reply], None], said: str
) -> None:
    api.usual = after_a_piece(then)
    pieces = llm(timeout_seconds=0.2).reply("s", [FRANCE])
    assert next(pieces) == "It is"
    with pytest.raises(LlmError, match=said) as caught:
        list(pieces)
    assert caught.value.retryable
    assert len(api.asked) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    ["null", "7", "[]", "{}", '{"choices": 1}', '{"choices": [{"delta": {"content": 5}}]}', "[" * 20_000],
)
def test_events_that_are_no_part_of_a_chat_completion_are_an_error(api: ApiServer, llm: BuildLlm, data: str) -> None:
    api.usual = events(data)
    with pytest.raises(LlmError, match="no part of a chat completion"):
        reply(llm())


@pytest.mark.slow
def test_events_without_text_are_passed_over(api: ApiServer, llm: BuildLlm) -> None:
    used = json.dumps({"choices": [], "usage": {"total_tokens": 9}})
    begin = json.dumps({"choices": [{"delta": {"role": "assistant", "content": None}}]})
    api.usual = events(begin, piece_of_chat("Yes."), piece_of_chat("", "length"), used)
    assert reply(llm()) == "Yes."


@pytest.mark.slow
def test_an_answer_that_is_no_stream_is_an_error(api: ApiServer, llm: BuildLlm) -> None:
    api.usual = lambda answer: answer.json({"choices": [{"message": {"content": "Paris."}}]})
    with pytest.raises(LlmError, match="did not answer with a stream"):
        reply(llm())


@pytest.mark.slow
@pytest.mark.parametrize("size", [200, 100_000], ids=["many events", "huge events"])
def test_an_endless_answer_is_ended(api: ApiServer, llm: BuildLlm, size: int) -> None:
    def endless(answer: Reply) -> None:
        answer.begin("text/event-stream")
        while True:
            answer.events(*[piece_of_chat("la " * (size // 3))] * 50)

    api.usual = endless
    with pytest.raises(LlmError, match=r"more than 75,776 bytes|did not answer with a stream"):
        reply(llm(), ReplyOptions(max_tokens=5))
    assert api.dropped.wait(TIMEOUT)


def test_a_cancelled_reply_drops_the_connection_at_once(api: ApiServer, llm: BuildLlm) -> None:
    api.usual = after_a_piece(Reply.hang)
    cancelled = threading.Event()
    pieces = llm().reply("s", [FRANCE], cancelled=cancelled.is_set)
    assert next(pieces) == "It is"
    threading.Timer(0.05, cancelled.set).start()
    began = time.monotonic()
    assert list(pieces) == []
    assert api.dropped.wait(TIMEOUT)
    assert time.monotonic() - began < 0.5
    api.usual = chat("Yes.")
    assert reply(llm()) == "Yes."


@pytest.mark.slow
def test_a_reply_that_nobody_reads_on_drops_the_connection(api: ApiServer, llm: BuildLlm) -> None:
    api.usual = after_a_piece(Reply.hang)
    pieces = llm().reply("s", [FRANCE])
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert api.dropped.wait(TIMEOUT)


def test_nothing_is_asked_that_was_cancelled_before(api: ApiServer, llm: BuildLlm) -> None:
    assert list(llm().reply("s", [FRANCE], cancelled=lambda: True)) == []
    assert not api.asked


def test_nothing_is_asked_ahead(api: ApiServer, llm: BuildLlm) -> None:
    asked = llm()
    asked.prepare("s", [FRANCE])
    assert asked.finished("s", FRANCE.content) is None
    assert not api.asked


@pytest.mark.slow
def test_an_answer_that_trickles_for_ever_is_ended(
    api: ApiServer, llm: BuildLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle(answer: Reply) -> None:
        answer.begin("text/event-stream")
        while True:
            answer.events(piece_of_chat("la"))
            time.sleep(0.02)

    monkeypatch.setattr(http, "MAX_CALL_SECONDS", 0.3)
    api.usual = trickle
    with pytest.raises(LlmError, match=r"has not answered within 0\.3 s"):
        reply(llm())
    assert api.dropped.wait(TIMEOUT)
