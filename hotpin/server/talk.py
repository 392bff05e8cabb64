"""One client's conversation: the pipeline behind a socket, made at the first audio and let go when it is silent.

A client that says itself when it has finished is heard turn by turn: what it sends while a reply is being made belongs
to its next turn, so each end of speech gets just one reply, in order. One that leaves this to the server is heard all
the time, as a microphone is.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hotpin.app import VOICE_RATE
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Samples
from hotpin.cancel import Generation, Ticket
from hotpin.clock import SkippingClock
from hotpin.conversation import Conversation
from hotpin.conversation_options import ConversationOptions
from hotpin.errors import BusyError, SettingsError, TtsError
from hotpin.events import Event, Failed, State, StateChanged, TurnDone
from hotpin.server import problems
from hotpin.server.limits import Place, party
from hotpin.server.manner import Listener, Manner
from hotpin.server.messages import ProtocolError
from hotpin.server.relay import Relay
from hotpin.server.services import Services
from hotpin.server.socket_mic import SocketMicrophone
from hotpin.server.socket_playback import SocketPlayback, Sound
from hotpin.tts.choice import choose

log = logging.getLogger(__name__)

_SETTLE_SECONDS = 3.0
"""s that a turn whose reply has been given may take to be stored."""


_MAX_ENDS = 16
"""Ends of speech that may wait while a turn is answered: nobody asks so much at once."""


@dataclass(slots=True)
class _Open:
    """A conversation with its two ends."""

    conversation: Conversation
    mic: SocketMicrophone
    playback: SocketPlayback


class Talk:
    """One client's conversation. Used on the event loop only."""

    def __init__(self, services: Services, manner: Manner, listener: Listener) -> None:
        self._services = services
        self.manner = manner
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._input: asyncio.Queue[Samples | None] = asyncio.Queue()
        self._waiting = 0  # samples in it
        self._ends = 0  # ends of speech in it
        self._open: _Open | None = None
        self._over = asyncio.Event()  # the reply has been made, or dropped
        self._done = asyncio.Event()  # the turn is over and stored
        self._done.set()
        self._place: Place | None = None
        self._called_off = False
        self._failed = False  # its listener has
        self._result = ""  # how the present turn failed, if it did

    # --- what the client does ---

    async def check(self) -> None:
        """Look whether such a conversation can be held; nothing is begun.

        Raises:
            ProtocolError: if there is no such agent or voice.
            HotpinError: if it cannot be held for another reason, such as a session that cannot be read.
        """
        try:
            await self._services.in_thread(self._options)
        except SettingsError as error:
            if not self.manner.agent:
                raise
            # What the error itself says may name files.
            raise ProtocolError(f"there is no agent {self.manner.agent[:40]!r}") from error
        except TtsError as error:
            if not self.manner.voice:
                raise
            raise ProtocolError(f"there is no voice {self.manner.voice[:40]!r} here") from error

    def hear(self, samples: Samples) -> bool:
        """Take audio, int16 of shape (n,), 16 kHz; return whether there was room for it."""
        if self._waiting + _weight(samples) > self._services.limits.max_audio_seconds * CAPTURE_RATE:
            return False
        self._waiting += _weight(samples)
        self._input.put_nowait(samples)
        return True

    def end_of_speech(self) -> None:
        """Answer what was heard."""
        if self._ends >= _MAX_ENDS:
            self._listener.refused(problems.BUSY)
            self._listener.unheard()
            return
        self._ends += 1
        self._input.put_nowait(None)

    def cancel(self) -> None:
        """Stop the reply that is being made, or heard."""
        self._called_off = True
        if self._open is not None and not self._done.is_set():
            self._open.conversation.interrupt()

    def delivered(self, ticket: Ticket, samples: int) -> None:
        """Note how much of a reply has gone to the client."""
        if self._open is not None:
            self._open.playback.delivered(ticket, samples)

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
                    item = await self._next()
            except TimeoutError:
                if self._done.is_set():
                    await self._release()
                continue
            if self.manner.vad:
                await self._listen(item)
            else:
                await self._take_turn(item)

    async def _close(self) -> None:
        """End it: what is being answered is dropped, what was heard is kept."""
        opened = self._open
        if opened is not None and self._over.is_set() and not self._called_off:
            opened.playback.complete()  # it has got the whole reply
        self._leave()
        await self._release()
        if self._services.app.settings.sessions.forget_on_disconnect:
            await self._services.in_thread(self._forget)

    async def _next(self) -> Samples | None:
        item = await self._input.get()
        if item is None:
            self._ends -= 1
        else:
            self._waiting -= _weight(item)
        return item

    async def _listen(self, item: Samples | None) -> None:
        opened = await self._ready()
        if item is not None:
            if not opened.mic.hear(item):
                self._listener.refused(problems.too_large(self._services.limits.max_audio_seconds))
            return
        opened.mic.mark(opened.conversation.press)
        opened.mic.mark(opened.conversation.release)

    async def _take_turn(self, item: Samples | None) -> None:
        if item is None:
            self._listener.unheard()
            return
        opened = await self._ready()
        await self._settle()
        opened.mic.mark(opened.conversation.press)
        room = round(self._services.limits.max_audio_seconds * CAPTURE_RATE)
        while item is not None:
            if room > 0:
                opened.mic.hear(item[:room])
                room -= len(item)
                if room <= 0:
                    self._listener.refused(problems.too_large(self._services.limits.max_audio_seconds))
            item = await self._next()
        await self._answer(opened)

    async def _answer(self, opened: _Open) -> None:
        self._called_off = False
        place = self._enter()
        if place is None:
            opened.mic.mark(opened.conversation.interrupt)
            self._listener.unheard()
            return
        async with place.turn():
            if self._called_off:
                opened.mic.mark(opened.conversation.interrupt)
                self._listener.unheard()
                return
            self._over.clear()
            self._done.clear()
            opened.mic.mark(opened.conversation.release)
            try:
                async with asyncio.timeout(self._services.limits.max_turn_seconds):
                    await self._over.wait()
            except TimeoutError:
                self._listener.refused(problems.TOO_LATE)
                opened.conversation.interrupt()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SETTLE_SECONDS):
                        await self._over.wait()

    def _enter(self) -> Place | None:
        """Take a place for a turn, or tell why there is none."""
        services, manner = self._services, self.manner
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
        if self._open is None or self._done.is_set():
            return
        if not self._called_off:
            self._open.playback.complete()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._done.wait()
        self._done.set()

    async def _ready(self) -> _Open:
        """Give the conversation; it is made anew if there is none."""
        if self._failed:
            self._failed = False
            await self._release()
        if self._open is None:
            options = await self._services.in_thread(self._options)
            clock = SkippingClock()
            seconds = self._services.limits.max_audio_seconds
            mic = SocketMicrophone(clock, seconds, hears_itself=not self.manner.echo_cancelled)
            playback = SocketPlayback(VOICE_RATE, clock, self._give, self.manner.encoder, paced=self.manner.paced)
            bus = Relay(self._loop, self._happened)
            engines = self._services.app.engines
            self._open = _Open(Conversation(engines, mic, playback, bus, options, clock), mic, playback)
            self._open.conversation.start()
        return self._open

    async def _release(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            await self._services.in_thread(opened.conversation.close)

    def _options(self) -> ConversationOptions:
        app, manner = self._services.app, self.manner
        options = app.session_options(manner.session_id, agent=manner.agent, live=manner.vad)
        if manner.voice:
            language = app.settings.tts.language or app.settings.stt.language
            options = replace(options, voice=choose(app.engines.tts, manner.voice, language).voice)
        return replace(options, hands_free=True)

    def _forget(self) -> None:
        app, session_id = self._services.app, self.manner.session_id
        app.store.delete(session_id)
        with suppress(BusyError):
            app.engines.llm_worker.submit(
                Ticket(session_id, 0, 0, Generation()), lambda: app.engines.llm.forget(session_id)
            )

    # --- what the conversation tells ---

    def _give(self, sound: Sound) -> None:
        """Bring a piece of a reply to the event loop."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._sounded, sound)

    def _sounded(self, sound: Sound) -> None:
        self._listener.sounded(sound)
        if sound.last:
            self._leave()
            self._over.set()

    def _happened(self, event: Event) -> None:
        services, protocol = self._services, self.manner.protocol
        match event:
            case StateChanged(state=State.THINKING) if self.manner.vad:
                self._count_turn()
            case Failed():
                log.warning(
                    "session=%s turn=%d protocol=%s failed=%s error=%s",
                    event.conversation, event.turn, protocol, event.stage, type(event.error).__name__,
                )  # fmt: skip
                log.debug("what failed", exc_info=event.error)
                services.health.failed(event)
                self._result = f"{event.stage}_failed"
            case TurnDone():
                log.info("session=%s turn=%d protocol=%s done", event.conversation, event.turn, protocol)
                result, self._result = self._result or ("answered" if event.reply else "unheard"), ""
                services.metrics.turn(protocol, result, event.timing)
                if result == "answered":
                    services.health.done()
        self._listener.happened(event)
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
        if self._place is None and self._open is not None:
            self._open.conversation.interrupt()

    def _leave(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            place.leave()


def _weight(samples: Samples) -> int:
    """Say as how many samples a message counts that waits: tiny ones cost memory, too."""
    return max(len(samples), FRAME_SAMPLES)
