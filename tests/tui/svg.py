"""Pictures of the screen compared by what is on them, not byte by byte.

Kept as SVG, so that they can be looked at. Read as rows of text and the look of each piece: ids and fractions of
pixels, which differ from one version of Textual to the next, are left out. With ``HOTPIN_NEW_SNAPSHOTS=1`` they are
drawn anew.
"""

import difflib
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

FOLDER = Path(__file__).with_name("snapshots")
NEW = "HOTPIN_NEW_SNAPSHOTS"

_TEXT = "{http://www.w3.org/2000/svg}text"
_STYLE = "{http://www.w3.org/2000/svg}style"
_RULE = re.compile(r"\.[\w-]+-(r\d+)\s*\{([^}]*)\}")
_FONTS = re.compile(r"\s*@font-face\s*\{[^}]*\}")
_CELL_WIDTH = 12.2
"""Of one character, in the picture's units."""


def check(name: str, drawn: str) -> None:
    """Compare a picture with the one that is kept; fails with the rows and looks that differ."""
    kept = FOLDER / f"{name}.svg"
    if os.environ.get(NEW):
        kept.write_text(_FONTS.sub("", drawn), encoding="utf-8")  # they would be fetched by whoever looks at it
    before, now = list(described(kept.read_text(encoding="utf-8"))), list(described(drawn))
    if before != now:
        difference = "\n".join(difflib.unified_diff(before, now, kept.name, "now", lineterm="", n=1))
        pytest.fail(f"the screen looks otherwise; if that is meant, run this test with {NEW}=1\n{difference}")


def described(svg: str) -> Iterator[str]:
    """Give every row of a picture as text, followed by its pieces with their looks."""
    picture = ElementTree.fromstring(svg)  # noqa: S314 - our own
    style = "".join(element.text or "" for element in picture.iter(_STYLE))
    looks = {name: _look(rules) for name, rules in _RULE.findall(style)}
    rows: dict[float, list[tuple[int, str, str]]] = defaultdict(list)
    for piece in picture.iter(_TEXT):
        look = (piece.get("class") or "").rpartition("-")[2]
        if look in looks:
            column = round(float(piece.get("x", "0")) / _CELL_WIDTH)
            rows[float(piece.get("y", "0"))].append((column, (piece.text or "").replace("\xa0", " "), looks[look]))
    for number, (_, pieces) in enumerate(sorted(rows.items())):
        row = ""
        for column, text, _ in sorted(pieces):
            row = f"{row:<{column}}{text}"
        yield f"{number:02} {row.rstrip()}"
        yield from (f"{number:02}   {look}: {text.strip()}" for _, text, look in sorted(pieces) if text.strip())


def _look(rules: str) -> str:
    """Give the colour and whatever else stands out."""
    values = dict(rule.split(":", 1) for rule in rules.replace(" ", "").strip(";").split(";") if ":" in rule)
    return " ".join(value for name, value in sorted(values.items()) if name != "font-family")
