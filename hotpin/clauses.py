"""Clauses: a reply, while it is still being written, cut into the pieces that the voice says one by one.

The first piece is the first clause that is worth saying, or the first part of one that is long, so that the voice
starts early; the others are whole sentences, because a voice finds its melody only in those. Each piece knows the words
to say and the written words that they stand for: those are shown, and kept in the history as far as they were heard.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace

from hotpin.spoken import speakable

MIN_LETTERS = 10
"""Letters of the first clause at least: "Well," alone sounds cut off, and the next piece would come too late."""

PART_LETTERS = 24
"""Letters, about 1.7 s of speech, after which the first clause is cut before an "and" or "because"."""

FIRST_CHARACTERS = 80
"""Characters of the first piece at most: somebody waits for it, and a long sentence takes a small model half a second
to write."""

MAX_CHARACTERS = 250
"""Characters of a piece at most, about 15 s of speech: longer sentences are cut at a clause, or between words."""

PAUSE_LETTERS = 5
"""Letters that a voice could say in the pause at a comma. Against when Whisper hears each word, at 3305 places in 47
clauses: hibari, kokoro and pyttsx3 end within a word of what was heard at 99.5, 97.8 and 100 % of them; without the
pauses at 97.3, 95.4 and 99.6 %."""

_PAUSES = ",;:—–"
_PAUSE = re.compile(rf"[{_PAUSES}](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of the reply for the voice."""

    seq: int
    """Its place in the reply, counted from 0."""

    text: str
    """The words to say; empty only in the last clause, if nothing is left to say."""

    last: bool
    """Whether the reply ends with it; true for exactly one clause of a reply."""

    turn: int = 0
    """The turn it belongs to; 0 outside a conversation."""

    generation: int = 0
    """The conversation's generation it was made under."""

    source: str = ""
    """The written words it stands for; the sources of a reply, joined, are the reply without the model's thoughts."""

    @property
    def goes_on(self) -> bool:
        """Whether it was cut within a sentence where nobody pauses."""
        return not self.last and _WITHIN_SENTENCE.search(self.source) is not None


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of the reply that is not for the voice."""

    opening: str
    closing: str
    written: bool
    """Whether the person reads it: code is part of the reply, thoughts are not."""


_SPANS = (_Span("```", "```", True), _Span("<think>", "</think>", False), _Span("[THINK]", "[/THINK]", False))
_OPENINGS = "|".join(re.escape(span.opening) for span in _SPANS)

_WITHIN_SENTENCE = re.compile(r"\w[^\S\n]*\Z")

_CLOSERS = r"""["'”’)\]*_»]*"""
_GAP = r"[^\S\n]+"

# Every end is known only by the character after it, so that it is found at the same place however the text arrives.
_BREAK = re.compile(
    rf"""
      (?P<span> (?={_OPENINGS}) )
    | (?P<line> \n )
    | (?P<sentence> (?: [!?]+ | (?<![.…])\. ) {_CLOSERS} {_GAP} (?=\S) )
    | (?P<wide> [。！？]+ [」』”’）]* (?=[^」』”’）。！？]) )
    | (?P<clause> (?<!\.)[,;:] (?! (?<=\d.) {_GAP} \d ) {_CLOSERS} {_GAP} (?=\S)
        | [，、；：] (?=.)
        | [^\S\n] (?: [-–]{{1,2}} {_GAP} (?=[^\s\d]) | — {_GAP} (?=\S) )
        | (?<=\w) — (?=\w) )
    """,
    re.VERBOSE,
)

_CLAUSE_WORDS = "and|but|or|because|although|though|while|when|where|who|which|that|if|unless|until|since"
_PHRASE_WORDS = "than|with|without|for|from|into|between|through|during"

_PART = re.compile(rf"(?<=\s)(?:{_CLAUSE_WORDS})(?=\s)")
"""What begins a part of a sentence that is said in one breath."""

_PHRASE = re.compile(rf"(?<=\s)(?:{_CLAUSE_WORDS}|{_PHRASE_WORDS})(?=\s)")
"""What begins a phrase: where a speaker could breathe."""

_ABBREVIATIONS = frozenset(
    "adm al approx assn ave blvd bros ca capt cf cmdr col dept dr esp est fr ft gen gov hon hwy jr lt ltd maj messrs"
    " mr mrs ms mt pres prof rep rev sen sgt sr st univ viz vs".split()
)
_BEFORE_NUMBERS = frozenset("apr art aug ch dec eq feb fig figs jan no nos nov oct p pp sec sep sept vol".split())
"""Abbreviations only in front of a number: "No. 5", but "No. That is wrong." """
_DOTTED = 2
"""Letters between the full stops of an abbreviation at most: "U.S.", "e.g.", "Ph.D."; not "example.com." """


class ClauseSplitter:
    """Cuts one reply; not to be used again for another. The result does not depend on how the text was divided."""

    def __init__(self, turn: int = 0, generation: int = 0) -> None:
        self._turn = turn
        self._generation = generation
        self._seq = 0
        self._pending = ""  # written, but not yet cut
        self._silent: list[str] = []  # cut, but nothing to say: goes before the next clause's source
        self._span: _Span | None = None

    def feed(self, delta: str) -> list[Clause]:
        """Take the next piece of the model's text; return the clauses that are now certain."""
        self._pending += delta
        return self._cut(final=False)

    def finish(self) -> list[Clause]:
        """Return what is left once the model has ended: one clause, the last, without text if nothing can be said."""
        (rest,) = self._cut(final=True) or [self._clause("", "".join(self._silent))]
        return [replace(rest, last=True)]

    def _cut(self, final: bool) -> list[Clause]:
        text, start, clauses = self._pending, 0, list[Clause]()
        while start < len(text):
            if self._span:
                end = self._pass_over(self._span, text, start, final)
            elif span := next((span for span in _SPANS if text.startswith(span.opening, start)), None):
                self._span = span
                end = start + len(span.opening)
                self._silent += [span.opening] * span.written
            else:
                longest = MAX_CHARACTERS if self._seq else FIRST_CHARACTERS
                end = start + self._piece_end(text[start : start + longest], longest, final)
                clauses += self._spoken(text[start:end])
            if end == start:
                break
            start = end
        self._pending = text[start:]
        return clauses

    def _pass_over(self, span: _Span, text: str, start: int, final: bool) -> int:
        """Return where the text goes on after what is known of the span; its closing mark may be half written."""
        found = text.find(span.closing, start)
        if found >= 0:
            self._span = None
            end = found + len(span.closing)
        else:
            end = len(text) if final else max(start, len(text) - len(span.closing) + 1)
        self._silent += [text[start:end]] * span.written
        return end

    def _piece_end(self, window: str, longest: int, final: bool) -> int:
        """Return where the piece ends that ``window`` begins with; 0 if that depends on text to come."""
        end = next((match.end() for match in _BREAK.finditer(window) if self._ends_piece(window, match)), 0)
        part = 0 if self._seq else _part_end(window)
        if end or part:
            return min(place for place in (end, part) if place)
        if len(window) == longest:
            return _forced_end(window)
        return len(window) if final else 0

    def _ends_piece(self, window: str, match: re.Match[str]) -> bool:
        if match.lastgroup == "span":
            return True
        if match.lastgroup == "clause" and (self._seq or _in_markup(window[: match.start()])):
            return False
        if match.lastgroup == "sentence" and not _ends_sentence(window, match):
            return False
        return self._seq > 0 or _letters(window[: match.end()]) >= MIN_LETTERS

    def _spoken(self, piece: str) -> list[Clause]:
        text = speakable(piece)
        if not text:
            self._silent.append(piece)
            return []
        clause = self._clause(text, "".join(self._silent) + piece)
        self._seq += 1
        self._silent.clear()
        return [clause]

    def _clause(self, text: str, source: str) -> Clause:
        return Clause(self._seq, text, False, self._turn, self._generation, source)


def heard_part(text: str, fraction: float) -> str:
    """Return the words of ``text`` that were heard when ``fraction`` (0 to 1) of its speech had been played.

    ``text`` may be a clause's source: what is not spoken of it takes no time. A word counts from its middle on.
    """
    if fraction >= 1.0:
        return text
    ends = [0, *(word.end() for word in re.finditer(r"\S+", text))]

    def middle(word: int) -> float:
        return (_length(text[: ends[word - 1]]) + _length(text[: ends[word]].rstrip(_PAUSES))) / 2

    played = fraction * _length(text.rstrip(_PAUSES + " "))
    return text[: ends[bisect_right(range(1, len(ends)), played, key=middle)]]


def _length(text: str) -> int:
    """Return how long it takes to say ``text``, in letters."""
    spoken = speakable(text)
    return len(spoken) + PAUSE_LETTERS * len(_PAUSE.findall(spoken))


def _part_end(window: str) -> int:
    """Return where the first part ends of a clause that is long; 0 if none is known to."""
    parts = ((match.start(), window[: match.start()]) for match in _PART.finditer(window))
    return next((end for end, part in parts if _letters(part) >= PART_LETTERS and not _in_markup(part)), 0)


def _forced_end(window: str) -> int:
    """Cut what is too long: after its last clause, else before its last phrase, else between words, else anywhere."""
    clause = max((match.end() for match in _BREAK.finditer(window) if match.lastgroup == "clause"), default=0)
    phrase = max((match.start() for match in _PHRASE.finditer(window)), default=0)
    gap = max(window.rfind(" "), window.rfind("\n")) + 1
    return next((end for end in (clause, phrase, gap) if _letters(window[:end]) >= MIN_LETTERS), len(window))


def _ends_sentence(window: str, match: re.Match[str]) -> bool:
    before, following = window[: match.start()], window[match.end()]
    # A sentence does not begin in lower case, unless this one did too: small models write whole replies so.
    if _in_markup(before) or (following.islower() and not before.lstrip()[:1].islower()):
        return False
    return match.group()[0] != "." or not _abbreviated(before, following)


def _abbreviated(before: str, following: str) -> bool:
    """Whether the full stop after ``before`` belongs to its last word and ends no sentence."""
    line = before.rsplit("\n", 1)[-1].lstrip(" \t*_")
    word = line.rsplit(None, 1)[-1].lstrip("(\"'“‘[*_") if line else ""
    if word.isdigit():
        return word == line  # the number of a list's item
    if len(word) == 1 and word.isupper():
        return True  # an initial
    if "." in word:
        return all(part.isalpha() and len(part) <= _DOTTED for part in word.split("."))
    word = word.lower()
    return word in _ABBREVIATIONS or (following.isdigit() and word in _BEFORE_NUMBERS)


def _in_markup(before: str) -> bool:
    """Whether ``before`` ends inside a link's text or inside code, which are not torn apart."""
    return before.rfind("[") > before.rfind("]") or before.count("`") % 2 == 1


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))
