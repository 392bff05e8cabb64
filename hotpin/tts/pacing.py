"""Pacing: how much of a reply to synthesise at once, so that the sound comes early and has no gaps.

While one piece is played the next is made. That is in time if making it takes no longer than what is still to be played
(the lead), so a slow voice says a long sentence in pieces: the first short, each next one as long as the lead allows,
which grows with every piece. A fast voice is never divided: it sounds best when it sees the whole sentence.

What making a piece takes is learnt for each engine while it speaks: a fixed time for each call and a time for each
second of speech. A voice that is slower than speech cannot be saved: then only the first piece is short.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never

if TYPE_CHECKING:
    from hotpin.tts.base import Tts

FIRST_SECONDS = 0.6
"""s that making the first piece of a reply may take, if it can be divided into so short a one."""

MARGIN = 0.7
"""Share of the lead that making the next piece may take: machines are not equally fast all the time."""

QUICK_SECONDS = 0.3
"""s of making from which dividing can pay at all: a voice that has a whole sentence sooner is never divided."""

MIN_LETTERS = 10
"""Letters of a piece at least."""

MIN_WORDS = 3
"""Words of a piece at least."""

MIN_WORDS_LEFT = 2
"""Words that are left after a piece at least."""

HOPELESS = 0.95
"""s of making a second of speech from which no dividing helps."""

MEMORY = 0.85
"""Weight of all that was learnt before, at each new piece: about the last seven pieces count."""

PHRASE_TAIL_SECONDS = 0.04
"""s of silence kept after a piece that ends within a phrase."""

_TELLING = 0.05
"""Variance of the lengths of pieces, in squares of their mean, from which it shows what is fixed and what is not."""

_SAMPLES = ("Hello.", "It is good to see you again.")
"""What an engine says to be measured: a short piece and a long one, so that the fixed time can be told apart."""

_GAP = re.compile(r"\s+")
_PAUSE = re.compile(r"""[,;:.!?…、，；：。—–-]["'”’)\]]*$""")
_OPENERS = frozenset(
    "and but or so because although though while when where who which that if unless until since before after than as"
    " with without for from in into on at by to of about between through during"
    " et mais ou donc car que qui quand si avec sans pour dans y pero o porque cuando con sin para en"
    " e ma perché quando con senza per in mas porque com sem para em".split()
)
"""Words that begin a phrase: before them is a good place to divide."""

_CLINGING = frozenset(
    "a an the this that these those my your his her its our their no some any every each very more most not to of in"
    " on at by for from with and or but is are was were be been i you he she it we they mr mrs ms dr"
    " le la les l un une des du de au aux mon ma mes ton ta son sa ses el los las una unos unas del al mi tu su"
    " il lo gli i uno della delle di da o os as um uma do dos na no nas nos".split()
)
"""Words that belong to the next one: after them no piece ends."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a clause that is synthesised at once."""

    text: str
    """The words to say."""

    share: float
    """How much of the clause has been said when this piece has been, 0 to 1."""

    pauses: bool
    """Whether a pause belongs after it: not where it ends within a phrase."""


