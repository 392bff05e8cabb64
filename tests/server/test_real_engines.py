"""Conversations over sockets with the real engines, by clients that know only the protocols."""

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from hotpin import registry
from hotpin.app import App
from hotpin.audio.files import read
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame
from hotpin.bench.words import errors, normalised
from hotpin.errors import HotpinError
from hotpin.llm.base import Message, ReplyOptions
from hotpin.server.run import ServerThread
from hotpin.server.services import Services
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from tests.conftest import choosing, skip_or_fail
from tests.server.clients import (
    AgentClient,
    BytesClient,
    EventClient,
    PlainClient,
    close_of,
    kinds,
    mp3_seconds,
    quiet,
    wav,
)

pytestmark = pytest.mark.e2e

QUESTIONS = sorted((Path(__file__).parents[2] / "assets" / "questions").glob("*.wav"))
HEARD_SECONDS = 30.0
"""Longer than any reply is."""

KEYWORDS = ("france", "week", "spider", "penguins")


@pytest.fixture(scope="module")
def running(settings: Settings) -> Iterator[ServerThread]:
    """A server with the engines of the default settings."""
    chosen = choosing(choosing(settings, "server", port=0), "sessions", store="memory")
    app = App(chosen)
    try:
        app.load()
    except HotpinError as error:
        app.close()
        skip_or_fail(str(error))
    thread = ServerThread(chosen, app)
    thread.start()
    yield thread
    thread.close()
    app.close()


@pytest.fixture
def url(running: ServerThread) -> str:
    return running.url.replace("http", "ws", 1)


@pytest.fixture
def understood(whisper: Stt) -> Callable[[bytes], list[str]]:
    """What Whisper hears in a recording of any format."""

    def listen(recording: bytes) -> list[str]:
        stream = whisper.stream()
        resampler = av.AudioResampler(format="s16", layout="mono", rate=CAPTURE_RATE)
        pieces = []
        with av.open(io.BytesIO(recording), "r") as container:
            for decoded in container.decode(audio=0):
                pieces += [frame.to_ndarray()[0] for frame in resampler.resample(decoded)]
        samples = np.concatenate(pieces)
        for start in range(0, len(samples), FRAME_SAMPLES):
            stream.feed(Frame(samples[start : start + FRAME_SAMPLES].astype(np.int16), start=start / CAPTURE_RATE))
        return normalised(stream.finish().text)

    return listen


def pcm(question: Path) -> bytes:
    return np.concatenate([frame.samples for frame in read(question)]).astype("<i2").tobytes()


def webm(audio: bytes) -> bytes:
    """WebM/Opus, 48 kHz mono, as a browser's recorder makes it."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.frombuffer(audio, "<i2")[None], format="s16", layout="mono")
        frame.sample_rate = CAPTURE_RATE
        for resampled in av.AudioResampler(format="s16", layout="mono", rate=48_000).resample(frame):
            container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    return out.getvalue()


def mostly(heard: list[str], said: str) -> bool:
    """Whether at least three in four of the words were understood."""
    wanted = normalised(said)
    return errors(wanted, heard) <= len(wanted) / 4


def test_a_stream_client_is_answered_and_its_reply_understood(
    url: str, understood: Callable[[bytes], list[str]]
) -> None:
    client = EventClient(url, "stream")
    for question, keyword in zip(QUESTIONS, KEYWORDS, strict=True):
        client.socket.send(pcm(question))
        client.send(signal="EOS")
        messages = client.until("audio_end")
        texts = [message for message in messages if isinstance(message, dict)]
        assert any(keyword in str(m.get("text")).lower() for m in texts if m["type"] == "transcript" and m["is_final"])
        reply = "".join(m["delta"] for m in texts if m["type"] == "reply")
        audio = b"".join(message for message in messages if isinstance(message, bytes))
        assert mostly(understood(audio), reply), reply


def test_a_plain_client_and_a_bytes_client_hold_a_conversation(url: str) -> None:
    plain, whole = PlainClient(url, "plain"), BytesClient(url, "bytes")
    for question in QUESTIONS:
        assert len(plain.ask(pcm(question))) > 10_000
        assert len(whole.ask(wav(pcm(question)))) > 10_000


@pytest.mark.parametrize("recorded", [webm, wav], ids=["webm", "wav"])
def test_a_browser_is_answered_and_its_reply_understood(
    url: str, understood: Callable[[bytes], list[str]], recorded: Callable[[bytes], bytes]
) -> None:
    client = AgentClient(url, "callcenter")
    client.next()
    for question, keyword in zip(QUESTIONS, KEYWORDS, strict=True):
        messages = client.ask(recorded(pcm(question)))
        kinds = [message.get("status", message["type"]) for message in messages]
        assert kinds[:5] == ["processing", "transcription", "llm_response", "generating_audio", "audio_response"]
        assert keyword in messages[1]["text"].lower()
        mp3 = b"".join(base64.b64decode(m["data"]) for m in messages if m["type"] == "audio_response")
        assert mostly(understood(mp3), messages[2]["text"]), json.dumps(messages[2])


def five_questions() -> list[bytes]:
    """As raw 16 kHz audio; the last is the first again."""
    return [pcm(question) for question in (*QUESTIONS, QUESTIONS[0])]


def remembered(running: ServerThread, session_id: str) -> list[str]:
    """What the session's questions were understood as, first to last."""
    services: Services = running.server.config.app.state.services  # type: ignore[union-attr]
    session = services.app.store.load(session_id, 10)
    assert session is not None
    return [turn.heard.lower() for turn in session.turns]


