"""An engine elsewhere with one of this machine behind it, which takes over where the other cannot be reached.

It takes over before anything has been said: a reply that breaks off in the middle is not begun anew. The engine
elsewhere is then left alone for a while: nobody wants to wait for it again in every turn. Both are loaded at the start,
since an outage is the wrong moment to find out that a model was never fetched, or to wait until it is read.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from hotpin import cloud, personas, registry
from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never
from hotpin.errors import HotpinError
from hotpin.llm.base import Llm, Message, ReplyOptions
from hotpin.outage import Outage, Tell
from hotpin.registry import EngineInfo
from hotpin.stt.base import Stt, SttStream, Transcript
from hotpin.tts.base import Tts, Voice

if TYPE_CHECKING:
    from hotpin.settings import Settings

Piece = TypeVar("Piece", str, Frame)


def build_stt(settings: "Settings", tell: Tell) -> Stt:
    """Build the chosen recogniser, with its fallback if it has one; nothing is loaded.

    Raises:
        SettingsError: if there is no such engine.
    """
    chosen, behind = registry.build_stt(settings), _behind(settings, "stt")
    return chosen if behind is None else FallbackStt(chosen, registry.build_stt(behind), tell)


def build_llm(settings: "Settings", tell: Tell) -> Llm:
    """Build the chosen language model, with its fallback if it has one; nothing is loaded.

    Raises:
        SettingsError: if there is no such engine.
    """
    chosen, behind = registry.build_llm(settings), _behind(settings, "llm")
    return chosen if behind is None else FallbackLlm(chosen, registry.build_llm(behind), tell)


def build_tts(settings: "Settings", tell: Tell) -> Tts:
    """Build the chosen voice engine, with its fallback if it has one; nothing is loaded.

    Raises:
        SettingsError: if there is no such engine.
    """
    chosen, behind = registry.build_tts(settings), _behind(settings, "tts")
    if behind is None:
        return chosen
    engine, other = settings.tts.engine, settings.tts.fallback
    voices = {known.voice_for(engine): known.voice_for(other) for known in personas.all_personas().values()}
    return FallbackTts(chosen, registry.build_tts(behind), tell, voices)


def _behind(settings: "Settings", stage: cloud.Stage) -> "Settings | None":
    """Give the settings by which the engine behind the chosen one is built; ``None`` if there is none."""
    cloud.check_fallback(settings, stage)
    chosen = getattr(settings, stage)
    return cloud.local(settings) if chosen.fallback and chosen.engine in cloud.ENGINES else None


class _Engine(Protocol):
    """What every kind of engine has."""

    @property
    def info(self) -> EngineInfo: ...

    def load(self) -> None: ...

    def close(self) -> None: ...


AnyEngine = TypeVar("AnyEngine", bound=_Engine)


class _Pair(Generic[AnyEngine]):
    """An engine elsewhere and one of this machine, which are loaded, and freed, together.

    Args:
        stage: what they are for.
        remote: the one that is chosen.
        local: the one that takes over.
        tell: told once when an outage begins.
    """

    def __init__(self, stage: cloud.Stage, remote: AnyEngine, local: AnyEngine, tell: Tell) -> None:
        self._remote = remote
        self._local = local
        self._outage = Outage(stage, local.info.name, tell)

    @property
    def info(self) -> EngineInfo:
        """What the two are."""
        remote, local = self._remote.info, self._local.info
        return replace(remote, detail=f"{remote.detail}, else {local.name}")

    def load(self) -> None:
        """Load both."""
        self._local.load()
        self._remote.load()

    def close(self) -> None:
        """Free both."""
        self._remote.close()
        self._local.close()

    @property
    def _present(self) -> AnyEngine:
        return self._local if self._outage.lasts else self._remote


class FallbackStt(_Pair[Stt]):
    """A recogniser elsewhere, and one of this machine."""

    def __init__(self, remote: Stt, local: Stt, tell: Tell) -> None:
        super().__init__("stt", remote, local, tell)

    @property
    def draft_seconds(self) -> float:
        """How long a pause should be before a draft."""
        return self._remote.draft_seconds

    def stream(self) -> SttStream:
        """Begin a new utterance, with the engine of this machine while the other is left alone."""
        return self._local.stream() if self._outage.lasts else _FallbackStream(self._remote, self._local, self._outage)


class _FallbackStream:
    """One utterance; it is kept, so that it can be understood here after all."""

    def __init__(self, remote: Stt, local: Stt, outage: Outage) -> None:
        self._stream = remote.stream()
        self._local = local
        self._outage = outage
        self._frames: list[Frame] | None = []  # nothing more is kept once the engine of this machine has them

    def feed(self, frame: Frame) -> None:
        self._stream.feed(frame)
        if self._frames is not None:
            self._frames.append(frame)

    def partial(self, cancelled: Cancelled = never) -> Transcript | None:
        return self._stream.partial(cancelled)

    def draft(self, cancelled: Cancelled = never) -> Transcript:
        return self._understood(lambda: self._stream.draft(cancelled))

    def finish(self, cancelled: Cancelled = never) -> Transcript:
        return self._understood(lambda: self._stream.finish(cancelled))

    def _understood(self, understand: Callable[[], Transcript]) -> Transcript:
        if self._frames is None:
            return understand()
        try:
            found = understand()
        except HotpinError as error:
            self._outage.begin(error)
        else:
            self._outage.end()
            return found
        frames, self._frames, self._stream = self._frames, None, self._local.stream()
        for frame in frames:
            self._stream.feed(frame)
        return understand()


class FallbackLlm(_Pair[Llm]):
    """A language model elsewhere, and one of this machine."""

    def __init__(self, remote: Llm, local: Llm, tell: Tell) -> None:
        super().__init__("llm", remote, local, tell)

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None:
        """Evaluate ahead, with the one that would answer now."""
        self._present.prepare(session, messages, cancelled)

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        """Write the assistant's next message, here if the one elsewhere fails before its first piece."""
        if self._outage.lasts:
            return self._local.reply(session, messages, options, cancelled)
        remote = self._remote.reply(session, messages, options, cancelled)
        return _either(remote, lambda: self._local.reply(session, messages, options, cancelled), self._outage)

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None:
        """Read ahead, with the one that would answer now."""
        self._present.hear(session, words, cancelled)

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        """Tell how likely all has been said, as the one that would answer now sees it."""
        return self._present.finished(session, words, cancelled)

    def rest(self, session: str) -> None:
        """Note that nothing is expected of ``session`` for a while."""
        self._remote.rest(session)
        self._local.rest(session)

    def forget(self, session: str) -> None:
        """Drop whatever is kept for ``session``."""
        self._remote.forget(session)
        self._local.forget(session)


