"""``config.toml`` as Hotpin writes it: a commented template, and single values set and taken out."""

import ast
import difflib
import inspect
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from hotpin import paths, toml_files
from hotpin.errors import HotpinError, SettingsError
from hotpin.setting_checks import faults
from hotpin.setting_layers import examine, is_secret, setting_names, value_of
from hotpin.settings import Origin, Settings

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_HEAD = """\
# Hotpin's settings. Take the "# " away before a setting to change it.
# What is in force, and where it comes from: hotpin config show
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a setting in ``config.toml``."""

    name: str
    """``section.key``."""

    changed: bool
    """Whether the file is another than before."""

    overridden_by: Origin
    """What wins over the file; empty if nothing does."""

    wrong: tuple[str, ...] = ()
    """What is wrong with the settings now: with others, or between this one and others."""


def known(name: str) -> str:
    """Return ``name`` if it is a setting.

    Raises:
        SettingsError: if it is none; it lists those that come near, or the section's, or the sections.
    """
    names = setting_names()
    if name in names:
        return name
    section = name.partition(".")[0]
    near = difflib.get_close_matches(name, names, n=1) or [n for n in names if n.partition(".")[2] == name]
    guess = f"Did you mean {near[0]}? " if near else ""
    in_section = [other for other in names if other.startswith(f"{section}.")]
    if in_section:
        raise SettingsError(f"there is no setting {name!r}", f"{guess}Settings are: {', '.join(in_section)}")
    sections = ", ".join(Settings.model_fields)
    raise SettingsError(f"there is no setting {name!r}", f"{guess}Settings are SECTION.KEY; sections are: {sections}")


def set_value(name: str, text: str) -> Change:
    """Write a setting into ``config.toml``, comments and order kept.

    Args:
        name: ``section.key``.
        text: the value as a person writes it: ``true``, ``0.5``, ``30 days``, without quotes.

    Raises:
        SettingsError: if there is no such setting, it cannot have this value, or the file cannot be written.
    """
    section, _, key = known(name).partition(".")
    document, path = _document()
    value = _typed(name, text)
    table = document.setdefault(section, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: {section!r} stands outside a section", "Mend it with: hotpin config edit")
    changed = key not in table or table[key] != value
    if changed:
        table[key] = value
        _write(document, path, name)
    return _changed(name, path, changed=changed)


def unset(name: str) -> Change:
    """Take a setting out of ``config.toml``, comments and order kept; also what is no setting, if it stands there.

    Raises:
        SettingsError: if there is no such setting, or the file cannot be written.
    """
    section, _, key = name.partition(".")
    document, path = _document()
    table: Any = document.get(section)
    if isinstance(table, dict) and key in table:
        del table[key]
    elif section in document and not key and (section not in Settings.model_fields or not isinstance(table, dict)):
        del document[section]
    else:
        return _changed(known(name), path, changed=False)
    _write(document, path, name)
    return _changed(name, path, changed=True)


def make_template() -> bool:
    """Write ``config.toml`` with every setting in a comment, unless it is there; return whether it was made.

    Raises:
        SettingsError: if it cannot be written.
    """
    path = paths.config_file()
    if path.exists():
        return False
    toml_files.replace(path, template(), private=True)
    return True


def template() -> str:
    """Give a ``config.toml`` with every setting, its meaning and its default in comments: it changes nothing."""
    texts = descriptions()
    defaults = Settings()
    lines = [_HEAD]
    for section in Settings.model_fields:
        lines += [f"[{section}]", _comment(texts[section])]
        for name in setting_names():
            if name.startswith(f"{section}."):
                lines += [
                    "",
                    _comment(texts[name]),
                    f"# {name.partition('.')[2]} = {as_toml(value_of(defaults, name))}",
                ]
        lines.append("")
    return "\n".join(lines)


def descriptions() -> Mapping[str, str]:
    """Give what each section and each setting (``section.key``) means: the docstring that stands with it."""
    texts = {}
    for section, field in Settings.model_fields.items():
        source = inspect.getsource(type(field.default))
        (node,) = (one for one in ast.parse(source).body if isinstance(one, ast.ClassDef))
        texts[section] = _plain(ast.get_docstring(node) or "")
        for before, after in zip(node.body, node.body[1:], strict=False):
            match before, after:
                case ast.AnnAssign(target=ast.Name(id=key)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[f"{section}.{key}"] = _plain(text)
    return texts


def as_toml(value: object) -> str:
    """Write a setting's value as TOML has it; a secret is never written, and what is not set is empty."""
    return '""' if value is None or isinstance(value, SecretStr) else json.dumps(plain(value), ensure_ascii=False)


def plain(value: Any) -> Any:  # noqa: ANN401 - settings have all kinds of values
    """Give a setting's value as JSON and TOML can hold it: a duration as text."""
    return duration(value) if isinstance(value, timedelta) else value


def duration(value: timedelta) -> str:
    """Write a duration in the largest unit that it is a whole number of."""
    seconds = value.total_seconds()
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        count = seconds / unit
        if count >= 1 and count.is_integer():
            return f"{count:.0f} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"


def _comment(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ")


def _plain(docstring: str) -> str:
    return " ".join(docstring.replace("``", "`").split())


def _document() -> "tuple[TOMLDocument, Path]":
    import tomlkit

    path = paths.config_file()
    text = toml_files.read(path) or ""
    toml_files.parse(text, path)
    return tomlkit.parse(text), path


def _typed(name: str, text: str) -> Any:  # noqa: ANN401 - settings have all kinds of values
    """Give the value that ``text`` is written as, checked: a number or a yes-or-no as such, everything else as text."""
    found = examine({name: text}, {}, toml="")
    for problem in found.problems:
        if problem.names == (name,):
            message = problem.error.message.removeprefix(f"option {name}: ")
            raise SettingsError(message, problem.error.fix)
    value = value_of(found.settings, name)
    return value if isinstance(value, bool | int | float) else text


def _write(document: "TOMLDocument", path: Path, name: str) -> None:
    """Write the file, unless ``name`` is wrong in it: it may contradict another setting, or name what is not there."""
    text = document.as_string()
    found = examine({}, {}, toml=text)
    for problem in found.problems:
        if name in problem.names:
            raise problem.error
    if name in found.origins:
        for fault in faults(found.settings):
            if fault.name == name:
                raise fault.error
    secrets = [other for other, origin in found.origins.items() if is_secret(other) and origin == str(path)]
    in_address = found.settings.sessions.redis_password.get_secret_value()
    toml_files.replace(path, text, private=bool(secrets or in_address))


def _changed(name: str, path: Path, *, changed: bool) -> Change:
    found = examine()
    origin = found.origins.get(name, str(path))
    wrong: list[HotpinError] = [problem.error for problem in found.problems]
    wrong += [fault.error for fault in faults(found.settings)]
    return Change(name, changed, "" if origin == str(path) else origin, tuple(map(str, wrong)))
