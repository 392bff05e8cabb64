"""`hotpin start-call --server`: the reference client against a real server over fake engines."""

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from hotpin.audio.codecs import wrap_pcm
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.audio.mic import FileMicrophone
from hotpin.audio.speaker import VirtualSpeaker
from hotpin.clock import RealClock
from hotpin.remote_call import RemoteCall
from hotpin.remote_line import Line, RemoteError, Server
from hotpin.remote_player import ReplyPlayer
from tests.server.conftest import MakeServer
from tests.server.conftest import Server as Running

pytestmark = pytest.mark.slow  # a server and a client for each

TIMEOUT = 10.0


class Shown:
    """What is shown of a call; a test can wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def _add(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def until(self, line: str, times: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: sum(line in one for one in self.lines) >= times, TIMEOUT), self.lines

    def partial(self, text: str) -> None:
        self._add(f"partial {text}")

    def heard(self, text: str) -> None:
        self._add(f"heard {text}")

    def reply(self, delta: str) -> None:
        self._add(f"reply {delta}")

    def reply_over(self) -> None:
        self._add("over")

    def tell(self, text: str) -> None:
        self._add(text)


class Client:
    """A call whose loudspeaker is a list of samples."""

    def __init__(self, url: str, token: str = "", **hello: object) -> None:
        self.shown = Shown()
        self.played: list[Samples] = []
        self.speaker = VirtualSpeaker(24_000, RealClock(), paced=False, sink=self.played.append)
        self.player = ReplyPlayer(self.speaker.playback)
        self.line = Line(Server.at(url, token), {"session_id": "kitchen", "events": True, **hello})
        self.call = RemoteCall(self.line, self.player, self.shown)

    def close(self) -> None:
        self.call.hang_up()
        self.player.close()
        self.speaker.close()


MakeClient = Callable[..., Client]


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    made: list[Client] = []

    def make(server: Running, token: str = "", **hello: object) -> Client:
        made.append(Client(server.ws, token, **hello))
        return made[-1]

    yield make
    for client in made:
        client.close()


def speech(seconds: float) -> list[Frame]:
    return [Frame(np.full(FRAME_SAMPLES, 1000, np.int16)) for _ in range(round(seconds * CAPTURE_RATE / FRAME_SAMPLES))]


def test_recordings_are_answered_one_after_the_other_and_their_replies_played(
    server: Running, make_client: MakeClient
) -> None:
    client = make_client(server)
    client.call.say([speech(1.0), speech(0.5)], real_time=False)
    assert len(client.call.turns) == 2
    assert all(turn.heard and turn.reply and turn.spoken is None for turn in client.call.turns)
    assert not client.call.failed
    assert np.abs(np.concatenate(client.played)).max() > 0
    session = server.app.store.load("kitchen", 10)
    assert session is not None
    assert [turn.heard for turn in session.turns] == [turn.heard for turn in client.call.turns]


@pytest.mark.slow
def test_with_a_microphone_the_server_finds_the_end_of_speech_and_a_cut_line_is_opened_anew(
    make_server: MakeServer, make_client: MakeClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    first = make_server(server__port=port)
    client = make_client(first, vad=True, echo_cancelled=True)
    microphone = FileMicrophone(iter(speech(1.0)), RealClock(), silence_after=60.0)
    client.line.open()
    held = threading.Thread(target=client.call.listen, args=(microphone,), daemon=True)
    held.start()
    client.shown.until("reply ")
    first.thread.close()
    client.shown.until("trying again in 1 s")
    make_server(server__port=port)
    client.shown.until("Connected again")
    client.call.hang_up()
    held.join(TIMEOUT)
    assert not held.is_alive()


@pytest.mark.parametrize(
    ("token", "told"),
    [("wrong", "does not know this token"), ("", "a token is needed")],
)
def test_who_has_no_right_token_is_told_where_it_is_printed(
    make_server: MakeServer, make_client: MakeClient, token: str, told: str
) -> None:
    client = make_client(make_server(server__token="right"), token)  # noqa: S106 - of this test alone
    with pytest.raises(RemoteError, match=f"{told}.*hotpin config token") as refused:
        client.call.say([speech(0.2)], real_time=False)
    assert not refused.value.retryable
    assert "wrong" not in str(refused.value)


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(RemoteError, match=f"nobody listens at ws://127.0.0.1:{port}/ws.*hotpin serve"):
        Line(Server.at(f"ws://127.0.0.1:{port}"), {}).open()


def test_a_name_that_the_server_does_not_answer_to_is_told(server: Running) -> None:
    port = server.http.rpartition(":")[2]
    line = Line(Server.at(f"ws://elsewhere.localhost:{port}"), {})
    with pytest.raises(RemoteError, match=r"elsewhere\.localhost.*(server\.allowed_hosts|Check the address)"):
        line.open()


@pytest.mark.parametrize("address", ["pi.lan:8000", "ftp://pi.lan", "ws://", "ws://pi.lan/other", "ws://pi.lan:x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(RemoteError, match="no address of a server"):
        Server.at(address)


@pytest.mark.parametrize("address", ["ws://secret@pi.lan", "ws://pi.lan/ws?token=secret"])
def test_an_address_with_a_token_in_it_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(RemoteError) as refused:
        Server.at(address)
    assert "secret" not in str(refused.value)


def test_neither_token_nor_words_are_logged_whatever_the_level(
    make_server: MakeServer, make_client: MakeClient
) -> None:
    server = make_server(server__token="hush-hush")  # noqa: S106 - of this test alone
    told = io.StringIO()
    handler, root = logging.StreamHandler(told), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        client = make_client(server, "hush-hush")
        client.call.say([speech(0.5), speech(0.5)], real_time=False)  # when the second begins, the first is over
        wrong = make_client(server, "not-the-one")
        with pytest.raises(RemoteError):
            wrong.call.say([speech(0.2)], real_time=False)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    log = told.getvalue()
    assert "session=kitchen turn=1 protocol=stream done" in log
    assert "wrong token" in log
    turn = client.call.turns[0]
    for secret in ("hush-hush", "not-the-one", turn.heard, turn.reply.strip()):
        assert secret
        assert secret not in log


class Ear(Line):
    """A server that speaks a reply at once, and keeps what it hears."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(Server.at("ws://nowhere"), {})
        self.replies = [reply]
        self.heard: list[bytes] = []
        self.came = threading.Event()

    def open(self) -> None:
        pass

    def receive(self, timeout: float) -> str | bytes | None:
        threading.Event().wait(timeout)
        return self.replies.pop() if self.replies else None

    def send(self, message: bytes | Mapping[str, object]) -> bool:
        if isinstance(message, bytes):
            self.heard.append(message)
        if len(self.heard) >= 50:
            self.came.set()
        return True


@pytest.mark.slow
@pytest.mark.parametrize("hears_itself", [True, False])
def test_where_the_echo_is_not_removed_the_server_hears_silence_while_a_reply_sounds(hears_itself: bool) -> None:
    line = Ear(wrap_pcm(np.full(24_000, 500, "<i2").tobytes(), 24_000))
    microphone = FileMicrophone(iter(speech(1.5)), RealClock())
    microphone.hears_itself = hears_itself
    speaker = VirtualSpeaker(24_000, RealClock(), paced=True)
    player = ReplyPlayer(speaker.playback)
    call = RemoteCall(line, player, Shown())
    held = threading.Thread(target=call.listen, args=(microphone,), daemon=True)
    held.start()
    assert line.came.wait(TIMEOUT)
    call.hang_up()
    held.join(TIMEOUT)
    player.close()
    speaker.close()
    silent = [not any(message) for message in line.heard]
    assert any(silent) == hears_itself
    assert not all(silent)
