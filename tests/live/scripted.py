"""A language model that needs no thought: what is measured is when it is heard, not what it says.

Asked for a story, it writes a long one; told to think, it takes its time; anything else it repeats.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hotpin.cancel import Cancelled, never
from hotpin.llm.base import Message, ReplyOptions
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.settings import Settings

TELL = "Tell me a long story."
THINK = "Think about it."
THINKING_SECONDS = 6.0
WORDS_A_SECOND = 60.0

STORY = (
    "Once there was an old fisherman who lived alone on a small island. Every morning he rowed his green boat out "
    "between the rocks before the sun came up. One day he found a wooden box that floated on the waves. "
    "It was heavy, and nobody had opened it for a hundred years. He carried it home, put it on the kitchen table and "
    "looked for his tools. Inside lay a silver clock, a map of the coast and a letter from a captain. "
    "The letter told of a village behind the mountains where apples grow in winter. The fisherman had never left his "
    "island, but that evening he packed bread, cheese and a warm blanket. He sailed for nine days through rain and "
    "fog. On the tenth day he saw smoke above the trees and heard children singing."
)
"""Forty seconds of it; no two places in it are alike, so that it can be told how far it was heard."""


def build(settings: "Settings") -> "Scripted":
    return Scripted()


class Scripted:
    info = EngineInfo("scripted", "a story")

    def load(self) -> None: ...

    def close(self) -> None: ...

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None: ...

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None: ...

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        return None

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        heard = messages[-1].content.rpartition("\n")[2]  # what was not answered stands before it
        pause = threading.Event()  # never set: it only waits
        end = THINKING_SECONDS if heard == THINK else 0.0
        while end > 0.0 and not cancelled():
            pause.wait(0.1)
            end -= 0.1
        for word in (STORY if heard == TELL else f"You said: {heard}").split(" "):
            if cancelled():
                return
            pause.wait(1.0 / WORDS_A_SECOND)
            yield word + " "

    def rest(self, session: str) -> None: ...

    def forget(self, session: str) -> None: ...
