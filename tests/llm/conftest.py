"""The language-model engines: each with the real small model, and with a tiny one of Mistral's kind."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import pytest

from hotpin import cloud, models, registry
from hotpin.errors import HotpinError
from hotpin.llm.base import Llm, Message, ReplyOptions
from hotpin.settings import Settings
from tests.conftest import choosing, skip_or_fail
from tests.fakes.counterparts import chatting, pointed_at
from tests.llm.tiny_mistral import write_tiny_mistral

ENGINES = [name for name in registry.names("llm") if name != "auto" and name not in cloud.ENGINES]
REMOTE = [name for name in registry.names("llm") if name in cloud.ENGINES]

GREEDY = ReplyOptions(temperature=0.0, max_tokens=40)


class CountingLlm(Llm, Protocol):
    """What the engines of this machine offer beyond the contract."""

    evaluated_tokens: int


Make = Callable[..., CountingLlm]


class Talk:
    """One session with an engine, which counts what is evaluated."""

    def __init__(self, llm: CountingLlm, session: str) -> None:
        self.llm = llm
        self.session = session
        self._before = 0

    @property
    def evaluated(self) -> int:
        """Tokens of prompts that the last call evaluated."""
        return evaluated_tokens(self.llm) - self._before

    def prepare(self, messages: Sequence[Message]) -> None:
        self._count()
        self.llm.prepare(self.session, messages)

    def hear(self, words: str) -> None:
        self._count()
        self.llm.hear(self.session, words)

    def finished(self, words: str) -> float:
        evaluated_tokens(self.llm)  # who does not tell the one does not tell the other
        self._count()
        likelihood = self.llm.finished(self.session, words)
        assert likelihood is not None
        return likelihood

    def reply(self, messages: Sequence[Message], options: ReplyOptions = GREEDY) -> str:
        self._count()
        return "".join(self.llm.reply(self.session, messages, options))

    def _count(self) -> None:
        self._before = getattr(self.llm, "evaluated_tokens", 0)

    def fresh_reply(self, messages: Sequence[Message], options: ReplyOptions = GREEDY) -> str:
        """Reply with nothing in the cache."""
        self.llm.forget(self.session)
        return self.reply(messages, options)


def evaluated_tokens(llm: Llm) -> int:
    """Give the tokens of prompts evaluated so far; end the test where only a server knows."""
    if llm.info.server:
        pytest.skip(f"{llm.info.name} leaves this to its server")
    return cast(CountingLlm, llm).evaluated_tokens


def load_or_skip(engine: CountingLlm) -> CountingLlm:
    try:
        engine.load()
    except HotpinError as error:
        skip_or_fail(f"{engine.info.name} cannot be loaded: {error}")
    return engine


@pytest.fixture(params=ENGINES, scope="package")
def make(request: pytest.FixtureRequest, settings: Settings) -> Make:
    """Makes engines of one kind, not yet loaded, with other ``llm`` settings."""
    return lambda **values: cast(
        CountingLlm, registry.build_llm(choosing(settings, "llm", engine=request.param, **values))
    )


@pytest.fixture(scope="package")
def elsewhere(settings: Settings) -> Iterator[Settings]:
    """Settings whose engines elsewhere find llama.cpp's own server, with the real small model."""
    try:
        path = models.resolve(settings, "llm", settings.llm.model)
    except HotpinError as error:
        skip_or_fail(str(error))
    with chatting(path) as url:
        yield pointed_at(settings, url)


@pytest.fixture(params=[*ENGINES, *(pytest.param(name, marks=pytest.mark.slow) for name in REMOTE)], scope="package")
def make_any(request: pytest.FixtureRequest, settings: Settings) -> Make:
    """Makes engines of one kind, wherever they are, not yet loaded, with other ``llm`` settings."""
    name = request.param
    chosen = request.getfixturevalue("elsewhere") if name in REMOTE else settings
    return lambda **values: cast(CountingLlm, registry.build_llm(choosing(chosen, "llm", engine=name, **values)))


@pytest.fixture(scope="package")
def llm(make_any: Make) -> Iterator[CountingLlm]:
    """An engine with the real small model."""
    engine = load_or_skip(make_any())
    yield engine
    engine.close()


@pytest.fixture
def talk(llm: CountingLlm, request: pytest.FixtureRequest) -> Iterator[Talk]:
    """A session of its own for each test."""
    yield Talk(llm, request.node.name)
    llm.forget(request.node.name)


@pytest.fixture(scope="package")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_mistral(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="package")
def tiny(make: Make, tiny_model: Path) -> Iterator[CountingLlm]:
    """An engine with the tiny model of Mistral's kind."""
    engine = load_or_skip(make(model=str(tiny_model)))
    yield engine
    engine.close()


@pytest.fixture
def tiny_talk(tiny: CountingLlm, request: pytest.FixtureRequest) -> Iterator[Talk]:
    yield Talk(tiny, request.node.name)
    tiny.forget(request.node.name)
