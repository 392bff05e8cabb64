"""The models: which there are, what they weigh, fetching and removing them."""

import threading
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from hotpin import model_pull, models
from hotpin.errors import ModelError
from hotpin.models import ModelStatus
from hotpin.tui.background import in_background, tell
from hotpin.tui.screens.dialogs import Confirm
from hotpin.tui.screens.listing import ListScreen, Row
from hotpin.tui.toasts import toast, toast_error

if TYPE_CHECKING:
    from hotpin.settings import Settings
    from hotpin.tui.app import Interface

_COLUMNS = ("", "name", "kind", "on disk", "state", "licence", "what it is")


class _CancelledError(Exception):
    """The person does not want it any more."""


class ModelsScreen(ListScreen):
    """The models, those in use marked. One at a time is fetched, also while another screen is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pull", "Fetch"),
        Binding("c", "cancel", "Cancel"),
        Binding("d,delete", "remove", "Remove"),
    ]

    def __init__(self, interface: "Interface") -> None:
        super().__init__(interface, "Models", _COLUMNS)
        self._pulled = ""
        """What is being fetched; empty for nothing."""
        self._cancelled = threading.Event()

    @property
    def _settings(self) -> "Settings":
        return self._interface.call.plan.settings

    def read(self) -> None:
        """Look which models there are."""
        work = partial(_rows, self._settings)
        in_background(self._interface, work, self.fill, partial(toast_error, self._interface, stage="Models"))

    @on(DataTable.RowSelected)
    def action_pull(self) -> None:
        """Fetch the model, and what it needs."""
        name = self.chosen
        if not name:
            return
        if self._pulled:
            toast(self._interface, f"{self._pulled} is being fetched. Wait for it, or cancel it: c", "warning")
            return
        self._pulled = name
        self._cancelled.clear()
        self.say(f"{name}: beginning")
        in_background(self._interface, partial(self._pull, self._settings, name), self._done, self._failed)

    def action_cancel(self) -> None:
        """Stop fetching; what has come is kept for the next time."""
        if self._pulled:
            self._cancelled.set()
            self.say(f"{self._pulled}: cancelling")

    def action_remove(self) -> None:
        """Delete the model, if that is meant."""
        name = self.chosen
        if not name:
            return
        if name in _used(self._settings):
            toast(self._interface, f"{name} is in use. Choose another model first: Ctrl-P", "warning")
            return

        def removed(there: bool) -> None:
            self.say(f"{name} {'is removed' if there else 'was not there'}")
            self.read()

        def answered(yes: bool | None) -> None:
            if yes:
                work = partial(model_pull.remove, self._settings, name)
                in_background(self._interface, work, removed, partial(toast_error, self._interface, stage="Removing"))

        self._interface.push_screen(Confirm(f"Delete the model {name} from the disk?"), answered)

    # --- on a thread of its own ---

    def _pull(self, settings: "Settings", name: str) -> bool:
        """Fetch; return whether anything was."""
        shown = -1

        def report(part: str, done: int, total: int) -> None:
            nonlocal shown
            if self._cancelled.is_set():
                raise _CancelledError
            percent = 100 * done // total if total else 100
            if percent != shown:
                shown = percent
                text = f"{part}: {percent} %  {done / 1e6:.0f}/{total / 1e6:.0f} MB  (c cancels)"
                tell(self._interface, partial(self.say, text))

        parts = models.with_needs([name])
        return any([model_pull.pull(settings, part, progress=partial(report, part)).fetched for part in parts])

    # --- on the screen's again ---

    def _done(self, fetched: bool) -> None:
        self._end(f"{self._pulled} {'is installed' if fetched else 'was there already'}")

    def _failed(self, error: Exception) -> None:
        if isinstance(error, _CancelledError):
            self._end(f"{self._pulled}: cancelled. What has come is kept: p goes on")
            return
        toast_error(self._interface, error, "Fetching")
        self._end(f"{self._pulled} could not be fetched")

    def _end(self, news: str) -> None:
        self._pulled = ""
        self.say(news)
        if self.is_current:
            self.read()
        else:
            toast(self._interface, news)


def _rows(settings: "Settings") -> list[Row]:
    used = _used(settings)
    return [_row(status, used=status.model.name in used) for status in models.list_models(settings)]


def _row(status: ModelStatus, *, used: bool) -> Row:
    model = status.model
    there = "installed" if status.installed else f"{model.download_bytes / 1e6:.0f} MB to fetch"
    size = f"{model.bytes / 1e6:.0f} MB"
    cells = ("*" if used else " ", model.name, model.kind, f"{size:>8}", there, model.licence, model.title)
    return Row(model.name, cells)


def _used(settings: "Settings") -> list[str]:
    try:
        return models.chosen(settings)
    except ModelError:  # a file of the person's own that is gone: no reason not to list the others
        return []
