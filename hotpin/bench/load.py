"""Puts a server under load: sessions that ask in real time, as docs/protocols.md has it for ``/ws``, and what comes.

Each session tells its name first and asks for it last; in between it asks its questions. So whatever is mixed up shows:
in what was understood, in whose name a reply has, or in messages that nobody asked for.
"""

import asyncio
import json
import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from hotpin.audio.frame import CAPTURE_RATE
from hotpin.bench.utterances import Utterance
from hotpin.bench.words import errors, normalised

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

NAMES = ("Oliver", "Julia", "Victor", "Hannah", "Felix", "Sophie", "Bruno", "Martha", "Simon", "Clara")
"""Who the sessions say they are, in turn."""

RECALL = "What is my name?"

MAX_TURN_SECONDS = 120.0
"""s after which a reply is no longer waited for: as long as a server takes for a turn at most."""

CONNECT_SECONDS = 30.0
SETTLE_SECONDS = 0.5
"""s after the last reply in which nothing may come that nobody asked for."""

PIECE_SAMPLES = CAPTURE_RATE // 10
"""Samples of one message: a tenth of a second."""

JITTER = 0.25
"""Share of the interval by which a question may come earlier or later, so that sessions meet in every way."""

AUDIBLE_GAP_SECONDS = 0.02

_REPLY_RATE = 24_000
_WAV_HEADER_BYTES = 44
_SAMPLE_BYTES = 2
_MISHEARD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What to put a server under."""

    url: str
    """The server's, such as ``ws://127.0.0.1:8000``."""
    sessions: int = 8
    every: float = 10.0
    """s between the questions of a session."""
    seconds: float = 300.0
    """s in which sessions begin to ask; what has been asked by then is still answered."""
    token: str = ""


@dataclass(slots=True)
class Asked:
    """One question of a session, and what came of it. Times are in s after the end of the question."""

    session: int
    text: str
    heard: str = ""
    reply: str = ""
    first_audio: float | None = None
    whole: float | None = None
    """When the last of the reply had come."""
    gap: float = 0.0
    """s of silence in the reply, all told, for whoever plays it as it comes."""
    late: float = 0.0
    """s by which it was asked later than planned, since the reply before took so long."""
    error: str = ""
    """Why there was no reply."""

    @property
    def misheard(self) -> bool:
        """Whether something else was understood: at least half of the words are wrong."""
        wanted = normalised(self.text)
        return not self.error and errors(wanted, normalised(self.heard)) >= len(wanted) * _MISHEARD_SHARE

    @property
    def foreign(self) -> bool:
        """Whether the reply names somebody whom this session does not know."""
        others = {name.lower() for name in NAMES} - {name_of(self.session).lower(), *normalised(self.heard)}
        return bool(others.intersection(normalised(self.reply)))


@dataclass(slots=True)
class Ran:
    """What a session has been through."""

    number: int
    asked: list[Asked] = field(default_factory=list)
    strays: int = 0
    """Pieces of replies that came when nothing had been asked."""
    lost: str = ""
    """Why its connection ended, if it did."""

    @property
    def remembers(self) -> bool:
        """Whether the last reply has its name."""
        return bool(self.asked) and name_of(self.number).lower() in normalised(self.asked[-1].reply)


def name_of(session: int) -> str:
    """Give who a session says it is."""
    return NAMES[session % len(NAMES)]


def introduction(name: str) -> str:
    """Give the first words of a session."""
    return f"Hello, my name is {name}."


TEXTS = (RECALL, *map(introduction, NAMES))
"""What the sessions say beside the questions."""


def run(
    load: Load, said: Sequence[Utterance], questions: Sequence[Utterance], tell: Callable[[Asked], None]
) -> list[Ran]:
    """Put the server under load until all is answered, or has taken too long.

    Args:
        load: how much.
        said: utterances of ``TEXTS``.
        questions: what is asked in between.
        tell: told of each question when it is over.
    """
    spoken = {utterance.text: utterance for utterance in said}
    return asyncio.run(_run(load, spoken, questions, tell))


async def _run(
    load: Load, spoken: dict[str, Utterance], questions: Sequence[Utterance], tell: Callable[[Asked], None]
) -> list[Ran]:
    began = monotonic()
    name = secrets.token_hex(3)
    sessions = [_Session(load, number, f"load-{name}-{number}", tell) for number in range(load.sessions)]
    count = max(2, round(load.seconds / load.every))
    plans = [
        [
            spoken[introduction(name_of(number))],
            *(questions[(number * 5 + asked) % len(questions)] for asked in range(count - 2)),
            spoken[RECALL],
        ]
        for number in range(load.sessions)
    ]
    async with asyncio.TaskGroup() as tasks:
        for session, plan in zip(sessions, plans, strict=True):
            tasks.create_task(session.run(plan, began))
    return [session.ran for session in sessions]


