"""Does a message end here? Told by what a model expects after its last word."""

import re
from collections.abc import Iterable

CANDIDATES = 256
"""Likeliest next tokens that are looked at. Of the whole vocabulary's answer, 256 of SmolLM2's 49152 tokens miss 0.006
at most (median 0.0004, 23 messages), and 64 miss 0.012; to look at all of them would take 0.24 s when loading."""

_QUOTES = "\"'“”‘’«»()\\[\\]{}「」『』（）"

_ENDING = re.compile(rf"\s*[\n\r]|[\s{_QUOTES}]*[.?!。？！][\s{_QUOTES}.?!。？！]*\Z")


def ending(candidates: Iterable[tuple[bytes, float]]) -> float:
    """Give the probability that a message ends, or a sentence in it.

    Args:
        candidates: text and probability of the likeliest next tokens.
    """
    return min(sum((probability for piece, probability in candidates if _ends(piece)), 0.0), 1.0)


def _ends(piece: bytes) -> bool:
    # Special tokens have no text. None stands inside a message: it is the end of the turn, or of everything.
    return not piece or _ENDING.match(piece.decode("utf-8", "replace")) is not None
