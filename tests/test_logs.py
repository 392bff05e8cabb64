"""Logging: what a person sees of it."""

import logging
import os
import re
import sys
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
    logging.getLogger("hotpin").setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("level", "form"),
    [("WARNING", r"hotpin: the disk is slow\n"), ("INFO", r".* WARNING hotpin\.store: the disk is slow\n")],
)
def test_a_warning_is_a_plain_notice_unless_details_are_asked_for(level: str, form: str) -> None:
    logs.configure(level)
    handler = logging.getLogger().handlers[0]
    record = logging.LogRecord("hotpin.store", logging.WARNING, "", 0, "the disk is slow", None, None)
    assert re.fullmatch(form, handler.format(record) + "\n")


def test_a_services_log_tells_only_kind_and_place_of_an_exception() -> None:
    try:
        raise ValueError("a secret")
    except ValueError:
        record = logging.LogRecord("hotpin.x", logging.DEBUG, "", 0, "it failed", None, sys.exc_info())
    line = logs.ServiceFormatter(for_journal=True).format(record)
    assert re.fullmatch(
        r'<7>event=log logger=hotpin.x message="it failed" raised="ValueError in test_logs.py:\d+"', line
    )


def test_a_value_cannot_begin_another_line_or_field() -> None:
    record = logging.LogRecord("hotpin.x", logging.INFO, "", 0, 'a\nb="c" d', None, None)
    line = logs.ServiceFormatter(for_journal=True).format(record)
    assert line == r'<6>event=log logger=hotpin.x message="a\nb=\"c\" d"'


def test_outside_the_journal_a_service_tells_time_and_level() -> None:
    record = logging.LogRecord("hotpin.x", logging.ERROR, "", 0, "broken", None, None)
    line = logs.ServiceFormatter(for_journal=False).format(record)
    assert re.fullmatch(r"time=\S+T\S+ level=error event=log logger=hotpin.x message=broken", line)


def test_a_services_log_goes_on_while_a_library_silences_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure_service("INFO")
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        logging.getLogger("hotpin.x").info("still here")
        logging.getLogger("a.library").info("chatter")
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
    assert 'message="still here"' in (told := capfd.readouterr().err)
    assert "chatter" not in told
