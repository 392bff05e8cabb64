"""One Hotpin at a time."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hotpin import paths
from hotpin.errors import HotpinError
from hotpin.instance import LOCK_NAME, InUse, claim_microphone, private_runtime_dir

HOLD = "from hotpin.instance import claim_microphone as c; claim = c(); print('held', flush=True); input()"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A runtime folder of the test's own."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    return tmp_path


def test_a_second_one_learns_who_holds_the_microphone() -> None:
    with claim_microphone(), pytest.raises(InUse, match=f"process {os.getpid()}.*hotpin stop"):
        claim_microphone()


def test_whoever_lets_it_go_can_be_followed() -> None:
    claim_microphone().release()
    with claim_microphone():
        pass
    claim_microphone().release()


def test_releasing_twice_does_not_take_it_from_the_next() -> None:
    first = claim_microphone()
    first.release()
    with claim_microphone():
        first.release()
        with pytest.raises(InUse):
            claim_microphone()


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_nothing_behind() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InUse, match=f"process {holder.pid}"):
            claim_microphone()
        holder.kill()
        holder.wait()
    claim_microphone().release()


def test_the_runtime_folder_is_private() -> None:
    folder = private_runtime_dir()
    assert folder == paths.runtime_dir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_runtime_folder_that_others_could_enter_is_closed_to_them(home: Path) -> None:
    (home / "runtime").mkdir()
    (home / "runtime").chmod(0o777)
    assert stat.S_IMODE(private_runtime_dir().stat().st_mode) == 0o700


def test_a_link_in_place_of_the_runtime_folder_is_not_followed(home: Path) -> None:
    (home / "elsewhere").mkdir()
    (home / "runtime").symlink_to(home / "elsewhere")
    with pytest.raises(HotpinError, match=r"not a folder of yours.*XDG_RUNTIME_DIR"):
        private_runtime_dir()


def test_a_runtime_folder_of_somebody_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    private_runtime_dir()
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    with pytest.raises(HotpinError, match="not a folder of yours"):
        private_runtime_dir()


def test_a_file_in_place_of_the_runtime_folder_is_told(home: Path) -> None:
    (home / "runtime").write_text("")
    with pytest.raises(HotpinError, match=r"runtime folder .* cannot be used"):
        private_runtime_dir()


def test_a_link_in_place_of_the_lock_is_not_followed(home: Path) -> None:
    (private_runtime_dir() / LOCK_NAME).symlink_to(home / "precious")
    (home / "precious").write_text("precious")
    with pytest.raises(HotpinError, match="cannot be used"):
        claim_microphone()
    assert (home / "precious").read_text() == "precious"
