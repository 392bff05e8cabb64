"""Engines elsewhere: servers that are asked over HTTP. Off unless the settings name one: a key alone does nothing."""

from typing import TYPE_CHECKING, Literal

from hotpin import registry
from hotpin.errors import SettingsError

if TYPE_CHECKING:
    from hotpin.settings import Settings

ENGINES = frozenset({"openai", "groq", "elevenlabs"})
"""Names of the engines that ask a server."""

Stage = Literal["stt", "llm", "tts"]

STAGES: tuple[Stage, ...] = ("stt", "llm", "tts")
"""Kinds of engines that can be elsewhere, in the order of the voice chain."""


def check_fallback(settings: "Settings", stage: Stage) -> None:
    """Refuse a fallback that is no engine of this machine.

    Raises:
        SettingsError: naming those there are.
    """
    fallback = getattr(settings, stage).fallback
    engines = [name for name in registry.names(stage) if name not in ENGINES]
    if fallback and fallback not in engines:
        raise SettingsError(
            f"{stage}.fallback is {fallback!r}, which is no {stage} engine of this machine",
            f"Choose one of: {', '.join(engines)}",
        )


def local(settings: "Settings") -> "Settings":
    """Give the settings with the fallback of each engine elsewhere in its place: what this machine must have.

    An engine elsewhere without a fallback stays. A voice is named for one engine only: the fallback's is its default.
    """
    changed: dict[str, object] = {}
    for stage in STAGES:
        section = getattr(settings, stage)
        if section.engine in ENGINES and section.fallback:
            other_voice = {"voice": ""} if stage == "tts" else {}
            changed[stage] = section.model_copy(update={"engine": section.fallback, **other_voice})
    return settings.model_copy(update=changed)
