"""The loudspeaker of a conversation: replies go on whether there is a device or not."""

import threading
from collections.abc import Callable

import numpy as np

from hotpin.audio import hotplug
from hotpin.audio.device_news import DeviceNews, Tell, as_sentence
from hotpin.audio.devices import DeviceInUseError, cannot_open
from hotpin.audio.frame import Frame, Samples
from hotpin.audio.playback import Playback
from hotpin.audio.resample import Resampler
from hotpin.audio.speaker import BLOCK_SECONDS, OutputStream, output_rate
from hotpin.clock import Clock
from hotpin.errors import AudioError

RETRY_SECONDS = 1.0
"""s between attempts to open a device that is not there."""

LOST_SECONDS = 1.0
"""s without a callback after which a device counts as lost."""

_LOST = "The loudspeaker is gone. Replies are only shown until it is connected again"
_WAKING_SECONDS = 3.0  # a sound server that wakes its card takes its time
_PRIMING_CALLS = 8  # more than fill the device's buffer: the first few come before the card is awake
_TICK_SECONDS = 0.1
_CLOSE_SECONDS = 1.0

Reference = Callable[[Frame], None]
"""Takes what the loudspeaker plays, as an echo canceller needs it; called from the device's callback."""


class LiveSpeaker:
    """One playback that always goes on: through a device while there is one, else as if it were heard.

    A thread of its own opens the device, notices when it is lost, and takes it back.

    Args:
        device: index, name or part of the name; empty means the system's default.
        rate: Hz of the playback; where a device has another, the sound is brought to it.
        clock: whose time ``first_audible`` is told in; it must pass as real time does.
        reference: gets all that is played, silence too, at the device's rate.
        tell: gets the news: that the device is there, is lost, is back.
    """

    def __init__(self, device: str, rate: int, clock: Clock, reference: Reference, tell: Tell) -> None:
        self.playback = Playback(rate)
        self._finder = hotplug.Finder("output", device)
        self._name = device
        self._clock = clock
        self._reference = reference
        self._tell = tell
        self._was_there = False
        self._told: DeviceNews | None = None
        self._underflows = 0
        self._stream: OutputStream | None = None
        self._source: _Source | None = None
        self._pacer = _Pacer(self.playback, clock, _WAKING_SECONDS)
        self._closed = threading.Event()
        self._stirred = threading.Event()
        hotplug.lend(self)
        self._thread = threading.Thread(target=self._watch, name="hotpin-loudspeaker", daemon=True)
        self._thread.start()

    @property
    def underflows(self) -> int:
        """How often the device had to play silence because it was not given more in time."""
        stream = self._stream
        return self._underflows + (stream.underflows if stream is not None else 0)

    @property
    def streaming(self) -> bool:
        """Whether it has a device open."""
        return self._stream is not None

    @property
    def busy(self) -> bool:
        """Whether a reply is heard."""
        return self.playback.queued_seconds > 0

    def lend(self) -> None:
        """Close the stream for a moment, see ``hotplug.Lender``; nothing that waits to be played is dropped."""
        with hotplug.PORTAUDIO:
            self._let_go()
        self._stirred.set()

    def close(self) -> None:
        """Stop playing and free the device."""
        self._closed.set()
        self._stirred.set()
        self._thread.join(_CLOSE_SECONDS)

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                self._open()
            except AudioError as error:
                self._pacer.begin()
                lost = self._was_there and not isinstance(error, DeviceInUseError)
                self._news(present=False, detail=_LOST if lost else as_sentence(error))
                self._closed.wait(RETRY_SECONDS)
            else:
                self._stay()
        with hotplug.PORTAUDIO:
            self._let_go()
        self._pacer.stop()

    def _open(self) -> None:
        device = self._finder.find()
        if not hotplug.can_play(device):
            raise AudioError("the sound server offers no loudspeaker", "Connect one", retryable=True)
        try:
            rate = output_rate(device.index, self.playback.rate)
            source = _Source(self.playback, rate, self._reference, self._stirred)
            with hotplug.PORTAUDIO:  # or it might be lent before it is here
                self._stream = OutputStream(device.index, rate, source.fill, self._clock)
                self._source = source
        except AudioError as error:
            raise cannot_open("output", device.name, error.__cause__ or error) from error
        self._finder.keep(device)
        self._name = device.name

    def _stay(self) -> None:
        """Return when the device is lost, was lent, or is not needed any more."""
        calls, quiet = 0, 0.0
        while not self._closed.is_set():
            self._stirred.wait(_TICK_SECONDS)
            self._stirred.clear()
            stream, source = self._stream, self._source
            if stream is None or source is None:
                return
            if stream.calls >= _PRIMING_CALLS and not source.live:
                self._begin(source)
            # Ticks are counted, not time: a machine that stands still delays the callback as it delays this thread.
            quiet = 0.0 if stream.calls != calls else quiet + _TICK_SECONDS
            calls = stream.calls
            if stream.dead or quiet >= (LOST_SECONDS if source.live else _WAKING_SECONDS):
                if not source.live:
                    self._news(present=False, detail=f"The loudspeaker {self._name!r} takes no sound")
                with hotplug.PORTAUDIO:
                    self._let_go()
                return

    def _begin(self, source: "_Source") -> None:
        with hotplug.PORTAUDIO:  # or it might be lent meanwhile
            if source is not self._source:
                return
            self._pacer.stop()
            source.live = True
        self._was_there = True
        self._news(present=True)

    def _let_go(self) -> None:
        stream, self._stream = self._stream, None
        source, self._source = self._source, None
        if source is not None and source.live:
            source.live = False
            self._pacer = _Pacer(self.playback, self._clock, LOST_SECONDS)  # if it cannot be had again at once
        if stream is not None:
            stream.close()
            self._underflows += stream.underflows

    def _news(self, *, present: bool, detail: str = "") -> None:
        news = DeviceNews("loudspeaker", self._name, present, detail)
        if news != self._told:
            self._told = news
            self._tell(news)


