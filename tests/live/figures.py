"""What a scenario found: rows, a summary, and both as people and programs read them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Value = float | int | str | bool | None


@dataclass
class Findings:
    """The outcome of a scenario."""

    scenario: str
    summary: dict[str, Value] = field(default_factory=dict)
    rows: list[Mapping[str, Value]] = field(default_factory=list)

    def table(self) -> str:
        """Give the summary and one line a row."""
        lines = [f"{self.scenario}: " + ", ".join(f"{name} {_shown(value)}" for name, value in self.summary.items())]
        if self.rows:
            names = list(self.rows[0])
            cells = [names, *([_shown(row.get(name)) for name in names] for row in self.rows)]
            widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
            lines += ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n".join(line.rstrip() for line in lines)


def together(
    rooms: Sequence[Findings], summary: Callable[[Sequence[Mapping[str, Value]]], dict[str, Value]]
) -> Findings:
    """Sum up what was found in several rooms, in the rows of all."""
    rows = [row for one in rooms for row in one.rows]
    return Findings(rooms[0].scenario, {"echo": f"{len(rooms)} rooms", **summary(rows)})


def percentile(values: Iterable[float | None], rank: float) -> float | None:
    """Return a percentile of the values there are."""
    there = [value for value in values if value is not None]
    return round(float(np.percentile(there, rank)), 3) if there else None


def count(rows: Sequence[Mapping[str, Value]], name: str) -> int:
    """Tell in how many rows something is true, or how much it comes to."""
    return sum(int(row[name] or 0) for row in rows)


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else str(value)[:40]
