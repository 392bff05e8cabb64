"""Finds what a trim took out of a prompt, so that the model need not read the turns behind it again.

When the oldest turns are dropped, the model's cache holds [system][dropped][kept] and the next prompt is [system][kept]
and more. The keys and values of what is kept can stay: they are moved up to their new positions instead of being
evaluated anew, which takes several hundred tokens and lets every other conversation wait.

What is traded: it is an approximation. What is moved was computed while the dropped turns could still be seen, so a
trace of these stays until the turns behind them are dropped, too. With SmolLM2-135M, over 13 dialogues trimmed from 11
turns to 6, two questions each: one token evaluated instead of about 245. Against evaluating anew, the next token's
distribution differs by 0.018 nats (median KL divergence) and 88 % of the likeliest tokens are the same; without a trim
it would be 0.023 and 81 %, so a moved prompt reads like one that still has a trace of all its turns. A name given in a
kept turn was told in 8 of 13 replies, evaluated anew in 10, without a trim in 6.

Where the format puts the system prompt into the first question, the first token of the first kept turn may be another
one than in the middle of the prompt; then nothing is alike and all is evaluated anew, as without this.
"""

from collections.abc import Sequence

from hotpin.llm import native
from hotpin.llm.prompt import common_length

MIN_MOVED_TOKENS = native.BATCH_TOKENS
"""Tokens behind the gap that must be alike: for fewer than one batch it is not worth being inexact. So a question whose
words were understood otherwise in the meantime is evaluated anew, too."""


def gap(read: Sequence[int], wanted: Sequence[int]) -> range | None:
    """Find the tokens without which ``read`` goes on like ``wanted``.

    Args:
        read: tokens in the cache, in the order in which they were evaluated.
        wanted: tokens of the next prompt.

    Returns:
        positions in ``read``; ``None`` where there is no such gap, or too little behind it.
    """
    start = common_length(read, wanted)
    following = list(wanted[start : start + MIN_MOVED_TOKENS])
    if len(following) < MIN_MOVED_TOKENS:
        return None
    for end in range(start + 1, len(read) - MIN_MOVED_TOKENS + 1):
        if read[end] == following[0] and list(read[end : end + MIN_MOVED_TOKENS]) == following:
            return range(start, end)
    return None
