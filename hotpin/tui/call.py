"""The call behind the screen: everything heavy, on a thread of its own."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from hotpin.tui.messages import CallFailed, CallReady, Happened, LoadingWentOn, coalesced

if TYPE_CHECKING:
    from hotpin.app import App
    from hotpin.audio.mic import Microphone
    from hotpin.audio.speaker import Speaker
    from hotpin.bus import Subscription
    from hotpin.clock import Clock
    from hotpin.conversation import Conversation
    from hotpin.events import Event
    from hotpin.registry import Kind
    from hotpin.settings import Settings

log = logging.getLogger(__name__)

FRAME_SECONDS = 1 / 30
"""s between two batches of events: what comes faster is joined, since nobody could read it."""

CLOSE_SECONDS = 1.0
"""s that the last turn may take to be stored when the person leaves."""

SHOWN_EARLIER = 20
"""Turns of the session from before that are shown."""

_POLL_SECONDS = 0.1


def _build_app(settings: "Settings") -> "App":
    from hotpin.app import App

    return App(settings)


def _open_speaker(settings: "Settings", clock: "Clock") -> "Speaker":
    from hotpin.app import VOICE_RATE
    from hotpin.audio.speaker import DeviceSpeaker, has_output
    from hotpin.errors import AudioError

    if not (settings.audio.output or has_output()):
        raise AudioError("there is no sound output", "Connect one, or name it in the setting audio.output")
    return DeviceSpeaker(VOICE_RATE, clock, settings.audio.output)


@dataclass(frozen=True, slots=True)
class Plan:
    """What call is to be held.

    What it needs is made by functions, since the engines and the sound devices are opened after the first paint.
    """

    settings: "Settings"
    session_id: str
    agent: str = ""
    """The persona that answers; empty means the session's, else that of the settings."""
    build_app: "Callable[[Settings], App]" = _build_app
    open_microphone: "Callable[[Settings, Clock], Microphone] | None" = None
    """``None`` for a call by keyboard alone."""
    open_speaker: "Callable[[Settings, Clock], Speaker]" = _open_speaker
    """May raise ``AudioError``: then the replies are only shown."""


class LiveCall:
    """Opens the call, then passes on what happens in it, until it is closed.

    Args:
        plan: the call.
        post: takes messages for the screen from any thread, without waiting.
    """

    def __init__(self, plan: Plan, post: Callable[[Message], object]) -> None:
        self._plan = plan
        self._post = post
        self._lock = threading.Lock()  # guards the conversation and the speaker against a close while they are opened
        self._conversation: Conversation | None = None
        self._speaker: Speaker | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to load, on a daemon thread: one of asyncio's pool would be waited for when the person leaves."""
        threading.Thread(target=self._run, name="hotpin-call", daemon=True).start()

    def type(self, text: str) -> None:
        """Answer a typed message.

        Raises:
            BusyError: if the listener is far behind.
        """
        if self._conversation is not None:
            self._conversation.type(text)

    def interrupt(self) -> None:
        """Stop the reply.

        Raises:
            BusyError: if the listener is far behind.
        """
        if self._conversation is not None:
            self._conversation.interrupt()

    def now(self) -> float:
        """Return the time in s on the conversation's clock; 0 before there is one."""
        return self._conversation.clock.now() if self._conversation is not None else 0.0

    def close(self) -> None:
        """End the call within ``CLOSE_SECONDS``; engines that are busy or still loading are not waited for."""
        self._closed.set()
        with self._lock:
            if self._conversation is not None:
                self._conversation.close(CLOSE_SECONDS)
            if self._speaker is not None:
                self._speaker.close()

    # --- on the call's thread ---

    def _run(self) -> None:
        try:
            events = self._open()
            if events is not None:
                self._pass_on(events)
        except Exception as error:
            log.debug("the call failed", exc_info=True)
            self._tell(CallFailed(error))

    def _open(self) -> "Subscription | None":
        """Load and begin; ``None`` if the person has left meanwhile."""
        from hotpin import personas
        from hotpin.audio.mic import NoMicrophone
        from hotpin.bus import Bus
        from hotpin.clock import RealClock
        from hotpin.conversation import Conversation

        plan, clock = self._plan, RealClock()
        app = plan.build_app(plan.settings)
        options = app.session_options(plan.session_id, agent=plan.agent)
        self._load(app)
        with self._lock:
            if self._closed.is_set():
                return None
            self._speaker, notice = self._silent_if_need_be(clock)
            mic = plan.open_microphone(plan.settings, clock) if plan.open_microphone else NoMicrophone()
            conversation = Conversation(app.engines, mic, self._speaker.playback, Bus(), options, clock)
            events = conversation.bus.subscribe()
            conversation.start()
            self._conversation = conversation
        earlier = [(turn.heard, turn.reply) for turn in options.earlier[-SHOWN_EARLIER:]]
        name = personas.find(options.agent).name
        self._tell(CallReady(name, earlier, notice, listens=plan.open_microphone is not None))
        return events

    def _load(self, app: "App") -> None:
        from hotpin.engines import ALL_KINDS

        kinds: tuple[Kind, ...] = ALL_KINDS if self._plan.open_microphone else ("vad", "llm", "tts")
        loaded: list[Kind] = []

        def tell(kind: "Kind") -> None:
            loaded.append(kind)
            self._tell(LoadingWentOn(len(loaded), len(kinds)))

        self._tell(LoadingWentOn(0, len(kinds)))
        app.load(kinds, tell)

    def _silent_if_need_be(self, clock: "Clock") -> "tuple[Speaker, str]":
        """Open the loudspeaker; where that fails, give one that plays nothing, and say why."""
        from hotpin.app import VOICE_RATE
        from hotpin.audio.speaker import VirtualSpeaker
        from hotpin.errors import AudioError

        try:
            return self._plan.open_speaker(self._plan.settings, clock), ""
        except AudioError as error:
            return VirtualSpeaker(VOICE_RATE, clock, paced=False), f"Replies are only shown: {error}"

    def _pass_on(self, events: "Subscription") -> None:
        """Post what happens, one batch at a time: while the screen is behind, only the bounded bus fills."""
        handled = threading.Event()
        while not self._closed.is_set():
            first = events.get(_POLL_SECONDS)
            if first is None:
                continue
            handled.clear()
            self._tell(Happened(coalesced([first, *_waiting(events)]), handled))
            while not handled.wait(_POLL_SECONDS) and not self._closed.is_set():
                pass
            self._closed.wait(FRAME_SECONDS)

    def _tell(self, message: Message) -> None:
        with suppress(RuntimeError):  # the screen is gone, and its event loop with it
            self._post(message)


def _waiting(events: "Subscription") -> "Iterator[Event]":
    from hotpin.bus import DEFAULT_CAPACITY

    for _ in range(DEFAULT_CAPACITY):
        event = events.get(0)
        if event is None:
            return
        yield event
