"""Hotpin as a person runs it: a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotpin import models
from hotpin import settings as all_settings

TIMEOUT_SECONDS = 240.0


@dataclass(frozen=True)
class Ran:
    """A finished process."""

    status: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Read standard output as one JSON object."""
        assert self.status == 0, self.err
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def refused(self, *words: str, status: int = 1) -> None:
        """Check that it failed in one clear line that has all ``words`` in it."""
        assert self.status == status, self
        assert self.out == ""
        assert "Traceback" not in self.err
        line = self.err.strip().splitlines()[-1]
        if status == 1:
            assert line.startswith("hotpin: "), self.err
        for word in words:
            assert word in line, line


class Hotpin:
    """Runs commands in an empty home that shares the real models."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOTPIN_")},
            "HOTPIN_HOME": str(home),
            "HOTPIN_MODELS__DIR": str(models.models_dir(all_settings.load())),
        }

    def start(self, *arguments: str | Path, **environment: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "hotpin", *map(str, arguments)],
            env={**self._environment, **environment},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str | Path, **environment: str) -> Ran:
        """Run a command to its end."""
        with self.start(*arguments, **environment) as process:
            try:
                out, err = process.communicate(timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Ran(process.returncode, out, err)
