"""The conversation as text."""

import re
from collections.abc import Sequence
from enum import StrEnum

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from hotpin.sessions.texts import harmless

MAX_ENTRIES = 60
"""Entries that are kept on the screen; older ones are in the session. Every one makes each new word dearer: with 60 it
costs about 10 ms, with 400 more than 40."""

YOU = "You"

_WORD = re.compile(r"\S+")


class Mark(StrEnum):
    """What is particular about an entry."""

    NONE = ""
    PARTIAL = "…"
    WAITING = "(waiting)"
    INTERRUPTED = "(interrupted)"


class Entry(Static):
    """What one of the two said; what is not certain of it, or not heard yet, is dim."""

    def __init__(self, speaker: str, text: str, mark: Mark = Mark.NONE) -> None:
        super().__init__(classes="you" if speaker == YOU else "assistant")
        self._speaker = speaker
        self.text = text
        self._mark = mark
        self._certain = 0
        self.over = False
        """Whether nothing may be added to it any more."""
        self.show_text(text, mark)

    def show_text(self, text: str, mark: Mark = Mark.NONE, certain: int | None = None) -> None:
        """Show another text; ``text[:certain]`` is certain, all of it unless it may still change, or waits."""
        self.text, self._mark = text, mark
        if certain is None:
            certain = 0 if mark in (Mark.PARTIAL, Mark.WAITING) else len(text)
        self._certain = certain
        drawn = self._drawn()
        # Laying the screen out anew for each word would be dear: the more there is on it, the dearer.
        width, height = self.content_size
        self.update(drawn, layout=width == 0 or drawn.get_height({}, width) != height)

    def show_heard(self, spoken: str) -> None:
        """Show how much of a reply has been heard: the rest is dim, and the last word stands out."""
        self._certain = heard_up_to(self.text, spoken)
        # Only colours change: laying the screen out anew ten times a second would be dear.
        self.update(self._drawn(mark_last=True), layout=False)

    def show_whole(self) -> None:
        """Show that all of it has been heard."""
        self._certain = len(self.text)
        self.update(self._drawn(), layout=False)

    @property
    def heard(self) -> int:
        """Characters that are certain."""
        return self._certain

    def _drawn(self, *, mark_last: bool = False) -> Content:
        certain, rest = self.text[: self._certain], self.text[self._certain :]
        last = len(certain) - len(certain.split()[-1]) if mark_last and certain.strip() else len(certain)
        return Content.assemble(
            (f"{self._speaker}: ", "bold"),
            harmless(certain[:last]),
            (harmless(certain[last:]), "underline"),
            (harmless(rest), "dim"),
            (f" {self._mark}" if self._mark else "", "dim italic"),
        )


def heard_up_to(text: str, spoken: str) -> int:
    """Return how many characters of ``text`` have been heard.

    Args:
        text: a reply as it was written.
        spoken: what has been heard of it, in whole words; what is written but not spoken may lack.
    """
    if text.startswith(spoken):
        return len(spoken)
    count = len(spoken.split())
    ends = [word.end() for word in _WORD.finditer(text)]
    return ends[min(count, len(ends)) - 1] if count and ends else 0


class Note(Static):
    """Something that neither of the two has said."""

    def __init__(self, text: str, *, wrong: bool) -> None:
        super().__init__(Content(harmless(text)), classes="wrong" if wrong else "")


