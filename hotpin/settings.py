"""All settings; each stands once, with its unit, default and reason, in ``setting_*.py`` or here.

Later sources win: defaults, ``config.toml`` in the config folder, ``.env`` (config folder, then working folder), the
environment (``HOTPIN_SECTION__KEY``, and the names of earlier designs), then options of the command line.
``setting_sources.py`` reads them, ``setting_layers.py`` lays them over each other and checks the result.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from hotpin.setting_engines import CloudSettings, LlmSettings, SttSettings, TtsSettings, VadSettings
from hotpin.setting_server import ServerSettings
from hotpin.setting_talk import AudioSettings, DialogSettings, SessionsSettings, TurnSettings, WakeSettings
from hotpin.setting_types import Section

__all__ = [
    "AudioSettings",
    "CloudSettings",
    "DialogSettings",
    "LlmSettings",
    "LogSettings",
    "ModelsSettings",
    "Origin",
    "ServerSettings",
    "SessionsSettings",
    "Settings",
    "SttSettings",
    "TtsSettings",
    "TurnSettings",
    "VadSettings",
    "WakeSettings",
    "load",
    "load_with_origins",
]


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


class ModelsSettings(Section):
    """Where models are."""

    dir: str = ""
    """Folder of the models; empty means the cache folder."""

    offline: bool = False
    """Never touch the network."""


class LogSettings(Section):
    """Logs; words that were said or written never go there."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = "WARNING"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""

    debug: bool = False
    """Whether errors are shown with their tracebacks."""


class Settings(Section):
    """All settings, checked."""

    audio: AudioSettings = AudioSettings()
    vad: VadSettings = VadSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    dialog: DialogSettings = DialogSettings()
    turn: TurnSettings = TurnSettings()
    wake: WakeSettings = WakeSettings()
    sessions: SessionsSettings = SessionsSettings()
    models: ModelsSettings = ModelsSettings()
    server: ServerSettings = ServerSettings()
    cloud: CloudSettings = CloudSettings()
    log: LogSettings = LogSettings()

    @property
    def spoken_language(self) -> str:
        """The language of the replies: an ISO 639-1 code, or ``auto`` where nobody can tell."""
        return self.tts.language or self.stt.language


Origin = str
"""Where a value came from, as a person would say it: a file's path, an environment name, an option."""


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read every source and return the checked settings.

    Args:
        overrides: values of command-line options by dotted name, such as ``{"stt.engine": "whisper"}``; ``None`` values
            are options that were not given.
        environ: the environment; the process's own by default.

    Raises:
        SettingsError: naming where the wrong value stands, what it is, and what is allowed.
    """
    return load_with_origins(overrides, environ)[0]


def load_with_origins(
    overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, Mapping[str, Origin]]:
    """Do as ``load`` does, and say where each value came from that is not a default, by ``section.key``."""
    from hotpin.setting_layers import examine  # it checks by the classes above

    found = examine(overrides, environ)
    found.tell_warnings()
    if found.problems:
        raise found.problems[0].error
    return found.settings, found.origins
