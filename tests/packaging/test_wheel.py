"""What `pip install` brings: all that Hotpin needs beside its code, and the extras that people are told of."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

SHIPPED = ("assets", "models/manifest.toml", "packaging/hotpin.service")
"""What the package finds in its folder ``_shipped``, and in a checkout beside it."""

LOOK = """
from pathlib import Path
import hotpin
from hotpin import model_manifest, paths, personas
from hotpin.server.web import web_files
from hotpin.tui.app import Interface
home = Path(hotpin.__file__).parent
assert not home.is_relative_to({root!r}), home
assert "smollm2-135m-instruct" in model_manifest.load()
assert set(personas.all_personas()) == {{"hotpin", "receptionist", "sales", "callcenter"}}
assert len(list((paths.assets_dir() / "questions").glob("*.wav"))) == 4
assert len(list((paths.assets_dir() / "chimes").glob("*.wav"))) == 4
assert "@COMMAND@" in paths.unit_template().read_text()
assert b"<html" in web_files()["/"].body
assert Interface.CSS_PATH.is_relative_to(home) and Interface.CSS_PATH.is_file()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT], check=True)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def files_of(*places: str) -> set[str]:
    found = [file for place in places for file in (ROOT / place, *(ROOT / place).rglob("*")) if file.is_file()]
    return {str(file.relative_to(ROOT)) for file in found if "__pycache__" not in file.parts}


@pytest.mark.slow
def test_a_wheel_carries_the_package_and_what_is_shipped_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    wanted = files_of("hotpin") | {f"hotpin/_shipped/{name}" for name in files_of(*SHIPPED)}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted


@pytest.mark.slow
def test_what_is_shipped_is_found_where_it_is_installed(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    place, work = tmp_path / "site", tmp_path / "work"
    wheel.extractall(place)
    work.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(place), "HOTPIN_HOME": str(work)}
    code = LOOK.format(root=str(ROOT))
    subprocess.run([sys.executable, "-c", code], cwd=work, env=environment, check=True)
    command = [sys.executable, "-m", "hotpin", "--version"]
    said = subprocess.run(command, cwd=work, env=environment, check=True, capture_output=True, text=True).stdout
    assert said.startswith("hotpin ")


@pytest.mark.slow
def test_a_wheel_offers_the_extras_with_what_they_need(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    required = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    for extra, lines in PROJECT["optional-dependencies"].items():
        brought = {one.name for one in required if one.marker and f'extra == "{extra}"' in str(one.marker)}
        assert {canonicalize_name(each) for each in brought} == {
            canonicalize_name(Requirement(line).name) for line in lines
        }


def test_every_extra_that_is_named_to_a_person_is_there() -> None:
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "hotpin").rglob("*.py")]
    named = {
        extra
        for text in texts
        for names in re.findall(r"hotpin\[([^\]]+)\]", text.read_text())
        for extra in names.split(",")
    }
    assert {"kokoro", "redis", "server", "wake"} <= named
    assert named <= set(PROJECT["optional-dependencies"])
