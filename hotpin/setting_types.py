"""What settings are made of: values that are written in more ways than one, and the base of each section."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*([a-z]*)")
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
_UNITS = {"s": 1, "second": 1, "m": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
_LONGEST = timedelta(days=36_500)  # what is longer cannot be added to a date


def _duration(value: object) -> object:
    """Read ``30 days`` and ``12h``; plain numbers are seconds."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value).strip().lower())
    unit = (match[2] or "s") if match else ""
    seconds = _UNITS.get(unit) or (None if unit == "ms" else _UNITS.get(unit.removesuffix("s")))
    if match is None or seconds is None:
        raise ValueError("a number with a unit, such as 30 days, 12 hours or 90 minutes; without one it is seconds")
    return timedelta(seconds=min(float(match[1]) * seconds, _LONGEST.total_seconds()))


_KOKORO_LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt", "z": "zh"}
_OTHER_CODES = {**_KOKORO_LANGUAGES, "cmn": "zh", "jpn": "ja", "kor": "ko", "eng": "en"}


def _language(value: object) -> object:
    """Take ``EN`` and ``en-US`` for ``en``, and Kokoro's own letters for what they mean."""
    if not isinstance(value, str):
        return value
    code = re.split("[-_]", value.strip().lower())[0]
    return _OTHER_CODES.get(code, code)


def _address(value: object) -> object:
    """Take the address of a server; a name or password in it would be shown, and belongs into the key."""
    if isinstance(value, str) and value and not _ADDRESS.fullmatch(value):
        raise ValueError("an address such as http://127.0.0.1:11434/v1, without a name, password or question mark")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[str, BeforeValidator(_address)]
Language = Annotated[str, BeforeValidator(_language)]
Seconds = Annotated[float, Field(ge=0.0, le=3600.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


def unset_if_blank(value: object) -> object:
    """Take an empty text for a value that was not set."""
    return None if value == "" else value


class Section(BaseModel):
    """A group of settings; unknown keys are errors, so that a typo does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)  # it may be a key
