"""Typing in a terminal during a call, with engines that only pretend: whose words stand behind which name."""

from collections.abc import Iterator

import pytest

from tests.commands.hotpin_process import Hotpin, Terminal


@pytest.fixture
def terminal(hotpin: Hotpin) -> Iterator[Terminal]:
    """A call that waits for the first line."""
    terminal = Terminal(lambda inner: hotpin.start_in(inner, module="tests.commands.fake_call"))
    terminal.until("You: ")
    yield terminal
    terminal.close()


def lines(terminal: Terminal) -> list[str]:
    """What stands on the screen below the greeting."""
    shown = terminal.shown.replace("\x1b[K", "").splitlines()
    return [line.lstrip("\r").strip() for line in shown if line.strip()][2:]


def test_what_is_typed_over_replies_stands_behind_its_own_name(terminal: Terminal) -> None:
    terminal.type("Name a colour.\r")
    terminal.until("Hotpin: You")
    terminal.type("Name a fruit.\rA tree.\r")
    terminal.until("was all.")
    terminal.until("You: ")
    terminal.type("exit\r")
    terminal.until("Over.")
    shown = lines(terminal)
    assert shown[0] == "You: Name a colour."
    assert shown[1].startswith("Hotpin: You")
    assert shown[2:4] == ["You: Name a fruit.", "You: A tree."]
    assert shown[4].startswith("Hotpin: You asked me: ")
    assert shown[-2:] == ["You: exit", "Over."]


@pytest.mark.slow
def test_a_line_can_be_edited_and_had_again(terminal: Terminal) -> None:
    terminal.type("xbc\x1b[D\x1b[D\x7fa\r")
    terminal.until("You asked me: abc And that was all.")
    terminal.until("You: ")
    terminal.type("\x1b[A\r")
    terminal.until("You asked me: abc And that was all.")


@pytest.mark.slow
def test_a_line_begun_while_a_reply_is_written_stands_at_the_next_prompt(terminal: Terminal) -> None:
    terminal.type("Name a colour.\r")
    terminal.until("Hotpin: You")
    terminal.type("Name a")
    terminal.until("You: Name a")
    terminal.type(" fruit.\r")
    terminal.until("Hotpin: You asked me: Name a fruit.")
