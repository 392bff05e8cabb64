"""A Vosk model on disk and in memory: its folder is checked before native code sees it, its recognisers are used again.

Kaldi tells of a missing file on standard error only, and ends the process on some damaged ones. The layouts are those
that Vosk's own loader knows: one with folders for each part, and an older one with most files side by side.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.errors import ModelError, SttError
from hotpin.stt.base import Word

Result = TypeVar("Result")

IDLE_KEPT = 2
"""Recognisers kept for later utterances: one who speaks, and one attempt that was given up just now."""

MAX_SECONDS = 3600.0
"""s of audio after which a recogniser is replaced: what it has composed grows, to 250 MB in a quarter of an hour."""

LOG_LEVEL = -1
"""Kaldi's: warnings and errors only."""

_FST_MAGIC = b"\xd6\xfd\xb2\x7e"

_IVECTOR_PARTS = ("final.ie", "final.mat", "final.dubm", "global_cmvn.stats", "splice.conf", "online_cmvn.conf")

_NOT_EMPTY = (
    "final.mdl",
    "model.conf",
    "mfcc.conf",
    "fbank.conf",
    "disambig_tid.int",
    "splice.conf",
    "final.ie",
    "final.mat",
    "final.dubm",
)

_MARKER = re.compile(r"\[.*\]|<.*>")  # such as [unk], [noise], <UNK>: sounds, not words

