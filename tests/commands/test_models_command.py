"""`hotpin models`: what a program reads on standard output, and what a person sees on standard error."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hotpin import paths, recommend
from hotpin.commands.models import app
from hotpin.commands.progress import ProgressLine
from hotpin.errors import ModelError
from hotpin.model_sources import download
from tests.fakes.file_server import FileServer, serving

WEIGHTS = b"GGUF" * 100
MODEL = """
[[model]]
name = "{name}"
title = "{name}"
kind = "{kind}"
licence = "MIT"
languages = ["en"]
memory_mb = 1
"""
MANIFEST = f"""
{MODEL.format(name="whisper-base", kind="stt")}
engine = "whisper"
[model.package]
distribution = "hotpin"
module = "hotpin"
file = "py.typed"
bytes = 0
{MODEL.format(name="tiny", kind="llm")}
entry = "tiny.gguf"
needs = ["tokens"]
files = [{{ name = "tiny.gguf", bytes = {len(WEIGHTS)}, sha256 = "{hashlib.sha256(WEIGHTS).hexdigest()}" }}]
[model.web]
url = "SERVER/tiny.gguf"
{MODEL.format(name="tokens", kind="llm")}
files = [{{ name = "tokens.bin", bytes = 1, sha256 = "{hashlib.sha256(b"t").hexdigest()}" }}]
[model.web]
url = "SERVER/tokens.bin"
"""


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A recogniser that is there, and a release page with a language model and what that needs."""
    with serving() as page:
        page.files = {"/tiny.gguf": WEIGHTS, "/tokens.bin": b"t"}
        (tmp_path / "manifest.toml").write_text(MANIFEST.replace("SERVER", page.url))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(paths, "manifest_file", lambda: tmp_path / "manifest.toml")
        monkeypatch.setenv("HOTPIN_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HOTPIN_LLM__MODEL", "tiny")
        yield page


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def run_json(*arguments: str) -> Any:  # noqa: ANN401 - whatever the command prints
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def failure(*arguments: str) -> str:
    """What the person is told by a command that fails."""
    result = run(*arguments)
    assert isinstance(result.exception, ModelError)
    return str(result.exception)


def test_the_list_for_programs_keeps_its_contract() -> None:
    found = run_json("list")["models"]
    tiny = paths.models_dir() / "tiny" / "tiny.gguf"
    contract = {"name": "tiny", "kind": "llm", "bytes": 400, "installed": False, "path": str(tiny), "licence": "MIT"}
    assert contract.items() <= found[1].items()
    assert found[0]["installed"]


def test_the_list_for_people_has_a_line_per_model() -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["*", "whisper-base"], ["*", "tiny"], ["*", "tokens"]]


def test_a_pull_without_names_fetches_what_the_settings_name() -> None:
    pulled = run_json("pull")["models"]
    fetched = [(model["name"], model["fetched"]) for model in pulled]
    assert fetched == [("whisper-base", False), ("tiny", True), ("tokens", True)]
    assert Path(run_json("path", "tiny")["path"]).read_bytes() == WEIGHTS
    assert run("path", "tiny").stdout.strip() == pulled[1]["path"]


def test_a_persons_own_model_needs_no_pull_but_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_LLM__MODEL", str(tmp_path / "own.gguf"))
    assert "own.gguf" in failure("pull")
    (tmp_path / "own.gguf").touch()
    assert [model["name"] for model in run_json("pull")["models"]] == ["whisper-base"]


def test_progress_goes_to_standard_error() -> None:
    result = run("pull", "tiny")
    assert result.stderr.startswith("tiny  100 %  0/0 MB\n")
    assert result.stdout.startswith("tiny is installed: ")
    assert run("pull", "tiny").stdout.startswith("tiny was there already: ")


def test_offline_nothing_is_fetched() -> None:
    assert "offline mode forbids the network" in failure("pull", "--offline", "tiny")


def test_an_unknown_model_or_source_is_refused() -> None:
    assert "Known models: whisper-base, tiny" in failure("path", "nonesuch")
    assert run("pull", "--source", "ftp").exit_code == 2


