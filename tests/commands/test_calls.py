"""Calls in a terminal, as processes of their own: what is said, shown and kept, whatever happens to the process."""

import random
import signal
import subprocess
import threading
import time
from typing import Any

import pytest

from tests.commands.conftest import MakeWav
from tests.commands.hotpin_process import Hotpin, Terminal
from tests.conftest import Spoken

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("real_models")]

KILLS = 50


def turns(hotpin: Hotpin, session_id: str = "default") -> list[dict[str, Any]]:
    """What is kept of a session."""
    found = hotpin("sessions", "show", session_id, "--json").json()["turns"]
    assert isinstance(found, list)
    return found


def replies(out: str, name: str = "Hotpin") -> list[str]:
    """The replies that were shown to their end, as a call without a terminal prints them."""
    finished = out[: out.rfind("\n") + 1]
    return [line.removeprefix(f"{name}: ").strip() for line in finished.splitlines() if line.startswith(f"{name}: ")]


def test_typed_lines_are_answered_one_after_the_other(hotpin: Hotpin) -> None:
    ran = hotpin("start-call", typed="What is the capital of France?\n\nAnd of Italy?\n")
    assert ran.status == 0, ran.err
    assert [line for line in ran.out.splitlines() if line.startswith("You: ")] == [
        "You: What is the capital of France?",
        "You: And of Italy?",
    ]
    shown = replies(ran.out)
    assert "Paris" in shown[0]
    assert [turn["reply"] for turn in turns(hotpin)] == shown
    assert "a new session" in ran.err
    assert "hotpin start-call --session-id default" in ran.err


def test_a_call_goes_on_where_the_last_one_ended(hotpin: Hotpin) -> None:
    hotpin("start-call", "--session-id", "kitchen", typed="My dog is called Bruno.\n")
    ran = hotpin("start-call", "--session-id", "kitchen", "--json", typed="What is my dog called?\n").json()
    assert ran["session_id"] == "kitchen"
    assert [turn["heard"] for turn in ran["turns"]] == ["What is my dog called?"]
    assert len(turns(hotpin, "kitchen")) == 2
    prompt = hotpin("sessions", "show", "kitchen", "--prompt", "--json").json()["messages"]
    assert [message["content"] for message in prompt if message["role"] == "user"] == [
        "My dog is called Bruno.",
        "What is my dog called?",
    ]


def test_recordings_are_said_and_answered(hotpin: Hotpin, make_wav: MakeWav, spoken: Spoken) -> None:
    first = make_wav("first.wav", spoken("What is the capital of France?"))
    second = make_wav("second.wav", spoken("Thank you very much."))
    ran = hotpin("start-call", "--input", first, "--input", second, "--out", hotpin.home / "call.wav")
    assert ran.status == 0, ran.err
    heard = [line for line in ran.out.splitlines() if line.startswith("You: ")]
    assert len(heard) == 2
    assert "capital of France" in heard[0]
    assert len(turns(hotpin)) == 2
    assert (hotpin.home / "call.wav").stat().st_size > 20_000