class Pace:
    """What is known of one engine's speed; used from its worker's thread.

    Args:
        streamed: whether the voice is a stream from elsewhere. It sounds long before a clause is whole, does not
            compete for the cores, and each call is a way to the server and back: it is neither measured nor divided.

    Attributes:
        fixed: s that a call takes however short it is.
        factor: s for each second of speech.
        seconds_per_character: s of speech.
    """

    def __init__(self, *, streamed: bool = False) -> None:
        self._streamed = streamed
        self.fixed = 0.0
        self.factor = 0.0
        self.seconds_per_character = 0.07
        self._weight = self._x = self._y = self._xx = self._xy = 0.0
        self._characters = 0.0

    def measure(self, tts: "Tts") -> None:
        """Learn from a loaded engine before it is needed.

        Raises:
            TtsError: if it fails.
        """
        for text in () if self._streamed else _SAMPLES:
            for _ in self.timed(text, tts.speak(text)):
                pass

    def timed(self, text: str, frames: Iterator[Frame], cancelled: Cancelled = never) -> Iterator[Frame]:
        """Hand on the ``frames`` of ``text``, and learn how long they took to make, unless they were cancelled."""
        taken = seconds = 0.0
        while True:
            began = perf_counter()
            frame = next(frames, None)
            taken += perf_counter() - began
            if frame is None:
                break
            seconds += frame.seconds
            yield frame
        if not cancelled():
            self.learn(len(text), seconds, taken)

    def learn(self, characters: int, seconds: float, taken: float) -> None:
        """Take in that ``characters`` became ``seconds`` of speech, which took ``taken`` seconds."""
        if self._streamed or characters <= 0 or seconds <= 0:
            return
        values = (1.0, seconds, taken, seconds * seconds, seconds * taken, characters)
        sums = (self._weight, self._x, self._y, self._xx, self._xy, self._characters)
        self._weight, self._x, self._y, self._xx, self._xy, self._characters = (
            old * MEMORY + new for old, new in zip(sums, values, strict=True)
        )
        self.seconds_per_character = self._x / self._characters
        # A line through the pieces; pieces of one length alone do not tell the fixed time apart.
        spread = self._xx * self._weight - self._x**2
        through_zero = self._y / self._x
        self.factor = through_zero
        if spread > _TELLING * self._x**2:
            slope = (self._xy * self._weight - self._x * self._y) / spread
            self.factor = min(max(slope, 0.0), through_zero)
        self.fixed = max(0.0, (self._y - self.factor * self._x) / self._weight)

    def cost(self, characters: int) -> float:
        """Return how many seconds making ``characters`` will take, about."""
        return self.fixed + self.factor * characters * self.seconds_per_character

    def pieces(self, text: str, lead: Callable[[], float]) -> Iterator[Piece]:
        """Divide a clause as it is spoken.

        Args:
            text: the words of the clause.
            lead: tells how many seconds are still to be played; asked before each piece.
        """
        start = 0
        while start < len(text):
            end = start + self.piece_end(text[start:], lead())
            piece = text[start:end].strip()
            yield Piece(piece, end / len(text), end == len(text) or bool(_PAUSE.search(piece)))
            start = end

    def piece_end(self, text: str, lead: float) -> int:
        """Return where the next piece of ``text`` ends, when ``lead`` seconds are still to be played."""
        budget = max(lead * MARGIN, QUICK_SECONDS) if lead > 0.0 else FIRST_SECONDS
        hopeless = lead > 0.0 and self.factor >= HOPELESS
        if hopeless or self.cost(len(text)) <= budget:
            return len(text)
        longest = (budget - self.fixed) / (self.factor * self.seconds_per_character) if self.factor else 0.0
        return _best_end(text, longest)


def _best_end(text: str, longest: float) -> int:
    """Choose the place to divide ``text`` at: up to ``longest`` characters, else soon after."""
    gaps = [(gap.start(), gap.end()) for gap in _GAP.finditer(text)]
    places = [end for start, end in gaps if _can_divide(text[:start], text[end:])]
    within = [place for place in places if place <= longest]
    if within:
        return max(within, key=lambda place: place * _worth(text, place))
    # Too slow for any of them: an early place, though a good one if it is near.
    return max(places, key=lambda place: _worth(text, place) / place, default=len(text))


def _worth(text: str, place: int) -> float:
    """Rate a place to divide at: a worse one is taken only if the piece gets as many times longer."""
    if _PAUSE.search(text[:place].rstrip()):
        return 2.0
    return 1.4 if text[place:].split(maxsplit=1)[0].lower().strip(",.") in _OPENERS else 1.0


def _can_divide(before: str, after: str) -> bool:
    words = before.split()
    enough = len(words) >= MIN_WORDS and sum(map(str.isalpha, before)) >= MIN_LETTERS
    return enough and words[-1].lower().rstrip(".") not in _CLINGING and len(after.split()) >= MIN_WORDS_LEFT