_SETTLING = b"\0\0" * (CAPTURE_RATE // 100)
"""10 ms of silence: only after audio does Vosk end an utterance in a way that forgets the voice it adapted to."""


def check_folder(folder: Path) -> None:
    """Refuse what is not a whole Vosk model; looks at names, sizes and a few bytes.

    Raises:
        ModelError: naming what is missing or broken.
    """
    if not folder.is_dir():
        raise _no_model(folder, "it is a file, not a folder" if folder.exists() else "there is no such folder")
    try:
        fault = _fault(folder)
    except OSError as error:
        fault = f"it cannot be read: {error.strerror or error}"
    if fault:
        raise _no_model(folder, fault)


def _fault(folder: Path) -> str:
    """Say what is missing or broken; nothing if all is well."""
    older = (folder / "final.mdl").is_file()
    graph = folder if older else folder / "graph"
    needed = ["final.mdl"] if older else ["am/final.mdl", "conf/model.conf"]
    features = ["mfcc.conf"] if older else ["conf/mfcc.conf", "conf/fbank.conf"]
    if not any((folder / name).is_file() for name in features):
        needed.append(features[0])
    if (graph / "HCLG.fst").is_file():
        graphs = ["HCLG.fst"]
    else:
        graphs = ["HCLr.fst", "Gr.fst"]
        needed.append(str((graph / "disambig_tid.int").relative_to(folder)))
    needed += [str((graph / name).relative_to(folder)) for name in graphs]
    if (folder / "ivector").is_dir():
        needed += [f"ivector/{name}" for name in _IVECTOR_PARTS]
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        return f"missing: {', '.join(missing)}"
    broken = [name for name in needed if _is_broken(folder / name)]
    return f"damaged: {', '.join(broken)}" if broken else ""


def _is_broken(path: Path) -> bool:
    """Whether the file cannot be what its name says."""
    if path.suffix == ".fst":
        with path.open("rb") as file:
            return file.read(len(_FST_MAGIC)) != _FST_MAGIC
    if path.name == "disambig_tid.int":  # cut short it crashes the process
        return not path.read_bytes().endswith(b"\n")
    return path.name in _NOT_EMPTY and not path.stat().st_size


def _no_model(folder: Path, fault: str) -> ModelError:
    return ModelError(
        f"{folder} is not a Vosk model: {fault}",
        "Name the folder that holds am, conf and graph, or see the models there are with: hotpin models list",
    )


class Recogniser:
    """One native recogniser, used for one utterance after another, from one thread at a time.

    It composes its decoding graph while it listens and keeps what it has composed: the Korean model's first utterance
    has a real-time factor of 0.4, half a second of that in its first word; later ones 0.05 to 0.2.
    """

    def __init__(self, native: Any) -> None:  # noqa: ANN401 - vosk has no type stubs
        self._native = native
        self._samples = 0  # taken in all: Vosk's times go on from one utterance to the next
        self._origin = 0  # of them before this utterance
        self._touched = False

    @property
    def worn(self) -> bool:
        """Whether it has composed so much that a new one is better."""
        return self._samples > MAX_SECONDS * CAPTURE_RATE

    def accept(self, samples: Samples) -> list[Word] | None:
        """Take the next audio, 16 kHz; return the words of a segment that ended with it, ``None`` within one.

        Raises:
            SttError: if Vosk fails.
        """
        self._touched = True
        if not self._feed(samples.tobytes()):
            return None
        return self._words(self._call("Result"))

    def partial(self) -> str:
        """Return the words of the segment so far."""
        return " ".join(word for word in self._call("PartialResult").get("partial", "").split() if _is_word(word))

    def finish(self) -> list[Word]:
        """End the segment and return its words; the utterance may go on.

        Raises:
            SttError: if Vosk fails.
        """
        if not self._touched:
            return []
        self._feed(_SETTLING)
        self._origin += len(_SETTLING) // 2
        self._touched = False
        return self._words(self._call("FinalResult"))

    def forget(self) -> None:
        """End the utterance without its words, which takes no time."""
        if self._touched:
            self._native.Reset()
            self.finish()
        self._origin = self._samples

    def _feed(self, data: bytes) -> bool:
        try:
            ended = bool(self._native.AcceptWaveform(data))
        except Exception as error:  # vosk raises bare exceptions
            raise SttError(f"Vosk failed: {error}") from error
        self._samples += len(data) // 2
        return ended

    def _call(self, name: str) -> dict[str, Any]:
        try:
            result: dict[str, Any] = json.loads(getattr(self._native, name)(), strict=False)
        except ValueError as error:  # a model whose words are not UTF-8
            raise SttError(f"the Vosk model's words cannot be read: {error}") from error
        return result

    def _words(self, result: dict[str, Any]) -> list[Word]:
        origin = self._origin / CAPTURE_RATE
        return [
            Word(word["word"], max(0.0, word["start"] - origin), max(0.0, word["end"] - origin), min(1.0, word["conf"]))
            for word in result.get("result", [])
            if _is_word(word["word"])
        ]


class VoskModel:
    """A model in memory and the recognisers that share it; what was taken may be given back from any thread.

    Args:
        folder: a model of any language, checked.

    Raises:
        ModelError: if Vosk cannot read it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            first = _interruptibly(lambda: self._open(folder))
        except Exception as error:  # vosk raises bare exceptions
            raise ModelError(
                f"the Vosk model in {folder} cannot be read: {error}", "It is damaged or cut short: fetch it again"
            ) from error
        self._idle: deque[Recogniser] = deque([first], maxlen=IDLE_KEPT)

    def take(self) -> Recogniser:
        """Give a recogniser that is ready for a new utterance."""
        try:
            recogniser = self._idle.pop()  # the one used last: it knows most
        except IndexError:
            return self._new()
        recogniser.forget()
        return recogniser

    def give_back(self, recogniser: Recogniser) -> None:
        """Keep it for later, whatever state it is in, unless there are enough."""
        if not recogniser.worn:
            self._idle.append(recogniser)  # beyond the bound the oldest is dropped

    def _open(self, folder: Path) -> Recogniser:
        import vosk

        vosk.SetLogLevel(LOG_LEVEL)
        self._kind = vosk.KaldiRecognizer
        self._native = vosk.Model(str(folder))
        return self._new()

    def _new(self) -> Recogniser:
        native = self._kind(self._native, float(CAPTURE_RATE))
        native.SetWords(True)
        recogniser = Recogniser(native)
        # The beginning of the graph is most of its work, and the same for every utterance.
        recogniser.accept(np.zeros(CAPTURE_RATE, np.int16))
        recogniser.forget()
        return recogniser


def _interruptibly(work: Callable[[], Result]) -> Result:
    """Do the work on another thread: native code that takes seconds would hold Ctrl-C back on this one."""
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="hotpin-vosk-load", daemon=True).start()
    return outcome.result()


def _is_word(text: str) -> bool:
    return not _MARKER.fullmatch(text)