def test_a_recording_without_speech_is_a_failure(hotpin: Hotpin, make_wav: MakeWav, spoken: Spoken) -> None:
    silent = make_wav("silent.wav", spoken("Hello.") // 2000)
    hotpin("start-call", "--input", silent).refused("I heard nothing")


def test_a_call_speaks_as_its_persona_and_the_session_remembers_it(hotpin: Hotpin) -> None:
    ran = hotpin("start-call", "--agent", "receptionist", typed="Good morning.\n")
    assert ran.status == 0, ran.err
    assert replies(ran.out, "Receptionist")
    again = hotpin("start-call", "--json", typed="Good evening.\n").json()
    assert again["agent"] == "receptionist"


@pytest.mark.parametrize("session_id", ["", "../x", "x" * 10_000, "voice-agent", "a b"])
def test_what_cannot_be_a_session_id_is_refused_with_the_rule(hotpin: Hotpin, session_id: str) -> None:
    for command in (["start-call"], ["ask", "Hello?"]):
        ran = hotpin(*command, "--session-id", session_id)
        assert ran.status == 2
        assert "cannot be a session id" in ran.err
        assert len(ran.err) < 1_000


def test_an_unknown_persona_is_told_before_anything_is_loaded(hotpin: Hotpin) -> None:
    hotpin("start-call", "--agent", "butler").refused("butler", "receptionist")


def test_five_questions_by_five_processes_are_one_conversation(hotpin: Hotpin) -> None:
    asked = [f"My friend number {number} is called {name}." for number, name in enumerate(("Ada", "Bo", "Cy", "Di"))]
    for question in [*asked, "Who are my friends?"]:
        assert hotpin("ask", question, "--session-id", "friends", "--json").json()["session_id"] == "friends"
    prompt = hotpin("sessions", "show", "friends", "--prompt").out
    for question in asked:
        assert question in prompt
    assert [turn["heard"] for turn in turns(hotpin, "friends")] == [*asked, "Who are my friends?"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_hanging_up_ends_the_call_cleanly_and_keeps_its_turns(hotpin: Hotpin, how: signal.Signals) -> None:
    with hotpin.start("start-call", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("Say hello.\nTell me a very long story.\n")
        process.stdin.flush()
        said = (line for line in process.stdout if line.startswith("Hotpin: "))
        first = next(said).removeprefix("Hotpin: ").strip()
        began = time.monotonic()
        process.send_signal(how)
        _, err = process.communicate(timeout=10.0)
    assert process.returncode == 0
    assert time.monotonic() - began < 2.0
    assert "Traceback" not in err
    assert "The call is over" in err
    assert turns(hotpin)[0]["reply"] == first


@pytest.mark.timeout(900)
def test_sigkill_at_any_moment_loses_no_finished_turn(hotpin: Hotpin) -> None:
    chance = random.Random(2)  # noqa: S311 - moments, not secrets
    finished: list[str] = []
    latest = 2.5  # s; a busy machine finishes nothing in it, and what was not finished cannot be lost
    for _ in range(KILLS):
        now_finished = killed(hotpin, chance.uniform(0.0, latest))
        latest *= 0.95 if now_finished else 1.1
        finished += now_finished
        stored = [turn["reply"] for turn in turns(hotpin, "killed")] if finished else []
        missing = [reply for reply in finished if reply not in stored]
        assert missing == []
    print(f"\n{KILLS} kills, {len(finished)} finished turns, none lost")
    assert len(finished) >= KILLS // 3
    ran = hotpin("start-call", "--session-id", "killed", typed="Are you still there?\n")
    assert ran.status == 0, ran.err
    assert "6 earlier turns" in ran.err
    assert turns(hotpin, "killed")[-1]["heard"] == "Are you still there?"


def killed(hotpin: Hotpin, seconds: float) -> list[str]:
    """Hold a call and kill it ``seconds`` after its greeting; return the replies that were shown to their end."""
    with hotpin.start("start-call", "--session-id", "killed", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("".join(f"Say the number {number}.\n" for number in range(60)))
        process.stdin.flush()
        assert any("is ready" in line for line in process.stderr)
        killer = threading.Timer(seconds, process.kill)
        killer.start()
        out, _ = process.communicate(timeout=30.0)
    assert process.returncode == -signal.SIGKILL
    return replies(out)


def test_in_a_terminal_lines_are_typed_at_a_prompt_and_ctrl_c_hangs_up(hotpin: Hotpin) -> None:
    terminal = Terminal(lambda inner: hotpin.start_in(inner, "start-call"))
    try:
        terminal.until("You: ")
        terminal.type("What is the capital of France?\n")
        terminal.until("Hotpin: ")
        terminal.until("You: ")
        assert "Paris" in terminal.shown
        terminal.type("\x03")
        terminal.until("The call is over")
        assert terminal.process.wait(5.0) == 0
        assert terminal.shown.count("What is the capital of France?") == 1
    finally:
        terminal.close()
    assert len(turns(hotpin)) == 1


def test_in_a_terminal_ctrl_d_ends_the_call(hotpin: Hotpin) -> None:
    terminal = Terminal(lambda inner: hotpin.start_in(inner, "start-call"))
    try:
        terminal.until("You: ")
        terminal.type("\x04")
        terminal.until("The call is over")
        assert terminal.process.wait(5.0) == 0
    finally:
        terminal.close()


def test_a_full_disk_is_told_and_the_reply_is_given_all_the_same(hotpin: Hotpin) -> None:
    hotpin("ask", "Say hello.", "--session-id", "full", "--json").json()
    stored = max(path.stat().st_size for path in (hotpin.home / "data").iterdir())
    question = "Say hello again. " + "Again, please. " * 3000
    ran = hotpin.on_full_disk("ask", question, "--session-id", "full", room=max(stored, 33_000))
    assert ran.status == 1
    assert "Traceback" not in ran.err
    assert "cannot be kept" in ran.err.splitlines()[-1] or "disk" in ran.err.splitlines()[-1]
    assert replies(ran.out)[0]
    assert [turn["heard"] for turn in turns(hotpin, "full")] == ["Say hello."]
