"""Models: a broken download can never be loaded, and every failure says what to do."""

import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from hotpin import model_manifest, model_pull, models, paths
from hotpin.errors import ModelError
from hotpin.model_sources import base
from hotpin.model_sources.hub import git_hash
from hotpin.settings import ModelsSettings, Settings

WEIGHTS = bytes(range(256)) * 40
CONFIG = b'{"layers": 2}'
NAMES = ["both", "hub-only", "wheel-only", "voice"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


MANIFEST = f"""
[[model]]
name = "both"
title = "Recogniser"
kind = "stt"
licence = "MIT"
languages = ["en"]
memory_mb = 1
[model.hub]
repo = "org/both"
revision = "main"
files = [{{ name = "model.bin", bytes = {len(WEIGHTS)} }}, {{ name = "config.json", bytes = {len(CONFIG)} }}]
[model.wheel]
requirements = ["hotpin-test-one==1.0", "hotpin-test-two==1.0"]
[[model.wheel.files]]
name = "model.bin"
bytes = {len(WEIGHTS)}
sha256 = "{sha256(WEIGHTS)}"
parts = ["hotpin_test_one/part1", "hotpin_test_two/part2"]
[[model.wheel.files]]
name = "config.json"
bytes = {len(CONFIG)}
sha256 = "{sha256(CONFIG)}"
parts = ["hotpin_test_two/config.json"]

[[model]]
name = "hub-only"
title = "Language model"
kind = "llm"
licence = "MIT"
languages = ["en"]
memory_mb = 1
entry = "tiny.gguf"
[model.hub]
repo = "org/tiny"
revision = "main"
files = [{{ name = "tiny.gguf", bytes = {len(WEIGHTS)}, sha256 = "{sha256(WEIGHTS)}" }}]

[[model]]
name = "wheel-only"
title = "Language model"
kind = "llm"
licence = "MIT"
languages = ["en"]
memory_mb = 1
entry = "tiny.gguf"
[model.wheel]
requirements = ["hotpin-test-one==1.0"]
[[model.wheel.files]]
name = "tiny.gguf"
bytes = {len(WEIGHTS) // 2}
sha256 = "{sha256(WEIGHTS[: len(WEIGHTS) // 2])}"
parts = ["hotpin_test_one/part1"]

[[model]]
name = "voice"
title = "Voice"
kind = "tts"
licence = "MIT"
languages = ["en"]
memory_mb = 1
[model.package]
distribution = "hotpin"
module = "hotpin"
file = "py.typed"
bytes = 0
"""


class Hub:
    """What a model hub on the loopback has, and how often it was asked for content."""

    def __init__(self) -> None:
        self.stated = {"model.bin": WEIGHTS, "config.json": CONFIG, "tiny.gguf": WEIGHTS}
        self.sent = dict(self.stated)
        self.downloads: list[str] = []
        self.config_may_go = Event()
        self.config_may_go.set()

    def etag(self, name: str, folder: Path) -> str:
        """A large file's SHA-256, or the git hash of a small one, as the real hub states them."""
        content = self.stated[name]
        if name != "config.json":
            return sha256(content)
        (folder / "blob").write_bytes(content)
        return git_hash(folder / "blob")


@pytest.fixture(autouse=True)
def closed_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder below tmp_path; pip sees one local folder, and the hub is a port where nobody listens."""
    (tmp_path / "manifest.toml").write_text(MANIFEST)
    (tmp_path / "index").mkdir()
    monkeypatch.setattr(paths, "manifest_file", lambda: tmp_path / "manifest.toml")
    for name, value in {
        "HOTPIN_HOME": str(tmp_path / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "index"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder of wheels that carry the model in two parts."""
    folder, half = tmp_path / "index", len(WEIGHTS) // 2
    build_wheel(folder, "one", {"part1": WEIGHTS[:half]})
    build_wheel(folder, "two", {"part2": WEIGHTS[half:], "config.json": CONFIG})
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A model hub on the loopback."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(hub.stated)

        def do_GET(self) -> None:
            hub.downloads.append(self.name)
            if self.name == "config.json":
                hub.config_may_go.wait(30)
            self.answer(hub.sent)
            self.wfile.write(hub.sent[self.name])

        @property
        def name(self) -> str:
            return self.path.rsplit("/", 1)[-1]

        def answer(self, contents: dict[str, bytes]) -> None:
            if self.name not in contents:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(contents[self.name])))
            self.send_header("ETag", f'"{hub.etag(self.name, tmp_path)}"')
            self.send_header("X-Repo-Commit", "c" * 40)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield hub
        server.shutdown()
        thread.join()


