"""One client's conversation: the pipeline behind a socket, made at the first audio and let go when it is silent.

A client that says itself when it has finished is heard turn by turn: what it sends while a reply is being made belongs
to its next turn, so each end of speech gets just one reply, in order. One that leaves this to the server is heard all
the time, as a microphone is.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.cancel import Ticket
from hotpin.errors import BusyError
from hotpin.events import Event, Failed, Heard, ReplyWritten, State, StateChanged, TurnDone
from hotpin.server import problems
from hotpin.server.client_session import ClientSession, Pipeline
from hotpin.server.intake import Intake
from hotpin.server.limits import Place, party
from hotpin.server.manner import Listener, Manner
from hotpin.server.services import Services
from hotpin.server.socket_playback import Sound
from hotpin.server.turn_log import TurnLog

_SETTLE_SECONDS = 3.0
"""s that a turn whose reply has been given may take to be stored."""


class Talk:
    """One client's conversation. Used on the event loop only."""

    def __init__(self, services: Services, manner: Manner, listener: Listener) -> None:
        self._services = services
        self._manner = manner
        self._listener = listener
        self._session = ClientSession(services, manner)
        self._intake = Intake(services.limits.max_audio_seconds)
        self._turn_log = TurnLog(services, manner.protocol)
        self._pipeline: Pipeline | None = None
        self._over = asyncio.Event()  # the reply has been made, or dropped
        self._done = asyncio.Event()  # the turn is over and stored
        self._done.set()
        self._place: Place | None = None
        self._called_off = False
        self._failed = False  # its listener has
        self._unwritten = False  # words were heard, and the reply to them has not been stored
        self._end: Sound | None = None  # the end of a reply that waits for that

    # --- what the client does ---

    async def check(self) -> None:
        """Look whether such a conversation can be held; nothing is begun.

        Raises:
            ProtocolError: if there is no such agent or voice.
            HotpinError: if it cannot be held for another reason, such as a session that cannot be read.
        """
        await self._session.check()

    def hear(self, samples: Samples) -> bool:
        """Take audio, int16 of shape (n,), 16 kHz; return whether there was room for it."""
        return self._intake.hear(samples)

    def end_of_speech(self) -> None:
        """Answer what was heard."""
        if not self._intake.end_speech():
            self._listener.refused(problems.BUSY)
            self._listener.unheard()

    def cancel(self) -> None:
        """Stop the reply that is being made, or heard."""
        self._called_off = True
        if self._pipeline is not None and not self._done.is_set():
            self._pipeline.conversation.interrupt()

    def delivered(self, ticket: Ticket, samples: int) -> None:
        """Note how much of a reply has gone to the client."""
        if self._pipeline is not None:
            self._pipeline.playback.delivered(ticket, samples)

    async def hold(self, reading: Coroutine[Any, Any, None]) -> None:
        """Hold the conversation as long as the client's messages are read."""
        try:
            async with asyncio.TaskGroup() as tasks:
                course = tasks.create_task(self._run())
                await reading
                course.cancel()
        finally:
            await self._close()

    # --- the conversation's course ---

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._services.limits.release_seconds):
                    item = await self._intake.next()
            except TimeoutError:
                if self._done.is_set():
                    await self._release()
                continue
            if self._manner.vad:
                await self._listen(item)
            else:
                await self._take_turn(item)

    async def _close(self) -> None:
        """End it: what is being answered is dropped, what was heard is kept."""
        if self._pipeline is not None and self._over.is_set() and not self._called_off:
            self._pipeline.playback.complete()  # it has got the whole reply
        self._leave()
        await self._release()
        if self._services.app.settings.sessions.forget_on_disconnect:
            await self._session.forget()

    async def _listen(self, item: Samples | None) -> None:
        pipeline = await self._ready()
        if item is not None:
            if not pipeline.mic.hear(item):
                self._listener.refused(problems.too_large(self._services.limits.max_audio_seconds))
            return
        pipeline.mic.mark(pipeline.conversation.press)
        pipeline.mic.mark(pipeline.conversation.release)

    async def _take_turn(self, item: Samples | None) -> None:
        if item is None:
            self._listener.unheard()
            return
        pipeline = await self._ready()
        await self._settle()
        pipeline.mic.mark(pipeline.conversation.press)
        room = round(self._services.limits.max_audio_seconds * CAPTURE_RATE)
        while item is not None:
            if room > 0:
                pipeline.mic.hear(item[:room])
                room -= len(item)
                if room <= 0:
                    self._listener.refused(problems.too_large(self._services.limits.max_audio_seconds))
            item = await self._intake.next()
        await self._answer(pipeline)

    async def _answer(self, pipeline: Pipeline) -> None:
        self._called_off = False
        place = self._enter()
        if place is None:
            pipeline.mic.mark(pipeline.conversation.interrupt)
            self._listener.unheard()
            return
        async with place.turn():
            if self._called_off:
                pipeline.mic.mark(pipeline.conversation.interrupt)
                self._listener.unheard()
                return
            self._over.clear()
            self._done.clear()
            pipeline.mic.mark(pipeline.conversation.release)
            try:
                async with asyncio.timeout(self._services.limits.max_turn_seconds):
                    await self._over.wait()
            except TimeoutError:
                self._listener.refused(problems.TOO_LATE)
                pipeline.conversation.interrupt()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SETTLE_SECONDS):
                        await self._over.wait()

    def _enter(self) -> Place | None:
        """Take a place for a turn, or tell why there is none."""
        services, manner = self._services, self._manner
        if not services.rate.allows(party(manner.address, manner.session_id)):
            self._listener.refused(problems.RATE_LIMITED)
            return None
        try:
            return services.gate.enter()
        except BusyError:
            self._listener.refused(problems.BUSY)
            return None

    async def _settle(self) -> None:
        """Let the turn before be over: whoever asks on has heard the whole of a reply that was given to its end."""
        if self._pipeline is None or self._done.is_set():
            return
        if not self._called_off:
            self._pipeline.playback.complete()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._done.wait()
        self._done.set()

    async def _ready(self) -> Pipeline:
        """Give the pipeline; it is made anew if there is none."""
        if self._failed:
            self._failed = False
            await self._release()
        if self._pipeline is None:
            self._pipeline = await self._session.make(self._sounded, self._happened)
            self._pipeline.conversation.start()
        return self._pipeline

    async def _release(self) -> None:
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            await self._session.close(pipeline)

    # --- what the conversation tells ---

    def _sounded(self, sound: Sound) -> None:
        if sound.last and self._unwritten and not sound.dropped:
            self._end = sound
            return
        self._listener.sounded(sound)
        if sound.last:
            self._unwritten, self._end = False, None
            self._leave()
            self._over.set()

    def _written(self) -> None:
        """Give the end of a reply: whoever has seen it finds the turn in the session, whatever happens here."""
        self._unwritten = False
        if self._end is not None:
            self._sounded(self._end)

    def _happened(self, event: Event) -> None:
        self._turn_log.happened(event)
        match event:
            case StateChanged(state=State.THINKING) if self._manner.vad:
                self._count_turn()
            case Heard(text=text):
                self._unwritten = bool(text)
        self._listener.happened(event)
        if isinstance(event, ReplyWritten | Failed | TurnDone):
            self._written()
        if isinstance(event, TurnDone):
            self._done.set()
        elif isinstance(event, Failed) and event.stage == "audio":  # its listener has ended
            self._failed = True
            self._done.set()
            self._over.set()

    def _count_turn(self) -> None:
        """Count a turn whose end the server has found; it has begun already, so it cannot be kept waiting."""
        self._leave()
        self._over.clear()
        self._done.clear()
        self._place = self._enter()
        if self._place is None and self._pipeline is not None:
            self._pipeline.conversation.interrupt()

    def _leave(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            place.leave()
