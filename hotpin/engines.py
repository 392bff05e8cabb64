"""The four engines and their workers, shared by all conversations of a process."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hotpin import fallback, registry
from hotpin.errors import HotpinError
from hotpin.llm.base import Llm
from hotpin.notices import Notices
from hotpin.prosody.base import Prosody
from hotpin.registry import EngineInfo, Kind
from hotpin.settings import Settings
from hotpin.speculation import Speculation
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from hotpin.tts.pacing import Pace
from hotpin.vad.base import Vad
from hotpin.worker import Worker

log = logging.getLogger(__name__)

LOADING_LANES: tuple[tuple[Kind, ...], ...] = (("vad", "stt", "prosody"), ("tts", "llm"))
"""What is loaded one after the other; the lanes are loaded side by side. Not everything at once: Whisper holds its
weights twice while it loads, and with all others beside it that moment would decide how much memory Hotpin needs."""

ALL_KINDS: tuple[Kind, ...] = ("vad", "stt", "prosody", "llm", "tts")
"""Every kind of engine, in the order in which a turn needs it."""


@dataclass(slots=True)
class Engines:
    """Engines, each with the one thread that uses it; the VAD runs on the listener's thread instead."""

    vad: Vad
    stt: Stt
    llm: Llm
    tts: Tts
    stt_worker: Worker = field(default_factory=lambda: Worker("stt", capacity=160))
    llm_worker: Worker = field(default_factory=lambda: Worker("llm"))
    tts_worker: Worker = field(default_factory=lambda: Worker("tts", capacity=64))
    prosody: Prosody | None = None
    """What hears whether the person has finished; ``None`` where the words alone tell."""
    prosody_worker: Worker = field(default_factory=lambda: Worker("prosody"))
    pace: Pace = field(default_factory=Pace)
    """How fast the voice is here."""
    speculation: Speculation = field(default_factory=Speculation)
    """Whether it is worth running ahead here."""
    notices: Notices = field(default_factory=Notices)
    """What the engines have to tell everybody."""

    @classmethod
    def build(cls, settings: Settings) -> "Engines":
        """Choose the engines of the settings; nothing is loaded yet.

        Raises:
            SettingsError: if there is no such engine.
        """
        notices = Notices()
        tts = fallback.build_tts(settings, notices.tell)
        return cls(
            registry.build_vad(settings),
            fallback.build_stt(settings, notices.tell),
            fallback.build_llm(settings, notices.tell),
            tts,
            prosody=registry.build_prosody(settings),
            pace=Pace(streamed=bool(tts.info.server)),
            notices=notices,
        )

    def load(self, kinds: Iterable[Kind] = ALL_KINDS, loaded: Callable[[Kind], None] = lambda _: None) -> None:
        """Load the engines of ``kinds``, in lanes that go side by side.

        Args:
            kinds: those that are needed; a typed question needs no recogniser.
            loaded: told of each one as it is ready, on a thread of its own.

        Raises:
            HotpinError: the first error in the order of need; what comes later in its lane is not loaded then.
        """
        wanted = set(kinds)
        failures: dict[Kind, Exception] = {}

        def load_lane(lane: tuple[Kind, ...]) -> None:
            for kind in (kind for kind in lane if kind in wanted):
                try:
                    self._load_one(kind)
                    loaded(kind)
                except Exception as error:
                    failures[kind] = error
                    return

        threads = [
            threading.Thread(target=load_lane, args=(lane,), name=f"hotpin-load-{lane[0]}") for lane in LOADING_LANES
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for kind in ALL_KINDS:
            if kind in failures:
                raise _as_hotpin_error(kind, failures[kind])

    def _load_one(self, kind: Kind) -> None:
        if kind in self._by_kind:
            self._by_kind[kind].load()
        if kind == "tts":
            self.pace.measure(self.tts)

    @property
    def infos(self) -> dict[Kind, EngineInfo]:
        """What is in use, by kind."""
        return {kind: engine.info for kind, engine in self._by_kind.items()}

    @property
    def leaving(self) -> str:
        """What leaves this machine, and where it goes, in one line for people; empty where nothing does."""
        what: dict[Kind, str] = {"stt": "your voice", "llm": "the conversation", "tts": "the replies"}
        going = [f"{what[kind]} to {info.server}" for kind, info in self.infos.items() if info.leaves and kind in what]
        return f"What is said leaves this machine: {', '.join(going)}" if going else ""

    @property
    def _by_kind(self) -> dict[Kind, Vad | Stt | Prosody | Llm | Tts]:
        engines: dict[Kind, Vad | Stt | Prosody | Llm | Tts | None]
        engines = {"vad": self.vad, "stt": self.stt, "prosody": self.prosody, "llm": self.llm, "tts": self.tts}
        return {kind: engine for kind, engine in engines.items() if engine is not None}

    @property
    def _workers(self) -> tuple[Worker, ...]:
        return self.stt_worker, self.llm_worker, self.tts_worker, self.prosody_worker

    def close(self) -> None:
        """End the workers and free the models; what is queued is dropped."""
        ended = [worker.close() for worker in self._workers]
        if not all(ended):
            log.warning("a worker is still busy and is left behind")
            # Its engine is in use: freeing it now would crash.
            return
        for engine in self._by_kind.values():
            engine.close()


def _as_hotpin_error(kind: Kind, error: Exception) -> HotpinError:
    if isinstance(error, HotpinError):
        return error
    if isinstance(error, ImportError):
        return HotpinError(f"the {kind} engine needs the Python module {error.name!r}", f"pip install {error.name}")
    wrapped = HotpinError(
        f"the {kind} engine could not be loaded: {type(error).__name__}: {error}", "Try: hotpin doctor"
    )
    wrapped.__cause__ = error
    return wrapped
