"""What the voice gets of a written text: English words, numbers and punctuation, and nothing that cannot be said.

Plain numbers, decimals, thousands, ordinals, years and times stay digits: every voice reads them well by itself, in its
own accent. Rewritten is what voices read wrongly or each in its own way: markup, symbols, units, money, ranges, dates
written with digits, telephone numbers, addresses. The markup is taken off by small rules and not by a Markdown parser,
because a clause is a fragment: bold print may begin in one clause and end in the next.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date

_Replacement = str | Callable[[re.Match[str]], str]
_Rule = tuple[str, _Replacement]
"""A regular expression and what replaces it."""

_UNITS: Mapping[str, str] = {
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer",
    "ft": "foot", "yd": "yard", "mi": "mile", "mph": "mile per hour", "kph": "kilometer per hour",
    "µg": "microgram", "mg": "milligram", "g": "gram", "kg": "kilogram", "oz": "ounce", "lb": "pound", "lbs": "pound",
    "ml": "milliliter", "mL": "milliliter", "l": "liter", "L": "liter",
    "ns": "nanosecond", "µs": "microsecond", "ms": "millisecond", "sec": "second", "secs": "second",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "yr": "year", "yrs": "year",
    "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "kbps": "kilobit per second", "Mbps": "megabit per second", "Gbps": "gigabit per second",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "fps": "frame per second",
    "rpm": "revolution per minute", "bpm": "beat per minute", "dB": "decibel", "kcal": "kilocalorie",
    "tbsp": "tablespoon", "tsp": "teaspoon",
    "V": "volt", "mA": "milliamp", "mAh": "milliamp-hour", "Ω": "ohm", "hPa": "hectopascal",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "kWh": "kilowatt-hour",
    "°C": "degree Celsius", "°F": "degree Fahrenheit", "°": "degree", "%": "percent", "¢": "cent",
    "USD": "dollar", "EUR": "euro", "GBP": "pound",
}  # fmt: skip
"""Signs after a number. Those that are also a word or an ending ("in", "A", "1980s", a "7B" model) are left out."""

_CURRENCIES: Mapping[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
"""Signs of money: one, many, and the hundredths."""

_SCALES: Mapping[str, str] = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion"}

_FRACTIONS = ("half", "third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth")
"""From halves on; above ninths people say "out of"."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_SYMBOLS: Mapping[str, str] = {
    "≈": "about", "±": "plus or minus", "×": "times", "÷": "divided by", "≤": "is at most", "≥": "is at least",
    "≠": "is not", "√": "the square root of", "∞": "infinity", "π": "pi", "§": "section",
    "→": "to", "&": "and", "@": "at",
}  # fmt: skip

_OPERATORS: Mapping[str, str] = {
    "<=": "is at most", ">=": "is at least", "!=": "is not", "==": "equals", "=": "equals",
    "<": "is less than", ">": "is greater than",
}  # fmt: skip
"""Said between two operands only."""

_VARIANTS = str.maketrans({
    "μ": "µ", "º": "°", "℃": "°C", "℉": "°F", "−": "-", "‑": "-", "–": "-", "’": "'", "‘": "'", "´": "'", "⁄": "/",
    "²": "^2", "³": "^3",
})  # fmt: skip
"""Characters that look the same to a reader, and the one that the rules know."""

_PUNCTUATION = frozenset(".,;:!?…—-'\"“”()¿¡。、！？，；：「」『』（）")
"""What is kept beside letters and digits: it shapes the melody."""

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MARKER = re.compile(r"(?:#{1,6}\s+|>+\s*|[-*+•]\s+(?:\[[ xX]\]\s+)?)+")
_CLOSED = re.compile(r"[.!?…:;,。！？—]['\"”)]*$")


def speakable(text: str) -> str:
    """Return the words to say for ``text``, which may be a fragment; empty if there is nothing to say.

    What is speakable already comes back as it is. The end of a line is the end of a sentence.
    """
    *lines, tail = _CODE.sub("\n", text).split("\n")
    spoken = [_closed(_spoken_line(line)) for line in lines]
    return " ".join(filter(None, [*spoken, _spoken_line(tail)]))


def _closed(line: str) -> str:
    return f"{line}." if line and not _CLOSED.search(line) else line


def _spoken_line(line: str) -> str:
    visible = "".join(c for c in line.translate(_VARIANTS) if not _is_invisible(c))
    line = " ".join(unicodedata.normalize("NFC", visible).split())
    marker = _MARKER.match(line)
    line = line[marker.end() :] if marker else line
    if line.startswith("|"):
        line = line.strip("| ")
    for pattern, replacement in _REWRITE:
        line = pattern.sub(replacement, line)
    line = "".join(c if _is_sayable(c) else " " for c in line)
    for pattern, replacement in _TIDY:
        line = pattern.sub(replacement, line)
    line = line.strip()
    if not any(map(str.isalnum, line)):
        return ""
    return _closed(line) if marker else line


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


