"""One command for each thing that is measured; see the package."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tests.live import barging_in, hands_free, interface, noise, own_voice, resources, unplugging
from tests.live.figures import Findings, Value, together
from tests.live.material import BACKCHANNELS, SPEECH, Clip, Voices, made_noises, noises, recordings, utterances
from tests.live.rig import Echo, room
from tests.live.sound import Mouth
from tests.live.stand import LIVE, SCRIPTED, Listener, Stand, defaults, stand
from tests.live.subject_process import environment

ROOMS = (
    Echo(0, 60),
    Echo(0, 150),
    Echo(-6, 60),
    Echo(-6, 150),
    Echo(-6, 60, clipped=True),
    Echo(0, 150, clipped=True),
)
"""Where stories are told unless ``--room`` says otherwise."""

READY_SECONDS = 60.0

app = typer.Typer(help="Measures live conversations.", no_args_is_help=True, add_completion=False)


def room_of(text: str) -> Echo:
    """Read ``-6,60`` and ``0,150,clipped``."""
    db, delay, *rest = text.split(",")
    if rest not in ([], ["clipped"]):
        raise typer.BadParameter(f"{text!r}: it takes DB,MS or DB,MS,clipped")
    return Echo(float(db), int(delay), bool(rest))


SpeechOption = Annotated[Path, typer.Option("--speech", help="Recordings with a manifest.jsonl.")]
RoomsOption = Annotated[list[str] | None, typer.Option("--room", help="DB,MS or DB,MS,clipped; several may be given.")]
SettingsOption = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, as a setting of Hotpin.")]


@app.command("hands-free")
def measure_hands_free(count: int = 50, speech: SpeechOption = SPEECH, settings: SettingsOption = None) -> None:
    """One question after another, without an echo."""
    with _material() as (listener, voices), stand({**LIVE, **_given(settings)}) as here:
        clips = utterances(speech, defaults(), voices, count + 1)
        hands_free.measure(here, clips[:1], listener)  # the first turn of all is slower: it does not count
        _tell(hands_free.measure(here, clips[1:], listener))


@app.command("own-voice")
def measure_own_voice(replies: int = 10, rooms: RoomsOption = None, settings: SettingsOption = None) -> None:
    """Long replies into an echo."""
    _in_rooms(rooms, settings, lambda here, echo: own_voice.measure(here, echo, replies), own_voice.summary)


@app.command("barging-in")
def measure_barging_in(
    count: int = 4, rooms: RoomsOption = None, speech: SpeechOption = SPEECH, settings: SettingsOption = None
) -> None:
    """A person speaks over long replies, ``count`` times a room."""
    with _material() as (listener, voices):
        clips = _over_replies(speech, voices, count)
        speaks_over = partial(barging_in.measure, clips=clips, listener=listener)
        _in_rooms(rooms, settings, speaks_over, barging_in.summary)


@app.command("noise")
def measure_noise(
    minutes: float = 10.0,
    stories: int = 6,
    rooms: RoomsOption = None,
    speech: SpeechOption = SPEECH,
    settings: SettingsOption = None,
) -> None:
    """Noise in silence for ``minutes``, then noise and hums over stories, without an echo unless a room is given."""
    with _material() as (_, voices):
        hums = [voices.say(text, engine) for engine, text in BACKCHANNELS]
        made = made_noises()
        echo = room_of(rooms[0]) if rooms else None
        with stand({**SCRIPTED, **_given(settings)}, echo) as here:
            silent = noise.measure_silent_room(here, [*made, *noises(speech)], 60 * minutes)
            both = [clip for pair in zip(hums, made, strict=True) for clip in pair]
            _tell(silent, noise.measure_over_stories(here, both, stories))


@app.command("unplugging")
def measure_unplugging(times: int = 5, settings: SettingsOption = None) -> None:
    """The microphone goes and comes, while it listens, thinks and speaks."""
    with _material() as (_, voices), stand({**SCRIPTED, **_given(settings)}) as here:
        _tell(unplugging.measure(here, voices.say("What is the capital of France?"), times))


@app.command("idle")
def measure_idle(
    seconds: float = 60.0,
    command: Annotated[str, typer.Option(help="What of Hotpin runs; empty for the bare conversation.")] = "daemon",
    settings: SettingsOption = None,
) -> None:
    """Processor time while nobody speaks; with ``--set wake.word=hey_jarvis`` of the wake word."""
    given = {"sessions.store": "memory", **_given(settings)}
    if not command:
        with stand({**LIVE, **given}) as here:
            _tell(resources.idle(here.subject.pid, seconds))
        return
    with tempfile.TemporaryDirectory(prefix="hotpin-live-") as name:
        folder = Path(name)
        (folder / "rig").mkdir(mode=0o700)
        with room(folder / "rig") as there, Mouth(there.environment):
            own = environment(there.environment, folder, given)
            process = subprocess.Popen([sys.executable, "-m", "hotpin", *command.split()], env=own, cwd=folder)
            try:
                deadline = time.monotonic() + READY_SECONDS
                while not there.records_microphone(process.pid):
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise typer.Exit(1)
                    time.sleep(0.2)
                _tell(resources.idle(process.pid, seconds))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()


@app.command("interface")
def measure_interface(times: int = 5, settings: SettingsOption = None) -> None:
    """The full-screen interface: start to first paint and to listening; how late its event loop comes."""
    with tempfile.TemporaryDirectory(prefix="hotpin-live-") as name:
        folder = Path(name)
        (folder / "rig").mkdir(mode=0o700)
        with room(folder / "rig") as there, Mouth(there.environment):
            own = environment(there.environment, folder, {"sessions.store": "memory", **_given(settings)})
            _tell(interface.starting(own, times), interface.writing(own, folder))


@app.command("endurance")
def measure_endurance(
    minutes: float = 30.0, warm_up: float = 5.0, speech: SpeechOption = SPEECH, settings: SettingsOption = None
) -> None:
    """A long conversation: memory, threads, descriptors after ``warm_up`` minutes and at the end."""
    with _material() as (_, voices), stand({**LIVE, **_given(settings)}) as here:
        clips = utterances(speech, defaults(), voices, 24)
        _tell(resources.endurance(here, clips, 60 * minutes, 60 * warm_up))


@app.command("quick")
def measure_quickly(speech: SpeechOption = SPEECH, settings: SettingsOption = None) -> None:
    """A little of everything, in about five minutes."""
    measure_hands_free(4, speech, settings)
    measure_own_voice(1, ["-6,60"], settings)
    measure_barging_in(2, ["-6,60"], speech, settings)
    measure_noise(0.5, 1, None, speech, settings)
    measure_unplugging(1, settings)
    measure_idle(10.0, "", settings)
    measure_interface(1, settings)
    measure_endurance(0.5, 0.1, speech, settings)


@app.command("full")
def measure_everything(speech: SpeechOption = SPEECH, settings: SettingsOption = None) -> None:
    """All of it, as often as it takes to believe it: about three hours."""
    measure_hands_free(speech=speech, settings=settings)
    measure_own_voice(settings=settings)
    measure_barging_in(speech=speech, settings=settings)
    measure_noise(speech=speech, settings=settings)
    measure_unplugging(settings=settings)
    measure_idle(settings=settings)
    measure_idle(settings=[*(settings or ()), "wake.word=hey_jarvis"])
    measure_interface(settings=settings)
    measure_endurance(speech=speech, settings=settings)


def _over_replies(speech: Path, voices: Voices, count: int) -> list[Clip]:
    """Return what is said over replies: by people where there are recordings, else by another voice than Hotpin's."""
    clips = recordings(speech, defaults()) or [voices.say("What time is it?", "pyttsx3")]
    return [clips[number % len(clips)] for number in range(count)]


