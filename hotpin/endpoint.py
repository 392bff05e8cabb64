"""Has the person finished? How long a silence ends the turn, given the words so far.

Pure: no clock, no audio. Waiting always 0.5 s feels slow after "What time is it?" and rude after "and then I, um".
"""

import math
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


_WHOLE_ANSWERS = frozenset("yes no yeah yep okay ok sure thanks stop hello hi goodbye bye right".split())
"""Words that are often all that is said."""


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Silence, in seconds, that ends a turn."""

    unknown: float = 0.5
    """When nothing is known of the words."""

    finished: float = 0.44
    """After what is surely finished."""

    doubtful: float = 0.86
    """After what may be finished or not."""

    unfinished: float = 2.0
    """After what is plainly unfinished."""

    def __post_init__(self) -> None:
        """Refuse waits that are out of order."""
        in_order = self.finished <= min(self.unknown, self.doubtful) and self.unfinished >= max(
            self.unknown, self.doubtful
        )
        if not (self.finished > 0.0 and in_order):
            raise ValueError(
                "the waits must be positive and in order (finished, unknown or doubtful, unfinished), "
                f"got {self.finished}, {self.unknown} or {self.doubtful}, {self.unfinished}"
            )


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an utterance against the whole of it."""

    level: float
    """dB that its last 0.1 s are louder than the utterance is on the whole; mostly negative."""

    voicing: float
    """How much of a tone its last 0.1 s have, 0 to 1."""

    silence: float = 0.0
    """s since the sound died away."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known in a pause of whether the person has finished; ``None`` is what nobody can tell."""

    words: str = ""
    """What they said before it, as the recogniser writes it."""

    confidence: float | None = None
    """Mean log probability of these words: low where one was cut off."""

    full_stop: float | None = None
    """Of what the recogniser gives to punctuation after them, the share of what ends a sentence, 0 to 1."""

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
    full_stop: float
    confidence: float
    level: float
    voicing: float
    complete: float = 0.0
    sound: float = 0.0


# Fitted to 978 pauses of at least 0.12 s in 472 utterances: of people reading (counting twice), and of two synthesised
# voices, each with a pause of 0.3 to 1.2 s put in at a word boundary (hotpin.bench.pauses). Ends and pauses weigh the
# same, so 0.5 is where either is as likely; where the language model and the prosody engine, or both, are missing, the
# weights are scaled for the rest to reach the same two thresholds. Share of pairs of an end and a pause that are put in
# the right order, in clips of speakers left out of the fit, people and synthesised voices: with all 0.86, 0.99; without
# prosody engine 0.83, 0.99; without the language model 0.85, 0.97; without both 0.81, 0.97. Where the recogniser tells
# no probability of the full stop, but writes one or not, 0.85, 0.98 with all.
_WORDS = _Weights(-0.79, 0.62, 0.90, -0.081, -1.13)
_WORDS_AND_SOUND = _Weights(-1.50, 0.64, 0.96, -0.097, -1.24, sound=0.25)
_SENTENCE = _Weights(-0.23, 0.42, 0.31, -0.085, -0.69, complete=0.49)
_ALL = _Weights(-0.80, 0.46, 0.39, -0.108, -0.82, complete=0.54, sound=0.22)

_USUAL_ENDING = Ending(level=-12.0, voicing=0.6)
_USUAL_CONFIDENCE = -0.4

# Of the share of the full stop, where one is written, where something else is or nothing, and of recognisers that write
# no punctuation at all.
_WRITTEN, _NOT_WRITTEN, _NEVER_WRITTEN = 0.955, 0.43, 0.8

_WHOLE = 0.9  # how likely one of the whole answers is all


def finished(evidence: Evidence) -> float:
    """Return how likely the person has finished, 0 to 1, by all that is known."""
    text = evidence.words.strip()
    if evidence.complete is None:
        weights = _WORDS if evidence.sound is None else _WORDS_AND_SOUND
    else:
        weights = _SENTENCE if evidence.sound is None else _ALL
    if re.sub(r"\W", "", text).lower() in _WHOLE_ANSWERS:
        return _WHOLE
    full_stop = _full_stop(text) if evidence.full_stop is None else evidence.full_stop
    confidence = _USUAL_CONFIDENCE if evidence.confidence is None else min(max(evidence.confidence, -1.5), 0.0)
    voice = evidence.ending or _USUAL_ENDING
    score = (
        weights.constant
        + weights.full_stop * _log_odds(full_stop)
        + weights.confidence * confidence
        + weights.level * min(max(voice.level, -20.0), 5.0)
        + weights.voicing * min(max(voice.voicing, 0.0), 1.0)
        + weights.complete * math.log(max(evidence.complete or 0.0, 0.001))
        + weights.sound * _log_odds(0.5 if evidence.sound is None else evidence.sound)
    )
    return 1.0 / (1.0 + math.exp(-score))


def _full_stop(text: str) -> float:
    """Estimate the share of the full stop by what is written."""
    if not any(not character.isalnum() and character not in " '" for character in text):
        return _NEVER_WRITTEN
    written = _SENTENCE_END.search(text) and not _OPEN_END.search(text)
    return _WRITTEN if written else _NOT_WRITTEN


def _log_odds(probability: float) -> float:
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
        return policy.unknown if finished is None else _by_probability(finished, policy)
    last = re.sub(r"[^\w']", "", text.split()[-1]).lower()
    if last in _FILLERS:
        return policy.unfinished
    if finished is not None:
        return _by_probability(finished, policy)
    if _OPEN_END.search(text):
        return policy.unfinished
    if _SENTENCE_END.search(text):
        return policy.finished
    return policy.unfinished if last in _UNFINISHED_WORDS else policy.unknown


# Of these probabilities of an end the first is where what was plainly unfinished begins to be doubtful, the second
# where it begins to be surely finished.
_DOUBTFUL, _FINISHED = 0.5, 0.83


def _by_probability(finished: float, policy: EndpointPolicy) -> float:
    """Return the wait for a probability: the surer the end, the shorter."""
    if finished < _DOUBTFUL:
        return policy.unfinished
    return policy.doubtful if finished < _FINISHED else policy.finished
