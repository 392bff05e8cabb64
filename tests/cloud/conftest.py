"""A counterpart on the loopback, and engines that ask it."""

from collections.abc import Callable, Iterator

import pytest

from hotpin import registry
from hotpin.cloud import http
from hotpin.llm.base import Llm
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from tests.fakes.api_server import ApiServer, serving
from tests.fakes.counterparts import pointed_at

BuildLlm = Callable[..., Llm]
BuildStt = Callable[..., Stt]
BuildTts = Callable[..., Tts]


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _quick_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.01)


def choosing_engine(settings: Settings, stage: str, engine: str, **values: object) -> Settings:
    section = getattr(settings, stage).model_copy(update={"engine": engine, **values})
    return settings.model_copy(update={stage: section})


@pytest.fixture
def llm(api: ApiServer, settings: Settings) -> BuildLlm:
    """Builds loaded language models that ask the counterpart."""

    def build(engine: str = "openai", **values: object) -> Llm:
        built = registry.build_llm(choosing_engine(pointed_at(settings, api.url, **values), "llm", engine))
        built.load()
        return built

    return build


@pytest.fixture
def stt(api: ApiServer, settings: Settings) -> BuildStt:
    """Builds loaded recognisers that ask the counterpart."""

    def build(engine: str = "openai", language: str = "en", **values: object) -> Stt:
        chosen = choosing_engine(pointed_at(settings, api.url, **values), "stt", engine, language=language)
        built = registry.build_stt(chosen)
        built.load()
        return built

    return build


@pytest.fixture
def tts(api: ApiServer, settings: Settings) -> BuildTts:
    """Builds loaded voices that ask the counterpart."""

    def build(engine: str = "openai", speed: float = 1.0, **values: object) -> Tts:
        built = registry.build_tts(choosing_engine(pointed_at(settings, api.url, **values), "tts", engine, speed=speed))
        built.load()
        return built

    return build
