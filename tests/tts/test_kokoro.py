"""Kokoro: its voices, blends and languages, and what happens where something is missing or damaged."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from hotpin import models, registry
from hotpin.errors import HotpinError, ModelError, TtsError
from hotpin.settings import Settings
from hotpin.tts import kana, kokoro, kokoro_voices, phonemes
from hotpin.tts.base import Tts, Voice
from hotpin.tts.silence import AUDIBLE
from tests.conftest import Loaded, choosing, skip_or_fail
from tests.tts.test_round_trip import heard

NAMES = ("af_heart", "am_adam", "bf_emma", "ff_siwis", "jf_alpha")
VOICES = [kokoro_voices.described(name) for name in NAMES]


@pytest.fixture
def engine(loaded: Loaded) -> Tts:
    return loaded.tts("kokoro")


@pytest.fixture
def installed(settings: Settings) -> None:
    """Kokoro's files are here; nothing is loaded."""
    try:
        for name in ("kokoro-int8", "kokoro-voices"):
            models.resolve(settings, "tts", name)
    except ModelError as error:
        skip_or_fail(str(error))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with voices, of which each consists of its own number."""
    for number, name in enumerate(NAMES, 1):
        np.full(kokoro_voices.ROWS * kokoro_voices.WIDTH, number, "<f4").tofile(tmp_path / f"{name}.bin")
    return tmp_path


# --- voices ---


def test_the_voices_are_those_in_the_folder_the_default_first(folder: Path) -> None:
    (folder / "notes.txt").touch()
    (folder / "xx_unknown.bin").touch()
    voices = kokoro_voices.list_voices(folder)
    assert [voice.name for voice in voices] == list(NAMES)
    assert voices[0] == Voice("af_heart", ("en",), "American English, female")
    assert [voice.languages for voice in voices[2:]] == [("en",), ("fr",), ("ja",)]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", {"af_heart": 1.0}),
        ("bf_emma", {"bf_emma": 1.0}),
        ("af_heart:0.6,bf_emma:0.4", {"af_heart": 0.6, "bf_emma": 0.4}),
        ("af_heart:3, am_adam:1", {"af_heart": 0.75, "am_adam": 0.25}),
        ("af_heart,am_adam", {"af_heart": 0.5, "am_adam": 0.5}),
        ("ff_siwis:2", {"ff_siwis": 1.0}),
    ],
)
def test_the_weights_of_a_blend_are_normalised(name: str, parts: dict[str, float]) -> None:
    assert dict(kokoro_voices.blend(VOICES, name).parts) == pytest.approx(parts)


def test_the_first_voice_of_a_blend_decides_the_language() -> None:
    assert kokoro_voices.find(VOICES, "ff_siwis:0.1,af_heart:0.9").languages == ("fr",)
    assert kokoro_voices.blend(VOICES, "bf_emma:0.1,af_heart:0.9").accent == "b"


@pytest.mark.parametrize(
    ("name", "offending"),
    [
        ("nobody", "nobody"),
        ("af_heart:0.5,nobody:0.5", "nobody"),
        ("af_heart:half", "half"),
        ("af_heart:-1,bf_emma:2", "-1"),
        ("af_heart:0", "'0'"),
        ("af_heart:inf", "inf"),
        ("af_heart:nan", "nan"),
        ("af_heart:", "''"),
        ("af_heart,,bf_emma", "''"),
        (":0.5", "':0.5'"),
    ],
)
def test_a_blend_that_is_wrong_is_refused_with_the_part_that_is(name: str, offending: str) -> None:
    for use in (kokoro_voices.blend, kokoro_voices.find):
        with pytest.raises(TtsError) as caught:
            use(VOICES, name)
        assert offending in caught.value.message
        assert caught.value.fix


def test_a_voice_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(TtsError) as caught:
        kokoro_voices.find(VOICES, "af_heart:0.5,am_nobody")
    assert all(name in caught.value.fix for name in NAMES)


def test_a_style_is_the_weighted_mean_of_the_voices(folder: Path) -> None:
    style = kokoro_voices.style(folder, kokoro_voices.blend(VOICES, "af_heart:0.75,bf_emma:0.25"))
    assert style.shape == (510, 256)
    assert np.allclose(style, 0.75 * 1 + 0.25 * 3)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, np.full(510 * 256, np.nan, "<f4").tobytes()])
def test_a_damaged_voice_is_told_and_not_spoken(folder: Path, content: bytes) -> None:
    (folder / "am_adam.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"am_adam\.bin"):
        kokoro_voices.style(folder, kokoro_voices.blend(VOICES, "am_adam"))


# --- phonemes ---


def test_phonemes_that_the_model_does_not_know_are_left_out() -> None:
    assert phonemes.tokens("a¿\x00🙂b") == phonemes.tokens("ab")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("こんにちは", "koɲɲiʨiβa"),
        ("きょう", "kʲoɯ"),
        ("がっこう", "ɡaʔkoɯ"),
        ("ファイル", "ɸaiɾɯ"),
        ("コーヒーをください", "koːçiːokɯdasai"),
        ("しゅくだい", "ɕɨkɯdai"),
        ("ウィスキー", "βisɨkʲiː"),
        ("ｶﾀｶﾅ", "katakana"),
        ("さんぽ", "sampo"),
    ],
)
def test_kana_is_read_by_the_syllable(text: str, expected: str) -> None:
    assert kana.phonemes(text) == expected


def test_all_kana_sounds_are_known_to_the_model() -> None:
    syllables = [chr(code) for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB))]
    pairs = [first + small for first in syllables for small in "ゃゅょァィゥェォ"]
    for text in syllables + pairs:
        sounds = kana.phonemes(text)
        assert sounds
        assert all(sound in phonemes.VOCABULARY for sound in sounds), text


@pytest.fixture
def without_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("misaki.cutlet", "misaki.zh", "misaki.espeak"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.usefixtures("without_dictionaries")
@pytest.mark.parametrize(
    ("accent", "text", "fix"),
    [("j", "今日は", "unidic-lite"), ("j", "3じ", "unidic-lite"), ("z", "你好", "misaki[zh]")],
)
def test_what_cannot_be_read_is_told_and_not_garbled(accent: str, text: str, fix: str) -> None:
    read = phonemes.reader(accent)
    with pytest.raises(TtsError, match=text[0]) as caught:
        read(text)
    assert fix in caught.value.fix


@pytest.mark.usefixtures("without_dictionaries")
def test_a_language_that_needs_a_package_names_it() -> None:
    with pytest.raises(TtsError, match=r"misaki\.espeak") as caught:
        phonemes.reader("f")
    assert "pip install 'hotpin[kokoro]'" in caught.value.fix


@pytest.mark.usefixtures("without_dictionaries")
@pytest.mark.parametrize("accent", "jz")
def test_english_words_within_other_letters_are_read_as_english(accent: str) -> None:
    assert "həlˈO wˈɜɹld" in phonemes.reader(accent)("Hello world！")


def test_british_english_has_sounds_of_its_own() -> None:
    assert phonemes.reader("a")("no") != phonemes.reader("b")("no")


# --- the model ---


@pytest.mark.parametrize("sentence", ["a" * 950, "wˈɜɹd " * 200, "ˈa, " * 300])
def test_sentences_that_are_too_long_for_the_model_are_divided(sentence: str) -> None:
    calls = list(kokoro._calls(sentence))
    assert len(calls) > 1
    assert max(map(len, calls)) <= kokoro.MAX_PHONEMES
    letters = phonemes.tokens(sentence.replace(" ", ""))
    assert [token for call in calls for token in call if token != phonemes.VOCABULARY[" "]] == letters


@pytest.mark.parametrize("sentence", ["", " ", "...", "?!", "“”"])
def test_of_punctuation_alone_the_model_is_not_asked(sentence: str) -> None:
    assert list(kokoro._calls(sentence)) == []


@pytest.mark.parametrize("peak", [0.5, 0.98, 1.7])
def test_speech_that_is_too_loud_is_turned_down_and_not_clipped(peak: float) -> None:
    audio = np.array([0.0, peak, -peak / 2], np.float32)
    quieter = kokoro._turned_down(audio)
    assert np.max(np.abs(quieter)) == pytest.approx(min(peak, kokoro.PEAK))
    assert np.allclose(quieter[2], -quieter[1] / 2)


def test_a_model_that_is_none_is_refused(settings: Settings, installed: None, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    for path, message in ((broken, "cannot be read"), (tmp_path / "missing.onnx", "missing.onnx")):
        with pytest.raises(ModelError, match=message):
            registry.build_tts(choosing(settings, "tts", engine="kokoro", model=str(path))).load()


def test_the_model_of_another_voice_is_refused(settings: Settings, installed: None) -> None:
    import hibari

    other = Path(hibari.__file__).parent / "assets" / "hibari.onnx"
    with pytest.raises(ModelError, match="no Kokoro model"):
        registry.build_tts(choosing(settings, "tts", engine="kokoro", model=str(other))).load()


def test_without_models_it_says_how_to_get_them(settings: Settings, tmp_path: Path) -> None:
    empty = choosing(choosing(settings, "tts", engine="kokoro"), "models", dir=str(tmp_path))
    with pytest.raises(ModelError, match="kokoro-voices") as caught:
        registry.build_tts(empty).load()
    assert "hotpin models pull kokoro-voices" in caught.value.fix


@pytest.mark.slow
def test_a_blend_sounds_like_neither_of_its_voices(engine: Tts) -> None:
    said = [
        np.concatenate([frame.samples for frame in engine.speak("Hello there.", voice)])
        for voice in ("af_heart", "bf_emma", "af_heart:0.5,bf_emma:0.5", "af_heart:1,bf_emma:1")
    ]
    assert not any(np.array_equal(said[2], single) for single in said[:2])
    assert np.array_equal(said[2], said[3])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("ff_siwis", "Bonjour, comment allez-vous aujourd'hui ? Il fait très beau à Paris."),
        ("jf_alpha", "こんにちは、おげんきですか。きょうはとてもいいてんきです。"),
        ("jm_kumo", "コーヒーをください。"),
        ("ef_dora", "Buenos días, ¿cómo está usted? Hoy hace muy buen tiempo."),
        ("if_sara", "Buongiorno, come sta? Oggi il tempo è molto bello."),
        ("pf_dora", "Bom dia, como você está? Hoje o tempo está muito bom."),
        ("hf_alpha", "नमस्ते, आप कैसे हैं? आज मौसम बहुत अच्छा है।"),
    ],
)
def test_other_languages_are_spoken_in_a_plausible_time(engine: Tts, voice: str, text: str) -> None:
    frames = list(engine.speak(text, voice))
    assert 0.04 < sum(frame.seconds for frame in frames) / len(text) < 0.25
    for frame in frames:
        assert np.mean(np.abs(frame.samples.astype(np.int32)) > AUDIBLE) > 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("ff_siwis", "Bonjour, je voudrais un café et un verre d'eau.", ["bonjour", "café", "verre", "eau"]),
        ("ef_dora", "Buenos días, hoy hace muy buen tiempo en Madrid.", ["buenos", "tiempo", "madrid"]),
        ("if_sara", "Buongiorno, vorrei un bicchiere di acqua.", ["buongiorno", "vorrei", "acqua"]),
    ],
)
def test_other_languages_are_understood(
    engine: Tts, settings: Settings, voice: str, text: str, expected: Sequence[str]
) -> None:
    stt = registry.build_stt(choosing(settings, "stt", language=engine.voice(voice).languages[0]))
    stt.load()
    text_heard = heard(stt, engine.speak(text, voice)).lower()
    stt.close()
    missed = [word for word in expected if word not in text_heard]
    assert len(missed) <= 1, text_heard


@pytest.mark.parametrize("missing", ["torch", "kokoro"])
def test_the_torch_engine_without_its_package_says_what_to_install(
    settings: Settings, installed: None, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    from hotpin.tts import kokoro_torch

    find: Callable[[str], object] = lambda name: None if name == missing else object()  # noqa: E731
    monkeypatch.setattr(kokoro_torch, "find_spec", find)
    with pytest.raises(HotpinError, match=f"'{missing}'") as caught:
        registry.build_tts(choosing(settings, "tts", engine="kokoro-torch")).load()
    assert "hotpin[kokoro-torch]" in caught.value.fix


def test_the_torch_engine_downloads_no_weights_but_says_how_to(
    settings: Settings, installed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from hotpin.tts import kokoro_torch

    monkeypatch.setattr(kokoro_torch, "find_spec", lambda name: object())
    for model in ("", str(tmp_path), str(tmp_path / "own.pth")):
        with pytest.raises(ModelError, match=r"\.pth") as caught:
            registry.build_tts(choosing(settings, "tts", engine="kokoro-torch", model=model)).load()
        assert "hf download" in caught.value.fix
