"""Stages for the scenarios."""

from collections.abc import Callable, Iterator

import pytest

from hotpin.conversation import ConversationOptions
from tests.scenarios.stage import Stage


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(options: ConversationOptions | None = None) -> Stage:
        stages.append(Stage(options or ConversationOptions(prompt="Be brief.")))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()
