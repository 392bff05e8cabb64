"""``hotpin audio``: look at a recording, write it in another format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hotpin.commands import common, options

if TYPE_CHECKING:
    from hotpin.audio.files import Description
    from hotpin.audio.measure import Measured

app = typer.Typer(help="Look at a recording, or convert it.", rich_markup_mode=None, no_args_is_help=True)

_EXACT_SECONDS = 0.001
_ROUGH_SECONDS = 0.1
"""s that a recording may be shorter than its header says: PCM is exact, encoders pad and trim."""

_MAX_SILENCES = 20
"""Silences that a person is shown; ``--json`` has all of them."""


def _known_format(target: Path) -> Path:
    from hotpin.audio.convert import output_format
    from hotpin.errors import AudioError

    try:
        output_format(target)
    except AudioError as error:
        raise typer.BadParameter(str(error)) from error
    return target


_RawRateOption = Annotated[
    int | None, typer.Option("--raw-rate", help="Hz, if the recording is raw signed 16-bit little-endian mono.")
]


@app.command()
def info(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A recording in any format.")],
    raw_rate: _RawRateOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show a recording's format, length and level, where it is silent, and whether it is cut short."""
    from hotpin.audio.files import decode, describe
    from hotpin.audio.measure import Meter

    description = describe(source, raw_rate=raw_rate)
    meter, progress = Meter(), common.HeardSoFar("Measured")
    try:
        for frame in decode(source, raw_rate=raw_rate):
            meter.push(frame)
            progress.update(frame.end)
    finally:
        progress.close()
    measured = meter.result()
    if as_json:
        common.print_json(_info_json(source, description, measured))
    else:
        typer.echo("\n".join(_info_lines(description, measured)))


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A recording in any format.")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Ends in .wav, .mp3, .flac, .ogg or .opus.", callback=_known_format)
    ],
    rate: Annotated[int | None, typer.Option(help="Hz of the new file; as the recording unless set.")] = None,
    raw_rate: _RawRateOption = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace OUT if it exists.")] = False,
    as_json: options.JsonOption = False,
) -> None:
    """Write a recording in another format, in mono. OUT appears when it is complete."""
    from hotpin.audio.convert import convert as convert_file
    from hotpin.errors import AudioError

    if target.exists() and not force and not (source.exists() and target.samefile(source)):
        raise AudioError(f"{str(target)!r} exists already", "Choose another name, or replace it with --force")
    progress = common.HeardSoFar("Converted")
    try:
        seconds = convert_file(source, target, rate, raw_rate=raw_rate, progress=progress.update)
    finally:
        progress.close()
    size = target.stat().st_size
    if as_json:
        common.print_json({"out": str(target), "audio_seconds": round(seconds, 3), "bytes": size})
    else:
        typer.echo(f"{target}: {seconds:.2f} s of audio, {size / 1000:.0f} kB")


def _is_cut_short(description: "Description", measured: "Measured") -> bool:
    if description.stated_seconds is None:
        return False
    tolerance = _EXACT_SECONDS if description.codec.startswith("pcm_") else _ROUGH_SECONDS
    return description.stated_seconds - measured.seconds > tolerance


def _info_json(source: Path, description: "Description", measured: "Measured") -> dict[str, Any]:
    return {
        "path": str(source),
        "container": description.container,
        "codec": description.codec,
        "sample_rate": description.rate,
        "channels": description.channels,
        "duration_seconds": round(measured.seconds, 3),
        "stated_seconds": None if description.stated_seconds is None else round(description.stated_seconds, 3),
        "cut_short": _is_cut_short(description, measured),
        "level_dbfs": _finite(measured.rms_dbfs),
        "peak_dbfs": _finite(measured.peak_dbfs),
        "silent": measured.silent,
        "silences": [{"start": start, "end": end} for start, end in measured.silences],
    }


def _info_lines(description: "Description", measured: "Measured") -> list[str]:
    channels = "mono" if description.channels == 1 else f"{description.channels} channels"
    lines = [
        f"format    {description.container}, {description.codec}, {description.rate} Hz, {channels}",
        f"duration  {measured.seconds:.3f} s",
        f"level     {_level(measured.rms_dbfs)}, peak {_level(measured.peak_dbfs)}",
        f"silence   {_silence_text(measured)}",
    ]
    if _is_cut_short(description, measured):
        lines.append(f"cut short: its header promises {description.stated_seconds:.3f} s")
    return lines


def _silence_text(measured: "Measured") -> str:
    from hotpin.audio.measure import MIN_SILENCE_SECONDS, SILENCE_DBFS

    if measured.silent:
        return f"all of it is below {SILENCE_DBFS:.0f} dBFS"
    shown = ", ".join(f"{start:.2f}-{end:.2f} s" for start, end in measured.silences[:_MAX_SILENCES])
    more = len(measured.silences) - _MAX_SILENCES
    if more > 0:
        shown += f", and {more} more"
    return shown or f"none of {MIN_SILENCE_SECONDS} s below {SILENCE_DBFS:.0f} dBFS"


def _level(dbfs: float) -> str:
    return f"{dbfs:.1f} dBFS" if _finite(dbfs) is not None else "no signal at all"


def _finite(dbfs: float) -> float | None:
    """Round a level; JSON has no infinity, so no signal at all is ``null``."""
    from math import isfinite

    return round(dbfs, 2) if isfinite(dbfs) else None
