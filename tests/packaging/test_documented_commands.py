"""Every command, option and setting that the documents name is there."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from hotpin.cli import app
from hotpin.setting_layers import setting_names
from hotpin.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_LANGUAGES = ("", "sh", "console", "bash")
_CALL = re.compile(r"(?:^|\s)(?:\S*/)?hotpin(?:\s|$)")
_END = frozenset({"|", "&&", ";", ">", "&"})


def calls(text: str) -> Iterator[str]:
    """Find the calls of Hotpin in a document: a line each of its code blocks, and what stands between backquotes."""
    for language, block in _FENCED.findall(text):
        if language in _LANGUAGES:
            lines = block.replace("\\\n", " ").splitlines()
            yield from (line for line in lines if re.match(r"(?:\S*/)?hotpin(\s|$)", line.removeprefix("$ ").strip()))
    for code in _INLINE.findall(_FENCED.sub("", text)):
        if code.startswith("hotpin "):
            yield " ".join(code.split())


def words(call: str) -> list[str]:
    """Take a call apart as a shell does, up to a comment or the next command."""
    found = shlex.split(re.split(r"\s#\s", call.removeprefix("$ "))[0].replace("…", ""))
    end = next((at for at, word in enumerate(found) if word in _END), len(found))
    return found[1:end]


@cache
def hotpin() -> Any:  # noqa: ANN401 - of the library that Typer is built on
    return typer.main.get_command(app)


def fault(call: str) -> str:
    """Say what of a call is not there; empty if all is."""
    command = hotpin()
    options = names(command)
    for word in words(call):
        if word.startswith("-"):
            if not set(word.partition("=")[0].split("|")) <= options:
                return word
        elif hasattr(command, "commands"):
            found = [command.commands.get(name) for name in word.split("|")]  # status|mute|stop
            if None in found:
                return word
            command = found[0]
            options = names(command) | {"--help", "-h"}
    return ""


def names(command: Any) -> set[str]:  # noqa: ANN401 - likewise
    return {"--help", "-h", *(name for option in command.params for name in (*option.opts, *option.secondary_opts))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_that_a_document_names_is_there(document: Path) -> None:
    assert {call: fault(call) for call in calls(document.read_text()) if fault(call)} == {}


def test_the_readme_shows_every_command() -> None:
    shown = {first for call in calls((ROOT / "README.md").read_text()) for first in words(call)[:1]}
    there = set(hotpin().commands)
    assert there - shown <= {"unmute"}  # named beside another


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("hotpin frobnicate", "frobnicate"),
        ("hotpin ask --loud x", "--loud"),
        ("hotpin models frob", "frob"),
        ('.venv/bin/hotpin ask "Why?" --out reply.wav  # a comment --loud', ""),
        ("hotpin status|mute|frob", "status|mute|frob"),
    ],
)
def test_what_is_not_there_is_found(call: str, wrong: str) -> None:
    assert fault(call) == wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_that_a_document_names_is_there(document: Path) -> None:
    sections = "|".join(Settings.model_fields)
    text = document.read_text()
    dotted = set(re.findall(rf"`((?:{sections})\.[a-z_]+)(?=[` =])", text))
    variables = {f"{section}.{key}".lower() for section, key in re.findall(r"HOTPIN_([A-Z]+)__([A-Z_]+)", text)}
    files = {name for name in dotted if name.endswith((".py", ".toml", ".md"))}
    assert (dotted | variables) - files - {"section.key"} <= set(setting_names())
