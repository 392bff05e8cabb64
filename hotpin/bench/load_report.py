"""What came of a server under load, for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from hotpin.bench.figures import shown
from hotpin.bench.load import Asked, Load, Ran

_COLUMN = 9
_RANKS = (50, 95, 99, 100)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The sessions of one run."""

    load: Load
    ran: Sequence[Ran]

    @property
    def asked(self) -> list[Asked]:
        """All questions."""
        return [asked for ran in self.ran for asked in ran.asked]

    @property
    def unanswered(self) -> list[Asked]:
        """Questions without a reply."""
        return [asked for asked in self.asked if asked.error]

    @property
    def mixed_up(self) -> int:
        """Replies, or pieces of them, that seem to belong to another session."""
        return sum(asked.foreign for asked in self.asked) + sum(ran.strays for ran in self.ran)

    def as_dict(self) -> dict[str, object]:
        """Give everything as the JSON output carries it."""
        load = {name: value for name, value in asdict(self.load).items() if name != "token"}
        return {
            "load": load,
            "questions": len(self.asked),
            "unanswered": [{"session": asked.session, "why": asked.error} for asked in self.unanswered],
            "lost_connections": [ran.lost for ran in self.ran if ran.lost],
            "misheard": sum(asked.misheard for asked in self.asked),
            "mixed_up": self.mixed_up,
            "remembered_names": sum(ran.remembers for ran in self.ran),
            "seconds": {name: _ranked(values) for name, values in self._figures().items()},
            "turns": [asdict(asked) for asked in self.asked],
        }

    def lines(self) -> list[str]:
        """Give it as a table and what is counted."""
        head = "".join(f"{'max' if rank == 100 else f'p{rank}':>{_COLUMN}}" for rank in _RANKS)  # noqa: PLR2004
        rows = [
            f"{name:<24}" + "".join(f"{shown(value):>{_COLUMN}}" for value in _ranked(values).values())
            for name, values in self._figures().items()
        ]
        misheard = sum(asked.misheard for asked in self.asked)
        remembered = sum(ran.remembers for ran in self.ran)
        return [
            f"{'':<24}{head}",
            *rows,
            "",
            f"{len(self.asked)} questions of {len(self.ran)} sessions, {len(self.unanswered)} not answered, "
            f"{sum(bool(ran.lost) for ran in self.ran)} connections lost",
            f"{self.mixed_up} mixed up, {misheard} misheard; {remembered} sessions were told their name at the end",
            *(f"  session {asked.session}: {asked.error}" for asked in self.unanswered[:10]),
        ]

    def _figures(self) -> dict[str, list[float]]:
        answered = [asked for asked in self.asked if not asked.error]
        return {
            "first audio": [asked.first_audio for asked in answered if asked.first_audio is not None],
            "whole reply": [asked.whole for asked in answered if asked.whole is not None],
            "silence in a reply": [asked.gap for asked in answered],
            "asked later than planned": [asked.late for asked in self.asked],
        }


def _ranked(values: Sequence[float]) -> dict[str, float | None]:
    return {
        "max" if rank == 100 else f"p{rank}": round(float(np.percentile(values, rank)), 3) if values else None  # noqa: PLR2004
        for rank in _RANKS
    }
