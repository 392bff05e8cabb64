"""From the bytes of tokens to the text of a reply."""

import codecs
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing


class ReplyText:
    """Joins characters that are split between tokens, and ends the text where a stop text begins.

    Args:
        stop: texts that end the reply and are not part of it.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [text for text in stop if text]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped = False

    def add(self, data: bytes) -> str:
        """Take the bytes of a token; return the text that is certain by now, often empty."""
        text = self._held + self._decoder.decode(data)
        ends = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)]
        certain = len(text) - self._possible_stop(text)
        self._held = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """Return what was held back, once no more tokens follow; a character that was cut off is left out."""
        text, self._held = self._held, ""
        return text

    def _possible_stop(self, text: str) -> int:
        """Count the characters at the end of ``text`` that may turn out to be the beginning of a stop text."""
        longest = max((len(stop) for stop in self._stop), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stop):
                return length
        return 0


def trimmed(pieces: Generator[str, None, None]) -> Iterator[str]:
    """Leave out empty pieces and the white space that some models begin with; closing this closes ``pieces``."""
    begun = False
    with closing(pieces):
        for piece in pieces:
            text = piece if begun else piece.lstrip()
            if text:
                begun = True
                yield text
