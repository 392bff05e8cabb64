"""An error tells a person in one line what happened and what to do."""

import pickle

import pytest

from hotpin import errors
from hotpin.errors import AudioError, BusyError, HotpinError, SettingsError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HotpinError)]


def test_the_message_comes_first_and_the_fix_after_it() -> None:
    assert str(HotpinError("the disk is full", "Remove some files")) == "the disk is full. Remove some files"


def test_without_a_fix_there_is_only_the_message() -> None:
    assert str(HotpinError("the disk is full")) == "the disk is full"


def test_it_is_always_a_single_line() -> None:
    error = HotpinError("a message\n  from elsewhere\r\n", "Try\tthis")
    assert str(error) == "a message from elsewhere . Try this"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_caught_as_one(kind: type[HotpinError]) -> None:
    error = kind("it failed", "Do this")
    assert isinstance(error, HotpinError)
    assert (error.message, error.fix) == ("it failed", "Do this")


def test_trying_again_helps_only_where_it_is_said() -> None:
    assert not HotpinError("it failed").retryable
    assert HotpinError("it failed", retryable=True).retryable
    assert BusyError("no room").retryable
    assert str(BusyError("no room")) == "no room. Try again in a moment"


def test_wrong_values_can_be_caught_as_such() -> None:
    assert issubclass(SettingsError, ValueError)
    assert issubclass(AudioError, ValueError)


def test_an_error_crosses_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(HotpinError("it failed", "Do this", retryable=True)))  # noqa: S301 - our own bytes
    assert (str(error), error.retryable) == ("it failed. Do this", True)
