"""The sessions that are kept: go on with one, write it to a file, delete it."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from hotpin.errors import StoreError
from hotpin.sessions import exports, texts
from hotpin.sessions.base import Session, check_session_id
from hotpin.sessions.stores import open_store
from hotpin.tui.background import in_background
from hotpin.tui.screens.dialogs import Ask, Confirm
from hotpin.tui.screens.listing import ListScreen, Row
from hotpin.tui.toasts import toast, toast_error

if TYPE_CHECKING:
    from hotpin.settings import Settings
    from hotpin.tui.app import Interface

_COLUMNS = ("", "session", "persona", "turns", "used last", "")


class SessionsScreen(ListScreen):
    """The sessions, the one used last first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "resume", "Resume"),
        Binding("n", "new", "New"),
        Binding("e", "export", "Export"),
        Binding("d,delete", "delete", "Delete"),
    ]

    def __init__(self, interface: "Interface") -> None:
        super().__init__(interface, "Sessions", _COLUMNS)

    @property
    def _settings(self) -> "Settings":
        return self._interface.call.plan.settings

    @property
    def _used(self) -> str:
        return self._interface.call.plan.session_id

    def read(self) -> None:
        """Look which sessions there are."""

        def show(kept: list[Session]) -> None:
            now = time()
            self.fill([_row(session, now, used=session.id == self._used) for session in kept])
            if not kept:
                self.say("There are no sessions yet, or they are not kept: see the setting sessions.store")

        in_background(self._interface, partial(_kept, self._settings), show, self._failed)

    @on(DataTable.RowSelected)
    def action_resume(self) -> None:
        """Go on with the session."""
        if self.chosen:
            self._go_on_with(self.chosen)

    def action_new(self) -> None:
        """Begin another session."""

        def named(name: str | None) -> None:
            if name is None:
                return
            try:
                self._go_on_with(check_session_id(name))
            except ValueError as error:
                toast(self._interface, str(error), "error")

        self._interface.push_screen(Ask("What is the new session to be called?"), named)

    def action_export(self) -> None:
        """Write the session to a file."""
        session_id = self.chosen
        if not session_id:
            return

        def write(path: Path) -> None:
            work = partial(_export, self._settings, session_id, path)
            in_background(self._interface, work, lambda _: self.say(f"Written to {path}"), self._failed)

        def named(name: str | None) -> None:
            if name is None:
                return
            path = Path(name).expanduser()
            if not path.exists():
                write(path)
                return
            sure = Confirm(f"{path} exists already. Replace it?")
            self._interface.push_screen(sure, lambda yes: write(path) if yes else None)

        self._interface.push_screen(Ask("Write it to this file (.md or .json):", f"{session_id}.md"), named)

    def action_delete(self) -> None:
        """Delete the session for good, if that is meant."""
        session_id = self.chosen
        if not session_id:
            return
        if session_id == self._used:
            toast(self._interface, f"{session_id} is in use. Go on with another session first: r, or n", "warning")
            return

        def deleted(there: bool) -> None:
            self.say(f"{session_id} {'is deleted' if there else 'was not there'}")
            self.read()

        def answered(yes: bool | None) -> None:
            if yes:
                work = partial(_delete, self._settings, session_id)
                in_background(self._interface, work, deleted, self._failed)

        self._interface.push_screen(Confirm(f"Delete the session {session_id} for good?"), answered)

    def _go_on_with(self, session_id: str) -> None:
        self.dismiss()
        if session_id != self._used:
            plan = replace(self._interface.call.plan, session_id=session_id, agent="")
            self._interface.reopen(plan, f"Session: {session_id}")

    def _failed(self, error: Exception) -> None:
        toast_error(self._interface, error, "Sessions")


def _row(session: Session, now: float, *, used: bool) -> Row:
    last, age = texts.local(session.last_activity), texts.age(now - session.last_activity)
    return Row(session.id, ("*" if used else " ", session.id, session.agent, str(session.turn_count), age, last))


def _kept(settings: "Settings") -> list[Session]:
    with closing(open_store(settings, create=False)) as store:
        return store.sessions()


def _export(settings: "Settings", session_id: str, path: Path) -> None:
    with closing(open_store(settings, create=False)) as store:
        session = store.load(session_id)
    if session is None:
        raise StoreError(f"there is no session {session_id!r} any more")
    exports.write(path, exports.exported(session, exports.format_of(path)), replace=True)


def _delete(settings: "Settings", session_id: str) -> bool:
    with closing(open_store(settings, create=False)) as store:
        return store.delete(session_id)
