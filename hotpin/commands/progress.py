"""What a person sees of a download."""

import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from hotpin.model_manifest import SourceChoice
    from hotpin.model_pull import Pulled
    from hotpin.settings import Settings

_BAR_CELLS = 24
_STEP_PERCENT = 10


class ProgressLine:
    """Shows one download: a bar that is drawn over in a terminal, else a line every ten per cent."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream
        self._live = stream.isatty()
        self._shown = -1

    def update(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` bytes; what would look the same is not shown again."""
        percent = 100 * done // total if total else 100
        if not self._live:
            percent -= percent % _STEP_PERCENT
        if percent == self._shown:
            return
        self._shown = percent
        amount = f"{percent:3d} %  {done / 1e6:.0f}/{total / 1e6:.0f} MB"
        if self._live:
            bar = "#" * (_BAR_CELLS * percent // 100)
            self._write(f"\r{self._name}  [{bar:<{_BAR_CELLS}}] {amount} ")
        else:
            self._write(f"{self._name}  {amount}\n")

    def close(self) -> None:
        """End the bar's line, if one was drawn."""
        if self._live and self._shown >= 0:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def pull(settings: "Settings", name: str, source: "SourceChoice" = "auto") -> "Pulled":
    """Fetch a model and show on standard error how far it is.

    Raises:
        ModelError: if it cannot be fetched.
    """
    from hotpin import model_pull

    line = ProgressLine(name, sys.stderr)
    try:
        return model_pull.pull(settings, name, source=source, progress=line.update)
    finally:
        line.close()
