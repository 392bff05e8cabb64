"""The call behind the screen: everything heavy, on a thread of its own."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textual.message import Message

from hotpin.events import State
from hotpin.tui.messages import CallFailed, CallReady, Happened, LoadingWentOn, coalesced

if TYPE_CHECKING:
    from hotpin.bus import Bus, Subscription
    from hotpin.conversation import Conversation
    from hotpin.events import Event
    from hotpin.registry import Kind
    from hotpin.settings import Settings

log = logging.getLogger(__name__)

FRAME_SECONDS = 1 / 30
"""s between two batches of events: what comes faster is joined, since nobody could read it."""

CLOSE_SECONDS = 1.0
"""s that the last turn may take to be stored when the call ends."""

SHOWN_EARLIER = 20
"""Turns of the session from before that are shown."""

_POLL_SECONDS = 0.1


class Held(Protocol):
    """A live call, as ``hotpin.live.Live`` holds it."""

    @property
    def bus(self) -> "Bus":
        """Where what happens is told."""
        ...

    @property
    def conversation(self) -> "Conversation | None":
        """The conversation, once it is open."""
        ...

    @property
    def serving(self) -> str:
        """The address at which other devices reach it; empty if they do not."""
        ...

    @property
    def gaps(self) -> "Mapping[str, int]":
        """How often sound was lost at the devices."""
        ...

    def open(self, loaded: "Callable[[Kind], None]") -> bool:
        """Load and begin, telling of every engine that is ready; return false if it was closed meanwhile."""
        ...

    def close(self, timeout: float) -> None:
        """End it within about ``timeout`` s; at any time, from any thread."""
        ...

    def free(self) -> None:
        """Free what is loaded, once it is closed."""
        ...


Hold = Callable[["Settings", str, str], Held]
"""Makes a call of settings, session and persona."""


def _hold(settings: "Settings", session_id: str, agent: str) -> Held:
    from hotpin.live import Live

    return Live(settings, session_id, agent)


@dataclass(frozen=True, slots=True)
class Plan:
    """What call is to be held."""

    settings: "Settings"
    session_id: str
    agent: str = ""
    """The persona that answers; empty means the session's, else that of the settings."""
    hold: Hold = _hold
    """Makes the call; called after the first paint, since it may import a lot."""


