"""A conversation that goes on at another process: another worker, and another server behind a load balancer."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from websockets.exceptions import ConnectionClosed

from hotpin import models
from hotpin import settings as all_settings
from hotpin.errors import HotpinError
from hotpin.sessions.base import SessionStore
from hotpin.sessions.redis import RedisStore
from hotpin.sessions.redis_address import parse
from hotpin.sessions.sqlite import SqliteStore
from hotpin.settings import Settings
from tests.conftest import skip_or_fail
from tests.fakes.api_server import ApiServer, Reply, chat, serving, transcription
from tests.fakes.counterparts import KEY, chatting
from tests.fakes.redis_server import RedisServer
from tests.fakes.relay import relaying
from tests.server.clients import EventClient, PlainClient

pytestmark = pytest.mark.e2e

START_SECONDS = 60.0
ANSWER_SECONDS = 60.0
QUESTIONS = sorted((Path(__file__).parents[2] / "assets" / "questions").glob("*.wav"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def pcm(recording: Path) -> bytes:
    with wave.open(str(recording)) as sound:
        assert sound.getframerate() == 16_000
        return bytes(sound.readframes(sound.getnframes()))


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def hotpin_server(home: Path, *arguments: str, **environment: str) -> Iterator[tuple[int, int]]:
    """Run ``hotpin serve``; give its port and process."""
    port = free_port()
    known = {name: value for name, value in os.environ.items() if not name.startswith(("HOTPIN_", "OPENAI_"))}
    folder = {"HOTPIN_HOME": str(home), "HOTPIN_MODELS__DIR": str(models.models_dir(all_settings.load()))}
    with (home / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hotpin", "serve", "--port", str(port), *arguments],
            env={**known, **folder, **environment},
            cwd=home,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(port):
            assert process.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def workers_of(process: int) -> list[int]:
    """The processes that a process has started, on Linux."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_served_by(client: socket.socket, process: int) -> bool:
    """Whether the other end of a connection over the loopback belongs to a process."""
    ends = [f"{port:04X}" for _, port in (client.getpeername(), client.getsockname())]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if [row[1][-4:], row[2][-4:]] == ends}
    files = Path(f"/proc/{process}/fd")
    return any(str(file.readlink()) in inodes for file in files.iterdir() if file.is_symlink())


def heard(store: SessionStore, session_id: str) -> list[str]:
    session = store.load(session_id)
    return [turn.heard for turn in session.turns] if session else []


@pytest.fixture
def elsewhere() -> Iterator[ApiServer]:
    """The recogniser and the model: what is asked of the model stands in ``asked``."""
    numbers = iter(range(1, 100))

    def answer(reply: Reply) -> None:
        if reply.asked.path.endswith("/transcriptions"):
            transcription(f"Question number {next(numbers)}?")(reply)
        else:
            chat("That is", " an answer.")(reply)

    with serving(answer) as server:
        yield server


def prompts(server: ApiServer) -> list[list[str]]:
    """What the model was told each time, without the system prompt."""
    asked = [request.json["messages"] for request in server.asked if request.path.endswith("/completions")]
    return [[message["content"] for message in messages if message["role"] != "system"] for messages in asked]


