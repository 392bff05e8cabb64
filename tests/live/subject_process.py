"""The process that is measured, seen from outside."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hotpin import models
from hotpin import settings as all_settings
from tests.live.subject import READY

LOAD_SECONDS = 120.0
_ROOT = Path(__file__).parent.parent.parent
_SCRIPTED = "[hotpin.llm]\nscripted = tests.live.scripted:build\n"


@dataclass(frozen=True)
class Told:
    """An event of the conversation."""

    at: float
    """s on the monotonic clock."""
    name: str
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        return str(self.values.get("text", ""))


def environment(base: Mapping[str, str], folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a Hotpin with these settings, a home of its own and the scripted model beside others."""
    plugin = folder / "plugins" / "hotpin_live-0.dist-info"
    plugin.mkdir(parents=True, exist_ok=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: hotpin-live\nVersion: 0\n")
    (plugin / "entry_points.txt").write_text(_SCRIPTED)
    return {
        **{name: value for name, value in base.items() if not name.startswith("HOTPIN_")},
        "PYTHONPATH": os.pathsep.join((str(plugin.parent), str(_ROOT))),
        "HOTPIN_HOME": str(folder / "home"),
        "HOTPIN_MODELS__DIR": str(models.models_dir(all_settings.load())),
        **{f"HOTPIN_{name.replace('.', '__').upper()}": value for name, value in settings.items()},
    }


class Subject:
    """A live conversation in a process of its own.

    Args:
        environment: as ``environment`` gives it.
        log: where its standard error goes.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.events: list[Told] = []
        """All so far, oldest first; only grows."""
        self._arrived = threading.Condition()  # guards events and _over
        self._over = False
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.live.subject"],
                env=environment, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True,
            )  # fmt: skip
        self._log = log
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(READY, timeout=LOAD_SECONDS)

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, command: str) -> int:
        """Give a command; return how many events there were before."""
        before = len(self.events)
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return before

    def wait(
        self, name: str, *, since: int = 0, timeout: float = 60.0, where: Callable[[Told], bool] = lambda _: True
    ) -> Told:
        """Return the first event of a kind, from the ``since``-th event on.

        Raises:
            TimeoutError: if there is none within ``timeout`` seconds, or the process has ended.
        """
        found = self.find(name, since=since, timeout=timeout, where=where)
        if found is None:
            raise TimeoutError(f"no {name} within {timeout:g} s; {self._log.read_text()[-2000:]}")
        return found

    def find(
        self, name: str, *, since: int = 0, timeout: float = 0.0, where: Callable[[Told], bool] = lambda _: True
    ) -> Told | None:
        """Return the first such event, ``None`` if there is none within ``timeout`` seconds."""

        def first() -> Told | None:
            return next((told for told in self.events[since:] if told.name == name and where(told)), None)

        deadline = time.monotonic() + timeout
        with self._arrived:
            while (found := first()) is None and not self._over and (left := deadline - time.monotonic()) > 0:
                self._arrived.wait(left)
            return found

    def all(self, name: str, since: int = 0) -> Sequence[Told]:
        with self._arrived:
            return [told for told in self.events[since:] if told.name == name]

    @property
    def state(self) -> str:
        changes = self.all("StateChanged")
        return str(changes[-1].values["state"]) if changes else "listening"

    def wait_listening(self, timeout: float = 60.0) -> None:
        """Return once nobody speaks and nothing is being answered."""
        deadline = time.monotonic() + timeout
        while self.state != "listening":
            before = len(self.events)
            if self.state != "listening" and self.find("StateChanged", since=before, timeout=1.0) is None:
                assert time.monotonic() < deadline, f"still {self.state}"

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        if self.alive:
            self.tell("close")
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith("{"):
                continue
            values = json.loads(line)
            with self._arrived:
                self.events.append(Told(values.pop("at"), values.pop("event"), values))
                self._arrived.notify_all()
        with self._arrived:
            self._over = True
            self._arrived.notify_all()
