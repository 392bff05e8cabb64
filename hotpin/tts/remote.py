"""What voices elsewhere have in common."""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled
from hotpin.tts import pcm

if TYPE_CHECKING:
    from hotpin.cloud.http import Request
    from hotpin.cloud.service import Service
    from hotpin.settings import Settings
    from hotpin.tts.base import Voice


class RemoteTts:
    """A voice engine that asks a server; what it asks is up to its kinds.

    Args:
        service: who is asked.
        settings: all of them.
    """

    def __init__(self, service: "Service", settings: "Settings") -> None:
        self._service = service
        self._settings = settings

    def voice(self, name: str = "") -> "Voice":
        """Look a voice up."""
        raise NotImplementedError

    def load(self) -> None:
        """Get ready to ask; the server is not asked yet, so that it need not be there at the start.

        Raises:
            SettingsError: if it cannot be asked: no key, or no network allowed.
            TtsError: if there is no such voice.
        """
        from hotpin.cloud.http import shared

        self._service.check()
        self.voice(self._settings.tts.voice)
        shared()

    def close(self) -> None:
        """Do nothing: the connections are the process's."""

    def _frames(self, text: str, request: "Request", rate: int, cancelled: Cancelled) -> Generator[Frame, None, None]:
        """Ask for speech of ``text``, unless there is nothing to say, and give it as it comes."""
        from hotpin.cloud.http import shared

        self._service.check()
        if not text:
            return
        with closing(shared().body(self._service, request, cancelled)) as pieces:
            yield from _until(pcm.frames(pieces, rate), cancelled)


def _until(frames: Iterator[Frame], cancelled: Cancelled) -> Iterator[Frame]:
    for frame in frames:
        if cancelled():
            return
        yield frame