class FallbackTts(_Pair[Tts]):
    """A voice engine elsewhere, and one of this machine.

    Args:
        remote: the one that is chosen.
        local: the one that takes over.
        tell: told once when an outage begins.
        voices: a voice here for voices there; others become the default.
    """

    def __init__(self, remote: Tts, local: Tts, tell: Tell, voices: dict[str, str]) -> None:
        super().__init__("tts", remote, local, tell)
        self._voices = voices

    @property
    def voices(self) -> Sequence[Voice]:
        """The voices elsewhere, the default first."""
        return self._remote.voices

    def voice(self, name: str = "") -> Voice:
        """Look a voice up among those elsewhere."""
        return self._remote.voice(name)

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        """Speak ``text``, here if the voice elsewhere fails before its first sound."""
        if self._outage.lasts:
            return self._speak_here(text, voice, cancelled)
        remote = self._remote.speak(text, voice, cancelled)
        return _either(remote, lambda: self._speak_here(text, voice, cancelled), self._outage)

    def _speak_here(self, text: str, voice: str, cancelled: Cancelled) -> Iterator[Frame]:
        name = self._voices.get(voice, "")
        known = any(name == here.name for here in self._local.voices)
        return self._local.speak(text, name if known else "", cancelled)


def _either(remote: Iterator[Piece], local: Callable[[], Iterator[Piece]], outage: Outage) -> Iterator[Piece]:
    """Give what comes from elsewhere, or what is made here where that fails before anything has come."""
    try:
        first = next(remote, None)
    except HotpinError as error:
        outage.begin(error)
        yield from local()
        return
    if first is not None:  # an end without anything may be a cancelled call: that tells nothing
        outage.end()
        yield first
        yield from remote
