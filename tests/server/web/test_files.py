"""The page's files: complete, from this server alone, and legible."""

import re

import pytest

from hotpin.server.web import HEADERS, PREFIX, web_files

STYLE = web_files()[f"{PREFIX}style.css"].body.decode()
PALETTES = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
READ = [
    ("text", "ground"), ("text", "raised"), ("text", "you"), ("text", "problem"), ("quiet", "ground"),
    ("quiet", "raised"), ("quiet", "you"), ("on-accent", "accent"), ("on-accent", "live"),
]  # fmt: skip
SEEN = [("line", "ground"), ("line", "raised"), ("accent", "ground"), ("live", "problem")]


def luminance(colour: str) -> float:
    values = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(palette: str, first: str, second: str) -> float:
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", palette))
    darker, lighter = sorted([luminance(colours[first]), luminance(colours[second])])
    return (lighter + 0.05) / (darker + 0.05)


def test_whatever_a_file_names_is_there() -> None:
    files = web_files()
    for file in files.values():
        for named in re.findall(rb'"(/web/[^"]+)"', file.body):
            assert named.decode() in files


def test_nothing_comes_from_another_host() -> None:
    for path, file in web_files().items():
        outside = re.findall(rb"(?:https?:)?//[a-z0-9-]+\.[a-z]+[^\s\"']*", file.body)
        assert [url for url in outside if b"www.w3.org/2000/svg" not in url] == [], path


def test_the_page_may_run_only_the_files_of_this_server() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    page = web_files()["/"].body
    assert not re.search(rb"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|javascript:", page)


def test_a_file_that_has_not_changed_is_not_sent_again() -> None:
    file = web_files()["/"]
    assert file.headers["ETag"] == file.etag
    assert file.known_to(file.etag)
    assert file.known_to(f'"other", W/{file.etag}')
    assert not file.known_to('"other"')
    assert not file.known_to("")


def test_every_type_is_said_with_its_encoding() -> None:
    types = {path: file.content_type for path, file in web_files().items()}
    assert types["/"] == "text/html; charset=utf-8"
    assert types["/web/app.js"] == "text/javascript; charset=utf-8"
    assert not [path for path in types if path.endswith((".py", ".pyc"))]


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
def test_texts_are_legible_and_edges_visible(palette: str) -> None:
    assert {pair: contrast(palette, *pair) for pair in READ if contrast(palette, *pair) < 4.5} == {}
    assert {pair: contrast(palette, *pair) for pair in SEEN if contrast(palette, *pair) < 3} == {}
