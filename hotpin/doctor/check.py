"""What a check finds, and a guard around it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was found about one thing."""

    name: str
    """What was looked at."""

    ok: bool
    """Whether it is as it should be."""

    detail: str
    """What was found, in one line."""

    fix: str = ""
    """What to do about it, or what would be better still; empty where there is nothing to do."""

    required: bool = True
    """Whether Hotpin is of no use without it."""


def guarded(name: str, look: Callable[[], Iterable[Check]], *, required: bool) -> list[Check]:
    """Give what ``look`` finds; where it fails itself, a check that says so, so that the others go on."""
    try:
        return list(look())
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        fix = "Report it with what this prints: DEBUG=1 hotpin doctor"
        return [Check(name, ok=False, detail=f"the check itself failed: {reason}", fix=fix, required=required)]


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 core``, ``2 cores``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
