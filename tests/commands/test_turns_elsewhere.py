"""Whole turns from the command line with engines elsewhere: real engines behind the published APIs, on the loopback."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from hotpin import registry
from hotpin.bench import words
from hotpin.llm.base import Message, ReplyOptions
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from tests.commands.conftest import MakeWav
from tests.commands.hotpin_process import Hotpin
from tests.commands.test_turns import QUESTION, heard_in, quiet
from tests.conftest import Spoken, choosing, skip_or_fail
from tests.fakes.api_server import ApiServer, Reply, chat, failing, serving
from tests.fakes.counterparts import KEY, pointed_at, speaking, transcribing

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("real_models")]

START_SECONDS = 60.0


@pytest.fixture
def api(whisper: Stt, hibari: Tts) -> Iterator[ApiServer]:
    """A server for all three stages."""
    stages = {"transcriptions": transcribing(whisper), "completions": chat("It is", " Paris, of course.")}
    voice = speaking(hibari, hibari)

    def usual(reply: Reply) -> None:
        stages.get(reply.asked.path.rpartition("/")[2], voice)(reply)

    with serving(usual) as server:
        yield server


def elsewhere(api: ApiServer) -> dict[str, str]:
    return {
        "HOTPIN_STT__ENGINE": "openai",
        "HOTPIN_LLM__ENGINE": "openai",
        "HOTPIN_TTS__ENGINE": "elevenlabs",
        "HOTPIN_CLOUD__OPENAI_BASE_URL": f"{api.url}/v1",
        "HOTPIN_CLOUD__ELEVENLABS_BASE_URL": api.url,
        "OPENAI_API_KEY": KEY,
        "ELEVENLABS_API_KEY": KEY,
        "LOG_LEVEL": "DEBUG",
    }


def test_a_question_is_heard_answered_and_spoken_elsewhere(
    hotpin: Hotpin, api: ApiServer, make_wav: MakeWav, spoken: Spoken, whisper: Stt
) -> None:
    question = make_wav("question.wav", np.concatenate([quiet(0.3), spoken(QUESTION), quiet(0.5)]))
    reply = hotpin.home / "reply.wav"
    ran = hotpin("ask", "--audio", question, "--out", reply, "--agent", "sales", "--json", **elsewhere(api))
    turn = ran.json()
    assert words.normalised(turn["heard"]) == words.normalised(QUESTION)
    assert turn["reply"] == "It is Paris, of course."
    assert words.errors(words.normalised(turn["reply"]), heard_in(whisper, reply)) <= 1
    assert any("21m00Tcm4TlvDq8ikWAM" in asked.path for asked in api.asked)
    assert KEY not in ran.err + ran.out


def test_a_turn_whose_servers_are_broken_is_finished_here_and_says_so(
    hotpin: Hotpin, api: ApiServer, make_wav: MakeWav, spoken: Spoken, whisper: Stt
) -> None:
    api.usual = failing(503)
    question = make_wav("question.wav", np.concatenate([quiet(0.3), spoken(QUESTION), quiet(0.5)]))
    reply = hotpin.home / "reply.wav"
    behind = {
        "HOTPIN_STT__FALLBACK": "whisper",
        "HOTPIN_LLM__FALLBACK": "xllamacpp",
        "HOTPIN_TTS__FALLBACK": "hibari",
    }
    arguments = ("ask", "--audio", question, "--out", reply, "--temperature", "0")
    ran = hotpin(*arguments, **elsewhere(api), **behind)
    assert ran.status == 0, ran.err
    assert "Paris" in ran.out
    assert "paris" in heard_in(whisper, reply)
    for instead in ("whisper understands", "xllamacpp answers", "hibari speaks"):
        assert (ran.out + ran.err).count(f"{instead} instead") == 1


def test_what_leaves_the_machine_is_told_before_it_does(hotpin: Hotpin) -> None:
    chosen = {"HOTPIN_LLM__ENGINE": "groq", "HOTPIN_CLOUD__GROQ_BASE_URL": "http://hotpin.invalid/v1"}
    ran = hotpin("ask", "Hello.", "--out", hotpin.home / "reply.wav", GROQ_API_KEY=KEY, **chosen)
    assert "What is said leaves this machine: the conversation to hotpin.invalid" in ran.out + ran.err
    assert "hotpin.invalid cannot be reached" in ran.err
    assert KEY not in ran.out + ran.err


@pytest.fixture
def own_server(real_gguf: Path) -> Iterator[str]:
    """The server that comes with llama-cpp-python."""
    needed = ("llama_cpp", "fastapi", "uvicorn", "sse_starlette", "starlette_context", "pydantic_settings")
    if missing := [module for module in needed if find_spec(module) is None]:
        skip_or_fail(f"llama-cpp-python's server needs {', '.join(missing)}")
    with serving() as taken:
        port = taken.url.rpartition(":")[2]  # free again in a moment
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(real_gguf), "--port", port, "--n_threads", "2"]
    environment = {**os.environ, "API_KEY": KEY}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = monotonic() + START_SECONDS
        while not _answers(f"http://127.0.0.1:{port}/docs"):
            assert server.poll() is None, "the server ended"
            assert monotonic() < deadline, "the server does not start"
            sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0):  # noqa: S310 - on the loopback
            return True
    except OSError:
        return False


def test_llama_cpp_pythons_own_server_answers_and_stops_when_it_is_told_to(
    hotpin: Hotpin, own_server: str, settings: Settings
) -> None:
    chosen = {"HOTPIN_LLM__ENGINE": "openai", "HOTPIN_CLOUD__OPENAI_BASE_URL": f"{own_server}/v1"}
    arguments = ("ask", QUESTION, "--out", hotpin.home / "reply.wav", "--temperature", "0", "--json")
    assert "Paris" in hotpin(*arguments, OPENAI_API_KEY=KEY, **chosen).json()["reply"]
    hotpin(*arguments, OPENAI_API_KEY="sk-wrong", **chosen).refused("refused the key", "OPENAI_API_KEY")
    llm = registry.build_llm(choosing(pointed_at(settings, own_server), "llm", engine="openai"))
    llm.load()
    pieces: list[str] = []
    asked = [Message("user", "Tell me a story about a dragon.")]
    for piece in llm.reply("s", asked, ReplyOptions(0.0, 1000), lambda: len(pieces) >= 3):
        pieces.append(piece)
    assert len(pieces) == 3
    began = monotonic()
    assert "".join(llm.reply("s", [Message("user", QUESTION)], ReplyOptions(0.0, 20)))
    assert monotonic() - began < 10.0
