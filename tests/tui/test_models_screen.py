"""The screen of models: what there is, fetching with progress and cancelling, removing."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from hotpin import models, paths
from hotpin.model_sources import download
from hotpin.tui.screens.dialogs import Confirm
from hotpin.tui.screens.models import ModelsScreen
from tests.fakes.file_server import FileServer, serving
from tests.tui.conftest import Desk, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

MakeDesk = Callable[..., Desk]
CONTENT = bytes(range(256)) * 4000
MANIFEST = """
[[model]]
name = "plain"
title = "A model [for tests]"
kind = "llm"
licence = "MIT"
languages = ["en"]
memory_mb = 1
entry = "model.gguf"
files = [{{ name = "model.gguf", bytes = {size}, sha256 = "{sha256}" }}]
[model.web]
url = "{url}/model.gguf"
"""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A release page with the only model that is known."""
    monkeypatch.setattr(paths, "manifest_file", lambda: tmp_path / "manifest.toml")
    monkeypatch.setattr(download, "WAITS_SECONDS", ())
    with serving() as page:
        page.files["/model.gguf"] = CONTENT
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        (tmp_path / "manifest.toml").write_text(MANIFEST.format(size=len(CONTENT), sha256=sha256, url=page.url))
        yield page


@pytest.fixture
def desk(page: FileServer, make_desk: MakeDesk, tmp_path: Path) -> Desk:
    """An interface whose models are in a folder of its own."""
    return make_desk(values={"models.dir": str(tmp_path / "models")})


async def opened(pilot: Pilot[None]) -> ModelsScreen:
    """Open the screen."""
    await pilot.press("f4")
    screen = pilot.app.screen
    assert isinstance(screen, ModelsScreen)
    await until(pilot, lambda: screen.query_one(DataTable).row_count > 0)
    return screen


def row(screen: ModelsScreen) -> str:
    return " ".join(str(cell) for cell in screen.query_one(DataTable).get_row_at(0))


def news(screen: ModelsScreen) -> str:
    return str(screen.query_one(".news").render())


def installed(desk: Desk) -> bool:
    return models.list_models(desk.settings)[0].installed


async def test_a_model_is_listed_fetched_with_progress_and_removed(desk: Desk, page: FileServer) -> None:
    page.hold_after = len(CONTENT) // 2
    async with desk.interface.run_test(size=(120, 30), notifications=True) as pilot:
        screen = await opened(pilot)
        assert "plain llm" in row(screen)
        assert "1 MB to fetch MIT A model [for tests]" in row(screen)
        await pilot.press("p")
        await until(pilot, lambda: "plain: 50 %" in news(screen))
        await pilot.press("p")
        assert "is being fetched" in desk.toasts[-1]
        page.hold_after = None
        page.go_on.set()
        await until(pilot, lambda: "installed" in row(screen))
        assert installed(desk)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await pilot.press("n", "d", "y")
        await until(pilot, lambda: not installed(desk))
        await until(pilot, lambda: "to fetch" in row(screen))
        await pilot.press("escape")
        assert pilot.app.screen is not screen


async def test_a_download_that_is_cancelled_goes_on_later_where_it_was(desk: Desk, page: FileServer) -> None:
    page.hold_after = len(CONTENT) // 2
    async with desk.interface.run_test() as pilot:
        screen = await opened(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "plain: 50 %" in news(screen))
        await pilot.press("c")
        page.hold_after = None
        page.go_on.set()
        await until(pilot, lambda: "cancelled" in news(screen))
        assert not installed(desk)
        await pilot.press("p")
        await until(pilot, lambda: installed(desk))
        assert "range" in page.requests[-1][1]


async def test_a_download_ends_while_another_screen_is_shown(desk: Desk, page: FileServer) -> None:
    page.hold_after = len(CONTENT) // 2
    async with desk.interface.run_test(notifications=True) as pilot:
        screen = await opened(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "50 %" in news(screen))
        await pilot.press("escape")
        page.hold_after = None
        page.go_on.set()
        await until(pilot, lambda: "plain is installed" in desk.toasts)


async def test_what_cannot_be_fetched_is_told(desk: Desk, page: FileServer) -> None:
    page.refusals["/model.gguf"] = 404
    async with desk.interface.run_test(notifications=True) as pilot:
        screen = await opened(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "could not be fetched" in news(screen))
        assert "hotpin models pull plain" in desk.toasts[0]


async def test_a_model_in_use_is_not_removed(page: FileServer, make_desk: MakeDesk, tmp_path: Path) -> None:
    desk = make_desk(values={"models.dir": str(tmp_path / "models"), "llm.model": "plain"})
    async with desk.interface.run_test(notifications=True) as pilot:
        screen = await opened(pilot)
        assert row(screen).startswith("*")
        await pilot.press("d")
        await until(pilot, lambda: "plain is in use" in "".join(desk.toasts))