def _is_sayable(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "L" or category in ("Nd", "Mn", "Mc") or character in _PUNCTUATION


def _digits(match: re.Match[str]) -> str:
    """Say digit by digit: a telephone number, a serial number."""
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(" ".join(group) for group in re.findall(r"\d+", match[0]))


def _date(match: re.Match[str]) -> str:
    year, month, day = (int(match[part]) for part in ("year", "month", "day"))
    try:
        date(year, month, day)
    except ValueError:
        return match[0]
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{_MONTHS[month - 1]} {day}{ending}, {year}"


def _money(match: re.Match[str]) -> str:
    amount, scale = match["amount"], match["scale"]
    one, many, one_cent, cents = _CURRENCIES[match["sign"]]
    if scale:
        return f"{amount} {_SCALES.get(scale.lower(), scale)} {many}"
    whole, _, hundredths = amount.partition(".")
    if len(hundredths) != len("00"):
        return f"{amount} {one if amount == '1' else many}"
    parts = [f"{whole} {one if whole == '1' else many}"] if int(whole.replace(",", "")) or hundredths == "00" else []
    if hundredths != "00":
        parts.append(f"{int(hundredths)} {one_cent if hundredths == '01' else cents}")
    return " and ".join(parts)


def _quantity(match: re.Match[str]) -> str:
    number, unit = match["number"], _UNITS[match["unit"]]
    if number != "1" and match["gap"] != "-":  # a 10-minute walk
        unit = _plural(unit)
    power = {"^2": "square ", "^3": "cubic "}.get(match["power"] or "", "")
    per = f" per {_UNITS.get(match['per'], 'second')}" if match["per"] else ""
    return f"{number} {power}{unit}{per}"


def _plural(unit: str) -> str:
    head, space, rest = unit.partition(" ")
    if head == "foot":
        return "feet"
    return unit if head.endswith(("hertz", "percent")) else f"{head}s{space}{rest}"


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = match["whole"], int(match["above"]), int(match["below"])
    before = f"{whole} " if whole else ""
    if 0 < above < below < len(_FRACTIONS) + 2:
        name = _FRACTIONS[below - 2]
        many = "halves" if name == "half" else f"{name}s"
        return f"{before}{'and ' if whole else ''}{above} {name if above == 1 else many}"
    return f"{before}{above}{' out of ' if below in (10, 100) else ' '}{below}"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_CURRENCY = f"[{''.join(_CURRENCIES)}]"
_AMOUNT = rf"(?P<amount>{_NUMBER})"
_SCALE = r"(?: ?(?P<scale>hundred|thousand|million|billion|trillion|bn|[kKmMbBT])\b)?"
_UNIT = _alternatives(_UNITS)

_ADDRESSES: tuple[_Rule, ...] = (
    (r"(?<=\])\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?: [^()]*)?\)", ""),  # a link's target
    (r"(?<=\])\[[^\[\]]*\]|\[\^?\d+\]", ""),  # references, footnotes
    (r"(?<!\S)!(?=\[)", ""),  # a picture: its description stays
    (
        r"<?(?:\b(?:https?|ftp)://(?:www\.)?|\bwww\.)(?P<host>[\w.:-]*\w)(?:[/?#][^\s<>()\[\]\"]*(?<![.,;:!?*_]))?>?",
        lambda match: match["host"].replace(".", " dot "),
    ),
    (r"</?[A-Za-z][\w-]*(?: [\w-]+=[^<>]*)? ?/?>", " "),  # HTML
    (r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda match: match[0].replace("@", " at ").replace(".", " dot ")),
    (r"\b(?<!\.)v?\d+(?:\.\d+){2,}(?![\w.]*\d)", lambda match: match[0].replace(".", " dot ")),  # 1.2.3, 192.168.0.1
    (r"[A-Za-z0-9_+/=-]{50,}", " "),  # keys, hashes
)

_MARKUP: tuple[_Rule, ...] = (
    (r"(?<!\S)(?:[:;=][-^']?[)(\]DPp/|*oO]|<3+|\^_\^)(?!\w)", " "),  # emoticons
    (r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1 over \2"),
    (r"\\[()\[\]]", " "),
    (r"(?<=[\w)])( ?)\*\1(?=[\w(])", " times "),
    (r"[*`]|~~|(?<!\w)_+|_+(?!\w)", ""),
    (r"_", " "),
    (r"\|", ", "),
)

_FIGURES: tuple[_Rule, ...] = (
    ("[¼-¾⅐-⅞]", lambda match: " " + unicodedata.normalize("NFKC", match[0]).replace("⁄", "/")),
    (r"(?<![\w.])\.(?=\d)", "0."),
    (r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?![\w-])", _date),
    (r"(?<![\w/-])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?![\w/-])", _date),
    (r"\b(\d{1,2}):00(?= ?[AaPp]\.?[Mm]\b)", r"\1"),  # 7:00 pm
    (r"(?<![\w.+-])(?:\+?1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])", _digits),
    (r"(?<![\w.+-])(?:\d{3}-\d{4}(?![\w-])|\+\d[\d ().-]{5,}\d|\d{10,}(?<!000)(?![\w-]|[.,]\d))", _digits),
    (r"(?<=\d) - (?=\d[^=]*=)", " minus "),
    (r"(?<=\d) - (?=\d)|(?<=\d[AaPp][Mm])-(?=\d)|(?<=\d [AaPp][Mm])-(?=\d)", " to "),
    (rf"(?<![\w)%])-(?={_CURRENCY}?\d)", "minus "),
    (
        rf"(?<![\w-])(?<!\d[.,:])({_CURRENCY}?\d[\d,.:]*%?)-(?={_CURRENCY}?\d)(?!\d+-\d)",  # 5-10, but not 4-4-2
        r"\1 to ",
    ),
    (rf"(?:\bUS)?(?P<sign>{_CURRENCY}) ?{_AMOUNT}{_SCALE}(?!\w)", _money),
    (rf"(?<!\w)(?<!\d[.,]){_AMOUNT} ?(?P<sign>[€£¥₹]){_SCALE}", _money),
    (r"(\d{1,2})' ?(\d{1,2})(?:\"|”|'')", r"\1 feet \2 inches"),
    (
        rf"(?<!\w)(?<!\d[.,])(?P<number>{_NUMBER})(?P<gap>[ -]?)(?P<unit>{_UNIT})(?P<power>\^[23])?"
        rf"(?:/(?P<per>{_UNIT}|s))?(?!\w)",
        _quantity,
    ),
    (r"(?<=\d) / (?=\d)", " divided by "),
    (r"/(?=(?:second|minute|hour|day|night|week|month|year|person)\b)", " per "),
    (r"(?<![\w/.,-])(?:(?P<whole>\d+) )?(?P<above>\d{1,2})/(?P<below>\d{1,3})(?![\w/]|[.,]\d)", _fraction),
    (r"(?<![\w:])(\d{1,2}):(\d)(?![\w:])", r"\1 to \2"),  # 3:1
    (r"(?<=\d)[x×](?=\d)", " by "),  # 1920x1080
    (r"(?<=\d) x (?=\d)", " times "),
    (r"(?<=\d)[xX]\b", " times"),  # 3x faster
)

_SIGNS: tuple[_Rule, ...] = (
    (r" ?(?:-{1,2}>|=>)(?= |\w) ?", " to "),
    (r"~(?=\d)", "about "),
    (r"\b([Ww])/o\b", r"\1ithout"),
    (r"\b([Ww])/(?=[ \w])", r"\1ith "),
    (r"#(?=\d)", "number "),
    (r"(?<=\b[CF])#", " sharp"),
    (rf"(?<=[\w)!]) ?({_alternatives(_OPERATORS)}) ?(?=[\w(√-])", lambda match: f" {_OPERATORS[match[1]]} "),
    (r"(?<=\w)\+\+", " plus plus"),
    (r"(?<!\+)\+(?!\+)", " plus "),
    (r"\^2(?!\d)", " squared "),
    (r"\^3(?!\d)", " cubed "),
    (r"(?<=\w)\^(?=[\w(])", " to the power of "),
    (f"[{''.join(_SYMBOLS)}]", lambda match: f" {_SYMBOLS[match[0]]} "),
    (r"(?<=[^\W\d_]{2})\.(?=[a-z]{2})", " dot "),  # example.com, Node.js
)

_TIDYING: tuple[_Rule, ...] = (
    (r"\s+", " "),
    (r"(?<![()])(?<![()] )\([ ()]*\) ?", ""),
    (r"[-—]*(?:--|—)[-—]*|(?<!\S)-(?!\S)", " — "),
    (r" {2,}", " "),
    (r" +(?=[,.;:!?…)](?:\W|$))", ""),
    (r"(?<=\() ", ""),
    (r"^[ .,;:!?…—)-]+", ""),
)


def _compiled(*tables: tuple[_Rule, ...]) -> list[tuple[re.Pattern[str], _Replacement]]:
    return [(re.compile(pattern), replacement) for table in tables for pattern, replacement in table]


_REWRITE = _compiled(_ADDRESSES, _MARKUP, _FIGURES, _SIGNS)
_TIDY = _compiled(_TIDYING)
