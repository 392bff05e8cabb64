"""Text in the phonemes that Kokoro was trained on, by accent.

English is read by the rules inside the dependency hibari-tts, a port of misaki's, or by misaki itself where it is
complete; the European languages and Hindi by espeak-ng through misaki; Japanese and Mandarin by misaki's dictionaries.
What none of them can read is refused: speech that is garbled helps nobody.
"""

import logging
import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.util import find_spec

from hotpin.errors import TtsError
from hotpin.tts import kana
from hotpin.tts.kokoro_voices import ACCENTS

log = logging.getLogger(__name__)

Reader = Callable[[str], str]
"""Gives the phonemes of a sentence; it may raise TtsError where it cannot read it."""

VOCABULARY: Mapping[str, int] = {
    **dict(zip(';:,.!?', range(1, 7), strict=True)),
    **dict(zip('—…"()“” ̃ʣʥʦʨᵝꭧ', range(9, 24), strict=True)),
    "A": 24, "I": 25, "O": 31, "Q": 33, "S": 35, "T": 36, "W": 39, "Y": 41, "ᵊ": 42,
    **dict(zip("abcdef", range(43, 49), strict=True)),
    **dict(zip("hijklmnopqrstuvwxyzɑɐɒæ", range(50, 73), strict=True)),
    "β": 75, "ɔ": 76, "ɕ": 77, "ç": 78, "ɖ": 80, "ð": 81, "ʤ": 82, "ə": 83, "ɚ": 85, "ɛ": 86, "ɜ": 87, "ɟ": 90,
    "ɡ": 92, "ɥ": 99, "ɨ": 101, "ɪ": 102, "ʝ": 103, "ɯ": 110, "ɰ": 111, "ŋ": 112, "ɳ": 113, "ɲ": 114, "ɴ": 115,
    "ø": 116, "ɸ": 118, "θ": 119, "œ": 120, "ɹ": 123, "ɾ": 125, "ɻ": 126, "ʁ": 128, "ɽ": 129, "ʂ": 130, "ʃ": 131,
    "ʈ": 132, "ʧ": 133, "ʊ": 135, "ʋ": 136, "ʌ": 138, "ɣ": 139, "ɤ": 140, "χ": 142, "ʎ": 143, "ʒ": 147, "ʔ": 148,
    "ˈ": 156, "ˌ": 157, "ː": 158, "ʰ": 162, "ʲ": 164, "↓": 169, "→": 171, "↗": 172, "↘": 173, "ᵻ": 177,
}  # fmt: skip
"""The model's token of each phoneme."""

_HAN = re.compile(r"[\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WIDE = str.maketrans(
    dict(
        zip("、。！？：；「」『』（）《》・", (*", |. |! |? |: |; | “|” | “|” | (|) | “|” | ".split("|"),), strict=True)
    )
)
_LATIN = re.compile(r"([A-Za-z](?:[A-Za-z' ]*[A-Za-z])?)")
_KOKORO_EXTRA = "pip install 'hotpin[kokoro]'"


def tokens(phonemes: str) -> list[int]:
    """Return the model's tokens; phonemes that it does not know are left out."""
    return [VOCABULARY[phoneme] for phoneme in phonemes if phoneme in VOCABULARY]


def reader(accent: str) -> Reader:
    """Load the rules that read text for the voices of ``accent``, a key of ``ACCENTS``; takes up to a second.

    Raises:
        TtsError: if a package is missing.
    """
    if accent in "ab":
        return _english(british=accent == "b")
    if accent == "j":
        return _japanese()
    if accent == "z":
        return _mandarin()
    return _espeak(ACCENTS[accent].espeak)


def _english(*, british: bool) -> Reader:
    # misaki would fetch spaCy's model itself, unasked, where it is missing.
    if all(find_spec(module) for module in ("misaki", "spacy", "num2words", "en_core_web_sm")):
        return _misaki_english(british=british)
    from hibari.g2p import G2P

    read: Reader = G2P(british=british)
    return read


def _misaki_english(*, british: bool) -> Reader:
    from misaki import en

    fallback = None
    if find_spec("phonemizer") and find_spec("espeakng_loader"):
        from misaki.espeak import EspeakFallback

        fallback = EspeakFallback(british=british)
    g2p = en.G2P(trf=False, british=british, fallback=fallback, unk="")
    return lambda text: str(g2p(text)[0]).replace("ɾ", "T").replace("ʔ", "t")


def _espeak(language: str) -> Reader:
    try:
        from misaki.espeak import EspeakG2P
    except ImportError as error:
        raise TtsError(
            f"the language {language!r} needs the Python module {error.name!r}", f"Install it: {_KOKORO_EXTRA}"
        ) from error
    try:
        g2p = EspeakG2P(language=language)
    except RuntimeError as error:
        raise TtsError(f"espeak-ng cannot read {language!r}: {error}", f"Install it again: {_KOKORO_EXTRA}") from error
    # It warns of every word that it takes for another language; set only now, since building it sets it too.
    logging.getLogger("phonemizer").setLevel(logging.ERROR)
    return lambda text: str(g2p(text)[0])


def _japanese() -> Reader:
    try:
        from misaki.cutlet import Cutlet  # misaki.ja, which wraps it, also wants pyopenjtalk, which downloads
    except ImportError:
        return _with_english(_kana)
    try:
        cutlet = Cutlet()
    except RuntimeError as error:
        raise TtsError(
            f"Japanese cannot be read: {error}", "Install its dictionary: pip install unidic-lite"
        ) from error
    return _with_english(lambda text: str(cutlet(text)[0]))


def _kana(text: str) -> str:
    if found := _HAN.search(text) or re.search(r"\d", text):
        raise TtsError(
            f"Kokoro can read kana here, but no kanji and no numbers, such as {found.group()!r}",
            "Install a dictionary: pip install fugashi jaconv mojimoji unidic-lite",
        )
    return kana.phonemes(text.translate(_WIDE))


def _mandarin() -> Reader:
    try:
        from misaki.zh import ZHG2P
    except ImportError:
        return _with_english(_not_chinese)
    # jieba, which finds the words, tells of its loading; set only now, since its import sets it too.
    logging.getLogger("jieba").setLevel(logging.WARNING)
    g2p = ZHG2P()
    return _with_english(lambda text: str(g2p(text)[0]))


def _not_chinese(text: str) -> str:
    # espeak-ng's Mandarin has other phonemes and tones than Kokoro was trained on.
    if found := _HAN.search(text):
        raise TtsError(
            f"Kokoro needs misaki's dictionary to read Mandarin, such as {found.group()!r}",
            "Install it: pip install 'misaki[zh]'",
        )
    return text.translate(_WIDE)


def _with_english(native: Reader) -> Reader:
    """Read words in Latin letters as English; a language without such letters has none of its own for them."""
    english = cache(partial(_english, british=False))  # 30 MB, where it is needed at all

    def read(text: str) -> str:
        parts = _LATIN.split(text)
        words = [(english() if index % 2 else native)(part).strip() for index, part in enumerate(parts) if part.strip()]
        return re.sub(r" (?=[,.!?:;])", "", " ".join(words))

    return read
