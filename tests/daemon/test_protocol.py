"""What goes over the control socket, without a socket."""

import pytest

from hotpin.control.protocol import (
    MAX_TEXT_CHARACTERS,
    Command,
    ControlError,
    Request,
    decode_answer,
    decode_request,
    done,
    encode,
    encode_request,
    refused,
)
from hotpin.errors import BusyError


@pytest.mark.parametrize(
    "request_", [*(Request(command) for command in Command if command != "say"), Request(Command.SAY, "Grüße 🎤", True)]
)
def test_a_request_arrives_as_it_was_sent(request_: Request) -> None:
    line = encode_request(request_)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_request(line) == request_


def test_a_line_break_in_a_text_does_not_end_the_line() -> None:
    line = encode_request(Request(Command.SAY, "one\ntwo"))
    assert line.count(b"\n") == 1
    assert decode_request(line).text == "one\ntwo"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"hello", "not JSON"),
        (b"", "not JSON"),
        (b'{"command": "stop"', "not JSON"),
        (b'\xff\xfe{"command": "stop"}', "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'["stop"]', "a list, not a JSON object"),
        (b"null", "NoneType"),
        (b"{}", "no command None"),
        (b'{"command": "dance"}', "no command 'dance'"),
        (b'{"command": ["stop"]}', "no command"),
        (b'{"command": {"a": 1}}', "no command"),
        (b'{"command": "stop", "text": "x"}', "stop has no field 'text'"),
        (b'{"command": "say", "text": 5}', "text of say is no str"),
        (b'{"command": "say", "text": "x", "wait": 1}', "wait of say is no bool"),
        (b'{"command": "say", "text": "  "}', "nothing to say"),
        (b'{"command": "say"}', "nothing to say"),
    ],
)
def test_what_is_no_request_is_refused_with_what_is_wrong(line: bytes, words: str) -> None:
    with pytest.raises(ControlError, match=words) as refusal:
        decode_request(line)
    assert len(str(refusal.value)) < 300


def test_an_unknown_command_lists_those_that_there_are() -> None:
    with pytest.raises(ControlError, match="status, mute, unmute, listen, say, interrupt, stop"):
        decode_request(b'{"command": "dance"}')


def test_a_text_that_is_too_long_is_refused_before_it_is_sent() -> None:
    encode_request(Request(Command.SAY, "x" * MAX_TEXT_CHARACTERS))
    with pytest.raises(ControlError, match=f"{MAX_TEXT_CHARACTERS} are allowed"):
        encode_request(Request(Command.SAY, "x" * (MAX_TEXT_CHARACTERS + 1)))


def test_an_answer_gives_its_fields() -> None:
    assert decode_answer(encode(done(turns=3))) == {"turns": 3}


def test_a_refusal_says_what_happened_and_what_to_do() -> None:
    with pytest.raises(ControlError) as refusal:
        decode_answer(encode(refused(BusyError("it is loading", "Wait"))))
    assert (refusal.value.message, refusal.value.fix) == ("it is loading", "Wait")


@pytest.mark.parametrize("line", [b"{}", b'{"ok": false}', b'{"ok": 1}', b'{"ok": false, "error": 5, "fix": ""}'])
def test_an_answer_of_another_version_is_told(line: bytes) -> None:
    with pytest.raises(ControlError, match="not understood"):
        decode_answer(line)
