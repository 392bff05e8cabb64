"""``hotpin config``: show, change and find the settings."""

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotpin.commands.common import confirmed, print_json, say
from hotpin.commands.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hotpin.errors import HotpinError
    from hotpin.setting_file import Change
    from hotpin.setting_layers import Found

app = typer.Typer(help="Show and change the settings.", rich_markup_mode=None, no_args_is_help=True)

EDITORS = ("sensible-editor", "nano", "vim", "vi", "notepad")
"""Tried in this order where neither VISUAL nor EDITOR is set."""


def _complete_key(incomplete: str) -> list[str]:
    from hotpin.setting_layers import setting_names

    return [name for name in setting_names() if name.startswith(incomplete)]


def _complete_section_or_key(incomplete: str) -> list[str]:
    from hotpin.settings import Settings

    return [name for name in (*Settings.model_fields, *_complete_key(incomplete)) if name.startswith(incomplete)]


_Key = Annotated[str, typer.Argument(metavar="SECTION.KEY", help="The setting.", autocompletion=_complete_key)]


@app.command()
def show(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[SECTION|SECTION.KEY]", help="Only these; else all.", autocompletion=_complete_section_or_key
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every setting, where it comes from, and what is wrong or has no effect."""
    from hotpin.setting_checks import faults
    from hotpin.setting_layers import examine

    names = _chosen(name)
    found = examine()
    rows = [_row(found, name) for name in names]
    faulty = {fault.name: fault.error for fault in faults(found.settings)}
    for row in rows:
        row["wrong"] = row["wrong"] or row["name"] in faulty
    errors: list[HotpinError] = [*(problem.error for problem in found.problems), *faulty.values()]
    if as_json:
        notes = [*found.notes, *found.warnings]
        print_json({"settings": rows, "notes": notes, "errors": list(map(str, errors))})
    else:
        _print_rows(rows, sections=name is None or "." not in name)
        for note in (*found.notes, *found.warnings):
            typer.echo(f"# {note}")
    _fail_if_any(errors)


@app.command()
def path(as_json: JsonOption = False) -> None:
    """Print the file that the settings are kept in; it need not be there yet."""
    from hotpin import paths

    file = str(paths.config_file())
    if as_json:
        print_json({"path": file})
    else:
        typer.echo(file)


@app.command()
def edit() -> None:
    """Open the file in your editor (VISUAL, EDITOR) and check it afterwards; it is made if it is not there."""
    from hotpin import paths, setting_file
    from hotpin.setting_checks import faults
    from hotpin.setting_layers import examine

    command = _editor()
    file = paths.config_file()
    if setting_file.make_template():
        say(f"Made {file} with every setting in comments")
    while True:
        _run([*command, str(file)])
        found = examine()
        errors: list[HotpinError] = [problem.error for problem in found.problems]
        errors += [fault.error for fault in faults(found.settings)]
        if not errors or not sys.stdin.isatty():
            break
        say("\n".join(f"✗ {error}" for error in errors))
        if not confirmed("Edit it again?"):
            break
    _fail_if_any(errors)


@app.command("set", context_settings={"ignore_unknown_options": True})  # -1 is a value
def set_command(
    name: _Key,
    value: Annotated[str, typer.Argument(help="Its value, such as true, 0.5, or 30 days.")],
    as_json: JsonOption = False,
) -> None:
    """Write a setting into the file, once it is checked; comments and order stay."""
    from hotpin import setting_file

    _tell(setting_file.set_value(name, value), "is set", "was so already", as_json)


@app.command()
def unset(name: _Key, as_json: JsonOption = False) -> None:
    """Take a setting out of the file, so that its default holds again; comments and order stay."""
    from hotpin import setting_file

    _tell(setting_file.unset(name), "is taken out", "was not set", as_json)


@app.command()
def token(
    new: Annotated[
        bool, typer.Option("--new", help="Make another one; clients that know the old one stay out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the token that clients of the server must know; it is made, and kept in the file, if there is none."""
    from hotpin import paths, setting_file
    from hotpin.server.auth import new_token
    from hotpin.setting_layers import examine

    secret = examine().settings.server.token.get_secret_value()
    made = new or not secret
    if made:
        secret = new_token()
        change = setting_file.set_value("server.token", secret)
        say(f"Kept in {paths.config_file()}, which only you may read")
        if change.overridden_by:
            say(f"It has no effect now: {change.overridden_by} wins")
    if as_json:
        print_json({"token": secret, "made": made, "path": str(paths.config_file())})
    else:
        typer.echo(secret)


@app.command()
def tls(
    new: Annotated[
        bool, typer.Option("--new", help="Make another one, such as after this machine's address has changed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a certificate for the server, or tell about the one it has, and how a phone is told to trust it.

    Without one, browsers on other devices give the page no microphone.
    """
    from hotpin.commands import tls as certificates

    found = certificates.made_or_found(new=new)
    if as_json:
        print_json(found.as_dict())
    else:
        certificates.tell(found)


def _chosen(name: str | None) -> list[str]:
    from hotpin import setting_file
    from hotpin.setting_layers import setting_names

    return [other for other in setting_names() if name is None or other.startswith(f"{name}.")] or [
        setting_file.known(name or "")
    ]


def _row(found: "Found", name: str) -> dict[str, Any]:
    """Describe a setting as the JSON output has it; a secret's value is never in it."""
    from hotpin.setting_file import plain
    from hotpin.setting_layers import is_secret, value_of
    from hotpin.settings import Settings

    secret = is_secret(name)
    origin = found.origins.get(name)
    wrong = any(name in problem.names for problem in found.problems)
    value, default = (plain(value_of(whole, name)) for whole in (found.settings, Settings()))
    return {
        "name": name,
        "value": None if wrong or secret else value,
        "default": None if secret else default,
        "origin": origin,
        "secret": secret,
        "set": origin is not None and not (secret and value == default),
        "wrong": wrong,
    }


def _print_rows(rows: "Iterable[dict[str, Any]]", *, sections: bool) -> None:
    last = ""
    for row in rows:
        section, _, key = row["name"].partition(".")
        if sections and section != last:
            typer.echo(f"\n[{section}]" if last else f"[{section}]")
            last = section
        assignment = f"{key if sections else row['name']} = {_shown(row)}"
        typer.echo(f"{assignment:<40} # {_origin(row)}")


def _shown(row: "dict[str, Any]") -> str:
    from hotpin.setting_file import as_toml

    if row["secret"]:
        return "?" if row["wrong"] else "set" if row["set"] else "not set"
    if row["wrong"] and row["value"] is None:
        return "?"
    return as_toml(row["value"])


def _origin(row: "dict[str, Any]") -> str:
    if row["wrong"]:
        return f"wrong, see below; {row['origin'] or 'default'}"
    if row["set"]:
        return f"from {row['origin']}" if row["secret"] else str(row["origin"])
    if row["value"] != row["default"]:
        return f"default {row['default']}, gives way to what is set"
    return "default"


def _fail_if_any(errors: "Sequence[HotpinError]") -> None:
    from hotpin.errors import SettingsError

    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise SettingsError("; ".join(map(str, errors)), "Mend each where it stands")


def _editor() -> list[str]:
    """Give the editor's command line.

    Raises:
        SettingsError: if there is none, or nobody who could use it.
    """
    from hotpin import paths
    from hotpin.errors import SettingsError

    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        command = shlex.split(chosen, posix=os.name == "posix")
    except ValueError as error:
        raise SettingsError(f"the editor {chosen!r} is no command: {error}", "Set EDITOR to one") from error
    if command:
        return command
    by_hand = f"Edit {paths.config_file()} yourself, or use: hotpin config set"
    if not sys.stdin.isatty():
        raise SettingsError("there is no terminal to edit in", by_hand)
    for name in EDITORS:
        if program := shutil.which(name):
            return [program]
    raise SettingsError("no editor was found", f"Set EDITOR to one. {by_hand}")


def _run(command: list[str]) -> None:
    from hotpin.errors import SettingsError

    try:
        status = subprocess.run(command, check=False).returncode  # noqa: S603 - the person's own editor
    except OSError as error:
        raise SettingsError(f"the editor {command[0]!r} does not start: {error.strerror}", "Set EDITOR") from error
    if status:
        raise SettingsError(f"the editor {command[0]!r} failed with status {status}", "Set EDITOR to another one")


def _tell(change: "Change", done: str, nothing_done: str, as_json: bool) -> None:
    from hotpin import paths

    file = str(paths.config_file())
    if as_json:
        overridden_by = change.overridden_by or None
        found = {"name": change.name, "changed": change.changed, "path": file}
        print_json({**found, "overridden_by": overridden_by, "wrong": list(change.wrong)})
    else:
        typer.echo(f"{change.name} {done if change.changed else nothing_done}: {file}")
    if change.overridden_by:
        say(f"It has no effect now: {change.overridden_by} wins")
    for text in change.wrong:
        say(f"Wrong as it stands: {text}")
