"""The conversation as text."""

from enum import StrEnum

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from hotpin.sessions.texts import harmless

MAX_ENTRIES = 60
"""Entries that are kept on the screen; older ones are in the session. Every one makes each new word dearer: with 60 it
costs about 10 ms, with 400 more than 40."""

YOU = "You"


class Mark(StrEnum):
    """What is particular about an entry."""

    NONE = ""
    PARTIAL = "…"
    WAITING = "(waiting)"
    INTERRUPTED = "(interrupted)"


class Entry(Static):
    """What one of the two said; ``text[:certain]`` was heard, the rest is shown dim."""

    def __init__(self, speaker: str, text: str, mark: Mark = Mark.NONE) -> None:
        super().__init__(classes="you" if speaker == YOU else "assistant")
        self._speaker = speaker
        self.text = text
        self.over = False
        """Whether nothing may be added to it any more."""
        self.show_text(text, mark)

    def show_text(self, text: str, mark: Mark = Mark.NONE, certain: int | None = None) -> None:
        """Show another text; all of it dim as long as it may still change, or waits."""
        self.text = text
        if mark in (Mark.PARTIAL, Mark.WAITING):
            certain = 0
        shown = len(text) if certain is None else certain
        self.update(
            Content.assemble(
                (f"{self._speaker}: ", "bold"),
                harmless(text[:shown]),
                (harmless(text[shown:]), "dim"),
                (f" {mark}" if mark else "", "dim italic"),
            )
        )


class Note(Static):
    """Something that neither of the two has said."""

    def __init__(self, text: str) -> None:
        super().__init__(Content(harmless(text)))


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

    def begin(self, earlier: list[tuple[str, str]]) -> None:
        """Show the turns from before, above whatever is there already."""
        entries = [
            Entry(who, text) for heard, reply in earlier for who, text in ((YOU, heard), (self.assistant, reply))
        ]
        if entries:
            self.mount_all(entries, before=0 if self.children else None)

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
        """Show some more of a reply; what still comes of one that is over is not shown."""
        reply = self._reply(turn)
        if not reply.over:
            reply.show_text(reply.text + delta)

    def end_reply(self, turn: int, text: str) -> None:
        """Show the whole of a reply, which is final."""
        reply = self._reply(turn)
        if not reply.over:
            reply.over = True
            reply.show_text(text)

    def interrupt(self, turn: int, spoken: str) -> None:
        """Mark a reply that was cut off; what was not heard of it is dim."""
        reply = self._reply(turn)
        reply.over = True
        whole = reply.text if reply.text.startswith(spoken) else spoken
        reply.show_text(whole.rstrip(), Mark.INTERRUPTED, len(spoken))

    def note(self, text: str) -> None:
        """Show something that neither has said."""
        self._add(Note(text))

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
