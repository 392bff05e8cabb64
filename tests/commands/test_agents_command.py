"""`hotpin agents`: who can answer."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hotpin import paths
from hotpin.commands.agents import app, complete_agent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a person's own personas."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    paths.agents_dir().mkdir(parents=True)
    return paths.agents_dir()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_list_for_programs_keeps_its_contract() -> None:
    result = run("--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert [agent["id"] for agent in found["agents"]] == ["hotpin", "callcenter", "receptionist", "sales"]
    assert found["agents"][3] == {
        "id": "sales",
        "name": "Sales Agent",
        "description": "Finds out what a customer needs and explains a product",
        "voices": {"elevenlabs": "21m00Tcm4TlvDq8ikWAM", "kokoro": "bf_emma", "pyttsx3": "en-gb-x-rp"},
        "temperature": 0.7,
        "max_tokens": 150,
        "source": "built in",
        "overrides": False,
    }
    assert found["broken"] == []


def test_the_list_for_people_names_each_with_its_source(folder: Path) -> None:
    (folder / "sales.toml").write_text("temperature = 0.1")
    text = run().stdout
    assert "callcenter      Call Center Agent   Helps customers" in text
    assert f"temperature 0.1, 150 tokens; {folder / 'sales.toml'}, changes the built-in one" in text


def test_a_wrong_file_is_listed_with_its_error_and_the_others_too(folder: Path) -> None:
    (folder / "wrong.toml").write_text("promt = 'x'")
    (folder / "right.toml").write_text("prompt = 'x'")
    result = run()
    assert result.exit_code == 0
    assert "\nwrong " not in result.stdout
    assert "right           Right" in result.stdout
    assert "wrong is left out: " in result.stderr
    assert "wrong.toml: there is no key 'promt'" in result.stderr
    assert run("list").stdout == result.stdout
    assert ", wrong" not in str(run("show", "nobody").exception)
    result = run("--json")
    found = json.loads(result.stdout)
    assert len(found["agents"]) == 5
    assert [agent["id"] for agent in found["broken"]] == ["wrong"]


def test_one_is_shown_with_its_prompt(folder: Path) -> None:
    (folder / "pirate.toml").write_text('prompt = "Arr."\n')
    assert run("show", "pirate").stdout.endswith(f"{folder / 'pirate.toml'}\n\nArr.\n")
    found = json.loads(run("show", "pirate", "--json").stdout)
    assert (found["id"], found["prompt"], found["source"]) == ("pirate", "Arr.", str(folder / "pirate.toml"))


def test_one_that_is_not_there_or_wrong_is_refused(folder: Path) -> None:
    assert "Agents are: hotpin, callcenter" in str(run("show", "nobody").exception)
    (folder / "wrong.toml").write_text("prompt = 1")
    assert "prompt is 1" in str(run("show", "wrong").exception)
    assert run("nobody").exit_code == 2


def test_no_file_commands_the_terminal(folder: Path) -> None:
    (folder / "mine.toml").write_text('prompt = "a\\u001b[2Jb\\nc"')
    (folder / "a\x1b[2J\udcff.toml").write_text("prompt = 'x'")
    assert run("show", "mine").stdout.endswith("\n\na[2Jb\nc\n")
    result = run()
    assert "a[2J is left out" in result.stderr
    assert result.stderr.rstrip("\n").isprintable()


def test_ids_are_completed() -> None:
    assert complete_agent("s") == ["sales"]
