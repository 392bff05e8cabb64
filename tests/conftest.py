"""What tests share: settings nobody has touched, and the real engines, loaded once."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn, TypeVar

import numpy as np
import pytest

from hotpin import cloud, models, registry
from hotpin import settings as all_settings
from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.audio.resample import Resampler
from hotpin.errors import HotpinError
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from tests.fakes.api_server import Script, serving
from tests.fakes.counterparts import pointed_at, speaking, transcribing

Engine = TypeVar("Engine", Stt, Tts)

STT_LANGUAGES = {"vosk": "ko"}
"""What a recogniser's model understands, where that is not English."""

Spoken = Callable[[str], Samples]
"""Says a text: int16, shape (n,), 16 kHz."""


def skip_or_fail(reason: str) -> NoReturn:
    """End a test whose needs are not installed here; where everything must be installed, it has failed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The defaults, whatever this machine's person has set; only their models are used."""
    folder = models.models_dir(all_settings.load())
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOTPIN_HOME", str(home))
        patch.chdir(home)
        return all_settings.load({"models.dir": str(folder)}, {})


class Loaded:
    """Engines with their real models, each loaded at its first use.

    Those elsewhere ask a counterpart on the loopback, behind which an engine of this machine does the work.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servers = ExitStack()
        self._elsewhere: dict[str, Settings] = {}
        self._stt: dict[str, Stt] = {}
        self._tts: dict[str, Tts] = {}

    def stt(self, name: str) -> Stt:
        values = {"engine": name, "language": STT_LANGUAGES.get(name, "en")}
        return self._loaded(
            self._stt, name, lambda: registry.build_stt(choosing(self.settings("stt", name), "stt", **values))
        )

    def tts(self, name: str) -> Tts:
        return self._loaded(
            self._tts, name, lambda: registry.build_tts(choosing(self.settings("tts", name), "tts", engine=name))
        )

    def settings(self, kind: str, name: str) -> Settings:
        """Give settings with which an engine can work, wherever it is."""
        if name not in cloud.ENGINES:
            return self._settings
        if kind not in self._elsewhere:
            script = transcribing(self.stt("whisper")) if kind == "stt" else self._speaking()
            server = self._servers.enter_context(serving(script))
            self._elsewhere[kind] = pointed_at(self._settings, server.url)
        return self._elsewhere[kind]

    def _speaking(self) -> Script:
        fast = registry.build_tts(choosing(self._settings, "tts", engine="hibari", speed=1.5))
        fast.load()
        return speaking(fast, self.tts("hibari"))

    def close(self) -> None:
        self._servers.close()
        engines: list[Stt | Tts] = [*self._stt.values(), *self._tts.values()]
        for engine in engines:
            engine.close()

    @staticmethod
    def _loaded(engines: dict[str, Engine], name: str, build: Callable[[], Engine]) -> Engine:
        if name not in engines:
            try:
                engine = build()
                engine.load()
            except HotpinError as error:
                skip_or_fail(f"{name} cannot be loaded: {error}")
            engines[name] = engine
        return engines[name]


@pytest.fixture(scope="session")
def loaded(settings: Settings) -> Iterator[Loaded]:
    """Real engines by name; what is not installed skips the test that asks for it."""
    engines = Loaded(settings)
    yield engines
    engines.close()


@pytest.fixture(scope="session")
def whisper(loaded: Loaded) -> Stt:
    """The recogniser with its real model."""
    return loaded.stt("whisper")


@pytest.fixture(scope="session")
def hibari(loaded: Loaded) -> Tts:
    """The small voice."""
    return loaded.tts("hibari")


@pytest.fixture(scope="session")
def spoken(hibari: Tts) -> Spoken:
    """A person who says what the test wants to be heard."""

    def say(text: str) -> Samples:
        frames = list(hibari.speak(text))
        resampler = Resampler(frames[0].rate, CAPTURE_RATE)
        pieces = [resampler.push(frame.samples) for frame in frames]
        return np.concatenate([*pieces, resampler.flush()])

    return say


def choosing(settings: Settings, section: str, **values: str | float) -> Settings:
    """Give the settings with other ``values`` in one section."""
    changed = getattr(settings, section).model_copy(update=values)
    return settings.model_copy(update={section: changed})
