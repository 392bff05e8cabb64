"""What a client has said, until its conversation takes it."""

import asyncio

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Samples

_MAX_ENDS = 16
"""Ends of speech that may wait while a turn is answered: nobody asks so much at once."""


class Intake:
    """Audio and ends of speech, in the order they came. Used on the event loop only.

    Args:
        max_seconds: s of audio that may wait.
    """

    def __init__(self, max_seconds: float) -> None:
        self._most = max_seconds * CAPTURE_RATE
        self._waiting: asyncio.Queue[Samples | None] = asyncio.Queue()
        self._samples = 0
        self._ends = 0

    def hear(self, samples: Samples) -> bool:
        """Take audio, int16 of shape (n,), 16 kHz; return whether there was room for it."""
        if self._samples + _weight(samples) > self._most:
            return False
        self._samples += _weight(samples)
        self._waiting.put_nowait(samples)
        return True

    def end_speech(self) -> bool:
        """Take an end of speech; return whether there was room for it."""
        if self._ends >= _MAX_ENDS:
            return False
        self._ends += 1
        self._waiting.put_nowait(None)
        return True

    async def next(self) -> Samples | None:
        """Give what waits longest, once there is something: audio, or ``None`` for an end of speech."""
        item = await self._waiting.get()
        if item is None:
            self._ends -= 1
        else:
            self._samples -= _weight(item)
        return item


def _weight(samples: Samples) -> int:
    """Say as how many samples a message counts that waits: tiny ones cost memory, too."""
    return max(len(samples), FRAME_SAMPLES)
