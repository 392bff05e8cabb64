"""``/ws``: raw audio in, WAV out; for small devices, and with ``events`` for whoever wants to see what happens."""

import json
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.websockets import WebSocket

from hotpin.app import VOICE_RATE
from hotpin.audio.codecs import wrap_pcm
from hotpin.events import Event, Failed, Heard, Interrupted, Partial, ReplyText, StateChanged
from hotpin.server import door, messages, problems
from hotpin.server.link import POLICY, Link
from hotpin.server.manner import Manner
from hotpin.server.messages import ProtocolError
from hotpin.server.problems import Problem
from hotpin.server.services import Services
from hotpin.server.socket_mic import pcm_samples
from hotpin.server.socket_playback import Sound
from hotpin.server.talk import Talk

log = logging.getLogger(__name__)

PROTOCOL = "stream"

PIECE_BYTES = 4096
"""Bytes of one message of a reply at most."""

_SAMPLE_BYTES = 2
_EMPTY_WAV = wrap_pcm(b"", VOICE_RATE)
_UNKNOWN_LENGTH = b"\xff" * 4
_OPEN_HEADER = _EMPTY_WAV[:4] + _UNKNOWN_LENGTH + _EMPTY_WAV[8:40] + _UNKNOWN_LENGTH
"""Of a WAV whose end is not known when it begins."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """A client's first message."""

    session_id: str
    events: bool = False
    vad: bool = False
    echo_cancelled: bool = False
    agent: str = ""
    voice: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def read(cls, message: str | bytes) -> "Handshake":
        """Read the message.

        Raises:
            ProtocolError: if it is no handshake; it says why.
        """
        found = messages.read_object(message)
        return cls(
            messages.session_id(messages.text_field(found, "session_id")),
            messages.flag_field(found, "events"),
            messages.flag_field(found, "vad"),
            messages.flag_field(found, "echo_cancelled"),
            messages.text_field(found, "agent", ""),
            messages.text_field(found, "voice", ""),
            messages.text_field(found, "token", ""),
        )


async def serve(socket: WebSocket, services: Services) -> None:
    """Serve one client until it goes."""
    await door.receive(socket, services, PROTOCOL, lambda link: _greet(socket, services, link))


async def _greet(socket: WebSocket, services: Services, link: Link) -> None:
    try:
        handshake = Handshake.read(await door.first_message(link, services))
        door.check_token(socket, services, handshake.token)
    except ProtocolError as error:
        link.close(POLICY, error.message)
        return
    async with services.sessions.hold(handshake.session_id, link):
        await HotpinStream(services, link, handshake).serve()


class HotpinStream:
    """One client of ``/ws`` after its handshake."""

    def __init__(self, services: Services, link: Link, handshake: Handshake) -> None:
        self._link = link
        self._services = services
        self._handshake = handshake
        self._odd = b""  # half a sample, as a message may end in its middle
        self._too_large = False  # told of the present utterance
        self._asked = False  # by EOS, since the last reply
        self._ignored = 0
        self._heard = ""
        self._failed = False
        self._begun = False  # the reply's header has been sent
        self._whole = bytearray()  # the reply of a plain client
        self._talk = Talk(
            services,
            Manner(
                PROTOCOL,
                handshake.session_id,
                link.address,
                handshake.agent,
                handshake.voice,
                vad=handshake.vad,
                echo_cancelled=handshake.echo_cancelled,
                paced=handshake.events,
            ),
            self,
        )

    async def serve(self) -> None:
        """Serve until it is cancelled."""
        try:
            await self._talk.check()
        except ProtocolError as error:
            self._link.close(POLICY, error.message)
            return
        if self._handshake.vad:  # it is heard from now on
            self._tell({"type": "status", "status": "listening"})
        await self._talk.hold(self._read())

    # --- what the client says ---

    async def _read(self) -> None:
        while True:
            message = await self._link.receive()
            if isinstance(message, bytes):
                self._take_audio(message)
            else:
                self._take_signal(message)

    def _take_audio(self, data: bytes) -> None:
        data = self._odd + data
        whole = len(data) - len(data) % _SAMPLE_BYTES
        self._odd = data[whole:]
        if not self._talk.hear(pcm_samples(data[:whole])):
            self.refused(problems.too_large(self._services.limits.max_audio_seconds))

    def _take_signal(self, message: str) -> None:
        try:
            signal = messages.text_field(messages.read_object(message), "signal")
            if signal not in ("EOS", "cancel"):
                raise ProtocolError(f"there is no signal {signal[:40]!r}; signals are EOS and cancel")
        except ProtocolError as error:
            self._ignored += 1
            self._tell(problems.bad_message(error.message).as_dict())
            return
        if signal == "cancel":
            self._talk.cancel()
            return
        self._odd = b""
        self._asked, self._too_large = True, False
        self._talk.end_of_speech()

    # --- what the conversation tells ---

    def happened(self, event: Event) -> None:
        """Tell the client of an event, if it wants to know."""
        match event:
            case StateChanged(state=state):
                self._tell({"type": "status", "status": str(state)})
            case Partial(text=text):
                self._tell({"type": "transcript", "text": text, "is_final": False})
            case Heard(text=text):
                self._heard = text
                self._tell({"type": "transcript", "text": text, "is_final": True})
            case ReplyText(delta=delta):
                self._tell({"type": "reply", "delta": delta})
            case Interrupted(spoken=spoken):
                self._tell({"type": "interrupted", "spoken": spoken})
            case Failed(stage="store"):
                self._complain(problems.NOT_STORED)
            case Failed() if (problem := problems.of_failure(event)) is not None:
                self._failed = True
                self._complain(problem)

    def sounded(self, sound: Sound) -> None:
        """Send a piece of a reply; a plain client gets it when it is whole."""
        if self._handshake.events:
            if sound.data or (sound.last and self._wanted()):
                self._begin()
            self._send_audio(sound, sound.data)
            if sound.last and self._begun:
                self._tell({"type": "audio_end"})
        else:
            self._whole += sound.data
            if sound.last and self._wanted():
                failed = self._failed or sound.dropped
                self._send_audio(sound, _EMPTY_WAV if failed else wrap_pcm(bytes(self._whole), VOICE_RATE))
        if sound.last:
            self._forget()

    def refused(self, problem: Problem) -> None:
        """Tell that a turn, or a part of it, is not answered."""
        if problem.code == "TOO_LARGE":
            if self._too_large:
                return
            self._too_large = True
        self._complain(problem)

    def unheard(self) -> None:
        """Answer an end of speech before which there was nothing, or whose turn was refused."""
        if self._handshake.events:
            self._begin()
            self._tell({"type": "audio_end"})
        else:
            self._link.send(_EMPTY_WAV)
        self._forget()

    # --- helpers ---

    def _wanted(self) -> bool:
        """Whether a reply without sound is sent, too: to whoever asked for it."""
        return not self._handshake.vad or self._asked or bool(self._heard)

    def _forget(self) -> None:
        self._heard = ""
        self._asked = self._failed = self._begun = False
        self._whole.clear()

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._link.send(_OPEN_HEADER)

    def _send_audio(self, sound: Sound, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            self._link.send(piece, partial(self._talk.delivered, sound.ticket, len(piece) // _SAMPLE_BYTES))

    def _complain(self, problem: Problem) -> None:
        self._services.metrics.errors.labels(PROTOCOL, problem.code).inc()
        self._tell(problem.as_dict())

    def _tell(self, message: dict[str, Any]) -> None:
        if self._handshake.events:
            self._link.send(json.dumps(message, ensure_ascii=False))
