"""Is somebody talking over the loudspeaker? Told by how loud each band would be if there were only the echo.

An echo canceller takes down a person who begins to talk over the loudspeaker, for a tenth of a second or much longer,
and leaves some of the echo when its filter no longer fits. Loudness by bands is coarse, but it can do without a filter:
speech is loud in other bands at other times than the echo, and where it is, it stands out.
"""

import numpy as np
import numpy.typing as npt

from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FULL_SCALE, Samples

STANDS_OUT_DB = 9.0
"""dB over the echo that is expected in a band, from which the band is somebody else's."""

TALK_BANDS = 5
"""Bands of that kind in a frame that are a person's. Of an echo alone, 1 frame in 100 has so many, and no three in a
row; with people who talk over it as loud as it is, nearly all frames have."""

MASKED_BANDS = 5
"""Bands in which the echo is louder than the room from which a person could be taken for it, or it for a person."""

RUN_FRAMES, HOLD_FRAMES = 3, 12
"""Such frames in a row after which somebody certainly talks, and for how many more it is believed: words have gaps."""

LEARN_SECONDS = 2.5
"""s of loud playing until the room is known."""

SURPRISE = 0.2
"""Share of the frames in which something may stand out of an echo that is understood; usual are 0.015."""

_EDGES = np.array(
    [200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400]
)
"""Hz: the bands of hearing, between the lowest and the highest that a small loudspeaker plays."""

_WINDOW = 512
_LAGS = 26  # frames after which the echo comes at the most
_SPREAD = 1  # frames by which it may come earlier or later than that
_DECAY_DB = 2.2  # per frame: how fast a room's reverberation fades, in 0.5 s by 60 dB
_LOUD_DB = -45.0  # of the loudspeaker's signal, from which the room is learnt
_AUDIBLE_DB = 6.0  # over the room's noise
_QUIETEST_DB = -100.0
_QUICK_DB, _SLOW_DB = 3.0, 0.1  # per frame: how fast what is learnt moves, at first and later
_NOISE_DB = 0.05  # per frame: how fast the room's noise rises; it falls twenty times as fast
_FORGET = 0.995  # per frame, of what is known of the lag
_FIRST_SURPRISE, _SURPRISE_FOLLOW = 0.5, 0.01  # per frame: 2 s of replies count
_FOLLOW = 0.02  # per frame: how fast the levels' means follow

_Levels = npt.NDArray[np.float64]


