"""Kokoro's voices: what their names say, those that are in a folder, and blends of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin.errors import ModelError, TtsError
from hotpin.tts.base import Voice, find_voice

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

DEFAULT = "af_heart"
"""The voice with the best grade of its makers."""

ROWS = 510
"""Rows of a voice: one style for each number of phonemes, and so the most phonemes in one call."""

WIDTH = 256
"""Numbers in a style."""

ENGINE = "kokoro"


@dataclass(frozen=True, slots=True)
class Accent:
    """What the first letter of a voice's name means."""

    language: str
    """ISO 639-1 code."""

    title: str
    """The name for people."""

    espeak: str = ""
    """espeak-ng's name of the language where the model was trained on espeak-ng's phonemes; else empty."""


ACCENTS: Mapping[str, Accent] = {
    "a": Accent("en", "American English"),
    "b": Accent("en", "British English"),
    "e": Accent("es", "Spanish", "es"),
    "f": Accent("fr", "French", "fr-fr"),
    "h": Accent("hi", "Hindi", "hi"),
    "i": Accent("it", "Italian", "it"),
    "j": Accent("ja", "Japanese"),
    "p": Accent("pt", "Brazilian Portuguese", "pt-br"),
    "z": Accent("zh", "Mandarin Chinese"),
}
_GENDERS = {"f": "female", "m": "male"}


@dataclass(frozen=True, slots=True)
class Blend:
    """Voices and their shares; a single voice is a blend of one."""

    parts: tuple[tuple[str, float], ...]
    """Name and weight of each; the weights add up to 1."""

    @property
    def accent(self) -> str:
        """The key in ``ACCENTS`` of the first voice, which decides the language."""
        return self.parts[0][0][0]


def list_voices(folder: Path, suffix: str = ".bin") -> list[Voice]:
    """List the voices whose files are in ``folder``, the default first, then by name."""
    names = sorted((path.stem for path in folder.glob(f"??_*{suffix}")), key=lambda name: (name != DEFAULT, name))
    return [described(name) for name in names if name[0] in ACCENTS and name[1] in _GENDERS]


def described(name: str) -> Voice:
    """Say what the voice ``name`` is, from its name."""
    accent = ACCENTS[name[0]]
    return Voice(name, (accent.language,), f"{accent.title}, {_GENDERS[name[1]]}")


def find(voices: Sequence[Voice], name: str, engine: str = ENGINE) -> Voice:
    """Look up a voice or a blend; empty means the default.

    Raises:
        TtsError: if a voice is not there (it lists those that are), or a weight is no positive number.
    """
    if "," not in name and ":" not in name:
        return find_voice(engine, voices, name)
    first = blend(voices, name, engine).parts[0][0]
    languages = find_voice(engine, voices, first).languages
    return Voice(name, languages, f"a blend, {described(first).title} first")


def blend(voices: Sequence[Voice], name: str, engine: str = ENGINE) -> Blend:
    """Read ``af_heart:0.6,bf_emma:0.4``: weights may be left out (1) and need not add up to 1.

    Raises:
        TtsError: as ``find``.
    """
    if "," not in name and ":" not in name:
        return Blend(((find_voice(engine, voices, name).name, 1.0),))
    parts = [_part(voices, part.strip(), name, engine) for part in name.split(",")]
    whole = sum(weight for _, weight in parts)
    return Blend(tuple((voice, weight / whole) for voice, weight in parts))


def style(folder: Path, mixed: Blend) -> "npt.NDArray[np.float32]":
    """Read the style of a blend: shape (510, 256); the row to use is that of the number of phonemes less one.

    Raises:
        ModelError: if a voice's file cannot be read or is damaged.
    """
    import numpy as np

    mean = np.zeros((ROWS, WIDTH), np.float32)
    for name, weight in mixed.parts:
        path = folder / f"{name}.bin"
        try:
            numbers = np.fromfile(path, "<f4")
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from error
        if numbers.size != ROWS * WIDTH or not np.all(np.isfinite(numbers)):
            raise _unreadable(path, f"it is not {ROWS} x {WIDTH} numbers")
        mean += np.float32(weight) * numbers.reshape(ROWS, WIDTH)
    return mean


def _part(voices: Sequence[Voice], part: str, whole: str, engine: str) -> tuple[str, float]:
    voice, colon, share = (piece.strip() for piece in part.partition(":"))
    if not voice:
        raise TtsError(f"the blend {whole!r} names no voice in {part!r}", "Write it like af_heart:0.6,bf_emma:0.4")
    name = find_voice(engine, voices, voice).name
    try:
        weight = float(share) if colon else 1.0
    except ValueError:
        weight = 0.0
    # The bounds also keep out what is infinite or not a number.
    if not 0.0 < weight <= 1e6:  # noqa: PLR2004
        raise TtsError(
            f"the blend {whole!r} has the weight {share!r} for {voice}", "Give a number above 0, as in af_heart:0.6"
        )
    return name, weight


def _unreadable(path: Path, why: str) -> ModelError:
    return ModelError(
        f"the voice {path} cannot be read: {why}", "Fetch the voices again: hotpin models pull kokoro-voices"
    )
