"""``hotpin devices``: which microphones and loudspeakers there are, and whether they work."""

import sys
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotpin.commands import common, options

if TYPE_CHECKING:
    from hotpin.audio.devices import Device, Direction, Listing
    from hotpin.settings import Settings

TONE_HZ, TONE_SECONDS, TONE_LEVEL = 440, 0.6, 0.2
"""What is played as a test; the level is a share of full scale."""

METER_SECONDS = 0.1
"""s between two looks at the level."""

_METER_WIDTH = 40
_METER_FLOOR = -80.0  # dBFS at the meter's left end


@dataclass
class _Tested:
    """What came of the test."""

    problems: list[str]
    peak_dbfs: float | None = None
    first_frame_seconds: float | None = None
    overruns: int = 0
    overflows: int = 0


def devices(
    test: Annotated[bool, typer.Option("--test", help="Show the microphone's level and play a tone.")] = False,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long the level is shown.")] = 10.0,
    microphone: Annotated[
        str | None, typer.Option("--input", help="Microphone: index, name or part of it; audio.input unless set.")
    ] = None,
    loudspeaker: Annotated[
        str | None, typer.Option("--output", help="Loudspeaker: index, name or part of it; audio.output unless set.")
    ] = None,
    as_json: options.JsonOption = False,
) -> None:
    """List microphones and loudspeakers; mark the system's default and the one Hotpin uses."""
    from hotpin.audio.devices import list_devices

    settings = common.load_settings(audio__input=microphone, audio__output=loudspeaker)
    listing = list_devices()
    chosen, problems = _choose(listing, settings)
    if not as_json:
        typer.echo("\n".join([*_lines(listing, "input", chosen), "", *_lines(listing, "output", chosen)]))
    tested = _test(settings, chosen, seconds, shown=not as_json) if test else None
    if tested is not None:
        problems = [*problems, *(one for one in tested.problems if one not in problems)]
    if as_json:
        common.print_json(_json(listing, chosen, problems, tested))
    else:
        for problem in problems:
            common.say(f"hotpin: {problem}")
    if problems:
        raise typer.Exit(1)


def _choose(listing: "Listing", settings: "Settings") -> "tuple[dict[Direction, Device | None], list[str]]":
    from hotpin.errors import AudioError

    chosen: dict[Direction, Device | None] = {"input": None, "output": None}
    wanted: dict[Direction, str] = {"input": settings.audio.input, "output": settings.audio.output}
    problems = []
    for direction, name in wanted.items():
        try:
            chosen[direction] = listing.choose(direction, name)
        except AudioError as error:
            problems.append(str(error))
    return chosen, problems


def _lines(listing: "Listing", direction: "Direction", chosen: "dict[Direction, Device | None]") -> list[str]:
    found = listing.usable(direction)
    lines = ["Microphones" if direction == "input" else "Loudspeakers"]
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        marks = ", ".join(
            mark
            for mark, marked in (("default", listing.default(direction)), ("used", chosen[direction]))
            if one == marked
        )
        lines.append(f"  {one.index:>3}  {one.name:<{width}}  {one.rate:>6} Hz  {one.host:<8}  {marks}".rstrip())
    return lines if found else [*lines, "  none"]


def _json(
    listing: "Listing", chosen: "dict[Direction, Device | None]", problems: list[str], tested: _Tested | None
) -> dict[str, Any]:
    def described(direction: "Direction") -> list[dict[str, Any]]:
        return [
            {
                "index": one.index,
                "name": one.name,
                "host": one.host,
                "rate": one.rate,
                "channels": one.inputs if direction == "input" else one.outputs,
                "default": one == listing.default(direction),
                "used": one == chosen[direction],
            }
            for one in listing.usable(direction)
        ]

    result: dict[str, Any] = {
        "portaudio": listing.portaudio,
        "inputs": described("input"),
        "outputs": described("output"),
        "problems": problems,
    }
    if tested is not None:
        result["test"] = {
            "peak_dbfs": tested.peak_dbfs,
            "first_frame_seconds": tested.first_frame_seconds,
            "overruns": tested.overruns,
            "overflows": tested.overflows,
        }
    return result


