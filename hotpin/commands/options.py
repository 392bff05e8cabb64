"""Options of the command line that several commands have, or that would make one long."""

from pathlib import Path
from typing import Annotated

import typer


def wav_name(path: Path | None) -> Path | None:
    """Refuse to write a WAV under another kind of name, or over another kind of file."""
    if path is None:
        return None
    if path.suffix.lower() not in (".wav", ".wave"):
        raise typer.BadParameter(f"it writes WAV audio: give {path.name!r} a name that ends in .wav")
    from hotpin.audio.atomic import refuse_other_files

    refuse_other_files(path)
    return path


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
SttEngineOption = Annotated[str | None, typer.Option("--stt", help="Speech recogniser, such as whisper.")]
SttModelOption = Annotated[str | None, typer.Option("--stt-model", help="Its model: a known name or a folder.")]
LlmEngineOption = Annotated[str | None, typer.Option("--llm", help="Language model engine, or auto.")]
LlmModelOption = Annotated[str | None, typer.Option("--llm-model", help="Its model: a known name or a GGUF file.")]
TtsEngineOption = Annotated[str | None, typer.Option("--tts", help="Voice engine, such as hibari.")]
LanguageOption = Annotated[str | None, typer.Option(help="What is spoken: ISO 639-1 code, or auto; en unless set.")]
OutOption = Annotated[
    Path | None, typer.Option(help="Write the speech to this .wav instead of playing it.", callback=wav_name)
]
VoiceOption = Annotated[str | None, typer.Option("--voice", help="A voice of that engine.")]


def session_id(value: str | None) -> str | None:
    """Refuse what cannot be a session id."""
    from hotpin.sessions.base import check_session_id

    try:
        return value if value is None else check_session_id(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _complete_agent(incomplete: str) -> list[str]:
    from hotpin.commands.agents import complete_agent

    return list(complete_agent(incomplete))


AgentOption = Annotated[
    str | None, typer.Option("--agent", help="Who answers: see hotpin agents.", autocompletion=_complete_agent)
]
SessionOption = Annotated[
    str | None,
    typer.Option("--session-id", help="Go on with this session, and keep the turn in it.", callback=session_id),
]

# --- a call ---

RawRateOption = Annotated[int | None, typer.Option(min=1000, max=384_000, help="Hz, if recordings are raw PCM.")]
RealTimeOption = Annotated[bool, typer.Option("--real-time", help="Feed recordings at the pace of speech.")]
TimingOption = Annotated[bool, typer.Option("--timing", help="Show where the time of each turn went.")]
CallSessionOption = Annotated[str, typer.Option(help="The session to go on with, or a new one.", callback=session_id)]
SaidOption = Annotated[
    list[Path] | None,
    typer.Option("--input", help="Say this recording instead of typing; may be given several times."),
]
MicrophoneOption = Annotated[
    bool | None,
    typer.Option(help="Whether to listen as well as read. [default: in a terminal, without --input or --out]"),
]
ServerOption = Annotated[
    str | None, typer.Option(help="Talk with the Hotpin that serves there, such as ws://pi.lan:8000.")
]
ServerTokenOption = Annotated[
    str, typer.Option(envvar="HOTPIN_SERVER_TOKEN", show_default=False, help="The token of that server.")
]
ServerAuthorityOption = Annotated[
    Path | None, typer.Option(help="The hotpin-ca.crt of that server, for wss://: see hotpin config tls.")
]

# --- a measurement ---


def _one_setting(value: str | None) -> str | None:
    """Refuse what is no setting with a value."""
    name, equals, _ = (value or "").partition("=")
    if value is not None and not (equals and "." in name):
        raise typer.BadParameter(f"it takes section.key=value, such as llm.threads=1, not {value!r}")
    return value


def _page_name(path: Path | None) -> Path | None:
    """Refuse what cannot be written before minutes are spent on measuring."""
    if path is not None and path.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"it writes a web page: give {path.name!r} a name that ends in .html")
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {str(path.parent)!r}")
    return path


UtterancesOption = Annotated[
    Path | None, typer.Option(help="Folder of NN.wav with NN.json; else 24 questions are synthesised.")
]
RepeatOption = Annotated[int, typer.Option(min=1, max=1000, help="How often each is asked.")]
OtherSettingOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY=VALUE", callback=_one_setting, help="Compare with this setting, turn by turn: llm.threads=1."
    ),
]
PageOption = Annotated[
    Path | None, typer.Option(callback=_page_name, help="Write all that was measured to this web page, too.")
]
UnspeculatedOption = Annotated[
    bool, typer.Option(help="Whether a third of the utterances is measured with speculation off, too.")
]
LoadServerOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Put this server under load instead: http://127.0.0.1:8000.")
]
LoadSessionsOption = Annotated[int, typer.Option(min=1, max=256, help="With --server: sessions that ask.")]
LoadEveryOption = Annotated[float, typer.Option(min=1.0, max=3600.0, help="With --server: s between their questions.")]
LoadSecondsOption = Annotated[float, typer.Option(min=1.0, max=86_400.0, help="With --server: s in which they ask.")]
LoadTokenOption = Annotated[str | None, typer.Option(help="With --server: its token, unless it is this machine's.")]