def asked_once_loaded(url: str, question: Path) -> PlainClient:
    """Ask at a worker that may still load its engines while another one was ready; give the connection."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client = PlainClient(url, "kitchen")
            client.ask(pcm(question))
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code != 1013 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return client


@pytest.mark.skipif(sys.platform != "linux", reason="tells the workers apart by /proc")
def test_a_conversation_goes_on_at_the_other_worker(tmp_path: Path, elsewhere: ApiServer) -> None:
    engines = {
        "HOTPIN_STT__ENGINE": "openai",
        "HOTPIN_LLM__ENGINE": "openai",
        "HOTPIN_CLOUD__OPENAI_BASE_URL": f"{elsewhere.url}/v1",
        "OPENAI_API_KEY": KEY,
    }
    with hotpin_server(tmp_path, "--workers", "2", **engines) as (port, parent):
        url = f"ws://127.0.0.1:{port}"
        first = asked_once_loaded(url, QUESTIONS[0])
        (one,) = [worker for worker in workers_of(parent) if is_served_by(first.socket.socket, worker)]
        first.socket.close()
        os.kill(one, signal.SIGSTOP)  # so that it takes no new connection
        try:
            second = asked_once_loaded(url, QUESTIONS[1])
            (other,) = [worker for worker in workers_of(parent) if is_served_by(second.socket.socket, worker)]
        finally:
            os.kill(one, signal.SIGCONT)
        second.socket.close()
    assert other != one
    assert prompts(elsewhere)[-1] == ["Question number 1?", "That is an answer.", "Question number 2?"]
    with closing(SqliteStore(tmp_path / "data" / "sessions.sqlite")) as store:
        assert heard(store, "kitchen") == ["Question number 1?", "Question number 2?"]


@pytest.fixture
def model(settings: Settings) -> Path:
    """The starter language model, where the recogniser is there too."""
    try:
        models.resolve(settings, "stt", models.stt_model(settings))
        return models.resolve(settings, "llm", settings.llm.model)
    except HotpinError as error:
        skip_or_fail(str(error))


def test_two_servers_behind_a_load_balancer_share_sessions_and_a_model(model: Path, tmp_path: Path) -> None:
    told: list[bytes] = []

    def listen(piece: bytes) -> bool:
        told.append(piece)
        return False

    with ExitStack() as stack:
        redis = RedisServer(tmp_path, "--appendonly", "yes", "--requirepass", KEY)
        stack.callback(redis.kill)
        llama = stack.enter_context(chatting(model))
        spied = stack.enter_context(relaying(int(llama.rpartition(":")[2]), deaf=listen))
        shared = {
            "HOTPIN_LLM__ENGINE": "openai",
            "HOTPIN_CLOUD__OPENAI_BASE_URL": f"http://127.0.0.1:{spied.port}/v1",
            "OPENAI_API_KEY": KEY,
            "HOTPIN_SESSIONS__STORE": redis.url,
            "HOTPIN_SESSIONS__REDIS_PASSWORD": KEY,
        }
        ports = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            ports.append(stack.enter_context(hotpin_server(tmp_path / name, **shared))[0])
        balancer = stack.enter_context(relaying(*ports))
        for number, recording in enumerate(QUESTIONS):
            client = EventClient(f"ws://127.0.0.1:{balancer.port}", "kitchen")
            client.socket.send(pcm(recording))
            client.send(signal="EOS")
            client.until("audio_end")
            client.socket.close()
            assert balancer.connections == number + 1  # at the other server each time
        store = stack.enter_context(closing(RedisStore(parse(redis.url), KEY)))
        words = heard(store, "kitchen")
        asked = b"".join(told).decode("utf-8", "replace")
        logs = "".join(log.read_text() for log in tmp_path.rglob("server-*.log"))
    assert len(words) == len(QUESTIONS)
    assert "France" in words[0]
    # The model is told of each question with its own turn and with every later one.
    assert asked.count(json.dumps(words[0])[1:-1]) >= len(QUESTIONS)
    assert KEY not in logs


def test_two_connections_of_one_session_at_two_servers_lose_nothing(tmp_path: Path, elsewhere: ApiServer) -> None:
    with ExitStack() as stack:
        redis = RedisServer(tmp_path)
        stack.callback(redis.kill)
        shared = {
            "HOTPIN_STT__ENGINE": "openai",
            "HOTPIN_LLM__ENGINE": "openai",
            "HOTPIN_CLOUD__OPENAI_BASE_URL": f"{elsewhere.url}/v1",
            "OPENAI_API_KEY": KEY,
            "HOTPIN_SESSIONS__STORE": redis.url,
        }
        ports = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            ports.append(stack.enter_context(hotpin_server(tmp_path / name, **shared))[0])
        clients = [PlainClient(f"ws://127.0.0.1:{port}", "kitchen") for port in ports]

        def talk(client: PlainClient) -> None:
            for _ in range(3):
                client.ask(pcm(QUESTIONS[0]))

        threads = [threading.Thread(target=talk, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(ANSWER_SECONDS)
        store = stack.enter_context(closing(RedisStore(parse(redis.url))))
        assert sorted(heard(store, "kitchen")) == [f"Question number {number}?" for number in range(1, 7)]
