"""Makes docs/demo.svg: what `make demo` shows in a terminal, taken from a real run."""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "demo.svg"
COLUMNS = 118


def main() -> None:
    """Run the demo and draw its output."""
    with TemporaryDirectory() as folder:
        ran = subprocess.run(
            [sys.executable, "-m", "hotpin", "demo", "--out", "hotpin-demo.wav"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
    console = Console(record=True, width=COLUMNS, file=sys.stderr)
    console.print(Text("$ make demo", style="bold"))
    for line in ran.stdout.splitlines():
        style = "bold cyan" if line.startswith("You:") else "green" if line.startswith("Hotpin:") else "dim"
        console.print(Text(line, style=style))
    picture = console.export_svg(title="Hotpin")
    # The template fetches its fonts from elsewhere: whoever looks at the picture should not have to.
    picture = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", picture, flags=re.DOTALL)
    PICTURE.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