class LiveCall:
    """Opens the call, then passes on what happens in it, until it is closed.

    Args:
        plan: the call.
        post: takes messages for the screen from any thread, without waiting.
        former: the call that this one takes the place of; it is closed first, so that not everything is loaded twice.
            Whether the microphone is muted, and whether the call is hands-free, stays as it was.
    """

    def __init__(self, plan: Plan, post: Callable[[Message], object], former: "LiveCall | None" = None) -> None:
        self.plan = plan
        self.muted: bool = former.muted if former else False
        """Whether the person wants the microphone to be muted."""
        self.hands_free: bool = plan.settings.turn.hands_free
        """Whether what is said is heard without a key."""
        if former is not None and former.plan.settings.turn.hands_free == self.hands_free:
            self.hands_free = former.hands_free
        self._post = post
        self._former = former
        self._lock = threading.Lock()  # guards what the person wants against a conversation that just begins
        self._held: Held | None = None
        self._conversation: Conversation | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotpin-call", daemon=True)

    def start(self) -> None:
        """Begin to load, on a daemon thread: one of asyncio's pool would be waited for when the person leaves."""
        self._thread.start()

    # --- what the person does; each may raise BusyError if the listener is far behind ---

    def type(self, text: str) -> None:
        """Answer a typed message."""
        if self._conversation is not None:
            self._conversation.type(text)

    def talk(self) -> None:
        """Hear what is said from now on."""
        if self._conversation is not None:
            self._conversation.press()

    def send(self) -> None:
        """Answer what was said until now."""
        if self._conversation is not None:
            self._conversation.release()

    def interrupt(self) -> None:
        """Stop the reply."""
        if self._conversation is not None:
            self._conversation.interrupt()

    def mute(self, *, on: bool) -> None:
        """Hear nothing, or listen again; before the call is open, it holds from its beginning."""
        with self._lock:
            self.muted = on
            if self._conversation is not None:
                _mute(self._conversation, on=on)

    def set_hands_free(self, *, on: bool) -> None:
        """Hear what is said without a key, or only with it."""
        with self._lock:
            self.hands_free = on
            if self._conversation is not None:
                self._conversation.set_hands_free(on)

    # --- ---

    @property
    def hears(self) -> bool:
        """Whether the person is being heard at this moment, fresher than what the screen was told last."""
        return self._conversation is not None and self._conversation.state is State.HEARING

    @property
    def serving(self) -> str:
        """The address at which other devices reach it; empty if they do not."""
        return self._held.serving if self._held is not None else ""

    @property
    def gaps(self) -> int:
        """How often sound was lost at the devices so far."""
        return sum(self._held.gaps.values()) if self._held is not None else 0

    def now(self) -> float:
        """Return the time in s on the conversation's clock; 0 before there is one."""
        return self._conversation.clock.now() if self._conversation is not None else 0.0

    def close(self) -> None:
        """End the call within ``CLOSE_SECONDS``; engines that are busy or still loading are not waited for."""
        self._closed.set()
        held = self._held
        if held is not None:
            held.close(CLOSE_SECONDS)

    def _give_way(self) -> None:
        """End the call, wait for what still loads, and free it all: two calls may not fit into the memory."""
        self.close()
        if self._thread.ident is not None:
            self._thread.join()
        if self._held is not None:
            self._held.free()

    # --- on the call's thread ---

    def _run(self) -> None:
        former, self._former = self._former, None
        if former is not None:
            former._give_way()
        try:
            events = self._open()
            if events is not None:
                self._pass_on(events)
        except Exception as error:
            log.debug("the call failed", exc_info=True)
            if not self._closed.is_set():
                self._tell(CallFailed(self, error))

    def _open(self) -> "Subscription | None":
        """Load and begin; ``None`` if the person has left meanwhile."""
        from hotpin import personas
        from hotpin.engines import ALL_KINDS

        loaded: list[Kind] = []

        def tell(kind: "Kind") -> None:
            loaded.append(kind)
            self._tell(LoadingWentOn(self, len(loaded), max(len(loaded), len(ALL_KINDS))))

        self._tell(LoadingWentOn(self, 0, len(ALL_KINDS)))
        plan = self.plan
        held = self._held = plan.hold(plan.settings, plan.session_id, plan.agent)
        events = held.bus.subscribe()
        if self._closed.is_set() or not held.open(tell) or held.conversation is None:
            return None
        with self._lock:
            self._conversation = held.conversation
            if self.muted:
                _mute(self._conversation, on=True)
            if self.hands_free != plan.settings.turn.hands_free:
                self._conversation.set_hands_free(self.hands_free)
        options = self._conversation.options
        earlier = [(turn.heard, turn.reply) for turn in options.earlier[-SHOWN_EARLIER:]]
        self._tell(CallReady(self, personas.find(options.agent).name, earlier))
        return events

    def _pass_on(self, events: "Subscription") -> None:
        """Post what happens, one batch at a time: while the screen is behind, only the bounded bus fills."""
        handled = threading.Event()
        while not self._closed.is_set():
            first = events.get(_POLL_SECONDS)
            if first is None:
                continue
            handled.clear()
            self._tell(Happened(self, coalesced([first, *_waiting(events)]), handled))
            while not handled.wait(_POLL_SECONDS) and not self._closed.is_set():
                pass
            self._closed.wait(FRAME_SECONDS)

    def _tell(self, message: Message) -> None:
        with suppress(RuntimeError):  # the screen is gone, and its event loop with it
            self._post(message)


def _mute(conversation: "Conversation", *, on: bool) -> None:
    if on:
        conversation.mute()
    else:
        conversation.unmute()


def _waiting(events: "Subscription") -> "Iterator[Event]":
    from hotpin.bus import DEFAULT_CAPACITY

    for _ in range(DEFAULT_CAPACITY):
        event = events.get(0)
        if event is None:
            return
        yield event