class _Source:
    """What one stream plays: the playback's sound, at the stream's rate.

    Until it is made ``live`` it plays silence, and stirs whoever is to do so.
    """

    def __init__(self, playback: Playback, rate: int, reference: Reference, stirred: threading.Event) -> None:
        self.live = False
        """Whether it may take from the playback; until then it plays silence."""
        self._stirred = stirred
        self._playback = playback
        self._rate = rate
        self._reference = reference
        self._resampler = None if rate == playback.rate else Resampler(playback.rate, rate)
        self._block: Samples = np.zeros(int(playback.rate * BLOCK_SECONDS), np.int16)
        self._ready: Samples = np.empty(0, np.int16)
        self._inside = 0.0  # s of sound between the playback and the loudspeaker

    def fill(self, out: Samples, heard: float) -> None:
        """Write what is to be heard from ``heard`` on, in s; int16 of shape (n,)."""
        if not self.live:
            out[:] = 0
            self._stirred.set()
        elif self._resampler is None:
            self._playback.read_into(out, heard)
        else:
            self._resample(self._resampler, out, heard)
        self._reference(Frame(out, self._rate, heard))

    def _resample(self, resampler: Resampler, out: Samples, heard: float) -> None:
        while len(self._ready) < len(out):
            self._playback.read_into(self._block, heard + self._inside)
            self._inside += len(self._block) / self._playback.rate
            self._ready = np.concatenate((self._ready, resampler.push(self._block)))
        out[:] = self._ready[: len(out)]
        self._ready = self._ready[len(out) :]
        self._inside -= len(out) / self._rate


class _Pacer:
    """Plays into nothing, as fast as time passes.

    Args:
        playback: what is played.
        clock: whose pace it has.
        patience: s after which it begins, unless it is told to ``begin`` before.
    """

    def __init__(self, playback: Playback, clock: Clock, patience: float) -> None:
        self._playback = playback
        self._clock = clock
        self._patience = patience
        self._begun = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotpin-no-loudspeaker", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Begin now: there is no device."""
        self._begun.set()

    def stop(self) -> None:
        """Take nothing any more."""
        self._stopped.set()
        self._begun.set()
        self._thread.join()

    def _run(self) -> None:
        self._begun.wait(self._patience)
        block: Samples = np.zeros(int(self._playback.rate * BLOCK_SECONDS), np.int16)
        due = self._clock.now()
        while not self._stopped.wait(max(0.0, due - self._clock.now())):
            now = self._clock.now()
            if self._playback.wait(_TICK_SECONDS) and not self._stopped.is_set():
                self._playback.read_into(block, self._clock.now())
                due = max(due + BLOCK_SECONDS, now)