def test_a_damaged_model_is_named_with_its_cure_and_the_others_are_checked() -> None:
    run("pull", "tiny")
    assert [model["ok"] for model in run_json("verify")["models"]] == [True] * 3
    (paths.models_dir() / "tiny" / "tiny.gguf").write_bytes(WEIGHTS[::-1])
    assert "hotpin models pull tiny" in failure("verify")
    checked = json.loads(run("verify", "tiny", "whisper-base", "--json").stdout)["models"]
    assert [(model["name"], model["ok"]) for model in checked] == [("tiny", False), ("whisper-base", True)]
    assert "SHA-256" in checked[0]["detail"]


def test_several_damaged_models_are_all_named() -> None:
    text = failure("verify", "tiny", "nonesuch")
    assert "'tiny' is not installed; there is no model 'nonesuch'" in text


def test_a_removed_model_is_gone() -> None:
    run("pull", "tiny")
    assert run_json("remove", "tiny")["models"] == [{"name": "tiny", "removed": True}]
    assert run("remove", "tiny").stdout == "tiny was not there\n"


def test_what_a_model_needs_is_fetched_with_it() -> None:
    assert [model["name"] for model in run_json("pull", "tiny")["models"]] == ["tiny", "tokens"]


def test_a_removal_takes_a_cut_download_along(page: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "WAITS_SECONDS", ())
    page.cuts = [100]
    assert "cut after 100 of 400 bytes" in failure("pull", "tiny")
    assert (paths.models_dir() / ".tiny.partial").exists()
    assert run("remove", "tiny").stdout == "tiny was not there\n"
    assert not (paths.models_dir() / ".tiny.partial").exists()


def test_a_recommendation_says_why_and_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path(__file__).parents[2] / "models" / "manifest.toml"
    monkeypatch.setattr(paths, "manifest_file", lambda: real)
    monkeypatch.delenv("HOTPIN_LLM__MODEL")
    monkeypatch.setattr(recommend, "this_machine", lambda _: recommend.Machine(16 << 30, 8, 100 << 30))
    text = run("recommend").stdout
    assert text.startswith("laptop: for 16.0 GiB of memory, 8 cores, 100 GiB free on disk\n")
    assert "hotpin models pull whisper-small smart-turn mistral-7b-instruct-v0.3 kokoro-int8 kokoro-voices\n" in text
    assert "hotpin config set llm.model mistral-7b-instruct-v0.3\n" in text
    assert "hotpin config set tts.engine kokoro\n" in text
    assert "MB to fetch, 4373 MB on disk" in text
    monkeypatch.setattr(recommend, "this_machine", lambda _: recommend.Machine(16 << 30, 2, 100 << 30))
    text = run("recommend", "--profile", "laptop").stdout
    assert text.startswith("laptop: as much of it as suits 16.0 GiB of memory, 2 cores")
    advice = run_json("recommend", "--profile", "starter")
    assert advice["profile"] == "starter"
    names = ["whisper-base", "smart-turn", "smollm2-135m-instruct"]
    assert [model["name"] for model in advice["models"]] == [*names, "hibari-heart"]
    assert advice["commands"] == [f"hotpin models pull {' '.join(names)}"]


def test_the_shell_completes_the_names_of_models() -> None:
    environment = {**os.environ, "COMP_WORDS": "hotpin models pull whisper-", "COMP_CWORD": "3"}
    program = "import sys; sys.argv[0] = 'hotpin'; from hotpin.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "_HOTPIN_COMPLETE": "complete_bash"},
    )
    assert {"whisper-base", "whisper-tiny"} <= set(found.stdout.split())


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_in_a_terminal_the_bar_is_drawn_over() -> None:
    stream = Terminal()
    line = ProgressLine("tiny", stream)
    for done in (0, 5_000_000, 5_000_001, 10_000_000):
        line.update(done, 10_000_000)
    line.close()
    drawn = stream.getvalue().split("\r")
    assert len(drawn) == 4
    assert drawn[2] == f"tiny  [{'#' * 12:<24}]  50 %  5/10 MB "
    assert drawn[3].endswith("100 %  10/10 MB \n")


def test_without_a_terminal_there_is_a_line_every_ten_per_cent() -> None:
    stream = io.StringIO()
    line = ProgressLine("tiny", stream)
    for done in range(0, 1001, 5):
        line.update(done, 1000)
    line.close()
    assert len(stream.getvalue().splitlines()) == 11


def test_the_commands_are_there_without_the_heavy_imports() -> None:
    heavy = {"pydantic", "hotpin.models", "rich"}
    code = f"import sys, hotpin.commands.models; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
