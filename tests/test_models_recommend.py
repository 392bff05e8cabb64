"""What is recommended for which machine."""

import pytest

from hotpin import model_manifest
from hotpin.recommend import PROFILE_NAMES, Machine, ProfileName, recommend

GIB = 1 << 30
MISTRAL, MINISTRAL = "mistral-7b-instruct-v0.3", "ministral-3-3b-instruct"
LARGE, MIDDLE, TINY = "smollm2-1.7b-instruct", "smollm2-360m-instruct", "smollm2-135m-instruct"
TURN = "smart-turn"


@pytest.mark.parametrize(
    ("memory", "cores", "disk", "profile", "chosen"),
    [
        (1, 4, 20, "pi", ["whisper-tiny", TINY, "hibari-heart"]),
        (2, 4, 20, "pi", ["vosk-small-en-us", TINY, "hibari-heart"]),
        (4, 4, 20, "pi", ["vosk-small-en-us", MIDDLE, "hibari-heart"]),
        (24, 2, 75, "laptop", ["whisper-base", TURN, MIDDLE, "hibari-heart"]),
        (8, 4, 50, "laptop", ["whisper-base", TURN, MINISTRAL, "kokoro-int8"]),
        (8, 8, 50, "laptop", ["whisper-small", TURN, MINISTRAL, "kokoro-int8"]),
        (16, 8, 100, "laptop", ["whisper-small", TURN, MISTRAL, "kokoro-int8"]),
        (64, 4, 100, "laptop", ["whisper-base", TURN, MINISTRAL, "kokoro-int8"]),
        (16, 8, 5, "laptop", ["whisper-small", TURN, LARGE, "kokoro-int8"]),
        (16, 8, 1, "starter", ["whisper-base", TURN, TINY, "hibari-heart"]),
    ],
)
def test_memory_cores_and_disk_decide(memory: int, cores: int, disk: int, profile: str, chosen: list[str]) -> None:
    advice = recommend(Machine(memory * GIB, cores, disk * GIB))
    assert (advice.profile, [model.name for model in advice.models.values()]) == (profile, chosen)


@pytest.mark.parametrize(
    ("language", "profile", "stt", "llm", "tts"),
    [
        ("ko", "pi", "vosk-small-ko", MIDDLE, "hibari-heart"),
        ("fr", "pi", "whisper-base", MIDDLE, "hibari-heart"),
        ("auto", "pi", "whisper-base", MIDDLE, "hibari-heart"),
        ("fr", "laptop", "whisper-small", MINISTRAL, "kokoro-int8"),
        ("ko", "laptop", "whisper-small", MINISTRAL, "kokoro-int8"),
    ],
)
def test_the_language_decides_too(language: str, profile: ProfileName, stt: str, llm: str, tts: str) -> None:
    advice = recommend(Machine(8 * GIB, 8, 100 * GIB), language, profile)
    assert [advice.models[kind].name for kind in ("stt", "llm", "tts")] == [stt, llm, tts]


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_any_machine_gets_something_of_each_kind(profile: ProfileName) -> None:
    advice = recommend(Machine(GIB // 2, 1, 0), profile=profile)
    assert list(advice.models) == ["stt", "llm", "tts"]


@pytest.mark.parametrize(
    ("language", "cores", "profile", "there"),
    [("ko", 4, "laptop", True), ("sv", 4, "laptop", False), ("en", 1, "laptop", False), ("en", 4, "pi", False)],
)
def test_prosody_is_left_out_where_it_does_not_suit(
    language: str, cores: int, profile: ProfileName, there: bool
) -> None:
    advice = recommend(Machine(8 * GIB, cores, 100 * GIB), language, profile)
    assert ("prosody" in advice.models) == there


def test_what_models_need_is_counted_and_the_settings_are_said() -> None:
    advice = recommend(Machine(8 * GIB, 4, 50 * GIB))
    assert [model.name for model in advice.needs] == ["kokoro-voices"]
    known = model_manifest.load()
    names = ["whisper-base", TURN, MINISTRAL, "kokoro-int8", "kokoro-voices"]
    assert advice.download_bytes == sum(known[name].download_bytes for name in names)
    assert advice.settings() == {
        "stt.engine": "whisper",
        "stt.model": "whisper-base",
        "llm.model": MINISTRAL,
        "tts.engine": "kokoro",
        "tts.model": "kokoro-int8",
    }
