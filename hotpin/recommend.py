"""Which models suit this machine: rules of thumb over its memory, its cores and its disk."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from hotpin import model_manifest, models
from hotpin.model_manifest import Model
from hotpin.registry import Kind

if TYPE_CHECKING:
    from hotpin.settings import Settings

ProfileName = Literal["starter", "pi", "laptop"]
"""``starter``: to be had anywhere in a minute; ``pi``: small and quick; ``laptop``: understands and answers better."""

PROFILE_NAMES: tuple[ProfileName, ...] = get_args(ProfileName)

LAPTOP_MEMORY_BYTES = 6 << 30
"""Bytes. Below that, what the system and a browser leave is too little for a 3B model. How fast the machine is, each
candidate's cores decide."""

SYSTEM_MEMORY_BYTES = 1 << 30
"""Bytes that the system and Hotpin itself take, about."""

MEMORY_SHARE = 0.7
"""Part of the rest that models may take: the person has other programs too."""

STARTER_FREE_BYTES = 2 << 30
"""Bytes. With less than that free on the disk only what is smallest is recommended."""

DISK_SHARE = 0.5
"""Part of the free disk that models may take."""

LLM_SHARE = 0.65
"""Part of both that the language model may take: an answer that is not understood or spoken well helps nobody."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that a profile may take."""

    name: str
    """A model of the manifest."""

    cores: int = 1
    """Cores from which it keeps up with a conversation, about."""


_PROFILES: Mapping[ProfileName, Mapping[Kind, Sequence[Candidate]]] = {
    "starter": {
        "stt": [Candidate("whisper-base")],
        "prosody": [Candidate("smart-turn", 2)],
        "llm": [Candidate("smollm2-135m-instruct")],
        "tts": [Candidate("hibari-heart")],
    },
    "pi": {
        "stt": [
            Candidate("vosk-small-en-us"),
            Candidate("vosk-small-ko"),
            Candidate("whisper-base", 4),
            Candidate("whisper-tiny"),
        ],
        "llm": [Candidate("smollm2-360m-instruct", 4), Candidate("smollm2-135m-instruct")],
        "tts": [Candidate("hibari-heart")],
    },
    "laptop": {
        "stt": [Candidate("whisper-small", 8), Candidate("whisper-base")],
        "prosody": [Candidate("smart-turn", 2)],
        "llm": [
            Candidate("mistral-7b-instruct-v0.3", 8),
            Candidate("ministral-3-3b-instruct", 4),
            Candidate("smollm2-1.7b-instruct", 4),
            Candidate("smollm2-360m-instruct"),
        ],
        "tts": [Candidate("kokoro-int8", 4), Candidate("hibari-heart")],
    },
}
"""The candidates of each profile, the best first, the one that always fits last."""

_OPTIONAL: frozenset[Kind] = frozenset({"prosody"})
"""What Hotpin can do without: recommended only where it fits and knows the language."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides which models can be used."""

    memory_bytes: int
    """Bytes of memory there are."""

    cores: int
    """Cores that this process may use."""

    free_bytes: int
    """Bytes free on the disk that models go to."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Models that suit a machine."""

    profile: ProfileName
    """Which kind of machine they were chosen for."""

    why: str
    """What decided it, for people."""

    models: Mapping[Kind, Model]
    """The model of each stage; one that Hotpin can do without may be left out."""

    needs: tuple[Model, ...]
    """Models that these cannot be used without."""

    @property
    def all_models(self) -> tuple[Model, ...]:
        """All models, in the order of the voice chain."""
        return (*self.models.values(), *self.needs)

    @property
    def download_bytes(self) -> int:
        """Bytes to fetch for all of them, about."""
        return sum(model.download_bytes for model in self.all_models)

    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that all of them take together, about."""
        return sum(model.memory_mb for model in self.all_models) * 1_000_000

    def settings(self) -> dict[str, str]:
        """Give the settings that choose these models, by their dotted names."""
        chosen = {}
        for kind, model in self.models.items():
            if kind == "prosody":  # it is used wherever it is
                continue
            if model.engine:
                chosen[f"{kind}.engine"] = model.engine
            if not model.package:
                chosen[f"{kind}.model"] = model.name
        return chosen


def recommend(machine: Machine, language: str = "en", profile: ProfileName | None = None) -> Recommendation:
    """Choose models for a machine.

    Args:
        machine: what it has.
        language: ISO 639-1 code of what is spoken, or ``auto``.
        profile: this one, instead of the one that suits the machine.

    Raises:
        ModelError: if the manifest is missing or damaged.
    """
    wanted = profile or _profile(machine)
    memory = MEMORY_SHARE * max(0, machine.memory_bytes - SYSTEM_MEMORY_BYTES)
    disk = DISK_SHARE * machine.free_bytes
    chosen: dict[Kind, list[Model]] = {}
    # The language model first: it is what a better machine improves most.
    for kind in ("llm", "stt", "tts", "prosody"):
        known = [(candidate.cores, _with_needs(candidate.name)) for candidate in _PROFILES[wanted].get(kind, ())]
        options = [option for option in known if _knows(option[1][0], language)]
        if kind not in _OPTIONAL:
            options = options or known
        share = LLM_SHARE if kind == "llm" else 1.0
        fitting = (
            parts
            for cores, parts in options
            if cores <= machine.cores and _memory(parts) <= share * memory and _disk(parts) <= share * disk
        )
        best = next(fitting, None) or (None if kind in _OPTIONAL else options[-1][1])
        if best:
            chosen[kind] = best
            memory -= _memory(best)
            disk -= _disk(best)
    kinds = [kind for kind in models.KINDS if kind in chosen]
    needs = tuple(need for kind in kinds for need in chosen[kind][1:])
    return Recommendation(wanted, _why(machine), {kind: chosen[kind][0] for kind in kinds}, needs)


def this_machine(settings: "Settings") -> Machine:
    """Look at the machine Hotpin runs on."""
    from hotpin.doctor.machine import memory_bytes

    folder = models.models_dir(settings).absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return Machine(memory_bytes() or 4 << 30, _cores(), shutil.disk_usage(there).free)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _profile(machine: Machine) -> ProfileName:
    if machine.free_bytes < STARTER_FREE_BYTES:
        return "starter"
    return "laptop" if machine.memory_bytes >= LAPTOP_MEMORY_BYTES else "pi"


def _with_needs(name: str) -> list[Model]:
    known = model_manifest.load()
    return [known[part] for part in models.with_needs([name])]


def _knows(model: Model, language: str) -> bool:
    """Whether it can be used with the language; to find the language out a recogniser must know many."""
    if language == "auto" and model.kind != "stt":
        return True
    return "*" in model.languages or language in model.languages


def _memory(parts: Sequence[Model]) -> int:
    return sum(model.memory_mb for model in parts) * 1_000_000


def _disk(parts: Sequence[Model]) -> int:
    return sum(model.bytes for model in parts if not model.package)


def _why(machine: Machine) -> str:
    cores = f"{machine.cores} core{'s' if machine.cores != 1 else ''}"
    return (
        f"{machine.memory_bytes / 2**30:.1f} GiB of memory, {cores}, {machine.free_bytes / 2**30:.0f} GiB free on disk"
    )
