"""What a screen with one table has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static

from hotpin.sessions.texts import harmless
from hotpin.tui.screens.closing import ClosesOnce

if TYPE_CHECKING:
    from hotpin.tui.app import Interface


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    key: str
    """What it is about."""

    cells: tuple[str, ...]


class ListScreen(ClosesOnce[None]):
    """A table to choose a row of, and a line of news; read anew whenever it is shown.

    Args:
        interface: what the choices are for.
        title: what is listed.
        columns: their names.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, interface: "Interface", title: str, columns: Sequence[str]) -> None:
        super().__init__()
        self._interface = interface
        self._heading = title
        self._columns = columns
        self._table: DataTable[Text] = DataTable(cursor_type="row")
        self._news = Static("", classes="news", markup=False)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Static(self._heading, classes="title", markup=False)
        yield self._table
        yield self._news
        yield Footer()

    def on_mount(self) -> None:
        """Name the columns."""
        self._table.add_columns(*self._columns)

    def on_screen_resume(self) -> None:
        """Show what there is now."""
        self.read()

    def read(self) -> None:
        """Find out what there is, beside the screen, and ``fill`` the table with it."""
        raise NotImplementedError

    def fill(self, rows: Sequence[Row]) -> None:
        """Show other rows; the cursor stays on what it is on."""
        chosen = self.chosen
        self._table.clear()
        for row in rows:
            self._table.add_row(*(Text(harmless(cell)) for cell in row.cells), key=row.key)
        keys = [row.key for row in rows]
        if chosen in keys:
            self._table.move_cursor(row=keys.index(chosen))

    @property
    def chosen(self) -> str:
        """The key of the row with the cursor; empty if there is none."""
        if not self._table.row_count:
            return ""
        return str(self._table.coordinate_to_cell_key(self._table.cursor_coordinate).row_key.value)

    def say(self, text: str) -> None:
        """Show a line of news."""
        self._news.update(harmless(text))
