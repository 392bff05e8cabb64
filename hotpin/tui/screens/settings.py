"""The settings as a form; what is changed is written to ``config.toml``, and the call goes on with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, Label, OptionList, Static

from hotpin import paths, setting_file
from hotpin.errors import SettingsError
from hotpin.sessions.texts import harmless
from hotpin.setting_checks import faults
from hotpin.setting_file import Change, plain
from hotpin.setting_layers import examine, is_secret, setting_names, value_of
from hotpin.settings import Settings
from hotpin.tui import choices
from hotpin.tui.background import in_background
from hotpin.tui.screens.closing import ClosesOnce
from hotpin.tui.screens.dialogs import Confirm
from hotpin.tui.toasts import toast, toast_error

if TYPE_CHECKING:
    from hotpin.tui.app import Interface

_NOT_OF_A_CALL = ("server", "log")
"""Sections that a call does not depend on."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as the form shows it."""

    name: str
    """``section.key``."""

    text: str
    """Its value as a person writes it; empty for a secret."""

    default: str
    meaning: str

    origin: str
    """Where the value stands; empty for a default."""

    secret: bool
    wrong: str = ""
    """What is wrong with it as it stands."""


@dataclass(frozen=True, slots=True)
class Form:
    """All settings as they are now."""

    sections: Mapping[str, str]
    """What each section is about."""

    settings: Sequence[Setting]
    wrong: tuple[str, ...]
    """What is wrong with whole sources."""


Outcome = Change | SettingsError


class Field(Vertical):
    """One setting: its name, a line to change it in, what it means, what is wrong."""

    def __init__(self, setting: Setting, text: str) -> None:
        super().__init__()
        self.setting = setting
        hint = ("set" if setting.origin else "not set") if setting.secret else "empty"
        self.input = Input(text, placeholder=hint, password=setting.secret, compact=True)
        self._wrong = Static(harmless(setting.wrong), classes="wrong", markup=False)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        setting = self.setting
        default = "" if setting.secret else f"  default: {setting.default or 'empty'}"
        origin = f"  from {setting.origin}" if setting.origin else ""
        yield Label(harmless(f"{setting.name}{default}{origin}"), markup=False)
        yield self.input
        yield Static(setting.meaning, classes="meaning", markup=False)
        yield self._wrong

    def show_wrong(self, text: str) -> None:
        """Say what is wrong; nothing if it is empty."""
        self._wrong.update(harmless(text))


