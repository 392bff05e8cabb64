"""Has the person finished? How long a silence ends the turn, given the words so far.

Pure: no clock, no audio. Waiting always 0.5 s feels slow after "What time is it?" and rude after "and then I, um".
"""

import re
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"[.?!。？！]['\"”’)]*$")

_OPEN_END = re.compile(r"(?:[,;:—–-]|\.\.\.|…)$")

_UNFINISHED_WORDS = frozenset(
    "a an the and or but so because if when while that which who whose with without of for to from in on at by about "
    "into than as like my your his her its our their this these those is are was were um uh er hmm erm well also then "
    "i we they he she what's where's how's can could would should will do does did please".split()
)
"""Words that English sentences hardly ever end in."""

_FILLERS = frozenset("um uh er hmm erm".split())
"""Whatever punctuation a recogniser puts after these, the person is still thinking."""


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Silence, in seconds, that ends a turn."""

    unknown: float = 0.5
    """When nothing is known of the words."""

    finished: float = 0.3
    """After a finished sentence."""

    unfinished: float = 2.0
    """After plainly unfinished words."""

    def __post_init__(self) -> None:
        """Refuse waits that are out of order."""
        if not 0.0 < self.finished <= self.unknown <= self.unfinished:
            raise ValueError(
                "the waits must be positive and in order (finished, unknown, unfinished), "
                f"got {self.finished}, {self.unknown}, {self.unfinished}"
            )


def silence_needed(words: str, policy: EndpointPolicy) -> float:
    """Return how many seconds of silence end the turn, given the words heard so far (empty: none known)."""
    text = words.strip()
    if not text:
        return policy.unknown
    last = re.sub(r"[^\w']", "", text.split()[-1]).lower()
    if _OPEN_END.search(text) or last in _FILLERS:
        return policy.unfinished
    if _SENTENCE_END.search(text):
        return policy.finished
    return policy.unfinished if last in _UNFINISHED_WORDS else policy.unknown
