"""``hotpin bench --server``: how a server does when several people ask at once."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from hotpin.commands import common

if TYPE_CHECKING:
    from hotpin.bench.load import Asked
    from hotpin.bench.utterances import Utterance


def put_under_load(  # noqa: PLR0913 - one argument per option
    server: str,
    *,
    sessions: int,
    every: float,
    seconds: float,
    token: str | None,
    utterances: Path | None,
    as_json: bool,
) -> None:
    """Let ``sessions`` people ask a server something all the time, and tell how long the replies took.

    Raises:
        HotpinError: if a question was not answered, or replies were mixed up.
    """
    settings = common.load_settings()
    from hotpin.bench.load import Load, run
    from hotpin.bench.load_report import LoadReport
    from hotpin.errors import HotpinError

    url = _socket_url(server)
    if token is None and _is_here(url):  # nobody else is shown the token of this machine's own server
        token = settings.server.token.get_secret_value()
    load = Load(url, sessions, every, seconds, token or "")
    said, questions = _spoken(utterances)
    common.say(f"{sessions} sessions ask {url} every {every:g} s, for {seconds:g} s")
    report = LoadReport(load, run(load, said, questions, _show))
    if as_json:
        common.print_json(report.as_dict())
    else:
        typer.echo("\n".join(report.lines()))
    if report.unanswered or report.mixed_up:
        raise HotpinError(f"{len(report.unanswered)} questions were not answered, {report.mixed_up} replies mixed up")


def _socket_url(server: str) -> str:
    """Give the address as a WebSocket's, whichever way it was written."""
    address = urlsplit(server if "://" in server else f"ws://{server}")
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(address.scheme)
    if scheme is None or not address.netloc or address.username or address.query:
        raise typer.BadParameter(f"it takes an address such as http://127.0.0.1:8000, not {server!r}")
    return f"{scheme}://{address.netloc}{address.path.rstrip('/')}"


def _is_here(url: str) -> bool:
    from hotpin.server.auth import is_loopback

    return is_loopback(urlsplit(url).hostname or "")


def _spoken(utterances: Path | None) -> "tuple[list[Utterance], list[Utterance]]":
    """Give what sessions say of themselves, and their questions."""
    from hotpin import registry
    from hotpin.bench.load import TEXTS
    from hotpin.bench.utterances import load, synthesise

    questions = load(utterances) if utterances else []
    # The same voice everywhere, whatever the settings choose for replies: it needs no model, and Whisper knows it well.
    tts = registry.build_tts(common.load_settings(tts__engine="hibari", tts__voice=""))
    tts.load()
    try:
        return synthesise(tts, TEXTS), questions or synthesise(tts)
    finally:
        tts.close()


def _show(asked: "Asked") -> None:
    """Tell of a question as soon as it is over."""
    if asked.error:
        common.say(f"session {asked.session}  not answered: {asked.error}")
    elif asked.misheard or asked.foreign:
        what = "misheard" if asked.misheard else "another session's name"
        common.say(f"session {asked.session}  {what}: {asked.text!r} {asked.heard!r} {asked.reply!r}")
