"""What all sources of models share: where they work, and how they report."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all, a few times a second."""

_STOP_SECONDS = 5.0


def ignore_progress(_done: int, _total: int) -> None:
    """Report nothing."""


def capped(progress: Progress, total: int, before: int = 0) -> Callable[[int], None]:
    """Report one of several downloads: ``before`` bytes came earlier, and there are never more than ``total``."""
    return lambda done: progress(min(before + done, total), total)


@dataclass(frozen=True, slots=True)
class Scratch:
    """Folders to work in; all are in the file system of the models and exist."""

    ready: Path
    """Gets the model's files."""

    temporary: Path
    """For what is needed on the way; empty at the beginning."""

    downloads: Path
    """Downloads, finished or cut: what a later attempt goes on with."""


@contextmanager
def running(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a program whose standard output and error are one pipe; it is ended on the way out, as after Ctrl-C."""
    process = subprocess.Popen(  # noqa: S603 - fixed commands; their arguments are the manifest's
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        yield process
    finally:
        stop(process)
        if process.stdout:
            process.stdout.close()


def stop(process: subprocess.Popen[str]) -> None:
    """End the process if it still runs."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
