"""A server that is killed in the middle of its work loses no turn whose end a client has seen."""

import json
import random
import re
import signal
import threading
from collections import Counter
from subprocess import Popen

import pytest
from websockets.exceptions import WebSocketException

from tests.commands.conftest import hotpin, real_models  # noqa: F401 - fixtures
from tests.commands.hotpin_process import Hotpin
from tests.server import clients
from tests.server.clients import EventClient
from tests.server.test_real_engines import QUESTIONS, pcm

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("real_models")]

KILLS = 20

Turn = tuple[str, str]
"""What was understood, and the reply."""


@pytest.mark.timeout(900)  # each kill is followed by a new start
def test_sigkill_during_turns_loses_no_finished_turn(hotpin: Hotpin) -> None:  # noqa: F811
    chance = random.Random(4)  # noqa: S311 - moments, not secrets
    finished: Counter[Turn] = Counter()
    for kill in range(KILLS):
        # Half of them just after a reply's end, when its turn may still be on its way to the disk.
        finished.update(killed(hotpin, after_turns=chance.randint(1, 3), seconds=chance.uniform(0.0, 1.5) * (kill % 2)))
        shown = hotpin("sessions", "show", "killed", "--json").json()["turns"]
        stored = Counter((turn["heard"], turn["reply"].strip()) for turn in shown)
        missing = finished - stored
        assert not missing, f"kill {kill + 1}: {missing}"
    print(f"\n{KILLS} kills, {finished.total()} finished turns, none lost")
    assert finished.total() >= KILLS


def killed(hotpin: Hotpin, after_turns: int, seconds: float) -> list[Turn]:  # noqa: F811
    """Ask a server of its own, and kill it so long after a turn; return the turns whose end was seen."""
    turns: list[Turn] = []
    with hotpin.start("serve", "--port", "0") as server:
        client = EventClient(listening(server).replace("http", "ws", 1), "killed")
        try:
            while True:
                client.socket.send(pcm(QUESTIONS[len(turns) % len(QUESTIONS)]))
                client.send(signal="EOS")
                turns.append(answered(client))
                if len(turns) == after_turns:
                    threading.Timer(seconds, server.kill).start()
        except (WebSocketException, OSError):
            pass
        server.communicate(timeout=30.0)
    assert server.returncode == -signal.SIGKILL
    assert len(turns) >= after_turns
    return turns


def answered(client: EventClient) -> Turn:
    """Wait for a reply to its end."""
    heard = reply = ""
    while True:
        message = client.socket.recv(clients.TIMEOUT * 6)
        event = {"type": "audio"} if isinstance(message, bytes) else json.loads(message)
        if event["type"] == "transcript" and event["is_final"]:
            heard = event["text"]
        elif event["type"] == "reply":
            reply += event["delta"]
        elif event["type"] == "audio_end":
            return heard, reply.strip()


def listening(server: "Popen[str]") -> str:
    """Wait until it says where it listens."""
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"Listening on (\S+)", line):
            return found[1]
    raise AssertionError("the server has ended")