class SettingsScreen(ClosesOnce[None]):
    """Every setting, section by section.

    Args:
        interface: whose call goes on with what is changed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("ctrl+s", "save", "Save"),
        Binding("f8", "default", "Default"),
    ]

    def __init__(self, interface: "Interface") -> None:
        super().__init__()
        self._interface = interface
        self._form = Form({}, (), ())
        self._drafts: dict[str, str] = {}
        """What was changed and is not saved yet."""
        self._heading = Static("Settings", classes="title", markup=False)
        self._sections = OptionList(compact=True)
        self._fields = VerticalScroll(id="fields")

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield self._heading
        with Horizontal():
            yield self._sections
            yield self._fields
        yield Footer()

    def on_screen_resume(self) -> None:
        """Show what holds now."""
        self._read()

    def action_leave(self) -> None:
        """Go back, unless something would be lost that is meant to be kept."""
        if not self._drafts:
            self.dismiss()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._drafts.clear()
                self.dismiss()

        self._interface.push_screen(Confirm("Leave without saving what you changed?"), answered)

    def action_save(self) -> None:
        """Write all that was changed."""
        if self._drafts:
            self._write(dict(self._drafts))

    def action_default(self) -> None:
        """Let the default of the focused setting hold again."""
        field = next((one for one in self._fields.query(Field) if one.input.has_focus), None)
        if field is not None:
            self._write({field.setting.name: None})

    def _write(self, texts: Mapping[str, str | None]) -> None:
        in_background(self._interface, partial(_save, texts), self._saved, self._failed)

    def _saved(self, outcomes: Mapping[str, Outcome]) -> None:
        changed = []
        for name, outcome in outcomes.items():
            if isinstance(outcome, SettingsError):
                self._show_wrong(name, str(outcome))
                toast(self._interface, str(outcome), "error")
                continue
            self._drafts.pop(name, None)
            if outcome.changed:
                changed.append(name)
            if outcome.overridden_by:
                toast(self._interface, f"{name} has no effect now: {outcome.overridden_by} wins", "warning")
        if not changed:
            return
        toast(self._interface, f"Saved in {paths.config_file()}: {', '.join(changed)}")
        self._read()
        if any(name.partition(".")[0] not in _NOT_OF_A_CALL for name in changed):
            plan = choices.updated(self._interface.call.plan, changed)
            self._interface.reopen(plan, f"Settings: {', '.join(changed)}")

    def _show_wrong(self, name: str, text: str) -> None:
        for field in self._fields.query(Field):
            if field.setting.name == name:
                field.show_wrong(text)

    def _read(self) -> None:
        in_background(self._interface, _read, self._show, self._failed)

    async def _show(self, form: Form) -> None:
        self._form = form
        wrong = f"  {'; '.join(form.wrong)}" if form.wrong else f"  {paths.config_file()}"
        self._heading.update(harmless(f"Settings{wrong}"))
        self._heading.set_class(bool(form.wrong), "wrong")
        if not self._sections.option_count:
            self._sections.add_options(form.sections)
            self._sections.highlighted = 0
            self._sections.focus()
        else:
            await self._show_section()

    @on(OptionList.OptionHighlighted)
    async def _show_section(self) -> None:
        section = list(self._form.sections)[self._sections.highlighted or 0]
        focused = next((one.setting.name for one in self._fields.query(Field) if one.input.has_focus), "")
        async with self.batch():
            await self._fields.remove_children()
            fields = [
                Field(one, self._drafts.get(one.name, one.text))
                for one in self._form.settings
                if one.name.startswith(f"{section}.")
            ]
            await self._fields.mount(Static(self._form.sections[section], classes="meaning", markup=False), *fields)
        for field in fields:
            if field.setting.name == focused:
                field.input.focus()

    @on(OptionList.OptionSelected)
    def _enter_section(self) -> None:
        self._fields.query(Field).first().input.focus()

    @on(Input.Changed)
    def _note(self, changed: Input.Changed) -> None:
        setting = self._setting_of(changed.input)
        if changed.value == setting.text:
            self._drafts.pop(setting.name, None)
        else:
            self._drafts[setting.name] = changed.value

    @on(Input.Submitted)
    def _submit(self, submitted: Input.Submitted) -> None:
        name = self._setting_of(submitted.input).name
        if name in self._drafts:
            self._write({name: self._drafts[name]})

    @staticmethod
    def _setting_of(line: Input) -> Setting:
        field = line.parent
        assert isinstance(field, Field)  # noqa: S101 - there are no other lines
        return field.setting

    def _failed(self, error: Exception) -> None:
        toast_error(self._interface, error, "Settings")


def _read() -> Form:
    """Read every source anew; a file that was broken by hand is shown as what it is."""
    found = examine()
    texts, defaults = setting_file.descriptions(), Settings()
    wrong = {name: str(problem.error) for problem in found.problems for name in problem.names}
    wrong |= {fault.name: str(fault.error) for fault in faults(found.settings)}
    settings = [
        Setting(
            name=name,
            text="" if is_secret(name) else _written(value_of(found.settings, name)),
            default="" if is_secret(name) else _written(value_of(defaults, name)),
            meaning=texts[name],
            origin=found.origins.get(name, ""),
            secret=is_secret(name),
            wrong=wrong.get(name, ""),
        )
        for name in setting_names()
    ]
    sections = {section: texts[section] for section in Settings.model_fields}
    return Form(sections, settings, tuple(str(one.error) for one in found.problems if not one.names))


def _written(value: object) -> str:
    """Write a value as a person does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(plain(value))


def _save(texts: Mapping[str, str | None]) -> dict[str, Outcome]:
    """Write settings, each by itself, so that a wrong one does not hold up the others; ``None`` takes one out."""
    outcomes: dict[str, Outcome] = {}
    for name, text in texts.items():
        try:
            outcomes[name] = setting_file.unset(name) if text is None else setting_file.set_value(name, text)
        except SettingsError as error:
            outcomes[name] = error
    return outcomes
