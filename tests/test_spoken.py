"""The voice gets words, numbers and punctuation, and nothing that cannot be said."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hotpin.spoken import speakable

SPOKEN = {
    # markup
    "**Bold**, *it*, __bold__, _it_ and ~~old~~.": "Bold, it, bold, it and old.",
    "**1.** First": "1. First",
    "Call `print(x)` now.": "Call print(x) now.",
    "the `snake_case` name": "the snake case name",
    'See [the docs](https://x.org/a_(b)?c=1 "Title").': "See the docs.",
    "See [the docs][1] and that.[2][^3]": "See the docs and that.",
    "A ![cat](cat.png) picture": "A cat picture",
    "# Heading": "Heading.",
    "## Really?": "Really?",
    "> quoted": "quoted.",
    "- Apples": "Apples.",
    "* Pears": "Pears.",
    "- [x] done": "done.",
    "1. First": "1. First",
    "- Apples\n- Pears": "Apples. Pears.",
    "Hello\nthere\n": "Hello. there.",
    "Ingredients:\n": "Ingredients:",
    "| Earth | 12,742 km |  |": "Earth, 12,742 kilometers",
    "| a | b |\n|---|---|\n| 1 | 2 |\n": "a, b. 1, 2.",
    "Above\n---\nbelow": "Above. below",
    "Look:\n```python\nx = 1\n```\nDone.": "Look: Done.",
    "Look:\n```python\nx = 1": "Look:",
    "one<br>two <b>three</b> <a href='x'>four</a>": "one two three four",
    r"\(x^2\) and \frac{1}{2}": "x squared and 1 over 2",
    # emoji and other pictures
    "Great 😊!": "Great!",
    "Hi 👋🏽 there 👨‍👩‍👧 🇩🇪": "Hi there",
    "I ❤️ it ✅": "I it",
    "1️⃣ First": "1 First",
    "Fine (😊) :) ok ;-) <3": "Fine ok",
    # addresses
    "https://www.example.com/path?q=1.": "example dot com.",
    "See <https://a.b.org/x>, www.foo.org/y, or ftp://f.org": "See a dot b dot org, foo dot org, or f dot org",
    "Visit example.com or node.js.": "Visit example dot com or node dot js.",
    "Mail j.doe@mail.example.com!": "Mail j dot doe at mail dot example dot com!",
    "version 3.11.4, v1.2.3, 192.168.0.1": "version 3 dot 11 dot 4, v1 dot 2 dot 3, 192 dot 168 dot 0 dot 1",
    f"the key {'9f' * 30} is": "the key is",
    # money
    "$5.50": "5 dollars and 50 cents",
    "$1 or $1.00 or $0.99 or £0.01": "1 dollar or 1 dollar or 99 cents or 1 penny",
    "€20, 20 €, £3.20, ¥500, ₹1,250": "20 euros, 20 euros, 3 pounds and 20 pence, 500 yen, 1,250 rupees",
    "$5 million, $1.5B, $5k, US$2.5": "5 million dollars, 1.5 billion dollars, 5 thousand dollars, 2.5 dollars",
    "$5/month, -$5, 50¢, 20 EUR": "5 dollars per month, minus 5 dollars, 50 cents, 20 euros",
    # units
    "5 km, 1 km, 5km, 1,250.5 kg": "5 kilometers, 1 kilometer, 5 kilometers, 1,250.5 kilograms",
    "3 GB, 10 ms, 5 µs, 5 μg": "3 gigabytes, 10 milliseconds, 5 microseconds, 5 micrograms",
    "100 km/h, 60 mph, 9.8 m/s², 5 mg/kg": (
        "100 kilometers per hour, 60 miles per hour, 9.8 meters per second squared, 5 milligrams per kilogram"
    ),
    "10 m², 5 ft^2, 3 m³, 6 ft, 1 ft": "10 square meters, 5 square feet, 3 cubic meters, 6 feet, 1 foot",
    "20 °C, 68°F, 5º, 1°C": "20 degrees Celsius, 68 degrees Fahrenheit, 5 degrees, 1 degree Celsius",
    "50% of 12.5 %": "50 percent of 12.5 percent",
    "a 10-minute walk, a 5-km run, 60 Hz, 5 kWh": "a 10-minute walk, a 5 kilometer run, 60 hertz, 5 kilowatt-hours",
    "5'10\" tall": "5 feet 10 inches tall",
    # figures
    "5-10, 5–10 km, 5%-10%, $5-$10": "5 to 10, 5 to 10 kilometers, 5 percent to 10 percent, 5 dollars to 10 dollars",
    "7:00-8:30, 9 AM-5pm, 1990 - 1995, 4-4-2": "7:00 to 8:30, 9 AM to 5pm, 1990 to 1995, 4-4-2",
    "-5, −5, .5, x-5, 7 - 3 = 4": "minus 5, minus 5, 0.5, x-5, 7 minus 3 equals 4",
    "1/2, 3/4, 2 1/2, 2½, ⅔": "1 half, 3 quarters, 2 and 1 half, 2 and 1 half, 2 thirds",
    "2/2, 8/10, 24/7, 95/100": "2 2, 8 out of 10, 24 7, 95 out of 100",
    "7:00 pm, 7:30 pm, 19:30, 3:1": "7 pm, 7:30 pm, 19:30, 3 to 1",
    "2024-05-01, 12/31/1999, 2024-13-45": "May 1st, 2024, December 31st, 1999, 2024-13-45",
    "2024-05-02, 2024-05-03, 2024-05-11, 2024-05-24": "May 2nd, 2024, May 3rd, 2024, May 11th, 2024, May 24th, 2024",
    "555-1234": "5 5 5, 1 2 3 4",
    "(555) 123-4567, 1-800-555-1234": "5 5 5, 1 2 3, 4 5 6 7, 1, 8 0 0, 5 5 5, 1 2 3 4",
    "+49 30 1234567": "plus 4 9, 3 0, 1 2 3 4 5 6 7",
    "5551234567, 5000000000": "5 5 5 1 2 3 4 5 6 7, 5000000000",
    # what every voice reads well stays
    "1st, 23rd, 1,250, 3.14, 1999, the 1980s, 5 G, 7B": "1st, 23rd, 1,250, 3.14, 1999, the 1980s, 5 G, 7B",
    "Dr. Smith, e.g. in the U.S. (really)": "Dr. Smith, e.g. in the U.S. (really)",
    '"Well…" she said — it\'s “fine”.': '"Well…" she said — it\'s “fine”.',
    # symbols
    "R&D, salt & pepper": "R and D, salt and pepper",
    "2 + 2 = 4, 5 * 3 = 15, 2*x": "2 plus 2 equals 4, 5 times 3 equals 15, 2 times x",
    "5 x 6, 5 × 6, 1920x1080, 3x": "5 times 6, 5 times 6, 1920 by 1080, 3 times",
    "x^3, 10^5, x²": "x cubed, 10 to the power of 5, x squared",
    "a < b, x<=3, x != y, 5 > 3, y >= 1, a == b": (
        "a is less than b, x is at most 3, x is not y, 5 is greater than 3, y is at least 1, a equals b"
    ),
    "A → B, a -> b, ~5, ≈ 5, ±5": "A to B, a to b, about 5, about 5, plus or minus 5",
    "#1, #tag, C#, C++, @home": "number 1, tag, C sharp, C plus plus, at home",
    "and/or, TCP/IP, 10 / 2": "and or, TCP IP, 10 divided by 2",
    "w/ milk, w/o sugar, 3! = 6": "with milk, without sugar, 3! equals 6",
    "a -- b – c - d": "a — b — c — d",
    "Well — ": "Well —",
    "안녕하세요. 你好。": "안녕하세요. 你好。",
    "e\u0301t\u00e9": "été",
}


@pytest.mark.parametrize(("written", "spoken"), SPOKEN.items())
def test_written_text_is_said(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize(
    "written", ["", " \n", "😊", "***", "---", "|---|", "...", "```x = 1```", "!?", "[](x)", "♪ ☀️"]
)
def test_text_without_words_gives_nothing_to_say(written: str) -> None:
    assert speakable(written) == ""


FRAGMENTS = [
    *"abcXYZ éß한。:;,.!?…'\"()[]{}<>|*_~`#-–—+=/\\@&%^°$€²½😊✅\n 0123456789",
    *(
        "5 km",
        "3 GB",
        "$5.50",
        "**",
        "- ",
        "1. ",
        "# ",
        "> ",
        "](http://a.b/c)",
        "https://",
        "x@y.zz",
        "1/2",
        "-5",
        "²",
    ),
    *("2024-05-01", "7:00 pm", "5-10", "...", "```", " = ", "C++", ".com", "e\u0301", "\ufe0f", "\u200d", "555-1234"),
]
soups = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join) | st.text(max_size=60)
sentences = st.lists(st.sampled_from([*SPOKEN, "word", "Word,", "end.", *FRAGMENTS]), max_size=12).map(" ".join)


@settings(deadline=None)
@given(sentences)
@example("😊 1. foo")
def test_what_is_speakable_stays_as_it_is(text: str) -> None:
    spoken = speakable(text)
    assert speakable(spoken) == spoken


@settings(deadline=None)
@given(soups)
def test_no_markup_and_no_picture_is_left(text: str) -> None:
    spoken = speakable(text)
    assert not set(spoken) & set("*_`#[]{}<>|~^\\=+/@&%$€²\n")
    assert not any(
        unicodedata.category(character) in ("So", "Sk", "Sm", "Sc", "Cf", "Cc", "Co") for character in spoken
    )
    assert spoken == "" or any(map(str.isalnum, spoken))


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True), min_size=1, max_size=30).map(" ".join))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert speakable(text) == text
