"""A live conversation with the server beside it: one process, one set of engines, two ways in."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotpin import settings as all_settings
from hotpin.errors import HotpinError, SettingsError
from hotpin.registry import Kind
from hotpin.server.beside import ServedLive
from hotpin.server.run import listening_socket
from tests.fakes.engines import fake_engines
from tests.server.clients import EventClient, PlainClient, close_of, tone, wav_samples

pytestmark = pytest.mark.slow  # a server of its own for each

MakeLive = Callable[..., ServedLive]


@pytest.fixture
def make_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeLive]:
    """Makes live conversations over fake engines, without sound devices."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made: list[ServedLive] = []

    def make(**values: object) -> ServedLive:
        silent = {"audio.input": "no such microphone", "audio.output": "no such loudspeaker", "server.port": 0}
        settings = all_settings.load({**silent, **{name.replace("__", "."): value for name, value in values.items()}})
        live = ServedLive(settings, "kitchen", lambda: listening_socket(settings.server), service=True)
        live.app.engines.close()
        live.app.engines = fake_engines()
        made.append(live)
        return live

    yield make
    for live in made:
        live.close(1.0)
        live.free()


def test_a_device_is_answered_while_the_conversation_at_the_machine_goes_on(make_live: MakeLive) -> None:
    live = make_live()
    assert live.serving == ""
    assert live.open()
    url = live.serving.replace("http", "ws")
    assert wav_samples(PlainClient(url, "phone").ask(tone(1.0)))
    assert live.conversation is not None
    with live.bus.subscribe() as events:
        live.conversation.type("Are you still there?")
        while type(events.get(5.0)).__name__ != "TurnDone":
            pass
    assert live.app.store.load("phone", 10) is not None
    assert live.app.store.load("kitchen", 10) is not None


def test_its_end_tells_the_devices_and_takes_no_longer_than_it_may(make_live: MakeLive) -> None:
    live = make_live()
    live.open()
    client = EventClient(live.serving.replace("http", "ws"), "phone")
    client.socket.send(tone(1.0))
    client.until("status")
    began = time.monotonic()
    live.close(1.5)
    assert time.monotonic() - began < 2.0
    assert close_of(client.socket)[0] == 1012


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(make_live: MakeLive) -> None:
    loaded: list[Kind] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        live = make_live(server__port=taken.getsockname()[1])
        with pytest.raises(HotpinError, match=f"port {taken.getsockname()[1]}.*--port"):
            live.open(loaded.append)
    assert loaded == []


def test_nobody_is_let_in_without_a_token(make_live: MakeLive) -> None:
    with pytest.raises(SettingsError, match="hotpin config token"):
        make_live(server__host="0.0.0.0")  # noqa: S104 - it is refused


def test_one_that_cannot_begin_leaves_the_port_free(make_live: MakeLive, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    live = make_live(server__port=port)

    def fail(*_: object) -> None:
        raise HotpinError("no model")

    monkeypatch.setattr(live.app, "load", fail)
    with pytest.raises(HotpinError, match="no model"):
        live.open()
    socket.create_server(("127.0.0.1", port)).close()