def build_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    path = folder / f"hotpin_test_{name}-1.0-py3-none-any.whl"
    info = f"hotpin_test_{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in members.items():
            wheel.writestr(f"hotpin_test_{name}/{member}", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: hotpin-test-{name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def left_behind() -> list[str]:
    """What is in the models' folder, except locks."""
    folder = paths.models_dir()
    return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock") if folder.exists() else []


def fake_pip(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "python"
    # Like a pip that is too old to be asked where a wheel is.
    program.write_text(f'#!/bin/sh\ncase "$*" in *--dry-run*) exit 2;; esac\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.usefixtures("index")
def test_a_model_is_joined_out_of_the_wheels_and_then_found() -> None:
    pulled = model_pull.pull(Settings(), "both")
    assert (pulled.source, pulled.fetched) == ("wheel", True)
    folder = models.resolve(Settings(), "stt", "both")
    assert folder == pulled.path == paths.models_dir() / "both"
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_bytes() == CONFIG
    assert left_behind() == ["both"]


@pytest.mark.usefixtures("index")
def test_a_language_model_is_found_as_its_file() -> None:
    model_pull.pull(Settings(), "wheel-only")
    assert models.resolve(Settings(), "llm", "wheel-only").name == "tiny.gguf"


@pytest.mark.usefixtures("index")
def test_models_live_where_the_settings_say(tmp_path: Path) -> None:
    settings = Settings(models=ModelsSettings(dir=str(tmp_path / "elsewhere")))
    assert model_pull.pull(settings, "both").path == tmp_path / "elsewhere" / "both"
    assert left_behind() == []


@pytest.mark.slow
def test_a_model_that_is_there_is_not_fetched_again(index: Path) -> None:
    model_pull.pull(Settings(), "both")
    shutil.rmtree(index)
    pulled = model_pull.pull(Settings(), "both")
    assert (pulled.source, pulled.fetched) == ("wheel", False)


def test_the_hub_is_asked_where_there_is_no_wheel(hub: Hub) -> None:
    seen: list[tuple[int, int]] = []
    pulled = model_pull.pull(Settings(), "hub-only", progress=lambda done, total: seen.append((done, total)))
    assert (pulled.source, pulled.path.read_bytes()) == ("hub", WEIGHTS)
    assert seen[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert sorted(path.name for path in pulled.path.parent.iterdir()) == [".hotpin.json", "tiny.gguf"]


def test_progress_from_the_hub_is_reported_while_it_goes_on(hub: Hub) -> None:
    hub.config_may_go.clear()
    seen: list[int] = []

    def progress(done: int, _total: int) -> None:
        seen.append(done)
        if done >= len(WEIGHTS):
            hub.config_may_go.set()

    model_pull.pull(Settings(), "both", source="hub", progress=progress)
    assert seen == sorted(seen)
    assert seen[-1] == len(WEIGHTS) + len(CONFIG)


@pytest.mark.slow
def test_the_hub_stands_in_when_the_wheels_cannot_be_had(hub: Hub) -> None:
    assert model_pull.pull(Settings(), "both").source == "hub"
    assert sorted(hub.downloads) == ["config.json", "model.bin"]


def test_the_hub_alone_is_asked_if_wanted(index: Path, hub: Hub) -> None:
    assert model_pull.pull(Settings(), "both", source="hub").source == "hub"


def test_what_the_hub_stated_at_the_first_pull_is_the_pin(hub: Hub) -> None:
    model_pull.pull(Settings(), "both")
    weights = paths.models_dir() / "both" / "model.bin"
    weights.write_bytes(WEIGHTS[::-1])
    with pytest.raises(ModelError, match=f"instead of {sha256(WEIGHTS)}"):
        model_pull.verify(Settings(), "both")


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_a_flipped_byte_from_the_hub_is_refused(hub: Hub, name: str) -> None:
    content = bytearray(hub.sent[name])
    content[5] ^= 1
    hub.sent[name] = bytes(content)
    with pytest.raises(ModelError, match=f"{name} (has the SHA-256|is not what the hub says)"):
        model_pull.pull(Settings(), "both", source="hub")
    assert left_behind() == []


def test_a_download_from_the_hub_that_is_cut_short_is_refused(hub: Hub) -> None:
    hub.sent["tiny.gguf"] = WEIGHTS[:100]
    with pytest.raises(ModelError, match=r"from the hub: it has a file of 100 bytes instead of 10240"):
        model_pull.pull(Settings(), "hub-only")
    assert left_behind() == []


def test_another_file_on_the_hub_is_refused_before_it_is_downloaded(hub: Hub) -> None:
    hub.stated["tiny.gguf"] = b"another"
    with pytest.raises(ModelError, match="another one"):
        model_pull.pull(Settings(), "hub-only")
    assert hub.downloads == []


def test_a_file_that_nothing_is_known_to_check_against_is_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "etag", lambda *_: "of-no-known-kind")
    with pytest.raises(ModelError, match=r"no hash of model\.bin"):
        model_pull.pull(Settings(), "both", source="hub")


def test_a_file_that_is_not_on_the_hub_is_named_by_its_status(hub: Hub) -> None:
    del hub.stated["tiny.gguf"]
    with pytest.raises(ModelError, match="HTTP status 404"):
        model_pull.pull(Settings(), "hub-only")


def test_the_hub_kept_offline_by_its_own_variable_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        model_pull.pull(Settings(), "hub-only")


def test_every_source_that_failed_is_named_with_its_reason_in_one_line() -> None:
    with pytest.raises(ModelError) as caught:
        model_pull.pull(Settings(), "both")
    text = str(caught.value)
    assert "from the wheel: No matching distribution found for hotpin-test-" in text
    assert "from the hub: it could not be reached" in text
    assert "hotpin models pull both" in text
    assert "\n" not in text
    assert caught.value.retryable
    assert left_behind() == []


@pytest.mark.slow
def test_other_content_in_a_wheel_is_refused(index: Path) -> None:
    build_wheel(index, "one", {"part1": WEIGHTS[1 : len(WEIGHTS) // 2] + b"x"})
    with pytest.raises(ModelError, match=r"from the wheel: model\.bin has the SHA-256"):
        model_pull.pull(Settings(), "both", source="wheel")
    assert left_behind() == []


def test_a_flipped_byte_in_a_wheel_is_refused(index: Path) -> None:
    wheel = index / "hotpin_test_one-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes().replace(b"\x10\x11\x12", b"\x10\xff\x12", 1))
    with pytest.raises(ModelError, match="a wheel is broken"):
        model_pull.pull(Settings(), "both", source="wheel")
    assert left_behind() == []


def test_a_wheel_that_is_cut_short_is_refused(index: Path) -> None:
    wheel = index / "hotpin_test_one-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:500])
    with pytest.raises(ModelError, match=r"from the wheel: .* is invalid"):
        model_pull.pull(Settings(), "both", source="wheel")
    assert left_behind() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"config.json": CONFIG}, "hotpin_test_two/part2 is in none of the wheels"),
        ({"part2": b"short", "config.json": CONFIG}, r"model\.bin has \d+ bytes in the wheels instead of"),
    ],
)
def test_a_wheel_without_the_right_parts_is_refused(index: Path, members: dict[str, bytes], reason: str) -> None:
    build_wheel(index, "two", members)
    with pytest.raises(ModelError, match=reason):
        model_pull.pull(Settings(), "both", source="wheel")
    assert left_behind() == []


def test_progress_sums_up_the_wheels_and_never_passes_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["Progress 0 of 90", "Progress 90 of 90", "Progress 0 of 20000", "Progress 60 of 20000"]
    fake_pip(tmp_path, f"printf '%s\\n' {' '.join(map(repr, lines))} 'Progress 20000 of 20000'; exit 1", monkeypatch)
    seen: list[int] = []
    with pytest.raises(ModelError):
        model_pull.pull(Settings(), "both", source="wheel", progress=lambda done, _: seen.append(done))
    assert seen == [0, 90, 90, 150, len(WEIGHTS) + len(CONFIG)]


def test_an_index_out_of_reach_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PIP_NO_INDEX": "0", "PIP_RETRIES": "1", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError, match="the package index could not be reached"):
        model_pull.pull(Settings(), "both", source="wheel")


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_ctrl_c_ends_pip_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: str) -> None:
    monkeypatch.setattr(base, "_STOP_SECONDS", 0.2)
    fake_pip(tmp_path, f"{stubborn}echo $$ >{tmp_path}/pid; echo Progress 1 of 9; exec sleep 60", monkeypatch)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_pull.pull(Settings(), "both", progress=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert left_behind() == []


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_of_two_pulls_at_once_one_fetches_and_the_other_finds_it() -> None:
    with ThreadPoolExecutor(2) as pool:
        pulls = [pool.submit(model_pull.pull, Settings(), "both") for _ in range(2)]
        assert sorted(pull.result().fetched for pull in pulls) == [False, True]
    assert model_pull.verify(Settings(), "both") == paths.models_dir() / "both"
    assert left_behind() == ["both"]


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_what_a_killed_pull_left_is_cleared_away() -> None:
    leftover = paths.models_dir() / ".both.partial" / "wheel"
    leftover.mkdir(parents=True)
    (leftover / "model.bin").write_bytes(b"half")
    model_pull.pull(Settings(), "both")
    assert left_behind() == ["both"]


@pytest.mark.usefixtures("index")
def test_too_little_disk_space_is_said_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 << 20))
    with pytest.raises(ModelError, match=r"needs 64 MiB of free disk space in .*, and there are 3 MiB\. Make room"):
        model_pull.pull(Settings(), "both")
    assert left_behind() == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(models=ModelsSettings(dir=str(tmp_path / "file" / "models")))
    with pytest.raises(ModelError, match=r"cannot be changed in .*Not a directory"):
        model_pull.pull(settings, "both")


@pytest.mark.usefixtures("hub")
def test_offline_nothing_is_fetched_but_what_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    offline = Settings(models=ModelsSettings(offline=True))
    with pytest.raises(ModelError, match="offline mode forbids the network"):
        model_pull.pull(offline, "both")
    model_pull.pull(Settings(), "both", source="hub")
    assert not model_pull.pull(offline, "both").fetched
    assert models.resolve(offline, "stt", "both")


@pytest.mark.usefixtures("hub")
def test_a_truncated_file_is_noticed_at_start_and_fetched_again() -> None:
    folder = model_pull.pull(Settings(), "both", source="hub").path
    (folder / "model.bin").write_bytes(WEIGHTS[:-1])
    with pytest.raises(ModelError, match=r"model\.bin has 10239 bytes instead of 10240.*hotpin models pull both"):
        models.resolve(Settings(), "stt", "both")
    assert model_pull.pull(Settings(), "both", source="hub").fetched
    assert models.resolve(Settings(), "stt", "both") == folder


@pytest.mark.usefixtures("hub")
def test_a_file_that_cannot_be_read_is_named() -> None:
    folder = model_pull.pull(Settings(), "both", source="hub").path
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    stamp = json.loads((folder / ".hotpin.json").read_text())
    stamp["files"][1]["bytes"] = (folder / "config.json").stat().st_size
    (folder / ".hotpin.json").write_text(json.dumps(stamp))
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        model_pull.verify(Settings(), "both")


@pytest.mark.usefixtures("hub")
def test_a_missing_file_is_noticed_at_start() -> None:
    (model_pull.pull(Settings(), "both", source="hub").path / "config.json").unlink()
    with pytest.raises(ModelError, match=r"damaged: config\.json is missing"):
        models.resolve(Settings(), "stt", "both")


@pytest.mark.usefixtures("hub")
def test_a_file_rewritten_in_the_same_size_is_noticed_at_start() -> None:
    folder = model_pull.pull(Settings(), "both", source="hub").path
    (folder / "model.bin").write_bytes(WEIGHTS[::-1])
    os.utime(folder / "model.bin", ns=(1, 1))
    with pytest.raises(ModelError, match=r"damaged: model\.bin has the SHA-256"):
        models.resolve(Settings(), "stt", "both")


@pytest.mark.usefixtures("hub")
def test_a_copied_folder_is_checked_once_and_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_pull.pull(Settings(), "both", source="hub").path
    os.utime(folder / "model.bin", ns=(1, 1))
    assert models.resolve(Settings(), "stt", "both") == folder
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert models.resolve(Settings(), "stt", "both") == folder


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_a_newer_pin_in_the_manifest_has_the_model_fetched_anew(tmp_path: Path) -> None:
    model_pull.pull(Settings(), "wheel-only")
    newer = WEIGHTS[1 : len(WEIGHTS) // 2] + b"x"
    build_wheel(tmp_path / "index", "one", {"part1": newer})
    text = MANIFEST.replace(sha256(WEIGHTS[: len(WEIGHTS) // 2]), sha256(newer))
    (tmp_path / "manifest.toml").write_text(text)
    assert model_pull.pull(Settings(), "wheel-only").fetched
    assert models.resolve(Settings(), "llm", "wheel-only").read_bytes() == newer


@pytest.mark.usefixtures("hub")
def test_a_version_with_files_of_other_names_has_the_model_fetched_anew(tmp_path: Path, hub: Hub) -> None:
    model_pull.pull(Settings(), "hub-only")
    hub.stated["tiny-2.gguf"] = hub.sent["tiny-2.gguf"] = WEIGHTS
    (tmp_path / "manifest.toml").write_text(MANIFEST.replace("tiny.gguf", "tiny-2.gguf"))
    with pytest.raises(ModelError, match="not installed"):
        models.resolve(Settings(), "llm", "hub-only")
    assert model_pull.pull(Settings(), "hub-only").fetched
    assert models.resolve(Settings(), "llm", "hub-only").name == "tiny-2.gguf"


@pytest.mark.usefixtures("hub")
def test_a_folder_without_a_stamp_is_not_an_installed_model() -> None:
    folder = model_pull.pull(Settings(), "both", source="hub").path
    (folder / ".hotpin.json").write_text("{")
    with pytest.raises(ModelError, match="not installed"):
        models.resolve(Settings(), "stt", "both")


@pytest.mark.usefixtures("hub")
def test_a_removed_model_is_gone() -> None:
    model_pull.pull(Settings(), "both", source="hub")
    assert model_pull.remove(Settings(), "both")
    assert left_behind() == []
    assert not model_pull.remove(Settings(), "both")


def test_a_model_inside_a_package_is_always_there_and_stays() -> None:
    path = models.resolve(Settings(), "tts", "voice")
    assert path.name == "py.typed"
    assert model_pull.pull(Settings(models=ModelsSettings(offline=True)), "voice").path == path
    assert model_pull.verify(Settings(), "voice") == path
    with pytest.raises(ModelError, match="part of the package hotpin"):
        model_pull.remove(Settings(), "voice")


def test_a_package_without_its_model_is_said(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(MANIFEST.replace("py.typed", "nothing"))
    with pytest.raises(ModelError, match="missing from the package hotpin"):
        models.resolve(Settings(), "tts", "voice")
    assert [status.installed for status in models.list_models(Settings())] == [False] * 4


def test_a_missing_model_names_the_command_that_fetches_it() -> None:
    with pytest.raises(ModelError) as caught:
        models.resolve(Settings(), "stt", "both")
    assert caught.value.message == "the model 'both' is not installed"
    assert caught.value.fix == "Fetch it with: hotpin models pull both"


def test_an_unknown_name_lists_those_of_its_kind() -> None:
    with pytest.raises(ModelError, match="Known llm models: hub-only, wheel-only; or give the path"):
        models.resolve(Settings(), "llm", "nonesuch")
    with pytest.raises(ModelError, match="is a model for stt, not for llm"):
        models.resolve(Settings(), "llm", "both")
    with pytest.raises(ModelError, match="Known models: both, hub-only, wheel-only, voice"):
        model_pull.pull(Settings(), "nonesuch")


def test_a_source_that_a_model_does_not_have_lists_those_it_has() -> None:
    with pytest.raises(ModelError, match=r"has no source 'wheel'\. Choose: hub"):
        model_pull.pull(Settings(), "hub-only", source="wheel")


def test_a_persons_own_model_is_taken_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    assert models.resolve(Settings(), "llm", "~/own.gguf") == tmp_path / "own.gguf"
    assert models.resolve(Settings(), "stt", str(tmp_path)) == tmp_path
    with pytest.raises(ModelError, match=r"is a folder\. Name the GGUF file"):
        models.resolve(Settings(), "llm", str(tmp_path))
    with pytest.raises(ModelError, match="no llm model and no file or folder ''"):
        models.resolve(Settings(), "llm", "")


@pytest.mark.usefixtures("hub")
def test_the_list_says_what_is_installed() -> None:
    folder = model_pull.pull(Settings(), "both", source="hub").path
    found = {status.model.name: status for status in models.list_models(Settings())}
    assert [name for name in found if found[name].installed] == ["both", "voice"]
    assert list(found) == NAMES
    (folder / "model.bin").unlink()
    assert not models.list_models(Settings())[0].installed


@pytest.mark.parametrize(
    "text",
    ["", "[[model]]\nname = 1", MANIFEST.replace('kind = "stt"', 'king = "stt"'), "model = ["],
)
def test_a_damaged_manifest_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.toml").write_text(text)
    with pytest.raises(ModelError, match=r"the list of models .* cannot be used"):
        model_manifest.load()


class TestTheRealManifest:
    """The manifest that comes with Hotpin."""

    FILE = Path(__file__).parent.parent / "models" / "manifest.toml"

    def test_every_model_can_be_read_and_has_a_size(self) -> None:
        known = model_manifest.load(self.FILE)
        assert all(model.bytes > 0 and model.memory_mb > 0 and model.licence for model in known.values())
        assert {"whisper-base", Settings().llm.model, "hibari-heart", "silero-vad-v6"} <= set(known)

    def test_every_wheel_file_is_pinned_and_every_entry_is_a_file_of_each_source(self) -> None:
        for model in model_manifest.load(self.FILE).values():
            assert all(len(file.sha256) == 64 and file.parts for file in (*model.files("wheel"), *model.files("npm")))
            assert all(len(file.sha256) in (0, 64) and len(file.parts) == 1 for file in model.files("hub"))
            assert not model.web or model.web.sha256 or all(file.sha256 for file in model.web.files)
            assert set(model.needs) <= set(model_manifest.load(self.FILE))
            for source in model_manifest.SOURCE_NAMES:
                names = [file.name for file in model.files(source)]
                assert not model.entry or not names or model.entry in names

    def test_the_only_addresses_in_it_are_those_of_release_pages(self) -> None:
        pages = [model.web.url for model in model_manifest.load(self.FILE).values() if model.web]
        assert self.FILE.read_text().count("://") == len(pages)
        assert all(page.startswith(("https://alphacephei.com/", "https://github.com/")) for page in pages)

    def test_every_chosen_engine_has_all_its_models(self) -> None:
        chosen = [model_manifest.load(self.FILE)[name].needs for name in ("kokoro-int8", "kokoro-fp32")]
        assert chosen == [("kokoro-voices",), ("kokoro-voices",)]
        assert len(model_manifest.load(self.FILE)["kokoro-voices"].files("npm")) == 54

    def test_the_models_inside_packages_are_where_the_manifest_says(self) -> None:
        packaged = [model.package for model in model_manifest.load(self.FILE).values() if model.package]
        assert len(packaged) == 2
        assert all(package.path() for package in packaged)
