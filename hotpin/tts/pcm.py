"""Voices that come as a stream of raw samples, and the text that may be sent to them."""

from collections.abc import Iterator

import numpy as np

from hotpin.audio.frame import Frame, Samples
from hotpin.tts.silence import AUDIBLE, LEAD_SECONDS, TAIL_SECONDS, trim

PIECE_SECONDS = 0.1
"""s of a piece at least: short, since the first is waited for."""

MAX_SECONDS = 300.0
"""s of one clause at most."""

_SAMPLE_BYTES = 2


def max_bytes(rate: int) -> int:
    """Give the bytes of the longest clause at ``rate`` Hz."""
    return int(MAX_SECONDS * rate) * _SAMPLE_BYTES


def speakable(text: str) -> str:
    """Give ``text`` without control characters; empty where nothing of it can be said."""
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return clean if any(letter.isalnum() for letter in clean) else ""


def frames(pieces: Iterator[bytes], rate: int) -> Iterator[Frame]:
    """Turn 16-bit little-endian mono into frames as it comes, without the silence around the speech.

    Every frame begins with sound, but for the first one's lead, and the silence of a pause ends the frame before it.
    """
    odd = b""
    waiting: Samples = np.empty(0, np.int16)
    begun = False
    for piece in pieces:
        data = odd + piece
        whole = len(data) - len(data) % _SAMPLE_BYTES
        odd = data[whole:]
        waiting = np.concatenate((waiting, np.frombuffer(data[:whole], "<i2").astype(np.int16)))
        audible = np.flatnonzero(np.abs(waiting.astype(np.int32)) > AUDIBLE)
        if not len(audible):
            # A sound may be about to begin; a pause waits for what comes after it.
            waiting = waiting if begun else waiting[max(0, len(waiting) - int(LEAD_SECONDS * rate)) :]
            continue
        first = 0 if begun else max(0, int(audible[0]) - int(LEAD_SECONDS * rate))
        cut = int(audible[-1])
        if cut - first >= PIECE_SECONDS * rate:
            yield Frame(waiting[first:cut], rate)
            begun, waiting = True, waiting[cut:]
    last = trim(waiting, rate) if not begun else waiting[: _end(waiting, rate)]
    if len(last):
        yield Frame(last, rate)


def _end(samples: Samples, rate: int) -> int:
    """Give where the silence after the last sound is long enough."""
    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    return (int(audible[-1]) if len(audible) else 0) + 1 + int(TAIL_SECONDS * rate)
