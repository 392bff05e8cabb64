"""`hotpin sessions`: what was said, for people and programs, and how it is deleted."""

import io
import json
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hotpin import paths
from hotpin.commands import sessions
from hotpin.commands.sessions import app
from hotpin.errors import HotpinError
from hotpin.sessions.base import StoredTurn
from hotpin.sessions.stores import open_store
from hotpin.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No sessions yet."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kept() -> None:
    """Twelve turns in one session, and one in another that was used later."""
    with closing(open_store(Settings())) as store:
        for number in range(1, 13):
            turn = StoredTurn(f"Question {number}", f"Answer {number}.", f"Answer {number}.", time.time())
            store.add("kitchen", "hotpin", turn)
        store.add("desk", "hotpin", StoredTurn("Naïve 🙂?", "Yes, but", "Yes,", time.time(), {"endpoint": 1.5}))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def run_json(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command prints
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def failure(*arguments: str) -> HotpinError:
    """What the person is told by a command that fails."""
    result = run(*arguments)
    assert isinstance(result.exception, HotpinError), result.output
    return result.exception


def ids() -> list[str]:
    return [session["id"] for session in run_json("list")["sessions"]]


@pytest.mark.usefixtures("kept")
def test_the_list_has_a_line_per_session_the_one_used_last_first() -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["desk", "hotpin", "1", "turn"],
        ["kitchen", "hotpin", "12", "turns"],
    ]
    assert lines[0].endswith("just now")
    assert ids() == ["desk", "kitchen"]
    assert run_json("list")["sessions"][1]["turn_count"] == 12


def test_without_sessions_the_list_is_empty_and_makes_no_file() -> None:
    assert run_json("list") == {"sessions": []}
    result = run("list")
    assert (result.stdout, result.stderr) == ("", "There are no sessions\n")
    assert not paths.data_dir().exists()


@pytest.mark.usefixtures("kept")
def test_a_session_for_programs_keeps_its_contract() -> None:
    found = run_json("show", "desk")
    assert {"id": "desk", "agent": "hotpin"}.items() <= found.items()
    assert found["last_activity"].endswith("+00:00")
    (turn,) = found["turns"]
    contract = {"heard": "Naïve 🙂?", "reply": "Yes, but", "spoken": "Yes,", "timing": {"endpoint": 1.5}}
    assert contract.items() <= turn.items()
    assert turn["at"].endswith("+00:00")


@pytest.mark.usefixtures("kept")
def test_a_session_for_people_is_a_dialogue() -> None:
    text = run("show", "kitchen", "--last", "2").stdout
    assert text.startswith("kitchen: 12 turns with hotpin, used last on ")
    assert "You: Question 11\nHotpin: Answer 11.\n" in text
    assert "Question 10" not in text
    assert "Question 1\n" in run("show", "kitchen").stdout
    assert len(run_json("show", "kitchen", "--last", "3")["turns"]) == 3


@pytest.mark.usefixtures("kept")
def test_the_prompt_is_the_personas_and_the_last_turns() -> None:
    messages = run_json("show", "kitchen", "--prompt")["messages"]
    assert messages[0]["role"] == "system"
    assert "Hotpin" in messages[0]["content"]
    assert [message["content"] for message in messages[1:3]] == ["Question 7", "Answer 7."]
    assert messages[-1] == {"role": "assistant", "content": "Answer 12."}
    assert len(messages) == 13
    assert "user: Question 12\n\nassistant: Answer 12.\n" in run("show", "kitchen", "--prompt").stdout


@pytest.mark.usefixtures("kept")
def test_the_prompt_follows_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_DIALOG__PROMPT", "Be brief.")
    monkeypatch.setenv("HOTPIN_DIALOG__MAX_TURNS", "3")
    monkeypatch.setenv("HOTPIN_DIALOG__KEEP_TURNS", "2")
    messages = run_json("show", "kitchen", "--prompt")["messages"]
    assert [message["content"] for message in messages] == [
        "Be brief.",
        "Question 11",
        "Answer 11.",
        "Question 12",
        "Answer 12.",
    ]


def test_a_question_whose_reply_was_not_heard_is_given_with_the_next() -> None:
    with closing(open_store(Settings())) as store:
        store.add("home", "hotpin", StoredTurn("What is", "Well", "", time.time()))
    assert run_json("show", "home", "--prompt")["messages"][1:] == [{"role": "user", "content": "What is"}]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("command", ["show", "export", "delete"])
