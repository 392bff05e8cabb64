"""What the tests of commands share."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hotpin import models
from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.errors import HotpinError
from hotpin.settings import Settings
from tests.commands.hotpin_process import Hotpin
from tests.conftest import skip_or_fail

MakeWav = Callable[[str, Samples], Path]


@pytest.fixture
def hotpin(tmp_path: Path) -> Hotpin:
    """Runs ``hotpin``."""
    return Hotpin(tmp_path)


@pytest.fixture
def real_models(settings: Settings) -> None:
    """Skip where the starter models are not installed."""
    try:
        models.resolve(settings, "stt", models.stt_model(settings))
        models.resolve(settings, "llm", settings.llm.model)
    except HotpinError as error:
        skip_or_fail(str(error))


@pytest.fixture
def real_gguf(settings: Settings, real_models: None) -> Path:
    """The starter language model."""
    return models.resolve(settings, "llm", settings.llm.model)


@pytest.fixture
def make_wav(tmp_path: Path) -> MakeWav:
    """Writes a 16 kHz WAV."""

    def make(name: str, samples: Samples) -> Path:
        path = tmp_path / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(CAPTURE_RATE)
            file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
        return path

    return make
