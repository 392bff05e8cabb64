"""Word errors: substitutions, insertions and deletions, with numbers spelled alike."""

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SIZES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_YEARS = range(1100, 2000)
_DIGITS = 5
"""Digits from which a number without commas is no quantity, unless it is a round one, but said digit by digit, as one
with a leading 0 is."""
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor"}


def normalised(text: str) -> list[str]:
    """Return the words of ``text`` as they are compared: lower case, no punctuation, numbers as words."""
    text = text.lower().replace("’", "'").replace("-", " ")
    text = re.sub(r"\d+(?:,\d{3}(?!\d))*", lambda match: f" {_said(match.group())} ", text)
    words = re.sub(r"[^\w' ]", " ", text).split()
    return [_TITLES.get(word, word) for word in words]


def errors(reference: list[str], heard: list[str]) -> int:
    """Return the least number of words to replace, insert and delete to get from one to the other."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
    return row[-1]


def _said(digits: str) -> str:
    long = len(digits) >= _DIGITS and "," not in digits and not digits.endswith("00")
    if long or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(_ONES[int(digit)] for digit in digits.replace(",", ""))
    number = int(digits.replace(",", ""))
    if number in _YEARS and number % 100 and "," not in digits:
        return f"{_spelled(number // 100)} {'oh ' if number % 100 < 10 else ''}{_spelled(number % 100)}"  # noqa: PLR2004
    return _spelled(number)


def _spelled(number: int) -> str:
    if number < 20:  # noqa: PLR2004
        return _ONES[number]
    if number < 100:  # noqa: PLR2004
        return f"{_TENS[number // 10 - 2]} {_spelled(number % 10) if number % 10 else ''}".strip()
    if number >= 10**12:  # nobody says such a number otherwise
        return " ".join(_ONES[int(digit)] for digit in str(number))
    size, name = next((size, name) for size, name in _SIZES if number >= size)
    rest = _spelled(number % size) if number % size else ""
    return f"{_spelled(number // size)} {name} {rest}".strip()