def test_an_unknown_session_is_told_with_where_to_look(command: str) -> None:
    error = failure(command, "nobody")
    assert error.message == "there is no session 'nobody'"
    assert "hotpin sessions list" in error.fix


@pytest.mark.parametrize("command", ["show", "export", "delete"])
@pytest.mark.parametrize("session_id", ["", "../x", "a" * 10_000, "a b", "..", "voice-agent"])
def test_what_cannot_be_a_session_id_is_wrong_usage(command: str, session_id: str) -> None:
    result = run(command, session_id)
    assert result.exit_code == 2
    assert "cannot be a session id" in " ".join(result.stderr.split())
    assert len(result.stderr) < 1000


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "arguments",
    [["show"], ["show", "desk", "--last", "0"], ["show", "desk", "--prompt", "--last", "1"], ["delete"]],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.usefixtures("kept")
def test_an_export_is_markdown_unless_the_file_or_the_option_says_json(home: Path) -> None:
    assert run("export", "desk").stdout.startswith("# Session desk\n")
    for name, options in (("a.md", []), ("a.txt", []), ("b.md", ["--format", "markdown"])):
        assert run("export", "desk", "--out", name, *options).exit_code == 0
        assert (home / name).read_text(encoding="utf-8").startswith("# Session desk\n")
    for name, options in (("a.JSON", []), ("c.txt", ["--format", "json"])):
        assert run("export", "desk", "--out", name, *options).stdout == ""
        assert json.loads((home / name).read_text(encoding="utf-8")) == run_json("show", "desk")


@pytest.mark.usefixtures("kept")
def test_an_export_is_private_and_replaces_nothing_unless_told(home: Path) -> None:
    target = home / "talk.md"
    target.write_text("mine")
    assert "--force" in failure("export", "desk", "--out", "talk.md").fix
    assert target.read_text() == "mine"
    assert run("export", "desk", "--out", "talk.md", "--force").exit_code == 0
    assert target.read_text(encoding="utf-8").startswith("# Session desk")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir() if "part" in path.name] == []


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("out", [".", "nowhere/talk.md", "/dev/null"])
def test_an_export_that_cannot_be_written_is_told(out: str) -> None:
    assert repr(out) in failure("export", "desk", "--out", out, "--force").message


@pytest.mark.usefixtures("kept")
def test_without_a_terminal_nothing_is_deleted_unless_told() -> None:
    result = run("delete", "desk")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert ids() == ["desk", "kitchen"]
    assert run_json("delete", "desk", "desk", "--yes") == {"deleted": ["desk"]}
    assert ids() == ["kitchen"]


class Terminal(io.StringIO):
    """What a person types, in a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("typed", "status", "left"), [("n\n", 1, ["desk", "kitchen"]), ("\n", 1, ["desk", "kitchen"]), ("y\n", 0, [])]
)
def test_in_a_terminal_the_person_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, status: int, left: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    with pytest.raises(SystemExit) as ended:
        app(["delete", "--all"])
    assert ended.value.code == status
    assert "Delete 2 sessions for good? [y/N]" in capsys.readouterr().err
    assert ids() == left


@pytest.mark.usefixtures("kept")
def test_with_an_unknown_session_among_them_none_is_deleted() -> None:
    failure("delete", "desk", "nobody", "--yes")
    assert ids() == ["desk", "kitchen"]
    assert run("delete", "desk", "--all", "--yes").exit_code == 2


def test_deleting_all_of_none_is_no_error() -> None:
    assert run_json("delete", "--all") == {"deleted": []}


def test_with_the_memory_store_it_is_said_that_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_SESSIONS__STORE", "memory")
    result = run("list")
    assert "Nothing is kept between processes" in result.stderr
    assert result.stdout == ""
    assert "Nothing is kept" in run("show", "home").stderr


@pytest.mark.usefixtures("kept")
def test_ids_are_completed_and_a_broken_store_completes_nothing() -> None:
    assert sessions._known_ids("") == ["desk", "kitchen"]
    assert sessions._known_ids("k") == ["kitchen"]
    paths.sessions_file().write_bytes(b"no database")
    assert sessions._known_ids("") == []


def test_the_commands_are_there_without_the_heavy_imports() -> None:
    heavy = {"pydantic", "sqlite3", "hotpin.settings", "hotpin.sessions.sqlite", "rich"}
    code = f"import sys, hotpin.commands.sessions; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
