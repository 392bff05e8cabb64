"""Stages for the scenarios."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from hotpin.conversation_options import ConversationOptions
from tests.scenarios.stage import Stage


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(options: ConversationOptions | None = None, *, ahead: bool = False) -> Stage:
        options = options or ConversationOptions(prompt="Be brief.")
        if not ahead:
            options = replace(options, policy=replace(options.policy, speculate_seconds=None))
        stages.append(Stage(options))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()
