"""The session that a client speaks in: how it is gone on with, one conversation after the other, or forgotten."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from hotpin.app import VOICE_RATE
from hotpin.cancel import Generation, Ticket
from hotpin.clock import SkippingClock
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.errors import BusyError, SettingsError, TtsError
from hotpin.events import Event
from hotpin.server.manner import Manner
from hotpin.server.messages import ProtocolError
from hotpin.server.relay import Relay, relayed
from hotpin.server.services import Services
from hotpin.server.socket_mic import SocketMicrophone
from hotpin.server.socket_playback import SocketPlayback, Sound
from hotpin.tts.choice import choose
from hotpin.worker import running_ahead


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A conversation with its two ends at a client's."""

    conversation: Conversation
    mic: SocketMicrophone
    playback: SocketPlayback


class ClientSession:
    """The session that a client speaks in. Used on the event loop only."""

    def __init__(self, services: Services, manner: Manner) -> None:
        self._services = services
        self._manner = manner

    async def check(self) -> None:
        """Look whether a conversation can be held in it; nothing is begun.

        Raises:
            ProtocolError: if there is no such agent or voice.
            HotpinError: if it cannot be held for another reason, such as a session that cannot be read.
        """
        try:
            await self._services.in_thread(self._options)
        except SettingsError as error:
            if not self._manner.agent:
                raise
            # What the error itself says may name files.
            raise ProtocolError(f"there is no agent {self._manner.agent[:40]!r}") from error
        except TtsError as error:
            if not self._manner.voice:
                raise
            raise ProtocolError(f"there is no voice {self._manner.voice[:40]!r} here") from error

    async def make(self, sounded: Callable[[Sound], None], happened: Callable[[Event], None]) -> Pipeline:
        """Make a conversation that goes on with it; it is not started yet.

        Args:
            sounded: takes the pieces of replies, on the event loop.
            happened: takes what the conversation tells, on the event loop.

        Raises:
            HotpinError: as ``check``.
        """
        options = await self._services.in_thread(self._options)
        manner, loop, clock = self._manner, asyncio.get_running_loop(), SkippingClock()
        mic = SocketMicrophone(clock, self._services.limits.max_audio_seconds, hears_itself=not manner.echo_cancelled)
        playback = SocketPlayback(VOICE_RATE, clock, relayed(loop, sounded), manner.encoder, paced=manner.paced)
        bus = Relay(loop, happened)
        conversation = Conversation(self._services.app.engines, mic, playback, bus, options, clock)
        return Pipeline(conversation, mic, playback)

    async def close(self, pipeline: Pipeline) -> None:
        """End a conversation; the session can be gone on with."""
        await self._services.in_thread(pipeline.conversation.close)
        self._tell_model(self._services.app.engines.llm.rest)

    async def forget(self) -> None:
        """Delete it."""
        await self._services.in_thread(self._forget)

    def _forget(self) -> None:
        self._services.app.store.delete(self._manner.session_id)
        self._tell_model(self._services.app.engines.llm.forget)

    def _options(self) -> ConversationOptions:
        app, manner = self._services.app, self._manner
        options = app.session_options(manner.session_id, agent=manner.agent, live=manner.vad)
        if manner.voice:
            voice = choose(app.engines.tts, manner.voice, app.settings.spoken_language).voice
            options = replace(options, voice=voice)
        return replace(options, hands_free=True)

    def _tell_model(self, what: Callable[[str], None]) -> None:
        """Tell the model something of this session, when it comes to it."""
        session_id = self._manner.session_id
        with suppress(BusyError):
            self._services.app.engines.llm_worker.submit(
                Ticket(session_id, 0, 0, Generation()), lambda: what(session_id), ahead=running_ahead
            )