class _Session:
    """One client."""

    def __init__(self, load: Load, number: int, session_id: str, tell: Callable[[Asked], None]) -> None:
        self.ran = Ran(number)
        self._load = load
        self._session_id = session_id
        self._tell = tell
        self._chance = random.Random(number)  # noqa: S311 - moments, not secrets
        self._asked: Asked | None = None
        self._ended = 0.0  # s, monotonic, when the present question did
        self._samples = 0  # of its reply, so far
        self._over = asyncio.Event()

    async def run(self, plan: Sequence[Utterance], began: float) -> None:
        """Ask all of ``plan``; whatever ends the connection is kept."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        headers = {"Authorization": f"Bearer {self._load.token}"} if self._load.token else {}
        try:
            async with connect(
                f"{self._load.url}/ws", additional_headers=headers, compression=None, open_timeout=CONNECT_SECONDS
            ) as socket:
                await socket.send(json.dumps({"session_id": self._session_id, "events": True}))
                reading = asyncio.create_task(self._read(socket))
                try:
                    await self._ask_all(socket, plan, began)
                finally:
                    reading.cancel()
                    with suppress(asyncio.CancelledError):
                        await reading
        except (WebSocketException, OSError, TimeoutError) as error:
            self.ran.lost = str(error) or type(error).__name__
            self._finish(self.ran.lost)

    async def _ask_all(self, socket: "ClientConnection", plan: Sequence[Utterance], began: float) -> None:
        load, shift = self._load, self.ran.number / self._load.sessions
        for turn, utterance in enumerate(plan):
            planned = began + (turn + shift + self._chance.uniform(-JITTER, JITTER)) * load.every
            await asyncio.sleep(max(0.0, planned - monotonic()))
            self._asked = Asked(self.ran.number, utterance.text, late=max(0.0, monotonic() - planned))
            self.ran.asked.append(self._asked)
            self._samples = 0
            self._over.clear()
            await _say(socket, utterance)
            self._ended = monotonic()
            await socket.send('{"signal": "EOS"}')
            try:
                async with asyncio.timeout(MAX_TURN_SECONDS):
                    await self._over.wait()
            except TimeoutError:
                self._finish(f"no reply within {MAX_TURN_SECONDS:g} s")
            if self.ran.lost:
                return
        await asyncio.sleep(SETTLE_SECONDS)

    async def _read(self, socket: "ClientConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            async for message in socket:
                if isinstance(message, bytes):
                    self._take_audio(message)
                else:
                    self._take_event(json.loads(message))
        except ConnectionClosed:
            pass
        self.ran.lost = f"closed with {socket.close_code} {socket.close_reason}".strip()
        self._finish(self.ran.lost)

    def _take_audio(self, data: bytes) -> None:
        asked = self._asked
        if asked is None or not self._ended:
            self.ran.strays += 1
            return
        if data[:4] == b"RIFF" and len(data) == _WAV_HEADER_BYTES:
            return
        after = monotonic() - self._ended
        if asked.first_audio is None:
            asked.first_audio = after
        late = after - asked.first_audio - asked.gap - self._samples / _REPLY_RATE
        asked.gap += late if late > AUDIBLE_GAP_SECONDS else 0.0
        self._samples += len(data) // _SAMPLE_BYTES

    def _take_event(self, event: dict[str, Any]) -> None:
        asked = self._asked
        kind = event.get("type")
        if kind not in ("transcript", "reply", "audio_end", "error"):
            return
        if asked is None:
            self.ran.strays += 1
        elif kind == "transcript" and event["is_final"]:
            asked.heard = event["text"]
        elif kind == "reply":
            asked.reply += event["delta"]
        elif kind == "error":
            asked.error = f"{event['code']}: {event['message']}"
        elif kind == "audio_end":
            asked.whole = monotonic() - self._ended
            self._finish("" if asked.first_audio is not None else "there was no audio")

    def _finish(self, error: str) -> None:
        """Take the present question for answered, or for lost."""
        asked, self._asked, self._ended = self._asked, None, 0.0
        if asked is not None:
            asked.error = asked.error or error
            self._tell(asked)
        self._over.set()


async def _say(socket: "ClientConnection", utterance: Utterance) -> None:
    """Send an utterance as a microphone would."""
    began = monotonic()
    data = utterance.samples.astype("<i2", copy=False)
    for start in range(0, len(data), PIECE_SAMPLES):
        piece = data[start : start + PIECE_SAMPLES]
        await asyncio.sleep(max(0.0, began + (start + len(piece)) / CAPTURE_RATE - monotonic()))
        await socket.send(piece.tobytes())
