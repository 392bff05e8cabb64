"""``hotpin agents``: who can answer."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotpin.commands.common import print_json, say
from hotpin.commands.options import JsonOption

if TYPE_CHECKING:
    from hotpin.personas import Entry, Persona

app = typer.Typer(help="List who can answer: personas.", rich_markup_mode=None, invoke_without_command=True)


def complete_agent(incomplete: str) -> list[str]:
    """Offer the ids that begin with ``incomplete``."""
    from hotpin import personas

    return [name for name in personas.all_personas() if name.startswith(incomplete)]


@app.callback()
def agents(context: typer.Context, as_json: JsonOption = False) -> None:
    """List who can answer: choose one with --agent ID, or for good with the setting dialog.agent.

    Your own are TOML files in the folder agents beside config.toml, named for their ids. A file that is named like one
    of the others changes it.
    """
    if context.invoked_subcommand is None:
        list_command(as_json=as_json)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List who can answer, as hotpin agents alone does."""
    from hotpin import personas
    from hotpin.sessions.texts import harmless

    entries = personas.entries()
    right = [(entry, entry.persona) for entry in entries if entry.persona]
    wrong = [entry for entry in entries if entry.error]
    if as_json:
        broken = [{"id": entry.id, "source": str(entry.path), "error": str(entry.error)} for entry in wrong]
        print_json({"agents": [_as_dict(entry, persona) for entry, persona in right], "broken": broken})
    else:
        for entry, persona in right:
            typer.echo(f"{persona.id:<16}{persona.name:<20}{persona.description}\n    {_details(entry, persona)}")
        for entry in wrong:
            say(f"{harmless(entry.id)} is left out: {harmless(str(entry.error))}")


@app.command()
def show(
    agent_id: Annotated[str, typer.Argument(metavar="ID", help="The agent.", autocompletion=complete_agent)],
    as_json: JsonOption = False,
) -> None:
    """Show everything about one, with its prompt."""
    from hotpin import personas
    from hotpin.errors import SettingsError
    from hotpin.sessions.texts import harmless

    entry = personas.find_entry(agent_id)
    if entry.persona is None:
        raise entry.error or SettingsError(f"{entry.path} is wrong")
    if as_json:
        print_json({**_as_dict(entry, entry.persona), "prompt": entry.persona.prompt})
        return
    persona = entry.persona
    about = f"{persona.name} ({persona.id}): {persona.description}"
    typer.echo(f"{about}\n{_details(entry, persona)}\n\n{harmless(persona.prompt)}")


def _as_dict(entry: "Entry", persona: "Persona") -> dict[str, Any]:
    return {
        "id": persona.id,
        "name": persona.name,
        "description": persona.description,
        "voices": dict(persona.voice),
        "temperature": persona.temperature,
        "max_tokens": persona.max_tokens,
        "source": str(entry.path) if entry.own else "built in",
        "overrides": entry.overrides,
    }


def _details(entry: "Entry", persona: "Persona") -> str:
    voices = ", ".join(f"{engine} {voice}" for engine, voice in persona.voice.items()) or "each engine's default"
    source = f"{entry.path}{', changes the built-in one' if entry.overrides else ''}" if entry.own else "built in"
    return f"voices: {voices}; temperature {persona.temperature:g}, {persona.max_tokens} tokens; {source}"