def _in_rooms(
    rooms: list[str] | None,
    settings: list[str] | None,
    measure: Callable[[Stand, Echo], Findings],
    summary: Callable[[Sequence[Mapping[str, Value]]], dict[str, Value]],
) -> None:
    found: list[Findings] = []
    for echo in [room_of(text) for text in rooms] if rooms else ROOMS:
        with stand({**SCRIPTED, **_given(settings)}, echo) as here:
            found.append(measure(here, echo))
        sys.stderr.write(found[-1].table() + "\n\n")
    if len(found) > 1:
        found.append(together(found, summary))
        sys.stderr.write(found[-1].table() + "\n\n")
    typer.echo(_json(found))


@contextmanager
def _material() -> Iterator[tuple[Listener, Voices]]:
    listener, voices = Listener(defaults()), Voices(defaults())
    try:
        yield listener, voices
    finally:
        listener.close()
        voices.close()


def _given(settings: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in settings or ()]
    return {name: value for name, _, value in pairs}


def _tell(*found: Findings) -> None:
    sys.stderr.write("\n\n".join(one.table() for one in found) + "\n\n")
    typer.echo(_json(found))


def _json(found: Sequence[Findings]) -> str:
    return json.dumps({"cores": os.cpu_count(), "findings": [asdict(one) for one in found]})


if __name__ == "__main__":
    app()