def _test(settings: "Settings", chosen: "dict[Direction, Device | None]", seconds: float, *, shown: bool) -> _Tested:
    from hotpin.errors import AudioError

    tested = _Tested([])
    if chosen["output"] is not None:
        try:
            _play_tone(settings.audio.output)
        except AudioError as error:
            tested.problems.append(str(error))
        else:
            if shown:
                common.say(f"A tone was played on {chosen['output'].name}.")
    if chosen["input"] is not None:
        try:
            _listen(tested, settings.audio.input, seconds, shown=shown)
        except AudioError as error:
            tested.problems.append(str(error))
    return tested


def _play_tone(device: str) -> None:
    import numpy as np

    from hotpin.audio.frame import Frame, to_int16
    from hotpin.audio.speaker import play_all

    rate = 48_000
    times = np.arange(int(TONE_SECONDS * rate)) / rate
    edges = np.minimum(1.0, 50 * np.minimum(times, TONE_SECONDS - times))  # 20 ms each, or it would click
    play_all([Frame(to_int16(TONE_LEVEL * edges * np.sin(2 * np.pi * TONE_HZ * times)), rate)], device)


def _listen(tested: _Tested, device: str, seconds: float, *, shown: bool) -> None:
    from hotpin.audio.device_mic import DeviceMicrophone
    from hotpin.clock import RealClock

    began = monotonic()
    mic = DeviceMicrophone(RealClock(), device)
    meter = _Meter(live=shown and sys.stderr.isatty())
    try:
        while monotonic() < began + seconds:  # a sound server may take 2 of them until the first sample
            frame = mic.read(METER_SECONDS)
            if frame is not None:
                if tested.first_frame_seconds is None:
                    tested.first_frame_seconds = round(monotonic() - began, 3)
                meter.add(int(abs(frame.samples.astype("int32")).max()))
            meter.show("unplugged" if mic.lost else "only digital silence: muted?" if mic.silent else "")
        if mic.lost or tested.first_frame_seconds is None:
            tested.problems.append(
                f"the microphone {mic.device.name!r} gives no sound. Plug it in again, or test it for longer: --seconds"
            )
        elif mic.silent or meter.peak == 0:
            tested.problems.append(
                f"the microphone {mic.device.name!r} gives only digital silence. "
                "Unmute it, or allow this program to use it in the system's privacy settings"
            )
    finally:
        mic.close()
        meter.close()
    tested.overruns, tested.overflows = mic.overruns, mic.overflows
    tested.peak_dbfs = None if meter.peak == 0 else round(_dbfs(meter.peak), 1)
    if shown and tested.peak_dbfs is not None:
        common.say(f"{mic.device.name}: the loudest was {tested.peak_dbfs} dBFS")


class _Meter:
    """Shows how loud it is, in a terminal."""

    def __init__(self, *, live: bool) -> None:
        self.peak = 0
        """Of all that was heard, 0 to 32768."""
        self._live = live
        self._now = 0
        self._due = 0.0

    def add(self, peak: int) -> None:
        """Take the peak of one frame."""
        self.peak = max(self.peak, peak)
        self._now = max(self._now, peak)

    def show(self, note: str) -> None:
        """Show the level since the last time, if it is time to."""
        if not self._live or monotonic() < self._due:
            return
        self._due = monotonic() + METER_SECONDS
        level = _dbfs(self._now)
        filled = round(_METER_WIDTH * max(0.0, 1 - level / _METER_FLOOR))
        typer.echo(f"\r[{'#' * filled:<{_METER_WIDTH}}] {level:6.1f} dBFS {note}\033[K", err=True, nl=False)
        self._now = 0

    def close(self) -> None:
        """Take the line away."""
        if self._live:
            typer.echo("\r\033[K", err=True, nl=False)


def _dbfs(peak: int) -> float:
    from math import log10

    return 20 * log10(peak / 32_768) if peak else _METER_FLOOR
