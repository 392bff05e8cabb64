"""The talk key: taps, and a key that is held down and repeats."""

from hotpin.tui.talk_key import Stroke, TalkKey


def test_one_tap_talks_and_the_next_sends() -> None:
    key = TalkKey()
    assert key.strike(10.0, hearing=False) is Stroke.TALK
    assert key.strike(12.0, hearing=True) is Stroke.SEND


def test_a_key_that_is_held_down_is_sent_when_it_stops_repeating() -> None:
    key = TalkKey()
    assert key.strike(10.0, hearing=False) is Stroke.TALK
    for moment in (10.5, 10.53, 10.56, 12.0, 12.03):  # the first repeat, others, and later ones
        last = key.strike(moment, hearing=True)
    assert last is Stroke.SEND_UNLESS_REPEATED
    assert key.strike(13.0, hearing=False) is Stroke.TALK


def test_a_second_tap_soon_after_the_first_is_sent_unless_it_was_the_key_repeating() -> None:
    key = TalkKey()
    key.strike(10.0, hearing=False)
    assert key.strike(10.6, hearing=True) is Stroke.SEND_UNLESS_REPEATED


def test_what_is_heard_without_the_key_is_sent_by_a_tap() -> None:
    assert TalkKey().strike(10.0, hearing=True) is Stroke.SEND
