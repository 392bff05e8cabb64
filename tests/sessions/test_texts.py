"""A session as people and programs read it."""

import re

import pytest

from hotpin.sessions import texts
from hotpin.sessions.base import Session, StoredTurn

TURNS = [
    StoredTurn("Hi", "Hello.", "Hello.", 1_800_000_000.5, {"endpoint": None}, 1),
    StoredTurn("Tell me\x1b[31m all", "A long story.", "A long", 1_800_000_060.0, {}, 2),
    StoredTurn("And?", "Never heard.", "", 1_800_000_120.0, {}, 4),
]
SESSION = Session("home", "sales", 1_800_000_120.0, 3, TURNS)


def test_programs_get_moments_with_a_time_zone() -> None:
    found = texts.as_dict(SESSION)
    assert found["last_activity"] == "2027-01-15T08:02:00.000+00:00"
    assert found["turns"][0] == {
        "number": 1,
        "heard": "Hi",
        "reply": "Hello.",
        "spoken": "Hello.",
        "at": "2027-01-15T08:00:00.500+00:00",
        "timing": {"endpoint": None},
    }


def test_people_read_what_was_heard_of_each_reply() -> None:
    lines = list(texts.dialogue(SESSION, 1_800_000_180.0))
    assert lines[0].startswith("home: 3 turns with sales, used last on ")
    assert lines[0].endswith("(1 minute ago)")
    assert "Hotpin: Hello." in lines
    assert "Hotpin: A long (interrupted)" in lines
    assert "Hotpin: (not heard) Never heard." in lines


def test_words_cannot_command_the_terminal() -> None:
    assert "You: Tell me[31m all" in texts.dialogue(SESSION, 0.0)
    assert "\x1b" not in texts.markdown(SESSION)


def test_spaces_and_joiners_of_other_languages_are_kept() -> None:
    text = "10\u202f000\u00a0km\u3000می\u200cخواهم"
    assert texts.readable(f" {text}\x9b2J\u202e\r") == f"{text}2J"


def test_markdown_has_a_heading_for_each_turn() -> None:
    text = texts.markdown(SESSION)
    assert text.startswith("# Session home\n\n3 turns with sales")
    assert len(re.findall(r"^## 2027-01-15 ", text, re.MULTILINE)) == 3
    assert "\n**You:** Hi\n\n**Hotpin:** Hello.\n" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (90_000, "1 day ago")],
)
def test_an_age_is_told_in_the_largest_unit_that_fits(seconds: float, said: str) -> None:
    assert texts.age(seconds) == said
