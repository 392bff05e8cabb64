"""The conversation on the screen: its state, what was said, where the time went, and a line to type in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical

from hotpin.events import (
    Attention,
    AttentionChanged,
    DeviceChanged,
    Event,
    Heard,
    Interrupted,
    Level,
    Partial,
    ReplyText,
    ReplyWritten,
    Spoken,
    State,
    StateChanged,
    TurnDone,
)
from hotpin.tui.widgets.level import LevelMeter
from hotpin.tui.widgets.message_input import MessageInput
from hotpin.tui.widgets.status import LOADING, STOPPED, Glance, Status
from hotpin.tui.widgets.transcript import Transcript
from hotpin.tui.widgets.waterfall import Waterfall

if TYPE_CHECKING:
    from hotpin.settings import Settings


class CallView(Vertical):
    """One call; it only shows.

    Args:
        take: gets what was typed; returns whether it was taken.
        talk: called when the talk key is pressed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "talk", "Talk/send"),
        Binding("pageup", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(1)", show=False),
    ]

    def __init__(self, take: Callable[[str], bool], talk: Callable[[], None]) -> None:
        super().__init__(id="call")
        self._talk = talk
        self.status = Status("", id="status")
        self.transcript = Transcript(id="transcript")
        self.asked = 0.0
        """s on the call's clock when the last typed message was sent."""
        self._waterfall = Waterfall(id="waterfall")
        self._level = LevelMeter(id="level")
        self._message = MessageInput(take, talk, id="message")

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield self.status
        with Container(id="body"):
            yield self.transcript
            yield self._waterfall
        yield self._level
        yield self._message

    def on_mount(self) -> None:
        """Type at once."""
        self._message.focus()

    def action_talk(self) -> None:
        """Talk, or send what was said."""
        self._talk()

    def action_scroll(self, pages: int) -> None:
        """Look back and forth while typing."""
        if pages < 0:
            self.transcript.scroll_page_up()
        else:
            self.transcript.scroll_page_down()

    @property
    def glance(self) -> Glance:
        """What the state line tells."""
        return self.status.glance

    @glance.setter
    def glance(self, glance: Glance) -> None:
        self.status.show(glance)

    def begin_loading(self, settings: "Settings", about: str, *, muted: bool, hands_free: bool) -> None:
        """Show that a call is being opened; what is only known of an open one is taken for the usual."""
        self.status.about = about
        self._level.threshold = settings.turn.start_threshold
        self._level.clear()
        self.transcript.leave_turns()
        attention = Attention.MUTED if muted else Attention.AWAKE
        self.glance = Glance(attention=attention, hands_free=hands_free, wake_word=settings.wake.word)

    def show_loading(self, loaded: int, of: int) -> None:
        """Show how many engines are loaded."""
        self.glance = replace(self.glance, state=LOADING, progress=f"loading {loaded}/{of}")

    def begin(self, name: str, about: str, earlier: Sequence[tuple[str, str]]) -> None:
        """Show that the call is open."""
        self.transcript.assistant = name
        self.transcript.begin(earlier)
        self.status.about = about
        self.glance = replace(self.glance, state=State.LISTENING, progress="")

    def stop(self) -> None:
        """Show that there is no call any more."""
        self.glance = replace(self.glance, state=STOPPED, progress="")

    def show(self, event: Event) -> None:
        """Show what has happened."""
        match event:
            case StateChanged(state=state):
                self.glance = replace(self.glance, state=state)
                if state is State.LISTENING:  # it was a noise, if there is still something unfinished
                    self.transcript.show_partial("")
            case AttentionChanged(attention=attention):
                self.show_attention(attention)
            case DeviceChanged(kind="microphone", present=present):
                self.glance = replace(self.glance, microphone=present)
                self._clear_unless_heard()
            case Level(dbfs=dbfs, probability=probability):
                self._level.show_level(dbfs, probability)
            case TurnDone(turn=turn, reply=reply, spoken=spoken, timing=timing):
                self.transcript.end_turn(turn, reply, spoken)
                self._waterfall.show_turn(timing, self.asked)
            case _:
                self._show_words(event)

    def show_attention(self, attention: Attention) -> None:
        """Show whether it listens at all."""
        self.glance = replace(self.glance, attention=attention)
        self._clear_unless_heard()

    def show_gaps(self, gaps: int) -> None:
        """Show how often sound was lost."""
        self._level.gaps = gaps

    def show_hands_free(self, *, on: bool) -> None:
        """Show whether it listens without a key."""
        self.glance = replace(self.glance, hands_free=on)

    def _clear_unless_heard(self) -> None:
        if self.glance.attention is Attention.MUTED or not self.glance.microphone:
            self._level.clear()

    def _show_words(self, event: Event) -> None:
        match event:
            case Partial(text=text):
                self.transcript.show_partial(text)
            case Heard(turn=turn, text=text):
                self.transcript.hear(turn, text)
            case ReplyText(turn=turn, delta=delta):
                self.transcript.add_reply(turn, delta)
            case ReplyWritten(turn=turn, text=text):
                self.transcript.end_reply(turn, text)
            case Spoken(turn=turn, text=text):
                self.transcript.show_spoken(turn, text)
            case Interrupted(turn=turn, spoken=spoken):
                self.transcript.interrupt(turn, spoken)
