"""Personas: those that come with Hotpin, and a person's own files."""

from pathlib import Path

import pytest

from hotpin import paths, personas
from hotpin.errors import SettingsError

MEASURED_PROMPT = (
    "You are Hotpin, a helpful voice assistant. Give short, correct answers in plain English, in one to three "
    "sentences, without lists or emoji. If you do not know something, say so."
)


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a person's own personas."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    paths.agents_dir().mkdir(parents=True)
    return paths.agents_dir()


def refusal(persona_id: str) -> str:
    with pytest.raises(SettingsError) as caught:
        personas.find(persona_id)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_four_come_with_hotpin_the_default_first(agents: Path) -> None:
    names = {persona_id: persona.name for persona_id, persona in personas.all_personas().items()}
    assert list(names) == ["hotpin", "callcenter", "receptionist", "sales"]
    assert list(names.values()) == ["Hotpin", "Call Center Agent", "Receptionist", "Sales Agent"]


def test_the_default_prompt_is_the_one_that_was_measured(agents: Path) -> None:
    assert personas.find(personas.DEFAULT).prompt == MEASURED_PROMPT


def test_each_has_its_voices(agents: Path) -> None:
    found = personas.all_personas()
    assert [found[name].voice_for("elevenlabs") for name in ("receptionist", "sales", "callcenter")] == [
        "EXAVITQu4vr4xnSDxMaL",
        "21m00Tcm4TlvDq8ikWAM",
        "pNInz6obpgDQGcFmaJgB",
    ]
    kokoro = [persona.voice_for("kokoro") for persona in found.values()]
    assert all(kokoro)
    assert len(set(kokoro)) == 4
    assert [persona.voice_for("kokoro-torch") for persona in found.values()] == kokoro
    assert {persona.voice_for("hibari") for persona in found.values()} == {""}


@pytest.mark.parametrize("name", ["hotpin", "callcenter", "receptionist", "sales"])
def test_built_in_prompts_are_short_and_leave_the_models_temperature_alone(agents: Path, name: str) -> None:
    persona = personas.find(name)
    assert len(persona.prompt.split()) < 120
    assert "\n" not in persona.prompt
    assert (persona.temperature, persona.max_tokens) == (0.7, 150)
    assert not persona.model_fields_set & {"temperature", "max_tokens"}


def test_the_prompt_names_the_language_where_it_is_not_english(agents: Path) -> None:
    persona = personas.find("hotpin")
    for language in ("", "auto", "en"):
        assert persona.prompt_for(language) == MEASURED_PROMPT
    korean = persona.prompt_for("ko")
    assert "English" not in korean
    assert korean.endswith("say so. Answer in Korean.")
    assert persona.prompt_for("xx").endswith("Answer in xx.")


def test_a_persons_own_needs_only_a_prompt(agents: Path) -> None:
    (agents / "front-desk.toml").write_text('\ufeffprompt = """\nYou keep the door. """\n', encoding="utf-8")
    persona = personas.find("front-desk")
    assert (persona.id, persona.name, persona.prompt) == ("front-desk", "Front Desk", "You keep the door.")
    assert persona.voice_for("kokoro") == ""
    assert personas.find("Front-Desk") == persona


def test_everything_can_be_said_in_a_file(agents: Path) -> None:
    (agents / "pirate.toml").write_text(
        'name = "Pirate"\ndescription = "Says arr"\nprompt = "Arr."\ntemperature = 1\nmax_tokens = 20\n'
        '[voice]\nkokoro = "am_michael:0.6,bf_emma:0.4"\n'
    )
    persona = personas.find("pirate")
    assert (persona.temperature, persona.max_tokens) == (1.0, 20)
    assert {"temperature", "max_tokens"} <= persona.model_fields_set
    assert persona.voice_for("kokoro") == "am_michael:0.6,bf_emma:0.4"


