"""Who answers: a name, a prompt, a voice for each engine, and how long and how freely it speaks."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_TEMPERATURE = 0.7
DEFAULT_MAX_TOKENS = 150


class Persona(BaseModel):
    """A persona, checked. ``model_fields_set`` tells which values its file gives and which are defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """The name it is chosen by."""

    name: str
    """The name for people."""

    description: str = ""
    """What it is for, in one line."""

    prompt: str
    """The system prompt."""

    voice: Mapping[str, str] = {}
    """A voice for each engine, by the engine's name; an engine that is not there speaks with its default."""

    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0.0, le=2.0)
    """Randomness of the reply, 0 for none."""

    max_tokens: int = Field(default=DEFAULT_MAX_TOKENS, ge=1, le=4096)
    """Tokens of one reply at most."""


HOTPIN = Persona(
    id="hotpin",
    name="Hotpin",
    description="A helpful voice assistant",
    prompt="You are Hotpin, a helpful voice assistant. Give short, correct answers in plain English, in one to three "
    "sentences, without lists or emoji. If you do not know something, say so.",
)

BUILT_IN: Mapping[str, Persona] = {persona.id: persona for persona in (HOTPIN,)}


def find(persona_id: str) -> Persona:
    """Look a persona up: one of the person's own, else a built-in one.

    Raises:
        SettingsError: if there is none of that id; it lists those there are.
    """
    return BUILT_IN[persona_id]
