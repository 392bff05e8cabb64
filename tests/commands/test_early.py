"""What can be told before models are loaded, which takes seconds, is told before."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotpin import cli
from hotpin.commands import common
from hotpin.commands.call import Call
from hotpin.commands.start_call import Plan
from hotpin.errors import HotpinError
from hotpin.settings import Settings


@pytest.fixture(autouse=True)
def home(settings: Settings, real_models: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with the real models, of which none may be loaded."""

    def load(*_: object) -> None:
        pytest.fail("models are loaded")

    monkeypatch.setattr(common, "load_engines", load)
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.setenv("HOTPIN_MODELS__DIR", settings.models.dir)
    return tmp_path


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(cli.app, list(arguments))
    assert isinstance(result.exception, HotpinError), result.output + repr(result.exception)
    return str(result.exception)


def test_a_language_that_the_voice_does_not_speak_is_told_with_a_voice_that_does(home: Path) -> None:
    told = refused("ask", "Hallo?", "--language", "de", "--out", str(home / "x.wav"))
    assert "hibari has no voice that speaks 'de'" in told
    assert "--tts pyttsx3" in told


@pytest.mark.parametrize("command", [["start-call"], ["ask", "Hello?", "--session-id", "kitchen"]])
def test_a_store_that_is_damaged_is_told(home: Path, command: list[str]) -> None:
    (home / "data").mkdir()
    (home / "data" / "sessions.sqlite").write_text("not a database, though long enough to be looked at" * 20)
    assert "sessions.sqlite" in refused(*command, "--out", str(home / "x.wav"))


@pytest.mark.parametrize(
    "arguments", [["ask", "Hello?", "--temperature", "9"], ["tts-test", "--text", "Hello.", "--speed", "3"]]
)
def test_an_option_beyond_its_range_is_told_by_its_own_name(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[-2]}'" in result.stderr


@pytest.mark.parametrize(("goes_on", "said"), [(True, "--session-id kitchen"), (False, "The call is over.\n")])
def test_a_session_goes_on_only_if_something_is_kept(
    goes_on: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Call(Plan("kitchen", "", Path("x.wav"), [], microphone=False, real_time=False, timing=False, as_json=False)).end(
        goes_on=goes_on
    )
    told = capsys.readouterr().err
    assert said in told
    assert ("To go on" in told) is goes_on
    assert "The spoken replies are in x.wav" in told