def test_a_file_named_like_a_built_in_one_changes_only_what_it_says(agents: Path) -> None:
    built_in = personas.find("sales")
    (agents / "sales.toml").write_text('temperature = 0.2\n[voice]\nhibari = "heart"\n')
    entry = personas.find_entry("sales")
    assert entry.own
    assert entry.overrides
    persona = personas.find("sales")
    assert (persona.prompt, persona.temperature, persona.name) == (built_in.prompt, 0.2, "Sales Agent")
    assert persona.voice == {**built_in.voice, "hibari": "heart"}
    assert "max_tokens" not in persona.model_fields_set


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "prompt = 'x'\nvioce = {}",
            "there is no key 'vioce'. Keys are: name, description, prompt, voice, temperature",
        ),
        ("name = 'X'", "prompt is missing. "),
        ("promt = 'x'", "there is no key 'promt'. "),
        ("prompt = ' '", "prompt is ' '. Allowed: string should have at least 1 character"),
        ("prompt = 3", "prompt is 3. Allowed: input should be a valid string"),
        ("prompt = 'x'\ntemperature = 2.5", "temperature is 2.5. Allowed: input should be less than or equal to 2"),
        ("prompt = 'x'\ntemperature = 'hot'", "temperature is 'hot'. Allowed: "),
        ("prompt = 'x'\nmax_tokens = 0", "max_tokens is 0. Allowed: input should be greater than or equal to 1"),
        ("prompt = 'x'\nvoice = 'af_heart'", "voice is 'af_heart'. Allowed: a table of one voice for each engine"),
        ("prompt = 'x'\n[voice]\nkokoro = 7", "voice.kokoro is 7. Allowed: input should be a valid string"),
        ("prompt = 'x'\nid = 'other'", "id is 'other'. Leave it out"),
        ("prompt = 'x'\nname = \"a\\nb\"", "name is 'a\\nb'. Allowed: "),
        ('prompt = "x"\nname = "a\\u001b[2J"', "name is 'a\\x1b[2J'. Allowed: one line without control characters"),
        ('prompt = "x"\ndescription = "a\\nb"', "description is 'a\\nb'. Allowed: one line without control characters"),
        ('prompt = "x"\nvoice = {"a\\u009b" = "b"}', "Allowed: one line without control characters"),
        (f"prompt = 'x'\nmax_tokens = {'9' * 5000}", "is not valid TOML: "),
        (f"prompt = '{'x' * 9000}'", "prompt is 'xxxx"),
        ("prompt = ", "is not valid TOML: "),
    ],
)
def test_a_wrong_file_is_told_with_its_key_and_what_is_allowed(agents: Path, text: str, said: str) -> None:
    path = agents / "mine.toml"
    path.write_text(text)
    message = refusal("mine")
    assert message.startswith(str(path))
    assert said in message
    assert message.isprintable()
    assert len(message) < 500


def test_a_wrong_file_does_not_keep_the_others_from_being_found(agents: Path) -> None:
    (agents / "wrong.toml").write_text("prompt = ")
    (agents / "folder.toml").mkdir()
    (agents / "gone.toml").symlink_to(agents / "nowhere")
    (agents / "Bad Name.toml").write_text("prompt = 'x'")
    (agents / ".hidden.toml").write_text("prompt = ")
    (agents / "notes.txt").write_text("none of these")
    (agents / "right.toml").write_text("prompt = 'x'")
    assert personas.find("right").prompt == "x"
    assert list(personas.all_personas()) == ["hotpin", "callcenter", "receptionist", "right", "sales"]
    assert "Rename the file" in refusal("Bad Name")
    for name in ("folder", "gone"):
        assert "is not a file" in refusal(name)


def test_a_wrong_file_is_not_replaced_by_the_built_in_one_in_silence(agents: Path) -> None:
    (agents / "hotpin.toml").write_text("temperature = 9")
    assert "temperature is 9" in refusal("hotpin")


@pytest.mark.parametrize("name", ["nobody", "", "../hotpin", "x" * 10_000])
def test_an_unknown_one_is_told_with_those_there_are(agents: Path, name: str) -> None:
    message = refusal(name)
    assert "Agents are: hotpin, callcenter, receptionist, sales" in message
    assert len(message) < 500
