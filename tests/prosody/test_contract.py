"""What everything that judges prosody keeps, run against every engine there is, with its real model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hotpin import registry
from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.errors import HotpinError, ModelError
from hotpin.prosody.base import HEARD_SECONDS, Prosody
from hotpin.settings import Settings
from tests.conftest import Spoken, choosing, skip_or_fail

HEARD_SAMPLES = int(HEARD_SECONDS * CAPTURE_RATE)
PAUSE = np.zeros(CAPTURE_RATE // 10, np.int16)


def built(settings: Settings, name: str) -> Prosody:
    engine = registry.build_prosody(choosing(settings, "turn", prosody=name))
    assert engine is not None
    return engine


@pytest.fixture(scope="module", params=registry.names("prosody"))
def prosody(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Prosody]:
    """Each engine, loaded once."""
    engine = built(settings, request.param)
    try:
        engine.load()
    except ModelError as error:
        skip_or_fail(str(error))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def sentence(spoken: Spoken) -> Samples:
    return np.concatenate([spoken("I would like to go to the station and then home."), PAUSE])


def test_a_whole_sentence_is_finished_and_the_beginning_of_it_is_not(prosody: Prosody, sentence: Samples) -> None:
    assert prosody.finished(sentence) > 0.5
    assert prosody.finished(sentence[: len(sentence) // 3]) < 0.5


@pytest.mark.parametrize("samples", [1, 159, CAPTURE_RATE, 2 * HEARD_SAMPLES])
def test_any_length_gives_a_probability(prosody: Prosody, samples: int) -> None:
    noise = np.random.default_rng(3).normal(0, 1000, samples).astype(np.int16)
    assert 0.0 <= prosody.finished(noise) <= 1.0
    assert 0.0 <= prosody.finished(np.zeros(samples, np.int16)) <= 1.0


def test_what_is_longer_is_judged_by_its_end(prosody: Prosody, sentence: Samples) -> None:
    noise = np.random.default_rng(3).normal(0, 1000, HEARD_SAMPLES).astype(np.int16)
    long = np.concatenate([noise, noise, sentence])
    assert prosody.finished(long) == prosody.finished(long[-HEARD_SAMPLES:])


def test_the_same_sound_is_judged_the_same_and_is_not_written_to(prosody: Prosody, sentence: Samples) -> None:
    sentence.flags.writeable = False
    assert prosody.finished(sentence) == prosody.finished(sentence)


def test_no_sound_is_refused(prosody: Prosody) -> None:
    with pytest.raises(ValueError, match="no sound"):
        prosody.finished(np.empty(0, np.int16))


def test_a_second_load_reads_nothing(prosody: Prosody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: pytest.fail("the model was read again"))
    prosody.load()


def test_nothing_can_be_asked_before_loading_or_after_closing(prosody: Prosody, settings: Settings) -> None:
    other = built(settings, prosody.info.name)
    with pytest.raises(HotpinError, match="not been loaded"):
        other.finished(PAUSE)
    other.load()
    assert 0.0 <= other.finished(PAUSE) <= 1.0
    other.close()
    with pytest.raises(HotpinError, match="not been loaded"):
        other.finished(PAUSE)


@pytest.mark.parametrize("name", registry.names("prosody"))
def test_a_model_that_is_not_there_can_be_pulled(settings: Settings, tmp_path: Path, name: str) -> None:
    engine = built(choosing(settings, "models", dir=str(tmp_path)), name)
    assert engine.info.name == name
    with pytest.raises(ModelError) as caught:
        engine.load()
    assert "hotpin models pull" in caught.value.fix
