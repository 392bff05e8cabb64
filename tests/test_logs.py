"""Logging: what a person sees of it."""

import logging
import re
from collections.abc import Iterator

import pytest

from hotpin import logs


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Gives the root logger back what it had."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.parametrize(
    ("level", "form"),
    [("WARNING", r"hotpin: the disk is slow\n"), ("INFO", r".* WARNING hotpin\.store: the disk is slow\n")],
)
def test_a_warning_is_a_plain_notice_unless_details_are_asked_for(level: str, form: str) -> None:
    logs.configure(level)
    handler = logging.getLogger().handlers[0]
    record = logging.LogRecord("hotpin.store", logging.WARNING, "", 0, "the disk is slow", None, None)
    assert re.fullmatch(form, handler.format(record) + "\n")
