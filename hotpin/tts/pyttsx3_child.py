"""The program of the child process in which pyttsx3 lives; it needs nothing of Hotpin, so that it starts quickly.

Its argument is the file to write speech to. Over pipes, one JSON object a line, it first tells its voices, then answers
one request after the other: ``{"text", "voice", "rate"}`` with ``{}`` once the file is written. What goes wrong is told
as ``{"error"}``; if it is told first, pyttsx3 or the system's library is missing.
"""

import json
import os
import queue
import shutil
import sys
import threading
from pathlib import Path
from typing import IO, Any

_Message = dict[str, Any]


def main() -> None:
    """Serve until standard input ends."""
    answers = _private_output()
    requests: queue.SimpleQueue[_Message] = queue.SimpleQueue()
    file = Path(sys.argv[1])
    threading.Thread(target=_read_requests, args=(requests, file.parent), daemon=True).start()
    try:
        import pyttsx3

        engine = pyttsx3.init()
        _answer(answers, {"voices": _voices(engine), "default": engine.getProperty("voice")})
    except Exception as error:  # each system's driver fails in its own way
        _answer(answers, {"error": _told(error)})
        return
    failures: list[Exception] = []
    engine.connect("error", lambda exception, **_: failures.append(exception))
    while True:
        request = requests.get()
        failures.clear()
        try:
            _speak(engine, request, file)
        except Exception as error:
            failures.append(error)
        _answer(answers, {"error": _told(failures[0])} if failures else {})


def _private_output() -> IO[str]:
    """Keep the pipe to the parent to ourselves: pyttsx3 and what it loads print on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _read_requests(requests: "queue.SimpleQueue[_Message]", folder: Path) -> None:
    """Queue what is asked; when the parent is gone, end, even in the middle of a speech that hangs."""
    try:
        for line in sys.stdin:
            requests.put(json.loads(line))
    finally:  # also after half a line, if the parent was killed while it wrote
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def _answer(answers: IO[str], answer: _Message) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _voices(engine: Any) -> list[_Message]:  # noqa: ANN401 - pyttsx3 has no type stubs
    return [
        {
            "id": voice.id,
            "name": voice.name,
            "languages": [str(language) for language in voice.languages or ()],
            "gender": str(voice.gender or "").removeprefix("VoiceGender").lower(),
        }
        for voice in engine.getProperty("voices")
    ]


def _speak(engine: Any, request: _Message, file: Path) -> None:  # noqa: ANN401 - pyttsx3 has no type stubs
    # The voice first: some drivers reckon the rate from it.
    engine.setProperty("voice", request["voice"])
    engine.setProperty("rate", request["rate"])
    engine.save_to_file(request["text"], str(file))
    if engine.driver_name == "espeak":
        _finish_with_espeak(engine)
    else:
        engine.runAndWait()


def _finish_with_espeak(engine: Any) -> None:  # noqa: ANN401 - pyttsx3 has no type stubs
    """Wait until espeak has written the file.

    ``runAndWait`` does not wait for espeak's own thread, and may cancel what that speaks: of 900 texts in a row up to
    16 were cut short or empty; this way none of 3000.
    """
    from pyttsx3.drivers import _espeak

    engine.startLoop()
    _espeak.Synchronize()
    engine.endLoop()


if __name__ == "__main__":
    main()