class DoubleTalk:
    """Tells frame by frame. Used from one thread."""

    def __init__(self) -> None:
        count = len(_EDGES) - 1
        hertz = np.fft.rfftfreq(_WINDOW, 1 / CAPTURE_RATE)
        self._bins = np.searchsorted(hertz, _EDGES)
        self._window = np.hanning(_WINDOW)
        self._scale = 2.0 / (np.sum(self._window**2) * _WINDOW * FULL_SCALE**2)
        self._heard = np.zeros(_WINDOW, np.int16)
        self._played = np.zeros(_WINDOW, np.int16)
        self._fading = np.full(count, _QUIETEST_DB)  # the loudspeaker's bands, as they fade in the room
        self._faded = np.full((_LAGS, count), _QUIETEST_DB)  # the same, newest first
        self._noise = np.full(count, _QUIETEST_DB + 60)
        self._gain = np.zeros(count)
        self._counts = np.zeros(count)  # frames from which each was learnt
        self._levels = np.zeros(_LAGS)  # of all bands together, newest first
        self._means: _Levels | None = None  # of the microphone's level and the loudspeaker's
        self._likeness = np.zeros(_LAGS)
        self._lag = 0
        self._learnt = 0  # loud frames since the lag is what it is
        self._since_loud = _LAGS
        self._run = self._hold = 0
        self._surprise = _FIRST_SURPRISE  # share of the frames in which something stood out
        self.masked = False
        """Whether there is an echo in this frame that can be heard."""
        self.talk = False
        """Whether somebody talks in this frame who is not the loudspeaker."""
        self.certain = False
        """Whether that has been so for long enough to be no chance."""

    @property
    def known(self) -> bool:
        """Whether the room is known."""
        return self._learnt * FRAME_SAMPLES >= LEARN_SECONDS * CAPTURE_RATE

    @property
    def reliable(self) -> bool:
        """Whether little stands out of what it expects, most of the time: a person who talks all the time is rare."""
        return self.known and self._surprise <= SURPRISE

    @property
    def fading(self) -> bool:
        """Whether the loudspeaker is silent, and all that it played has come already, save what the room adds."""
        return self._since_loud > self._lag + _SPREAD

    def restart(self) -> None:
        """Learn the room anew."""
        self._likeness[:] = 0.0
        self._surprise = _FIRST_SURPRISE
        self._forget_gain()

    def push(self, heard: Samples, played: Samples) -> None:
        """Take a capture frame and what was played meanwhile: int16 of one shape (n,), about 20 ms at 16 kHz."""
        self._heard = np.concatenate((self._heard, heard))[-_WINDOW:]
        self._played = np.concatenate((self._played, played))[-_WINDOW:]
        self._since_loud = 0 if played.any() else self._since_loud + 1
        raw = self._bands(self._heard)
        rise = np.where(raw > self._noise, _NOISE_DB, -20 * _NOISE_DB)
        if self._since_loud >= _LAGS:
            self._noise = np.maximum(self._noise + rise, _QUIETEST_DB)
            self.masked = self.talk = self.certain = False
            self._run = self._hold = 0
            return
        played_now = self._bands(self._played)
        self._fading = np.maximum(played_now, self._fading - _DECAY_DB)
        self._faded = np.concatenate((self._fading[np.newaxis], self._faded[:-1]))
        self._find_lag(raw, played_now)
        near = self._faded[max(0, self._lag - _SPREAD) : self._lag + _SPREAD + 1].max(axis=0)
        echo = near + self._gain
        self._learn(raw, near)
        self.masked = int(np.count_nonzero(echo > self._noise + _AUDIBLE_DB)) >= MASKED_BANDS
        expected = np.maximum(echo, self._noise)
        stands_out = int(np.count_nonzero(raw > expected + STANDS_OUT_DB)) >= TALK_BANDS
        self._surprise += _SURPRISE_FOLLOW * (stands_out - self._surprise) * self.masked
        self._run = self._run + 1 if stands_out else 0
        if self._run >= RUN_FRAMES:
            self._hold = HOLD_FRAMES
        elif self._since_loud == 0:  # a reply that was paused for somebody is no reason to doubt that they talk
            self._hold = max(0, self._hold - 1)
        self.certain = self._hold > 0
        self.talk = stands_out or self.certain

    def _bands(self, samples: Samples) -> _Levels:
        """Return the level of each band in dB of full scale."""
        power = np.square(np.abs(np.fft.rfft(samples * self._window)))
        return 10 * np.log10(np.add.reduceat(power, self._bins)[:-1] * self._scale + 10 ** (_QUIETEST_DB / 10))

    def _find_lag(self, raw: _Levels, played: _Levels) -> None:
        levels = np.array([raw.max(), played.max()])
        if self._means is None:
            self._means = levels
        self._means = self._means + _FOLLOW * (levels - self._means)
        self._levels = np.concatenate(([levels[1] - self._means[1]], self._levels[:-1]))
        self._likeness = _FORGET * self._likeness + (levels[0] - self._means[0]) * self._levels
        lag = int(np.argmax(self._likeness))
        if abs(lag - self._lag) > _SPREAD:
            self._forget_gain()
        # An echo that wanders from one frame to the next loses as much as before.
        self._lag = lag

    def _forget_gain(self) -> None:
        self._learnt = 0
        self._gain[:] = 0.0
        self._counts[:] = 0.0

    def _learn(self, raw: _Levels, near: _Levels) -> None:
        """Move what the echo loses on its way towards the median of what it loses."""
        if near.max() < _LOUD_DB:
            return
        self._learnt += 1
        loud = near > _LOUD_DB - 15
        step = np.maximum(_SLOW_DB, _QUICK_DB / (1 + self._counts / 10))
        self._gain += np.where(loud, step * np.sign(raw - near - self._gain), 0.0)
        self._counts += loud
