"""Whether words understood over a reply are the reply's own, come back from the loudspeaker."""

from difflib import SequenceMatcher

RECENT_CHARACTERS = 120
"""Of the reply, up to what is being heard: about eight seconds, more than the pre-roll and the room together."""

_OWN_SHARE = 0.6
"""Of the first words that people say over a reply, half share less than 0.3 with it and 98 % of three words or more
less than this; an echo that was understood shares nearly all."""

_LEAST_ALIKE = 4  # characters in a row, spaces among them: fewer are alike in any two texts


def are_own_words(heard: str, spoken: str) -> bool:
    """Return whether ``heard`` is nearly all in what was spoken just now.

    Args:
        heard: what was understood over a reply.
        spoken: the reply as far as it has been heard, as it was written.
    """
    words, recent = _letters(heard), _letters(spoken)[-RECENT_CHARACTERS:]
    if not words:
        return False
    blocks = SequenceMatcher(None, words, recent, autojunk=False).get_matching_blocks()
    alike = sum(block.size for block in blocks if block.size >= _LEAST_ALIKE)
    return alike >= _OWN_SHARE * len(words)


def _letters(text: str) -> str:
    words = "".join(sign if sign.isalnum() else " " for sign in text.lower()).split()
    return f" {' '.join(words)} " if words else ""  # so that a short word is not found within another