def assert_five_remembered(running: ServerThread, session_id: str) -> None:
    heard = remembered(running, session_id)
    assert len(heard) == 5
    assert all(keyword in words for keyword, words in zip((*KEYWORDS, KEYWORDS[0]), heard, strict=True)), heard


def test_a_plain_client_holds_five_turns_whose_wavs_are_understood_and_remembered(
    running: ServerThread, url: str, understood: Callable[[bytes], list[str]]
) -> None:
    client = PlainClient(url, "plain-five")
    for question in five_questions():
        assert understood(client.ask(question))
    client.socket.close()
    assert_five_remembered(running, "plain-five")


def test_a_client_whose_end_of_speech_the_server_finds_holds_five_turns_in_exact_order(
    running: ServerThread, url: str, understood: Callable[[bytes], list[str]]
) -> None:
    client = EventClient(url, "vad-five", vad=True, agent="receptionist")
    assert client.next() == {"type": "status", "status": "listening"}
    for question in five_questions():
        client.socket.send(question + quiet(3.0))
        messages = client.until("audio_end")
        order = [name for name in kinds(messages) if name != "status"]
        assert order[0] == "transcript"
        assert order[-1] == "audio_end"
        assert set(order) == {"transcript", "reply", "audio", "audio_end"}
        assert understood(b"".join(message for message in messages if isinstance(message, bytes)))
        # It counts as heard when it would have been played, however fast it was sent.
        while json.loads(client.socket.recv(HEARD_SECONDS)) != {"type": "status", "status": "listening"}:
            pass
    client.socket.close()
    assert_five_remembered(running, "vad-five")


def test_a_bytes_client_holds_five_turns_whose_wavs_are_understood_and_remembered(
    running: ServerThread, url: str, understood: Callable[[bytes], list[str]]
) -> None:
    client = BytesClient(url, "bytes-five")
    for number, question in enumerate(five_questions()):
        assert understood(client.ask(wav(question) if number % 2 else question))
    client.socket.close()
    assert_five_remembered(running, "bytes-five")


@pytest.mark.parametrize("query", ["", "&stream=1", "&vad=1"])
def test_a_voice_agent_holds_five_turns_whose_mp3s_are_understood_and_remembered(
    running: ServerThread, url: str, understood: Callable[[bytes], list[str]], query: str
) -> None:
    session_id = f"agent-five{query[1:4]}"
    client = AgentClient(url, "sales", f"?session_id={session_id}{query}")
    assert client.next() == {"type": "connection_established", "session_id": session_id, "agent": "Sales Agent"}
    for question in five_questions():
        if "vad" in query:
            client.say(wav(question + quiet(3.0)), 64_000)
            messages = client.until_idle()
        else:
            messages = client.ask(wav(question))
        found = [message.get("status", message["type"]) for message in messages]
        if "stream" not in query:
            assert found == [
                "processing", "transcription", "llm_response", "generating_audio",
                *["audio_response"] * found.count("audio_response"), "idle",
            ]  # fmt: skip
        mp3 = b"".join(base64.b64decode(m["data"]) for m in messages if m["type"] == "audio_response")
        assert understood(mp3), messages
        if "vad" in query:  # who speaks before the reply has been heard interrupts it
            time.sleep(mp3_seconds(mp3))
    client.send(type="end_session")
    assert close_of(client.socket)[0] == 1000
    assert_five_remembered(running, session_id)


@pytest.mark.parametrize("engine", ["llama-cpp-python", "xllamacpp"])
def test_the_model_keeps_more_sessions_apart_than_it_has_room_for(settings: Settings, engine: str) -> None:
    """Whatever is kept of one session must not show in another's replies: each answers as if it were alone."""
    names = {
        f"person-{number}": f"My name is {name}."
        for number, name in enumerate(("Ada", "Bob", "Eve", "Kim", "Zoe", "Max"))
    }
    try:
        model = registry.build_llm(choosing(settings, "llm", engine=engine))
        model.load()
    except HotpinError as error:
        skip_or_fail(str(error))
    greedy = ReplyOptions(temperature=0.0, max_tokens=16)

    def ask(session: str, question: str) -> str:
        told = [Message("system", "Be brief."), Message("user", names[session]), Message("assistant", "Hello!")]
        return "".join(model.reply(session, [*told, Message("user", question)], greedy))

    questions = ("What is my name?", "Say my name again, please.")
    alone = {}
    for session in names:
        alone[session] = [ask(session, question) for question in questions]
        model.forget(session)
    together: dict[str, list[str]] = {session: [] for session in names}
    for question in questions:
        for session in names:
            together[session].append(ask(session, question))
    model.close()
    for session, introduction in names.items():
        others = [text.split()[-1] for other, text in names.items() if other != session]
        assert not any(name in reply for name in others for reply in together[session]), (introduction, together)
    # Slots share one cache, where other sums are rounded otherwise; a context that is put aside comes back as it was.
    assert engine == "xllamacpp" or together == alone
