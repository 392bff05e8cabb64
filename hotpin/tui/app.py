"""The full-screen interface: the conversation, the state, where the time went, and a line to type in.

Textual has the main thread. The call (``call.py``) has its own, loads everything heavy after the first paint, and posts
what happens; this module only shows it, and passes on what is typed.
"""

import asyncio
import signal
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.notifications import SeverityLevel
from textual.widgets import Footer

from hotpin import paths
from hotpin.errors import BusyError, HotpinError
from hotpin.events import (
    Event,
    Failed,
    Heard,
    Interrupted,
    Noticed,
    Partial,
    ReplyText,
    ReplyWritten,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.sessions.texts import harmless
from hotpin.tui.call import LiveCall, Plan
from hotpin.tui.messages import CallFailed, CallReady, Happened, LoadingWentOn
from hotpin.tui.terminal import kept_clean
from hotpin.tui.widgets.help import Help
from hotpin.tui.widgets.level import LevelMeter
from hotpin.tui.widgets.message_input import MessageInput
from hotpin.tui.widgets.status import LOADING, READY, STOPPED, Status
from hotpin.tui.widgets.transcript import Entry, Transcript
from hotpin.tui.widgets.waterfall import Waterfall

if TYPE_CHECKING:
    from hotpin.settings import Settings

MAX_WAITING = 16
"""Messages that may wait to be answered one after the other."""

ERROR_SECONDS = 12.0
"""s that an error is shown: time to read what happened and what to do."""

_LEAVING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def run(settings: "Settings", session_id: str, agent: str = "") -> None:
    """Hold a call on the full screen until the person leaves.

    Args:
        settings: the engines, devices and rules.
        session_id: the session to go on with, or a new one.
        agent: the persona that answers; empty means the session's, else that of the settings.

    Raises:
        HotpinError: if there is no terminal, or the interface has crashed.
    """
    log_file = paths.cache_dir() / "interface.log"
    with kept_clean(log_file):
        interface = Interface(Plan(settings, session_id, agent))
        try:
            interface.run()
        finally:
            interface.call.close()
    if interface.return_code:
        raise HotpinError("the full-screen interface has crashed", f"What is known is in {log_file}")


class Interface(App[None]):
    """The screen of one call."""

    CSS_PATH = Path(__file__).with_name("hotpin.tcss")
    TITLE = "Hotpin"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-narrow"), (120, "-wide")]  # type: ignore[misc]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-tiny"), (10, "-short"), (20, "-tall")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "interrupt", "Interrupt"),
        Binding("f1", "help", "Help"),
        Binding("question_mark", "help", "Help", show=False),
        Binding("ctrl+t", "toggle_theme", "Dark/light"),
        Binding("ctrl+q", "quit", "Leave", priority=True),
        Binding("ctrl+c", "quit", "Leave", show=False, priority=True),
    ]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.call = LiveCall(plan, self.post_message)
        self._session_id = plan.session_id
        self._status = Status(f"session {plan.session_id}", id="status")
        self._transcript = Transcript(id="transcript")
        self._waterfall = Waterfall(id="waterfall")
        self._level = LevelMeter(plan.settings.turn.start_threshold, id="level")
        self._message = MessageInput(self.take_message, id="message")
        self._idle = READY if plan.open_microphone is None else str(State.LISTENING)
        self._call_ready = False
        self._stopped = ""
        """Why nothing can be answered any more; empty as long as it can."""
        self._waiting: deque[Entry] = deque()
        """What was typed before the call was ready, and behind it; answered one after the other."""
        self._asked = 0.0
        """s on the call's clock when the last typed message was sent."""

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield self._status
        with Container(id="body"):
            yield self._transcript
            yield self._waterfall
        yield self._level
        yield self._message
        yield Footer()

    def on_mount(self) -> None:
        """Type at once, and leave politely when told to."""
        self._message.focus()
        loop = asyncio.get_running_loop()
        for name in _LEAVING_SIGNALS:
            # Windows has none of it; neither has a thread other than the main one.
            with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(getattr(signal, name), self.exit)

    def on_ready(self) -> None:
        """Load, now that the first frame is on the screen."""
        self.call.start()

    def _fatal_error(self) -> None:
        # Textual's own shows the local variables: in a log, that would be what was said.
        self._exit_renderables.append(Text(traceback.format_exc()))
        self._close_messages_no_wait()

    # --- what the person does ---

    def take_message(self, text: str) -> bool:
        """Answer what was typed, or silence the reply if it is empty; return whether it was taken."""
        if not text:
            self.action_interrupt()
            return True
        if self._stopped:
            self._warn(self._stopped)
            return False
        if len(self._waiting) >= MAX_WAITING:
            self._warn(f"{MAX_WAITING} messages wait to be answered. Wait for the next answer, then press Enter again")
            return False
        waits = not self._call_ready or bool(self._waiting)
        self._waiting.append(self._transcript.type(text, waits=waits))
        if not waits:
            self._send_next()
        return True

    def action_interrupt(self) -> None:
        """Stop the reply."""
        try:
            self.call.interrupt()
        except BusyError as error:
            self._warn(str(error))

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(Help())

    def action_toggle_theme(self) -> None:
        """Change between dark and light."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def _send_next(self) -> None:
        """Have the message that waits longest answered."""
        if not self._waiting:
            return
        entry = self._waiting.popleft()
        try:
            self._asked = self.call.now()
            self.call.type(entry.text)
        except BusyError as error:
            self._transcript.drop(entry)
            self._warn(str(error))

    # --- what happens ---

    @on(LoadingWentOn)
    def _show_loading(self, message: LoadingWentOn) -> None:
        if self._leaving:
            return
        self._status.show_state(LOADING, f"loading {message.loaded}/{message.of}")

    @on(CallReady)
    def _begin(self, message: CallReady) -> None:
        if self._leaving:
            return
        self._call_ready = True
        self._transcript.assistant = message.name
        self._transcript.begin(list(message.earlier))
        self._status.about = f"{message.name}, session {self._session_id}"
        self._status.show_state(self._idle)
        if message.notice:
            self.notify(harmless(message.notice), timeout=ERROR_SECONDS, markup=False)
        self._send_next()

    @on(CallFailed)
    def _stop(self, message: CallFailed) -> None:
        if self._leaving:
            return
        self._stopped = _explained(message.error, "The call")
        self._status.show_state(STOPPED)
        self._transcript.note(self._stopped)
        self._warn(self._stopped, severity="error")

    @on(Happened)
    def _show_all(self, message: Happened) -> None:
        try:
            for event in () if self._leaving else message.events:
                self._show(event)
        finally:
            message.handled.set()

    def _show(self, event: Event) -> None:
        match event:
            case StateChanged(state=state):
                self._status.show_state(self._idle if state is State.LISTENING else state)
                if state is State.LISTENING:  # it was a noise, if there is still something unfinished
                    self._transcript.show_partial("")
            case Noticed(text=text):
                self.notify(harmless(text), timeout=ERROR_SECONDS, markup=False)
            case Failed():
                self._show_failure(event)
            case TurnDone(timing=timing):
                self._waterfall.show_turn(timing, self._asked)
                self._send_next()
            case _:
                self._show_words(event)

    def _show_words(self, event: Event) -> None:
        match event:
            case Partial(text=text):
                self._transcript.show_partial(text)
            case Heard(turn=turn, text=text):
                self._transcript.hear(turn, text)
            case ReplyText(turn=turn, delta=delta):
                self._transcript.add_reply(turn, delta)
            case ReplyWritten(turn=turn, text=text):
                self._transcript.end_reply(turn, text)
            case Interrupted(turn=turn, spoken=spoken):
                self._transcript.interrupt(turn, spoken)

    def _show_failure(self, failed: Failed) -> None:
        text = _explained(failed.error, failed.stage)
        self._warn(text, severity="error")
        self._transcript.note(text)
        if failed.stage == "audio":  # the listener itself: no turn will end any more
            self._stopped = text
            self._status.show_state(STOPPED)

    def _warn(self, text: str, severity: SeverityLevel = "warning") -> None:
        self.notify(harmless(text), severity=severity, timeout=ERROR_SECONDS, markup=False)

    @property
    def _leaving(self) -> bool:
        """Whether the screen is gone already: what the call still tells is not shown any more."""
        return not self.screen_stack


def _explained(error: Exception, stage: str) -> str:
    """Say what happened and what to do."""
    if isinstance(error, HotpinError):
        return str(error)
    return f"{stage} failed: {type(error).__name__}: {error}. Try: hotpin doctor"
