"""`hotpin doctor`: look whether everything is there."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hotpin.doctor import Check

SYMBOLS = ("✓", "!", "✗")
PLAIN_SYMBOLS = ("+", "!", "x")
"""As expected, worth a look, must be put right; the plain ones where the terminal cannot show the others."""


def doctor(
    audio: bool = typer.Option(False, "--audio", help="Play a sound, too, and measure the room's echo."),
    json_output: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Check that everything Hotpin needs is there, and say what to do where it is not."""
    from hotpin.doctor import examine, healthy

    checks = examine(audio=audio)
    if json_output:
        typer.echo(json.dumps({"checks": [asdict(check) for check in checks]}, ensure_ascii=False))
    else:
        symbols = _printable_symbols(sys.stdout.encoding)
        for check in checks:
            typer.echo("\n".join(_lines(check, symbols)))
    if not healthy(checks):
        raise typer.Exit(1)


def _lines(check: "Check", symbols: tuple[str, str, str]) -> list[str]:
    fine, look, bad = symbols
    symbol = fine if check.ok else bad if check.required else look
    return [f"{symbol} {check.name}: {check.detail}", *([f"    {check.fix}"] if check.fix else [])]


def _printable_symbols(encoding: str | None) -> tuple[str, str, str]:
    try:
        "".join(SYMBOLS).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN_SYMBOLS
    return SYMBOLS
