"""Hotpin without a screen: a live conversation that is told what to do by signals and over the control socket."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from hotpin import __version__, logs, paths
from hotpin.bus import Bus, Subscription
from hotpin.control.commands import carry_out
from hotpin.control.protocol import Command, Request, done
from hotpin.control.server import ControlServer
from hotpin.conversation import Conversation
from hotpin.errors import BusyError, HotpinError
from hotpin.event_log import EventLog
from hotpin.events import Event, Failed, Level, Spoken
from hotpin.instance import claim_microphone
from hotpin.registry import EngineInfo, Kind
from hotpin.service_manager import ServiceManager
from hotpin.setting_layers import examine, setting_names, value_of, with_values
from hotpin.settings import Settings

log = logging.getLogger(__name__)

CLOSE_SECONDS = 1.5
"""s that the last turn may take to be stored, of the 2 s within which the daemon ends."""

_LOOP_SECONDS = 0.1

CHANGE_AT_ONCE = ("dialog.", "turn.", "log.", "llm.temperature", "llm.max_tokens", "tts.voice")
"""Beginnings of the settings that hold from the next turn on; for the others engines or devices are opened anew."""


class LiveConversation(Protocol):
    """What the daemon runs: see ``hotpin.live.Live``."""

    @property
    def bus(self) -> Bus:
        """Tells what happens."""
        ...

    @property
    def conversation(self) -> Conversation | None:
        """The conversation, once it is open."""
        ...

    @property
    def engines(self) -> Mapping[Kind, EngineInfo]:
        """What it runs on."""
        ...

    @property
    def serving(self) -> str:
        """The address at which other devices reach it; empty if they do not."""
        ...

    @property
    def gaps(self) -> Mapping[str, int]:
        """How often sound was lost at the devices."""
        ...

    def open(self, loaded: Callable[[Kind], None]) -> bool:
        """Load and begin."""
        ...

    def change(self, settings: Settings) -> None:
        """Go on with other settings."""
        ...

    def close(self, timeout: float) -> None:
        """End within ``timeout`` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What the daemon was started with."""

    settings: Settings
    options: Mapping[str, Any]
    """Settings that were given as options, by ``section.key``: a reload leaves them."""
    session_id: str


class Daemon:
    """Runs one conversation until it is told to end.

    Args:
        plan: what it was started with.
        live: the conversation, not yet open.
        manager: who is told how it is.
    """

    def __init__(self, plan: Plan, live: LiveConversation, manager: ServiceManager | None = None) -> None:
        self._plan = plan
        self._settings = plan.settings
        self._live = live
        self._manager = manager or ServiceManager()
        self._events = EventLog()
        self._began = monotonic()
        self._signs_of_life_from = 0.0
        self._failure: Exception | None = None
        self._open = False
        # Plain flags, since signal handlers set them: an Event's lock may be held by the very thread they interrupt.
        self._ending = False
        self._reload_wanted = False

    def end(self) -> None:
        """Have ``run`` return; from any thread, or a signal handler."""
        self._ending = True

    def reload(self) -> None:
        """Have the settings read anew; from any thread, or a signal handler."""
        self._reload_wanted = True

    def run(self) -> None:
        """Listen until told to end.

        Raises:
            InUse: if another Hotpin listens already.
            HotpinError: if the engines cannot be loaded, or the listener fails.
        """
        with ExitStack() as cleanup:
            cleanup.enter_context(claim_microphone())
            server = ControlServer(paths.control_socket(), self.handle)
            events = cleanup.enter_context(self._live.bus.subscribe(unwanted=(Level, Spoken)))
            cleanup.callback(self._close, events)
            cleanup.callback(server.close)
            cleanup.callback(self._manager.stopping)
            self._load()
            if self._ending:
                return
            ready = {"seconds": round(monotonic() - self._began, 2), "server": self._live.serving or None}
            log.info("ready", extra={"fields": ready})
            self._manager.ready(self._events.in_words())
            while not self._ending:
                event = events.get(_LOOP_SECONDS)
                if event is not None:
                    self._take(event)
                self._look_after()

    def handle(self, request: Request) -> dict[str, Any]:
        """Carry out a command and answer it; from any thread.

        Raises:
            HotpinError: if it cannot be carried out.
        """
        if request.command is not Command.STATUS:
            log.info("command", extra={"fields": {"name": request.command}})
        if request.command is Command.STATUS:
            return done(**self._status())
        if request.command is Command.STOP:
            self.end()
            return done(pid=os.getpid())
        conversation = self._live.conversation
        if not self._open or conversation is None:
            raise BusyError("the daemon is still loading its engines")
        return carry_out(request, conversation)

    # --- on the main thread ---

    def _load(self) -> None:
        """Open the conversation on another thread, since this one must heed signals."""

        def work() -> None:
            try:
                self._live.open(lambda kind: log.info("loaded", extra={"fields": {"kind": kind}}))
                self._open = True
            except Exception as error:
                self._failure = error

        opening = threading.Thread(target=work, name="hotpin-open", daemon=True)
        opening.start()
        while opening.is_alive() and not self._ending:
            opening.join(_LOOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def _take(self, event: Event) -> None:
        if self._events.take(event):
            self._manager.status(self._events.in_words())
        if isinstance(event, Failed) and event.stage == "audio":  # the listener itself: nothing is heard any more
            raise HotpinError("the listener has failed", "See the log; systemd starts the service anew")

    def _look_after(self) -> None:
        seconds = self._manager.watchdog_seconds
        if seconds is not None and monotonic() >= self._signs_of_life_from:
            self._signs_of_life_from = monotonic() + seconds
            self._manager.alive()
        if self._reload_wanted:
            self._reload_wanted = False
            self._manager.reloading()
            self._read_settings()
            self._manager.ready(self._events.in_words())

    def _read_settings(self) -> None:
        """Take on what has changed in the settings; with anything wrong in them, nothing."""
        found = examine(self._plan.options)
        found.tell_warnings()
        changed = [n for n in setting_names() if value_of(found.settings, n) != value_of(self._settings, n)]
        at_once = _holding_at_once(changed)
        settings = with_values(self._settings, {name: value_of(found.settings, name) for name in at_once})
        try:
            if found.problems:
                raise found.problems[0].error
            self._live.change(settings)
        except (HotpinError, ValueError) as error:
            log.error("the settings stay as they were: %s", error)
            return
        self._settings = settings
        if "log.level" in changed:
            logs.set_service_level(settings.log.level)
        log.info("reloaded", extra={"fields": {"changed": ",".join(at_once) or "none"}})
        if later := [name for name in changed if name not in at_once]:
            log.warning("to change %s, start the daemon anew: hotpin stop, hotpin daemon", ", ".join(later))

    def _close(self, events: Subscription) -> None:
        """Store the turn; what does not end in time is left to the end of the process."""
        closing = threading.Thread(target=self._live.close, args=(CLOSE_SECONDS,), name="hotpin-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS + 0.2)
        while (event := events.get(0)) is not None:  # the turn that was cut off is told too
            self._events.take(event)
        log.info("ended", extra={"fields": {"turns": self._events.turns}})

    # --- on any thread ---

    def _status(self) -> dict[str, Any]:
        from hotpin.bench.resources import rss_mb

        seen = self._events
        wait = seen.voice_to_voice
        return {
            "state": seen.state if self._open else "loading",
            "attention": seen.attention,
            "hands_free": self._settings.turn.hands_free,
            "session": self._plan.session_id,
            "microphone": _device(seen, "microphone"),
            "loudspeaker": _device(seen, "loudspeaker"),
            "gaps": dict(self._live.gaps),
            "engines": {kind: f"{info.name} {info.model}" for kind, info in self._live.engines.items()},
            "server": self._live.serving or None,
            "uptime_seconds": round(monotonic() - self._began, 1),
            "turns": seen.turns,
            "voice_to_voice_ms": None if wait is None else round(wait * 1000),
            "memory_mb": rss_mb(),
            "pid": os.getpid(),
            "version": __version__,
        }


def heed_signals(daemon: Daemon) -> None:
    """End the daemon on SIGTERM and Ctrl-C, a second one at once; read the settings anew on SIGHUP."""
    in_terminal = os.isatty(0)

    def end(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        daemon.end()

    def hang_up(*_: object) -> None:
        # Where the terminal was closed over it, nobody knows any more that it listens.
        if in_terminal and not os.isatty(0):
            end()
        else:
            daemon.reload()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, hang_up)


def _holding_at_once(changed: Sequence[str]) -> list[str]:
    """Choose the settings that need no other engines or devices."""
    # The judge of prosody is an engine, and a voice belongs to one.
    excepted = {"turn.prosody"} | ({"tts.voice"} if "tts.engine" in changed else set())
    return [name for name in changed if name.startswith(CHANGE_AT_ONCE) and name not in excepted]


def _device(seen: EventLog, kind: str) -> dict[str, Any] | None:
    news = seen.devices.get(kind)
    return None if news is None else {"name": news.name, "present": news.present, "detail": news.detail}
