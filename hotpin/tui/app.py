"""The full-screen interface: the call, what the person does about it, and the screens around it.

Textual has the main thread. The call (``call.py``) has its own, loads everything heavy after the first paint, and posts
what happens; ``view.py`` shows it. A change that needs another call closes it and opens one in its place, while what
was said stays on the screen.
"""

import asyncio
import signal
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer

from hotpin.errors import BusyError
from hotpin.events import Attention, DeviceChanged, Event, Failed, Noticed, TurnDone
from hotpin.tui import screens
from hotpin.tui.call import LiveCall, Plan
from hotpin.tui.messages import CallFailed, CallReady, Happened, LoadingWentOn
from hotpin.tui.talk_key import REPEAT_SECONDS, Stroke, TalkKey
from hotpin.tui.toasts import explained, toast
from hotpin.tui.typed import TypedMessages
from hotpin.tui.view import CallView
from hotpin.tui.widgets.help import Help

_LEAVING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Interface(App[None]):
    """The screen of one call after the other."""

    CSS_PATH = Path(__file__).with_name("hotpin.tcss")
    TITLE = "Hotpin"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-narrow"), (120, "-wide")]  # type: ignore[misc]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-tiny"), (10, "-short"), (20, "-tall")]  # type: ignore[misc]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "interrupt", "Interrupt"),
        Binding("f1", "help", "Help"),
        Binding("question_mark", "help", show=False),
        Binding("f2,ctrl+o", "mute", "Mute", key_display="F2"),
        Binding("f3,ctrl+g", "hands_free", "Hands-free", key_display="F3"),
        Binding("f4", "show('models')", show=False),
        Binding("f5", "show('sessions')", show=False),
        Binding("f6", "show('settings')", show=False),
        Binding("ctrl+t", "toggle_theme", "Dark/light", show=False),
        Binding("ctrl+q", "quit", "Leave", priority=True),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.call = LiveCall(plan, self.post_message)
        self._view = CallView(self.take_message, self.action_talk)
        self._call_ready = False
        self._worked: Plan | None = None
        """What a call was held with last: to go back to if another one cannot be opened."""
        self._shown = ""
        """The session whose turns from before are on the screen."""
        self._news = ""
        """What is to be said once the call is open."""
        self._stopped = ""
        """Why nothing can be answered any more; empty as long as it can."""
        self._typed = TypedMessages(self._view.transcript, self._answer)
        self._talk_key = TalkKey()
        self._about_to_send: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield self._view
        yield Footer()

    def on_mount(self) -> None:
        """Leave politely when told to."""
        loop = asyncio.get_running_loop()
        for name in _LEAVING_SIGNALS:
            # Windows has none of it; neither has a thread other than the main one.
            with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(getattr(signal, name), self.exit)

    def on_ready(self) -> None:
        """Load, now that the first frame is on the screen."""
        self._load()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Give the palette's commands."""
        from hotpin.tui import palette

        return palette.commands(self)

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
            toast(self, self._stopped, "warning")
            return False
        return self._try(lambda: self._typed.take(text, ready=self._call_ready))

    def action_interrupt(self) -> None:
        """Stop the reply."""
        self._try(self.call.interrupt)

    def action_talk(self) -> None:
        """Hear the person, or answer what they said until now."""
        if self._about_to_send is not None:
            self._about_to_send.stop()
            self._about_to_send = None
        if why_not := self._why_not_heard():
            toast(self, why_not, "warning")
            return
        match self._talk_key.strike(monotonic(), hearing=self.call.hears):
            case Stroke.TALK:
                self._try(self.call.talk)
            case Stroke.SEND:
                self._try(self.call.send)
            case Stroke.SEND_UNLESS_REPEATED:
                self._about_to_send = self.set_timer(REPEAT_SECONDS, lambda: self._try(self.call.send))

    def _why_not_heard(self) -> str:
        if not self._call_ready:
            return self._stopped or "Wait until everything is loaded, or type"
        return "" if self._view.glance.microphone else "There is no microphone. Connect one, or type"

    def action_mute(self) -> None:
        """Stop listening, or listen again."""
        on = not self.call.muted
        if self._try(lambda: self.call.mute(on=on)):
            self._view.show_attention(Attention.MUTED if on else Attention.AWAKE)

    def action_hands_free(self) -> None:
        """Hear what is said without a key, or only with it."""
        on = not self.call.hands_free
        if self._try(lambda: self.call.set_hands_free(on=on)):
            self._view.show_hands_free(on=on)
            toast(self, "Hands-free: just speak" if on else "Push to talk: space talks, and space sends")

    def action_help(self) -> None:
        """Show the keys."""
        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    def action_toggle_theme(self) -> None:
        """Change between dark and light."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_command_palette(self) -> None:
        """Show all commands."""
        from hotpin.tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_show(self, name: str) -> None:
        """Show another screen; they are only imported then."""
        if len(self.screen_stack) > 1:
            return
        if not self.is_screen_installed(name):
            self.install_screen(screens.make(self, name), name)
        self.push_screen(name)

    def reopen(self, plan: Plan, news: str) -> None:
        """Hold another call instead; if it cannot be opened, go back to the one before.

        Args:
            plan: the call.
            news: what to say of it.
        """
        if self._shown not in ("", plan.session_id):
            self._view.transcript.forget()
            self._shown = ""
        self._call_ready, self._stopped, self._news = False, "", news
        self.call = LiveCall(plan, self.post_message, former=self.call)
        self._load()

    def _load(self) -> None:
        call = self.call
        about = f"session {call.plan.session_id}"
        self._view.begin_loading(call.plan.settings, about, muted=call.muted, hands_free=call.hands_free)
        call.start()

    def _answer(self, text: str) -> bool:
        """Have a typed message answered; return whether it could be done."""
        self._view.asked = self.call.now()
        return self._try(lambda: self.call.type(text))

    def _try(self, act: Callable[[], None]) -> bool:
        """Do something to the call; return whether it could be done."""
        try:
            act()
        except BusyError as error:
            toast(self, str(error), "warning")
            return False
        return True

    # --- what happens ---

    def _is_over(self, call: LiveCall) -> bool:
        """Whether what is told of a call is not to be shown any more: another is held, or the screen is gone."""
        return call is not self.call or not self.screen_stack

    @on(LoadingWentOn)
    def _show_loading(self, message: LoadingWentOn) -> None:
        if not self._is_over(message.call):
            self._view.show_loading(message.loaded, message.of)

    @on(CallReady)
    def _begin(self, message: CallReady) -> None:
        if self._is_over(message.call):
            return
        plan = self.call.plan
        self._call_ready, self._worked = True, plan
        earlier = [] if self._shown == plan.session_id else message.earlier
        serving = self.call.serving
        about = f"{message.name}, session {plan.session_id}" + (f", {serving}" if serving else "")
        self._view.begin(message.name, about, earlier)
        if serving and self._shown != plan.session_id:
            self._view.transcript.note(f"Other devices reach Hotpin at {serving}")
        self._shown = plan.session_id
        if self._news:
            self._view.transcript.note(self._news)
        self._news = ""
        self._typed.send_next()

    @on(CallFailed)
    def _give_up(self, message: CallFailed) -> None:
        if self._is_over(message.call):
            return
        why, before = explained(message.error, "The call"), self._worked
        toast(self, why, "error")
        self._view.transcript.note(why, wrong=True)
        if before is not None and before is not self.call.plan:
            self.reopen(before, "It goes on as before")
        else:
            self._stop(why)

    @on(Happened)
    def _show_all(self, message: Happened) -> None:
        try:
            for event in () if self._is_over(message.call) else message.events:
                self._show(event)
        finally:
            message.handled.set()

    def _show(self, event: Event) -> None:
        self._view.show(event)
        match event:
            case Noticed(text=text):
                toast(self, text)
            case DeviceChanged(detail=detail) if detail:
                toast(self, detail, "warning")
            case Failed(stage=stage, error=error):
                why = explained(error, stage)
                toast(self, why, "error")
                self._view.transcript.note(why, wrong=True)
                if stage == "audio":  # the listener itself: no turn will end any more
                    self._stop(why)
            case TurnDone():
                self._view.show_gaps(self.call.gaps)
                self._typed.send_next()

    def _stop(self, why: str) -> None:
        self._stopped = why
        self._view.stop()
