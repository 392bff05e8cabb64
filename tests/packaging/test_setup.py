import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "packaging" / "setup.sh"
CI = ROOT / ".ci" / "run"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "requirements.lock": (),
    "requirements-dev.lock": ("dev",),
    "requirements-native.lock": ("native",),
    "requirements-server.lock": ("server", "redis"),
}
TARGETS = {"help", "demo", "run", "setup", "native", "test", "test-fast", "check", "lock", "clean"}


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text().splitlines()
    found = [re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line) for line in lines]
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def declared(extras: tuple[str, ...]) -> list[Requirement]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for lines in lists for line in lines]


def bash(code: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in ``folder`` with the functions of setup.sh."""
    return subprocess.run(
        ["bash", "-c", f'source "{SETUP}"; cd "{folder}"; {code}'],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environ,
    )


@pytest.mark.parametrize("script", [SETUP, CI], ids=lambda path: path.name)
def test_scripts_are_executable_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


def test_ci_runs_what_the_readme_tells_a_person() -> None:
    assert "for target in native test check;" in CI.read_text()


def made(*arguments: str) -> str:
    """Run make as if from a shell: tests may themselves have been started by it, which changes what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_make_alone_lists_every_target() -> None:
    printed = made()
    assert {line.split()[0] for line in printed.splitlines() if line.startswith("  ")} == TARGETS


@pytest.mark.parametrize(("target", "last"), [("demo", ".venv/bin/hotpin demo"), ("run", ".venv/bin/hotpin")])
def test_one_command_sets_up_and_starts(target: str, last: str) -> None:
    printed = made("-n", target)
    assert [line.strip() for line in printed.splitlines()] == ["bash packaging/setup.sh", last]


@pytest.mark.parametrize("lock", EXTRAS)
def test_a_lock_names_no_machine_and_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|^-|file:| @ |/(home|root|opt|tmp|work|Users)/", text, re.MULTILINE)


@pytest.mark.parametrize(("lock", "extras"), EXTRAS.items())
def test_a_lock_holds_every_dependency_in_a_version_that_fits(lock: str, extras: tuple[str, ...]) -> None:
    locked = pins(lock)
    for requirement in declared(extras):
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{lock} lacks {name}: run `make lock`"
        assert locked[name] in requirement.specifier, f"{lock} has {name} {locked[name]}: run `make lock`"


@pytest.mark.parametrize("lock", EXTRAS)
def test_every_locked_package_has_a_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text())[1:]
    assert len(blocks) == len(pins(lock))
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("lock", [lock for lock, extras in EXTRAS.items() if extras])
def test_the_larger_locks_agree_with_the_one_that_people_get(lock: str) -> None:
    assert pins("requirements.lock").items() <= pins(lock).items()


def test_help_and_wrong_usage_have_their_own_status() -> None:
    assert subprocess.run(["bash", SETUP, "--help"], capture_output=True, check=False).returncode == 0
    assert subprocess.run(["bash", SETUP, "frobnicate"], capture_output=True, check=False).returncode == 2


def test_a_python_that_does_not_fit_is_refused_with_what_to_do(tmp_path: Path) -> None:
    result = bash("find_python", tmp_path, PYTHON="no-such-python")
    assert result.returncode == 1
    assert "Python 3.11 or newer" in result.stderr
    assert "PYTHON=" in result.stderr


def test_the_chosen_python_is_taken(tmp_path: Path) -> None:
    assert bash("find_python", tmp_path, PYTHON=sys.executable).stdout.strip() == sys.executable


def test_a_step_is_done_until_its_fingerprint_changes(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "setup").mkdir(parents=True)
    code = "is_done x 1 && echo early; mark_done x 1; is_done x 1 && echo done; is_done x 2 || echo changed"
    assert bash(code, tmp_path).stdout.split() == ["done", "changed"]


def test_a_package_that_pip_was_interrupted_in_is_installed_again(tmp_path: Path) -> None:
    site = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    for name in ("whole", "half"):
        (site / f"{name}-1.dist-info").mkdir(parents=True)
    (site / "whole-1.dist-info" / "INSTALLER").write_text("pip")
    assert bash("forget_interrupted_packages", tmp_path).returncode == 0
    assert [path.name for path in site.iterdir()] == ["whole-1.dist-info"]


def test_a_venv_without_a_whole_pip_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    assert bash("venv_works", tmp_path).returncode != 0
    info = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages" / "pip-1.dist-info"
    info.mkdir(parents=True)
    (info / "INSTALLER").write_text("pip")
    assert bash("venv_works", tmp_path).returncode == 0


def test_one_package_is_taken_out_of_a_lock_with_its_hashes_alone() -> None:
    lines = bash("locked numpy requirements.lock", ROOT).stdout.splitlines()
    assert lines[0].startswith(f"numpy=={pins('requirements.lock')['numpy']}")
    assert [line for line in lines[1:] if not re.match(r" +(--hash=|#)", line)] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("NewConnectionError: Failed to establish a new connection", "Check the internet connection"),
        ("ERROR: something else", "the lines above say why"),
    ],
)
def test_a_failure_of_pip_is_explained(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / ".venv" / "setup").mkdir(parents=True)
    (tmp_path / ".venv" / "setup" / "pip.log").write_text(line)
    result = bash("explain_pip_failure", tmp_path)
    assert result.returncode == 1
    assert said in result.stderr


def test_the_cpu_is_described_always_alike(tmp_path: Path) -> None:
    first, second = (bash("describe_cpu", tmp_path).stdout for _ in range(2))
    assert first == second
    assert len(first) > 20


def test_the_compiled_llama_runs_here() -> None:
    pytest.importorskip("llama_cpp")
    subprocess.run([sys.executable, ROOT / "packaging" / "native_selftest.py"], check=True)
