"""A download goes on where it was cut, and never ends as a mixture of two files."""

import hashlib
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotpin.errors import ModelError
from hotpin.model_sources import download
from hotpin.model_sources.download import DownloadCutError, RefusedError, Remote
from tests.fakes.file_server import FileServer, serving

CONTENT = random.Random(7).randbytes(300_000)  # noqa: S311 - any bytes
OTHER = random.Random(8).randbytes(300_000)  # noqa: S311 - any others


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server with one file; nobody waits between attempts."""
    monkeypatch.setattr(download, "WAITS_SECONDS", (0.0, 0.0))
    with serving() as server:
        server.files["/model.bin"] = CONTENT
        yield server


def remote(server: FileServer, content: bytes | None = CONTENT) -> Remote:
    url = f"{server.url}/model.bin"
    return Remote(url) if content is None else Remote(url, hashlib.sha256(content).hexdigest(), len(content))


def fetched(wanted: Remote, folder: Path) -> bytes:
    return download.fetch(wanted, folder, lambda _: None).read_bytes()


def fetch_until_cut(server: FileServer, wanted: Remote, folder: Path, cut: int) -> None:
    """A download that brings ``cut`` bytes, after which the server is gone."""
    server.cuts = [cut, *([0] * len(download.WAITS_SECONDS))]
    with pytest.raises(DownloadCutError, match=f"cut after {cut} of 300000 bytes .* they are kept"):
        fetched(wanted, folder)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_line_that_is_cut_at_three_points_is_taken_up_again(server: FileServer, tmp_path: Path, seed: int) -> None:
    server.cuts = [random.Random(seed).randrange(1, 100_000) for _ in range(3)]  # noqa: S311 - anywhere
    seen: list[int] = []
    path = download.fetch(remote(server), tmp_path, seen.append)
    assert path.read_bytes() == CONTENT
    assert server.bytes_sent == len(CONTENT)
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


@pytest.mark.parametrize("known", [CONTENT, None])
def test_a_later_attempt_goes_on_where_an_earlier_one_ended(
    server: FileServer, tmp_path: Path, known: bytes | None
) -> None:
    fetch_until_cut(server, remote(server, known), tmp_path, 123_456)
    assert fetched(remote(server, known), tmp_path) == CONTENT
    assert server.bytes_sent == len(CONTENT)
    assert server.requests[-1][1]["range"] == "bytes=123456-"
    assert server.requests[-1][1]["if-range"] == server.etag(CONTENT)


def test_a_finished_download_is_not_asked_for_again(server: FileServer, tmp_path: Path) -> None:
    fetched(remote(server), tmp_path)
    assert fetched(remote(server), tmp_path) == CONTENT
    assert len(server.requests) == 1


def test_a_server_without_ranges_begins_anew(server: FileServer, tmp_path: Path) -> None:
    fetch_until_cut(server, remote(server), tmp_path, 100_000)
    server.knows_ranges = False
    assert fetched(remote(server), tmp_path) == CONTENT
    assert server.bytes_sent == 100_000 + len(CONTENT)


def test_a_server_that_cuts_and_begins_anew_each_time_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.knows_ranges = False
    server.cuts = [200_000, *[100_000] * 20]
    with pytest.raises(DownloadCutError):
        fetched(remote(server), tmp_path)
    assert len(server.requests) == 1 + len(download.WAITS_SECONDS)


def test_a_file_that_changed_in_between_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    fetch_until_cut(server, remote(server, None), tmp_path, 100_000)
    server.files["/model.bin"] = OTHER
    assert fetched(remote(server, None), tmp_path) == OTHER


def test_a_mixture_of_two_files_is_thrown_away_and_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    server.states_etag = False  # so that it goes on blindly
    server.files["/model.bin"] = OTHER
    fetch_until_cut(server, remote(server), tmp_path, 100_000)
    server.files["/model.bin"] = CONTENT
    assert fetched(remote(server), tmp_path) == CONTENT
    assert [headers.get("range") for _, headers in server.requests[-2:]] == ["bytes=100000-", None]


def test_a_part_that_nothing_vouches_for_is_not_continued(server: FileServer, tmp_path: Path) -> None:
    server.states_etag = False
    fetch_until_cut(server, remote(server, None), tmp_path, 100_000)
    assert fetched(remote(server, None), tmp_path) == CONTENT
    assert "range" not in server.requests[-1][1]


def test_a_file_that_became_shorter_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    server.states_etag = False
    wanted = Remote(f"{server.url}/model.bin", hashlib.sha256(CONTENT[:500]).hexdigest())
    fetch_until_cut(server, wanted, tmp_path, 100_000)
    server.files["/model.bin"] = CONTENT[:500]
    assert fetched(wanted, tmp_path) == CONTENT[:500]


def test_another_file_is_tried_twice_then_refused_and_not_left_behind(server: FileServer, tmp_path: Path) -> None:
    flipped = bytearray(CONTENT)
    flipped[150_000] ^= 1
    server.files["/model.bin"] = bytes(flipped)
    with pytest.raises(ModelError, match=r"model\.bin has the SHA-256 .* instead of"):
        fetched(remote(server), tmp_path)
    assert len(server.requests) == 2
    assert list(tmp_path.iterdir()) == []


def test_another_size_is_refused_before_anything_is_kept(server: FileServer, tmp_path: Path) -> None:
    server.files["/model.bin"] = CONTENT + b"more"
    with pytest.raises(ModelError, match="a file of 300004 bytes instead of 300000"):
        fetched(remote(server), tmp_path)
    server.states_length = False
    with pytest.raises(ModelError, match="more than the 300000 bytes"):
        fetched(remote(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_unknown_length_is_fetched(server: FileServer, tmp_path: Path) -> None:
    server.states_length = False
    assert fetched(remote(server), tmp_path) == CONTENT


def test_a_busy_server_is_asked_again_and_a_refusal_is_said(server: FileServer, tmp_path: Path) -> None:
    server.refusals["/model.bin"] = 403
    with pytest.raises(RefusedError, match="HTTP status 403"):
        fetched(remote(server), tmp_path)
    server.refusals["/model.bin"] = 503
    with pytest.raises(DownloadCutError, match="HTTP status 503"):
        fetched(remote(server), tmp_path)


def test_a_damaged_note_of_a_part_is_no_obstacle(server: FileServer, tmp_path: Path) -> None:
    fetch_until_cut(server, remote(server), tmp_path, 100_000)
    next(tmp_path.glob("*.json")).write_text("{")
    assert fetched(remote(server), tmp_path) == CONTENT


def test_a_token_does_not_go_on_to_another_host(server: FileServer, tmp_path: Path) -> None:
    server.redirects["/here"] = f"{server.url}/model.bin"
    server.redirects["/there"] = f"{server.url}/model.bin".replace("127.0.0.1", "localhost")
    for path, kept in (("/here", True), ("/there", False)):
        download.fetch(Remote(server.url + path, headers={"Authorization": "Bearer x"}), tmp_path, lambda _: None)
        assert ("authorization" in server.requests[-1][1]) == kept


def test_a_redirect_away_from_https_is_refused() -> None:
    request = urllib.request.Request("https://models.invalid/model.bin")
    with pytest.raises(ModelError, match=r"away from HTTPS, to other\.invalid"):
        download._Redirects().redirect_request(request, None, 302, "Found", {}, "http://other.invalid/model.bin")


def test_the_environments_proxy_is_used(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://models.invalid/model.bin"] = CONTENT
    assert fetched(Remote("http://models.invalid/model.bin"), tmp_path) == CONTENT


def test_an_address_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(DownloadCutError, match="unknown url type"):
        fetched(Remote(f"file://{tmp_path}/secret"), tmp_path)
