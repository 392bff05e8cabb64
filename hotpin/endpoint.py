"""Has the person finished? How long a silence ends the turn, given the words so far.

Pure: no clock, no audio. Waiting always 0.5 s feels slow after "What time is it?" and rude after "and then I, um".
"""

import re
from dataclasses import dataclass
from itertools import pairwise

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


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known in a pause of whether the person has finished."""

    words: str = ""
    """What they said before it, as the recogniser writes it."""

    confidence: float | None = None
    """Mean log probability of these words: low where one was cut off; ``None`` if unknown."""

    complete: float | None = None
    """How likely they are a whole sentence, by the language model, 0 to 1; ``None`` if unknown."""

    sound: float | None = None
    """How likely the person has finished, by the sound, 0 to 1; ``None`` if unknown."""


def finished(evidence: Evidence) -> float | None:
    """Return how likely the person has finished, 0 to 1; ``None`` where only the words are known."""
    if evidence.complete is None:
        return None
    return evidence.complete


def without_end(words: str) -> str:
    """Leave out the punctuation at the end, which is the recogniser's guess."""
    return words.rstrip(" .?!,;:…—–-。？！、，；：\"'”’)")


def silence_needed(words: str, policy: EndpointPolicy, finished: float | None = None) -> float:
    """Return how many seconds of silence end the turn.

    Args:
        words: those heard so far; empty if none are known.
        policy: the waits to choose from.
        finished: how likely the person has finished, 0 to 1; ``None`` where only the words can tell.
    """
    text = words.strip()
    if not text:
        return policy.unknown
    last = re.sub(r"[^\w']", "", text.split()[-1]).lower()
    if _OPEN_END.search(text) or last in _FILLERS:
        return policy.unfinished
    if finished is not None:
        return _between(finished, policy)
    if _SENTENCE_END.search(text):
        return policy.finished
    return policy.unfinished if last in _UNFINISHED_WORDS else policy.unknown


def _between(finished: float, policy: EndpointPolicy) -> float:
    """Return the wait for a probability: the surer the end, the shorter."""
    steps = ((0.1, policy.unfinished), (0.5, policy.unknown), (0.9, policy.finished))
    if finished <= steps[0][0]:
        return policy.unfinished
    for (below, longer), (above, shorter) in pairwise(steps):
        if finished <= above:
            return longer + (shorter - longer) * (finished - below) / (above - below)
    return policy.finished
