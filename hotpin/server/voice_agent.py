"""``/ws/voice-agent/{agent_id}``: JSON with base64 audio, for browsers; MP3 back."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket

from hotpin import personas
from hotpin.app import VOICE_RATE
from hotpin.audio.codecs import Mp3Encoder
from hotpin.audio.frame import Frame
from hotpin.audio.stream_codecs import StreamDecoder
from hotpin.audio.stream_recording import TooMuchAudioError
from hotpin.errors import AudioError
from hotpin.events import Event, Failed, Heard, Partial, ReplyText, ReplyWritten
from hotpin.server import door, messages, problems
from hotpin.server.link import POLICY, UNSUPPORTED, Link
from hotpin.server.manner import Manner
from hotpin.server.messages import ProtocolError
from hotpin.server.problems import Problem
from hotpin.server.services import Services
from hotpin.server.socket_playback import Sound
from hotpin.server.talk import Talk
from hotpin.server.voice_agent_reply import AgentReply

PROTOCOL = "voice-agent"


@dataclass(frozen=True, slots=True)
class Options:
    """What a client asks for in its address."""

    session_id: str
    voice: str = ""
    vad: bool = False
    stream: bool = False

    @classmethod
    def read(cls, query: QueryParams) -> "Options":
        """Read the query.

        Raises:
            ProtocolError: if a value is wrong.
        """
        session_id = messages.session_id(query["session_id"]) if query.get("session_id") else str(uuid4())
        voice = messages.text_field(query, "voice", "")
        return cls(session_id, voice, _switch(query, "vad"), _switch(query, "stream"))


def _switch(query: QueryParams, name: str) -> bool:
    value = query.get(name, "0")
    if value not in ("0", "1", "", "false", "true"):
        raise ProtocolError(f"{name} must be 0 or 1")
    return value in ("1", "true")


async def serve(socket: WebSocket, services: Services, agent_id: str) -> None:
    """Serve one client until it goes."""
    await door.receive(socket, services, PROTOCOL, lambda link: _greet(socket, services, link, agent_id))


async def _greet(socket: WebSocket, services: Services, link: Link, agent_id: str) -> None:
    try:
        if not door.is_known(socket):
            door.check_token(socket, services, _shown_token(await door.first_message(link, services)))
        options = Options.read(socket.query_params)
    except ProtocolError as error:
        link.close(POLICY, error.message)
        return
    agent = (await services.in_thread(personas.all_personas)).get(agent_id)
    if agent is None:
        link.close(UNSUPPORTED, "Invalid agent ID")
        return
    async with services.sessions.hold(options.session_id, link):
        await VoiceAgent(services, link, agent.id, options).serve(agent.name)


def _shown_token(message: str | bytes) -> str:
    found = messages.read_object(message)
    if found.get("type") != "auth":
        raise ProtocolError("a token is needed")
    return messages.text_field(found, "token")


class VoiceAgent:
    """One client of ``/ws/voice-agent``."""

    def __init__(self, services: Services, link: Link, agent_id: str, options: Options) -> None:
        self._link = link
        self._services = services
        self._options = options
        self._decoder = StreamDecoder()
        self._encoded = 0  # bytes of audio since the last turn
        self._new_audio = False  # since the last turn
        self._too_large = False
        self._reply = AgentReply(self._tell, self._send_audio, streamed=options.stream)
        self._talk = Talk(
            services,
            Manner(
                PROTOCOL,
                options.session_id,
                link.address,
                agent_id,
                options.voice,
                vad=options.vad,
                echo_cancelled=True,  # browsers do
                encoder=lambda: Mp3Encoder(VOICE_RATE),
            ),
            self,
        )

    async def serve(self, agent_name: str) -> None:
        """Serve until the client goes, or ends the session."""
        try:
            await self._talk.check()
        except ProtocolError as error:
            self._link.close(POLICY, error.message)
            return
        session_id = self._options.session_id
        self._tell({"type": "connection_established", "session_id": session_id, "agent": agent_name})
        await self._talk.hold(self._read())

    # --- what the client says ---

    async def _read(self) -> None:
        while True:
            message = await self._link.receive()
            try:
                found = messages.read_object(message)
                kind = messages.text_field(found, "type")
                if kind == "end_session":
                    return
                await self._take(kind, found)
            except ProtocolError as error:
                self._complain(problems.bad_message(error.message))

    async def _take(self, kind: str, message: Mapping[str, Any]) -> None:
        match kind:
            case "audio_chunk":
                is_final = messages.flag_field(message, "is_final")
                await self._take_audio(_bytes_field(message))
                if is_final or self._buffer_is_full():
                    await self._finish()
            case "cancel":
                self._talk.cancel()
            case "auth":  # it has been let in already
                pass
            case _:
                raise ProtocolError(f"there is no message {kind[:40]!r}")

    async def _take_audio(self, data: bytes) -> None:
        if not data:
            return
        self._encoded += len(data)
        await self._decode(partial(self._decoder.feed, data))

    async def _finish(self) -> None:
        """Answer what was said, if anything was."""
        await self._decode(self._decoder.finish)
        new, self._new_audio, self._encoded, self._too_large = self._new_audio, False, 0, False
        if new:
            self._reply.expect()
        self._talk.end_of_speech()

    async def _decode(self, work: Callable[[], list[Frame]]) -> None:
        try:
            self._hear(await self._services.in_thread(work))
        except TooMuchAudioError:
            self.refused(problems.too_large(self._services.limits.max_audio_seconds))
        except AudioError:
            self._complain(problems.BAD_AUDIO)

    def _hear(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._new_audio = True
            if not self._talk.hear(frame.samples):
                self.refused(problems.too_large(self._services.limits.max_audio_seconds))
                return

    def _buffer_is_full(self) -> bool:
        most = self._services.limits.voice_agent_buffer_bytes
        return bool(most) and self._encoded >= most

    # --- what the conversation tells ---

    def happened(self, event: Event) -> None:
        """Tell the client how its turn gets on."""
        match event:
            case Partial(text=text) if self._options.stream:
                self._tell({"type": "transcription", "text": text, "is_final": False})
            case Heard(text=text):
                self._reply.heard(text)
            case ReplyText(delta=delta) if self._options.stream:
                self._tell({"type": "llm_response", "delta": delta})
            case ReplyWritten(text=text):
                self._reply.written(text)
            case Failed() if (problem := problems.of_failure(event)) is not None:
                self._complain(problem)
                self._reply.failed()
                if event.stage == "audio":  # nothing comes of this turn any more
                    self._reply.none()

    def sounded(self, sound: Sound) -> None:
        """Take a piece of the reply; it goes out in its place."""
        self._reply.sounded(sound)

    def refused(self, problem: Problem) -> None:
        """Tell that a turn, or a part of it, is not answered."""
        if problem.code == "TOO_LARGE":
            if self._too_large:
                return
            self._too_large = True
        self._complain(problem)

    def unheard(self) -> None:
        """Tell that there was nothing to answer, or that it is not answered."""
        self._reply.none()

    # --- helpers ---

    def _send_audio(self, sound: Sound, data: bytes, samples: int) -> None:
        delivered = partial(self._talk.delivered, sound.ticket, samples)
        if data:
            message = {"type": "audio_response", "data": base64.b64encode(data).decode()}
            self._link.send(json.dumps(message), delivered)
        else:
            delivered()

    def _complain(self, problem: Problem) -> None:
        self._services.metrics.errors.labels(PROTOCOL, problem.code).inc()
        self._tell(problem.as_dict())

    def _tell(self, message: Mapping[str, Any]) -> None:
        self._link.send(json.dumps(message, ensure_ascii=False))


def _bytes_field(message: Mapping[str, Any]) -> bytes:
    data = message.get("data", "")
    if not isinstance(data, str):
        raise ProtocolError("data must be a text of base64")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise ProtocolError("data is not base64") from error
