"""The language-model engines: each with the real small model, and with a tiny one of Mistral's kind."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import pytest

from hotpin import registry
from hotpin.errors import HotpinError
from hotpin.llm.base import Llm, Message, ReplyOptions
from hotpin.settings import Settings
from tests.conftest import choosing, skip_or_fail
from tests.llm.tiny_mistral import write_tiny_mistral

ENGINES = [name for name in registry.names("llm") if name != "auto"]

GREEDY = ReplyOptions(temperature=0.0, max_tokens=40)


class CountingLlm(Llm, Protocol):
    """What both engines offer beyond the contract."""

    evaluated_tokens: int


Make = Callable[..., CountingLlm]


class Talk:
    """One session with an engine, which counts what is evaluated."""

    def __init__(self, llm: CountingLlm, session: str) -> None:
        self.llm = llm
        self.session = session
        self.evaluated = 0
        """Tokens of prompts that the last call evaluated."""

    def prepare(self, messages: Sequence[Message]) -> None:
        before = self.llm.evaluated_tokens
        self.llm.prepare(self.session, messages)
        self.evaluated = self.llm.evaluated_tokens - before

    def finished(self, messages: Sequence[Message]) -> float:
        before = self.llm.evaluated_tokens
        likelihood = self.llm.finished(self.session, messages)
        self.evaluated = self.llm.evaluated_tokens - before
        assert likelihood is not None
        return likelihood

    def reply(self, messages: Sequence[Message], options: ReplyOptions = GREEDY) -> str:
        before = self.llm.evaluated_tokens
        text = "".join(self.llm.reply(self.session, messages, options))
        self.evaluated = self.llm.evaluated_tokens - before
        return text

    def fresh_reply(self, messages: Sequence[Message], options: ReplyOptions = GREEDY) -> str:
        """Reply with nothing in the cache."""
        self.llm.forget(self.session)
        return self.reply(messages, options)


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
def llm(make: Make) -> Iterator[CountingLlm]:
    """An engine with the real small model."""
    engine = load_or_skip(make())
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
