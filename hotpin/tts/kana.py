"""Japanese kana in the phonemes that Kokoro was trained on.

Kana says how it sounds, so a table of syllables is enough. It cannot tell where は is the particle "wa": that, and
kanji, need a dictionary; only the two greetings that end with it are known. espeak-ng is no help: it reads kanji as the
words "Chinese letter", and its vowels are not Kokoro's.
"""

import re
import unicodedata

_SYLLABLES = {
    "SI": "ɕi", "TI": "ʨi", "TU": "ʦɨ", "HI": "çi", "HU": "ɸɯ", "NI": "ɲi", "ZI": "ʥi", "DI": "ʥi",
    "DU": "zɨ", "SU": "sɨ", "ZU": "zɨ", "ZA": "ʣa", "ZE": "ʣe", "ZO": "ʣo", "WO": "o", "WI": "i", "WE": "e", "N": "ɴ",
    "SMALL TU": "ʔ",
}  # fmt: skip
"""Phonemes of the syllables that are not their letters, by the name that Unicode gives them."""

_CONSONANTS = {"": "", "G": "ɡ", "R": "ɾ", "Y": "j", "W": "β"}
_VOWELS = {"A": "a", "I": "i", "U": "ɯ", "E": "e", "O": "o"}
_PALATAL = ("ɕ", "ʨ", "ç", "ɲ", "ʥ", "j")
"""Consonants that have the glide of a small ya, yu or yo in them already."""

_NAME = re.compile(r"(?:HIRAGANA|KATAKANA) LETTER (SMALL )?([BDGHKMNPRSTVWYZ]?)([AIUEO])")
_GREETING = re.compile("(?<=こんにち|こんばん)は")
_LONG = "ー"
_NASALS = (("ɴ(?=[mpb])", "m"), ("ɴ(?=[kɡ])", "ŋ"), ("ɴ(?=[ɲʨʥ])", "ɲ"), ("ɴ(?=[tdnszɾʣʦ])", "n"))
"""The syllable "n" sounds like what follows it."""


def phonemes(text: str) -> str:
    """Return ``text`` with its kana in phonemes; other characters stay as they are."""
    sounds: list[str] = []
    for character in _GREETING.sub("わ", unicodedata.normalize("NFKC", text)):
        name = unicodedata.name(character, "")
        if character == _LONG:
            sounds.append("ː")
        elif name.startswith(("HIRAGANA LETTER ", "KATAKANA LETTER ")):
            _add(sounds, name.partition(" LETTER ")[2], _NAME.fullmatch(name))
        else:
            sounds.append(character)
    said = "".join(sounds)
    for pattern, nasal in _NASALS:
        said = re.sub(pattern, nasal, said)
    return said


def _add(sounds: list[str], syllable: str, letter: re.Match[str] | None) -> None:
    if syllable in _SYLLABLES:
        sounds.append(_SYLLABLES[syllable])
    elif letter is None:
        return
    elif letter[1] and sounds:
        _glide(sounds, letter[2], _VOWELS[letter[3]])
    else:
        consonant = _CONSONANTS.get(letter[2], letter[2].lower())
        soft = "ʲ" if letter[3] == "I" and consonant not in ("", "j", "β") else ""
        sounds.append(consonant + soft + _VOWELS[letter[3]])


def _glide(sounds: list[str], consonant: str, vowel: str) -> None:
    """Let a small letter change the syllable before it: ki + small ya is "kʲa", hu + small a is "ɸa"."""
    before = sounds.pop().rstrip("aiɯeoɨ")
    glide = "ʲ" if consonant == "Y" and not before.endswith((*_PALATAL, "ʲ")) else ""
    if not before:
        before = "β"  # u + small i, as in "wi"
    elif consonant != "Y":
        before = before.removesuffix("ʲ") if vowel != "i" else before
    rounded = "ɨ" if consonant == "Y" and vowel == "ɯ" else vowel
    sounds.append(before + glide + rounded)
