"""The command line: parse, call, print. Whatever is heavy is imported by the command that needs it."""

import contextlib
import os
import signal
import stat
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from hotpin import __version__
from hotpin.commands import (
    agents,
    ask,
    audio,
    bench,
    config,
    control,
    demo,
    models,
    serve,
    sessions,
    start_call,
    stt_test,
    tts_test,
)
from hotpin.commands.daemon import daemon
from hotpin.commands.devices import devices
from hotpin.commands.doctor import doctor

EXIT_FAILED = 1

app = typer.Typer(
    name="hotpin",
    help="A private voice assistant that runs entirely on your own machine.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("ask")(ask.ask)
app.command("start-call")(start_call.start_call)
app.command("stt-test")(stt_test.stt_test)
app.command("tts-test")(tts_test.tts_test)
app.command("serve")(serve.serve)
app.command("bench")(bench.bench)
app.command("doctor")(doctor)
app.command("devices")(devices)
app.command("daemon")(daemon)
for command in (
    control.status,
    control.mute,
    control.unmute,
    control.listen,
    control.say,
    control.interrupt,
    control.stop,
):
    app.command(command.__name__)(command)
app.add_typer(models.app, name="models")
app.add_typer(sessions.app, name="sessions")
app.add_typer(agents.app, name="agents")
app.add_typer(config.app, name="config")
app.add_typer(audio.app, name="audio")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hotpin {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    serving: serve.ServeOption = False,
    host: serve.HostOption = None,
    port: serve.PortOption = None,
    insecure: serve.InsecureOption = False,
) -> None:
    """A private voice assistant that runs entirely on your own machine."""
    if not serving:
        serve.refuse_without_serve(host=host, port=port, insecure=insecure)
    if context.invoked_subcommand is not None:
        if serving:
            raise typer.BadParameter(f"it belongs behind {context.invoked_subcommand}", param_hint="--serve")
        return
    if sys.stdin is not None and sys.stdout is not None and sys.stdin.isatty() and sys.stdout.isatty():
        _open_interface(serving, host, port, insecure)
    elif serving:
        raise typer.BadParameter(
            "there is no terminal for the interface; without one: hotpin daemon --serve", param_hint="--serve"
        )
    else:
        typer.echo(context.get_help())


def _open_interface(serving: bool, host: str | None, port: int | None, insecure: bool) -> None:
    """Open the full-screen interface."""
    from hotpin.commands import common

    settings = common.load_settings(server__host=host, server__port=port, server__insecure=insecure or None)
    if serving:
        serve.check(settings.server)
    common.ensure_models(settings, ("vad", "stt", "llm", "tts"))
    from hotpin.tui.run import run

    with serve.beside(settings) if serving else contextlib.nullcontext() as hold:
        run(settings, start_call.DEFAULT_SESSION, hold=hold)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    _heed_signals()
    if sys.stdout is not None:  # an argument may hold bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    leave(_run(list(sys.argv[1:] if arguments is None else arguments)))


def leave(status: int) -> NoReturn:
    """End the process once everything is written.

    Native inference may still run on daemon threads: the interpreter's own way out would wait for it, or crash.
    """
    _flush()
    os._exit(status)


def _heed_signals() -> None:
    """Whoever ends the program politely gets what Ctrl-C gets: nothing half-written is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # nohup has it ignored, Windows has none.
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _hang_up)


def _hang_up(number: int, frame: FrameType | None) -> NoReturn:
    """End as after Ctrl-C; what would still be shown in a terminal that is gone is dropped."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                os.dup2(nowhere, descriptor)
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    from hotpin.errors import HotpinError

    try:
        app(args=arguments, prog_name="hotpin")
    except SystemExit as done:  # Typer's way out: wrong usage, Ctrl-C, --help
        return done.code if isinstance(done.code, int) else EXIT_FAILED
    except (HotpinError, ValueError, OSError, MemoryError) as error:
        return _report(error)
    return 0


def _report(error: Exception) -> int:
    from hotpin.logs import show_tracebacks
    from hotpin.sessions.texts import harmless

    if show_tracebacks():
        import traceback

        traceback.print_exception(error)
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename or 'standard output'}"
    text = harmless(" ".join(text.split())) or type(error).__name__
    typer.echo(f"hotpin: {text}", err=True)
    return EXIT_FAILED


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Whoever read a pipe may have gone; a stream that was closed from the start is None.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
