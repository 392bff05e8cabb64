"""Has the person finished? How long a silence ends the turn, given the words so far.

Pure: no clock, no audio. Waiting always 0.5 s feels slow after "What time is it?" and rude after "and then I, um".
"""

import math
import re
from dataclasses import dataclass
from itertools import pairwise

from hotpin.prosody.ending import Ending

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
    """What is known in a pause of whether the person has finished; ``None`` is what nobody can tell."""

    words: str = ""
    """What they said before it, as the recogniser writes it."""

    confidence: float | None = None
    """Mean log probability of these words: low where one was cut off."""

    complete: float | None = None
    """How likely they are a whole sentence, by the language model, 0 to 1."""

    ending: Ending | None = None
    """How the voice died away."""

    sound: float | None = None
    """How likely the person has finished, by a prosody engine, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """Of a logistic regression."""

    constant: float
    confidence: float
    stop: float
    open_end: float
    length: float
    level: float
    loud: float
    voicing: float
    pitch: float
    complete: float = 0.0
    sound: float = 0.0


# Fitted to 170 complete utterances and 589 cut at a word boundary, of people (counting twice) and synthesised voices;
# both classes weigh the same, so 0.5 is where either is as likely. Share of pairs of people's utterances, left out of
# the fit, that are put in the right order: with all 0.94, without prosody engine 0.91, without the language model 0.90,
# without both 0.84; Smart Turn alone 0.75, the recogniser's punctuation alone 0.64.
_WORDS = _Weights(-1.24, 1.92, 1.25, -0.74, 0.59, -0.083, 0.41, -1.62, -0.58)
_WORDS_AND_SOUND = _Weights(-1.50, 1.89, 0.72, -0.54, 0.85, -0.073, 0.28, -1.51, -0.49, sound=0.37)
_SENTENCE = _Weights(-0.05, 0.94, 0.68, -0.23, 0.58, -0.102, 0.30, -0.77, -0.69, complete=0.84)
_ALL = _Weights(-0.29, 1.01, 0.36, -0.14, 0.74, -0.089, 0.19, -0.62, -0.68, complete=0.83, sound=0.41)

_USUAL_ENDING = Ending(level=-5.0, loud=0.08, voicing=0.6, pitch=-0.1)
_USUAL_CONFIDENCE = -0.5
_USUAL_STOP = 0.5  # of recognisers that write no punctuation


def finished(evidence: Evidence) -> float:
    """Return how likely the person has finished, 0 to 1, by all that is known."""
    text = evidence.words.strip()
    if evidence.complete is None:
        weights = _WORDS if evidence.sound is None else _WORDS_AND_SOUND
    else:
        weights = _SENTENCE if evidence.sound is None else _ALL
    opened = bool(_OPEN_END.search(text))
    punctuated = any(not character.isalnum() and character not in " '" for character in text)
    stop = float(bool(_SENTENCE_END.search(text)) and not opened) if punctuated else _USUAL_STOP
    confidence = _USUAL_CONFIDENCE if evidence.confidence is None else min(max(evidence.confidence, -1.5), 0.0)
    voice = evidence.ending or _USUAL_ENDING
    score = (
        weights.constant
        + weights.confidence * confidence
        + weights.stop * stop
        + weights.open_end * opened
        + weights.length * math.log(1 + min(len(text.split()), 20))
        + weights.level * min(max(voice.level, -20.0), 5.0)
        + weights.loud * min(max(voice.loud, 0.0), 0.3)
        + weights.voicing * min(max(voice.voicing, 0.0), 1.0)
        + weights.pitch * min(max(voice.pitch, -1.0), 1.0)
        + weights.complete * math.log(max(evidence.complete or 0.0, 0.001))
        + weights.sound * _log_odds(evidence.sound)
    )
    return 1.0 / (1.0 + math.exp(-score))


def _log_odds(probability: float | None) -> float:
    if probability is None:
        return 0.0
    bounded = min(max(probability, 0.005), 0.995)
    return math.log(bounded / (1.0 - bounded))


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
    if last in _FILLERS:
        return policy.unfinished
    if finished is not None:
        return _between(finished, policy)
    if _OPEN_END.search(text):
        return policy.unfinished
    if _SENTENCE_END.search(text):
        return policy.finished
    return policy.unfinished if last in _UNFINISHED_WORDS else policy.unknown


def _between(finished: float, policy: EndpointPolicy) -> float:
    """Return the wait for a probability: the surer the end, the shorter."""
    steps = ((0.2, policy.unfinished), (0.5, policy.unknown), (0.9, policy.finished))
    if finished <= steps[0][0]:
        return policy.unfinished
    for (below, longer), (above, shorter) in pairwise(steps):
        if finished <= above:
            return longer + (shorter - longer) * (finished - below) / (above - below)
    return policy.finished
