"""What several commands share: settings, engines, output, and what a person sees while they wait."""

import json
import sys
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hotpin.app import App
    from hotpin.one_turn import TurnResult
    from hotpin.registry import Kind
    from hotpin.settings import Settings
    from hotpin.timing import Timing


EXIT_INTERRUPTED = 130


def load_settings(**overrides: Any) -> "Settings":  # noqa: ANN401 - values are checked by the settings
    """Read the settings with ``section__key=value`` overrides, and set up logging by them.

    Raises:
        SettingsError: if a value is wrong.
    """
    from hotpin import logs, settings

    loaded = settings.load({name.replace("__", "."): value for name, value in overrides.items()})
    logs.configure(loaded.log.level)
    return loaded


def say(text: str = "") -> None:
    """Tell the person something; standard output is kept for results."""
    typer.echo(text, err=True)


def confirmed(question: str, *, default: bool = True) -> bool:
    """Ask a question that is answered by yes or no; Ctrl-C ends Hotpin as it does everywhere else."""
    try:
        return typer.confirm(question, default=default, err=True)
    except typer.Abort:
        say()
        raise typer.Exit(EXIT_INTERRUPTED) from None


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def loaded_app(settings: "Settings", kinds: "tuple[Kind, ...]") -> "Iterator[App]":
    """Give the engines, those of ``kinds`` loaded.

    Raises:
        HotpinError: if an engine cannot be loaded.
    """
    with opened_app(settings, kinds) as app:
        load_engines(app, kinds)
        yield app


@contextmanager
def opened_app(settings: "Settings", kinds: "tuple[Kind, ...]") -> "Iterator[App]":
    """Give the engines, not yet loaded, once the models of ``kinds`` are there.

    What can be told before the long wait, such as a store that is unusable or a voice that does not know the language,
    should be looked at before ``load_engines``.

    Raises:
        HotpinError: if an engine or a model is not there.
    """
    from hotpin.app import App

    ensure_models(settings, kinds)
    with App(settings) as app:
        yield app


def load_engines(app: "App", kinds: "tuple[Kind, ...]") -> None:
    """Load the engines of ``kinds``, and show how long it takes.

    Raises:
        HotpinError: if one cannot be loaded.
    """
    infos = app.engines.infos
    with loading(infos[kind].model for kind in kinds if kind in infos):
        app.load(kinds)


def ensure_models(settings: "Settings", kinds: "Sequence[Kind]") -> None:
    """Make sure that the models the settings name were fetched; in a terminal, offer to fetch them now.

    Raises:
        ModelError: if one is missing and stays so; it says the one command that fetches them.
    """
    from hotpin import models

    missing = models.missing(settings, [kind for kind in models.KINDS if kind in kinds])
    if not missing:
        return
    names = [model.name for model in missing]
    if settings.models.offline or not _may_ask():
        raise models.not_installed(*names)
    from hotpin import recommend
    from hotpin.commands import progress

    advice = recommend.recommend(recommend.this_machine(settings), settings.stt.language)
    chosen = models.chosen(settings)
    others = ", ".join(model.name for model in advice.models.values() if model.name not in chosen)
    sizes = (f"{model.name} ({model.download_bytes / 1e6:.0f} MB to fetch)" for model in missing)
    say(f"Not installed: {', '.join(sizes)}.")
    if others:
        say(f"This machine has room for others ({advice.why}): {others}. To have them: hotpin models recommend")
    total = sum(model.download_bytes for model in missing)
    if not confirmed(f"Fetch {', '.join(names)} now, {total / 1e6:.0f} MB?"):
        raise models.not_installed(*names)
    for name in names:
        progress.pull(settings, name)


def _may_ask() -> bool:
    """Whether a person is there to answer: a terminal, and no program that reads the output."""
    import os

    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and "CI" not in os.environ and "--json" not in sys.argv


@contextmanager
def loading(models: "Iterable[str]") -> "Iterator[None]":
    """Show what is being loaded, and how long it took."""
    names = ", ".join(models)
    live = sys.stderr.isatty()
    if live:
        typer.echo(f"Loading {names} …", err=True, nl=False)
    began = perf_counter()
    try:
        yield
    except BaseException:
        if live:
            say()
        raise
    loaded = f"Loaded {names} in {perf_counter() - began:.1f} s"
    say(f"\r{loaded}\033[K" if live else loaded)


class HeardSoFar:
    """Shows in a terminal how much of a long recording has been heard, or whatever else ``done`` says."""

    INTERVAL_SECONDS = 1.0

    def __init__(self, done: str = "Heard") -> None:
        self._done = done
        self._due = perf_counter() + self.INTERVAL_SECONDS
        self._shown = False

    def update(self, seconds: float) -> None:
        """Show that ``seconds`` of audio are done, once a second."""
        if perf_counter() >= self._due and sys.stderr.isatty():
            self._due = perf_counter() + self.INTERVAL_SECONDS
            self._shown = True
            minutes, rest = divmod(int(seconds), 60)
            typer.echo(f"\r{self._done} {minutes}:{rest:02} …", err=True, nl=False)

    def close(self) -> None:
        """Take the line away again."""
        if self._shown:
            typer.echo("\r\033[K", err=True, nl=False)


def raise_failure(result: "TurnResult") -> None:
    """Raise what went wrong in a turn, if anything did."""
    if result.failure is None:
        return
    from hotpin.errors import HotpinError

    error = result.failure.error
    if isinstance(error, HotpinError):
        raise error
    raise HotpinError(
        f"{result.failure.stage} failed: {type(error).__name__}: {error}", "DEBUG=1 shows more; hotpin doctor may help"
    ) from error


def stage_line(timing: "Timing") -> str:
    """Describe where the time of a turn went, in the order of the stages."""
    from dataclasses import replace

    from hotpin.timing import STAGES

    if timing.stt_final is None:  # the words of a typed question are there when its time begins
        timing = replace(timing, stt_final=0.0)
    took = [(stage.name, timing.seconds(stage)) for stage in STAGES]
    parts = " + ".join(f"{name} {seconds:.2f}" for name, seconds in took if seconds is not None)
    total = timing.voice_to_voice
    return f"{total:.2f} s to the first sound: {parts}" if total is not None else f"{parts} s"
