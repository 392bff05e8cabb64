"""Has the person finished? How long a silence ends the turn, given the words so far.

Pure: no clock, no audio. Waiting always 0.5 s feels slow after "What time is it?" and rude after "and then I, um".
"""

import math
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


_WHOLE_ANSWERS = frozenset("yes no yeah yep okay ok sure thanks stop hello hi goodbye bye right please".split())
"""Words that are often all that is said."""


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Silence, in seconds, that ends a turn."""

    unknown: float = 0.5
    """When nothing is known of the words."""

    finished: float = 0.4
    """After what is surely finished."""

    doubtful: float = 0.85
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

    pitch: float
    """Octaves that its end is higher than the utterance is on the whole; 0 where there is no tone."""


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
    length: float
    level: float
    voicing: float
    pitch: float
    complete: float = 0.0
    sound: float = 0.0


# Fitted to 978 pauses of at least 0.12 s in 472 utterances: of people reading (counting twice), and of two synthesised
# voices, each with a pause of 0.3 to 1.2 s put in at a word boundary (hotpin.bench.pauses). Ends and pauses weigh the
# same, so 0.5 is where either is as likely. Share of pairs of an end and a pause that are put in the right order, in
# clips left out of the fit, people and synthesised voices: with all 0.80, 0.97; without prosody engine 0.78, 0.96;
# without the language model 0.78, 0.95; without both 0.75, 0.93. Of people alone: the language model 0.80, Smart Turn
# 0.67, the recogniser's full stop 0.64.
_WORDS = _Weights(-1.12, 1.47, 1.23, 0.24, -0.094, -1.28, -0.16)
_WORDS_AND_SOUND = _Weights(-1.32, 1.47, 0.90, 0.35, -0.095, -1.19, -0.27, sound=0.26)
_SENTENCE = _Weights(-0.13, 0.59, 0.84, 0.13, -0.100, -0.67, -0.23, complete=0.62)
_ALL = _Weights(-0.40, 0.69, 0.63, 0.23, -0.101, -0.64, -0.35, complete=0.58, sound=0.24)

_USUAL_ENDING = Ending(level=-12.0, voicing=0.6, pitch=0.0)
_USUAL_CONFIDENCE = -0.4
_USUAL_STOP = 0.5  # of recognisers that write no punctuation

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
    punctuated = any(not character.isalnum() and character not in " '" for character in text)
    stop = float(bool(_SENTENCE_END.search(text)) and not _OPEN_END.search(text)) if punctuated else _USUAL_STOP
    confidence = _USUAL_CONFIDENCE if evidence.confidence is None else min(max(evidence.confidence, -1.5), 0.0)
    voice = evidence.ending or _USUAL_ENDING
    score = (
        weights.constant
        + weights.confidence * confidence
        + weights.stop * stop
        + weights.length * math.log(1 + min(len(text.split()), 20))
        + weights.level * min(max(voice.level, -20.0), 5.0)
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
        return policy.unknown if finished is None else _between(finished, policy)
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


# Between these probabilities of an end the wait goes from unfinished to doubtful to finished. The later it falls, the
# fewer people are cut off and the slower are the slowest answers. Simulated with the evidence of 150 recordings with a
# pause and of 56 turns that ended: cut off, median and 95th percentile from the end of speech to the first sound; in
# brackets with weights fitted without the speaker.
#     here                               25 (29)   0.54 (0.55) s   1.04 (1.15) s
#     here, doubtful 1.15 s              20 (19)   0.56 (0.58) s   1.29 (1.41) s
#     0.05, 0.75, 0.8                    14 (12)   0.52 (0.53) s   1.39 (1.47) s
#     0.05, 0.75, 0.8, doubtful 1.0 s    11 (12)   0.52 (0.53) s   1.49 (1.56) s
# To cut off no more than 12 at 0.6 s and 1.0 s, about 0.975 of pairs of such an end and such a pause would have to be
# in the right order, for 6 about 0.99. Without the speaker it is 0.92. Labelled by hand whether the recognised words
# could be all that is said, instead of by the language model alone, it is 0.96: 23 are cut off at 1.01 s.
_STEPS = (0.2, 0.5, 0.85)


def _between(finished: float, policy: EndpointPolicy) -> float:
    """Return the wait for a probability: the surer the end, the shorter."""
    steps = tuple(zip(_STEPS, (policy.unfinished, policy.doubtful, policy.finished), strict=True))
    if finished <= steps[0][0]:
        return policy.unfinished
    for (below, longer), (above, shorter) in pairwise(steps):
        if finished <= above:
            return longer + (shorter - longer) * (finished - below) / (above - below)
    return policy.finished
