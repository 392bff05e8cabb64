"""``hotpin sessions``: look at conversations that are kept, take them elsewhere, delete them."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hotpin.commands import common, options

if TYPE_CHECKING:
    from hotpin.errors import StoreError
    from hotpin.llm.base import Message
    from hotpin.sessions.base import Session, SessionStore
    from hotpin.settings import Settings

app = typer.Typer(help="List, show, export and delete kept conversations.", rich_markup_mode=None, no_args_is_help=True)

Format = Literal["json", "markdown"]

_NEXT_QUESTION = "…"
"""Stands for what the person will say next."""

_LIST = "hotpin sessions list shows those there are"


def _known_ids(incomplete: str) -> list[str]:
    """Complete an id; the shell is no place for errors."""
    try:
        from hotpin import settings
        from hotpin.sessions.stores import open_store

        with closing(open_store(settings.load(), create=False)) as store:
            return [session.id for session in store.sessions() if session.id.startswith(incomplete)]
    except Exception:
        return []


def _session_ids(values: list[str] | None) -> list[str]:
    for value in values or ():
        options.session_id(value)
    return list(dict.fromkeys(values or ()))


_IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="A session.", callback=options.session_id, autocompletion=_known_ids)
]


@app.command("list")
def list_command(as_json: options.JsonOption = False) -> None:
    """List the kept sessions, the one used last first."""
    from time import time

    from hotpin.sessions import texts

    with _store() as store:
        sessions = store.sessions()
    if as_json:
        common.print_json({"sessions": [texts.summary(session) for session in sessions]})
        return
    if not sessions:
        common.say("There are no sessions")
        return
    rows = [
        (
            session.id,
            session.agent,
            texts.turns(session.turn_count),
            texts.local(session.last_activity),
            texts.age(time() - session.last_activity),
        )
        for session in sessions
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (texts.readable(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def show(
    session_id: _IdArgument,
    last: Annotated[int | None, typer.Option(min=1, help="Only so many turns, the last ones.")] = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="What the model would be given next.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Show what was said."""
    if prompt and last is not None:
        raise typer.BadParameter("--prompt takes as many turns as dialog.keep_turns says, so --last cannot be given")
    settings = common.load_settings()
    session = _session(settings, session_id, settings.dialog.keep_turns if prompt else last)
    if prompt:
        _show_prompt(_next_prompt(settings, session), as_json=as_json)
        return
    from time import time

    from hotpin.sessions import texts

    if as_json:
        common.print_json(texts.as_dict(session))
        return
    for line in texts.dialogue(session, time()):
        typer.echo(line)


@app.command()
def export(
    session_id: _IdArgument,
    output_format: Annotated[
        Format | None, typer.Option("--format", help="By the file's ending if not given, else markdown.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write a session as JSON or Markdown."""
    from hotpin.sessions import exports, texts

    session = _session(common.load_settings(), session_id)
    text = exports.exported(session, output_format or exports.format_of(out))
    if out is None:
        typer.echo(text, nl=False)
        return
    exports.write(out, text, replace=force)
    common.say(f"{texts.turns(session.turn_count).capitalize()} written to {out}")


@app.command()
def delete(
    session_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Sessions.", callback=_session_ids, autocompletion=_known_ids),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Delete every session.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Delete sessions for good."""
    if every == bool(session_ids):
        raise typer.BadParameter("give either the ids of sessions or --all")
    with _store() as store:
        known = [session.id for session in store.sessions()]
        chosen = known if every else session_ids or []
        for session_id in chosen:
            if session_id not in known:
                raise _unknown(session_id)
        if chosen and not yes:
            _confirm(chosen)
        deleted = [session_id for session_id in chosen if store.delete(session_id)]
    if as_json:
        common.print_json({"deleted": deleted})
    else:
        common.say(f"Deleted: {', '.join(deleted)}" if deleted else "There are no sessions")


@contextmanager
def _store(settings: "Settings | None" = None) -> "Iterator[SessionStore]":
    from hotpin.sessions.stores import MEMORY, open_store

    settings = settings or common.load_settings()
    if settings.sessions.store.strip() == MEMORY:
        common.say("Nothing is kept between processes: sessions.store is memory")
    with closing(open_store(settings, create=False)) as store:
        yield store


def _session(settings: "Settings", session_id: str, last: int | None = None) -> "Session":
    with _store(settings) as store:
        session = store.load(session_id, last)
    if session is None:
        raise _unknown(session_id)
    return session


def _unknown(session_id: str) -> "StoreError":
    from hotpin.errors import StoreError

    return StoreError(f"there is no session {session_id!r}", _LIST)


def _confirm(session_ids: list[str]) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask in: give --yes to delete without being asked")
    what = repr(session_ids[0]) if len(session_ids) == 1 else f"{len(session_ids)} sessions"
    if not common.confirmed(f"Delete {what} for good?", default=False):
        common.say("Nothing is deleted")
        raise typer.Exit(1)


def _next_prompt(settings: "Settings", session: "Session") -> "list[Message]":
    """Give the messages that come before the next question, with the questions that it will be joined to."""
    from dataclasses import replace

    from hotpin import personas
    from hotpin.app import system_prompt
    from hotpin.sessions.restore import restored

    persona = personas.find(session.agent or settings.dialog.agent)
    dialog = settings.dialog
    history = restored(session, system_prompt(settings, persona), dialog.max_turns, dialog.keep_turns)
    *messages, question = history.messages(_NEXT_QUESTION)
    unanswered = question.content.removesuffix(_NEXT_QUESTION).rstrip()
    return [*messages, replace(question, content=unanswered)] if unanswered else messages


def _show_prompt(messages: "list[Message]", *, as_json: bool) -> None:
    from hotpin.sessions import texts

    if as_json:
        common.print_json({"messages": [{"role": each.role, "content": each.content} for each in messages]})
        return
    for message in messages:
        typer.echo(f"{message.role}: {texts.readable(message.content)}\n")