class Transcript(VerticalScroll):
    """What was said, the newest at the bottom; replies stand below their questions."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.assistant = "Hotpin"
        """Who answers."""
        self._partial: Entry | None = None
        self._questions: dict[int, Entry] = {}
        self._replies: dict[int, Entry] = {}
        self._typed: list[Entry] = []
        """What was typed and has not been heard of since."""

    def on_mount(self) -> None:
        """Stay at the bottom until the person scrolls up."""
        self.anchor()

    def begin(self, earlier: Sequence[tuple[str, str]]) -> None:
        """Show the turns from before, above whatever is there already."""
        entries = [
            Entry(who, text) for heard, reply in earlier for who, text in ((YOU, heard), (self.assistant, reply))
        ]
        if entries:
            self.mount_all(entries, before=0 if self.children else None)

    def leave_turns(self) -> None:
        """Let what is shown stay as it is: the turns of another call are counted from 1 again."""
        self.show_partial("")
        for entry in self._replies.values():
            entry.over = True
        self._questions.clear()
        self._replies.clear()

    def forget(self) -> None:
        """Show nothing but what waits to be answered."""
        self.leave_turns()
        for child in self.children:
            if child not in self._typed:
                child.remove()

    def type(self, text: str, *, waits: bool) -> Entry:
        """Show what the person typed."""
        entry = Entry(YOU, text, Mark.WAITING if waits else Mark.NONE)
        self._typed.append(entry)
        self._add(entry)
        return entry

    def drop(self, entry: Entry) -> None:
        """Take back what was typed and will not be answered."""
        self._typed.remove(entry)
        entry.remove()

    def show_partial(self, text: str) -> None:
        """Show the words understood so far; with none, show nothing."""
        if not text:
            if self._partial is not None:
                self._partial.remove()
            self._partial = None
        elif self._partial is None:
            self._partial = Entry(YOU, text, Mark.PARTIAL)
            self._add(self._partial)
        else:
            self._partial.show_text(text, Mark.PARTIAL)

    def hear(self, turn: int, text: str) -> None:
        """Show what the person said; a turn that was taken back and said anew is shown once."""
        if turn in self._questions:
            if (reply := self._replies.pop(turn, None)) is not None:
                reply.remove()
            self._questions[turn].show_text(text)
            self.show_partial("")
            return
        entry = next((typed for typed in self._typed if typed.text == text), None)
        if entry is not None:
            self._typed.remove(entry)
            entry.show_text(text)
        elif self._partial is not None:
            entry, self._partial = self._partial, None
            entry.show_text(text)
        elif text:
            entry = Entry(YOU, text)
            self._add(entry)
        if entry is not None:
            self._questions[turn] = entry

    def add_reply(self, turn: int, delta: str) -> None:
        """Show some more of a reply, dim until it is heard; what still comes of one that is over is not shown."""
        reply = self._reply(turn)
        if not reply.over:
            reply.show_text(reply.text + delta, certain=reply.heard)

    def end_reply(self, turn: int, text: str) -> None:
        """Show the whole of a reply, which is final."""
        reply = self._reply(turn)
        if not reply.over:
            reply.over = True
            reply.show_text(text, certain=reply.heard)

    def show_spoken(self, turn: int, spoken: str) -> None:
        """Show how much of a reply has been heard."""
        if turn in self._replies:
            self._replies[turn].show_heard(spoken)

    def end_turn(self, turn: int, reply: str, spoken: str) -> None:
        """Show of a turn that is over what was heard; all of it unless it was interrupted."""
        if turn in self._replies and spoken == reply:
            self._replies[turn].show_whole()

    def interrupt(self, turn: int, spoken: str) -> None:
        """Mark a reply that was cut off; what was not heard of it is dim."""
        reply = self._reply(turn)
        reply.over = True
        whole = (reply.text or spoken).rstrip()
        reply.show_text(whole, Mark.INTERRUPTED, heard_up_to(whole, spoken))

    def note(self, text: str, *, wrong: bool = False) -> None:
        """Show something that neither has said; ``wrong`` where something failed."""
        self._add(Note(text, wrong=wrong))

    def _reply(self, turn: int) -> Entry:
        reply = self._replies.get(turn)
        if reply is None:
            reply = self._replies[turn] = Entry(self.assistant, "")
            question = self._questions.get(turn)
            self.mount(reply, after=question if question is not None and question.parent is self else None)
            self._trim()
        return reply

    def _add(self, widget: Static) -> None:
        self.mount(widget)
        self._trim()

    def _trim(self) -> None:
        for oldest in self.children[: max(0, len(self.children) - MAX_ENTRIES)]:
            oldest.remove()
        for turns in (self._questions, self._replies):
            while len(turns) > MAX_ENTRIES:
                del turns[next(iter(turns))]
