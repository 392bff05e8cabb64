"""A live conversation: engines, sound devices and wake word, for the interface, the daemon and calls in a terminal."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hotpin.app import VOICE_RATE, App
from hotpin.audio.chimes import Chimes
from hotpin.audio.live import DeviceNews, LiveSound
from hotpin.bus import Bus
from hotpin.clock import RealClock
from hotpin.conversation import Conversation
from hotpin.engines import ALL_KINDS
from hotpin.events import DeviceChanged, Level, Spoken
from hotpin.instance import Claim, InUse, claim_microphone
from hotpin.registry import EngineInfo, Kind, build_wake
from hotpin.wake.policy import policy_of

if TYPE_CHECKING:
    from hotpin.settings import Settings
    from hotpin.wake.base import Wake

log = logging.getLogger(__name__)


class Live:
    """Everything that one person in front of this machine needs to talk.

    Subscribe to ``bus`` before ``open``, or what happens at the start is missed.

    Args:
        settings: the engines, devices and rules.
        session_id: the session to go on with, or a new one.
        agent: the persona that answers; empty means the session's, else that of the settings.
        service: whether no screen shows what happens, so that chimes tell it, and the microphone was claimed already.

    Raises:
        SettingsError: if there is no such engine.
    """

    def __init__(self, settings: "Settings", session_id: str, agent: str = "", *, service: bool = False) -> None:
        self.settings = settings
        self.session_id = session_id
        self.bus = Bus()
        self.clock = RealClock()
        self.app = App(settings)
        self.conversation: Conversation | None = None
        self.sound: LiveSound | None = None
        self.serving = ""
        """The address at which other devices reach it; empty where there is no server beside it."""
        self._agent = agent
        self._service = service
        self._word: Wake | None = None
        self._claim: Claim | None = None
        self._chimes: Chimes | None = None
        self._lock = threading.Lock()  # guards what is opened against a close meanwhile
        self._closed = False

    @property
    def engines(self) -> dict[Kind, EngineInfo]:
        """What is in use, by kind."""
        return self.app.engines.infos | ({"wake": self._word.info} if self._word is not None else {})

    @property
    def gaps(self) -> dict[str, int]:
        """How often sound was lost at the devices, by what happened; empty before they are opened."""
        return self.sound.gaps if self.sound is not None else {}

    def open(self, loaded: Callable[[Kind], None] = lambda _: None) -> bool:
        """Load the engines, open the devices and listen; return false if it was closed meanwhile.

        The devices may be missing: the conversation goes on in writing, and takes them when they come.

        Raises:
            HotpinError: if an engine cannot be loaded, or the session cannot be read.
        """
        options = self.app.session_options(self.session_id, agent=self._agent, live=True)
        with self._lock:
            if self._closed:
                return False
            # Devices take a second to wake, and so do the engines.
            self.sound = LiveSound(
                self.settings.audio, self.clock, VOICE_RATE, self._tell_device, listens=self._may_listen()
            )
        self._word = build_wake(self.settings)
        if self._word is not None:
            self._word.load()
            loaded("wake")
        self.app.load(ALL_KINDS, loaded)
        options = replace(options, word=self._word, wake_policy=policy_of(self.settings))
        with self._lock:
            if self._closed:
                return False
            if self.settings.audio.chimes if self.settings.audio.chimes is not None else self._service:
                self._chimes = Chimes(self.sound.speaker.playback, self.bus.subscribe(unwanted=(Level, Spoken)))
            self.conversation = Conversation(
                self.app.engines, self.sound.microphone, self.sound.speaker.playback, self.bus, options, self.clock
            )
            self.conversation.start()
            return True

    def change(self, settings: "Settings") -> None:
        """Go on with other settings of the persona, its voice and replies, and of turn-taking; the rest stays.

        Raises:
            HotpinError: if there is no such persona or voice, or the session cannot be read; nothing has changed then.
        """
        if self.conversation is None:
            return
        # The session's own persona holds, unless the person has chosen another just now.
        agent = self._agent if settings.dialog.agent == self.settings.dialog.agent else settings.dialog.agent
        before, self.app.settings = self.app.settings, settings
        try:
            options = self.app.session_options(self.session_id, agent=agent, live=True)
        except BaseException:
            self.app.settings = before
            raise
        self.settings, self._agent = settings, agent
        self.conversation.change(replace(options, word=self._word, wake_policy=policy_of(settings)))

    def close(self, timeout: float = 2.0) -> None:
        """End the conversation within about ``timeout`` seconds; the turn is kept as far as it was heard."""
        with self._lock:
            self._closed = True
            if self.conversation is not None:
                self.conversation.close(timeout)
            if self._chimes is not None:
                self._chimes.close()
            if self.sound is not None:
                self.sound.close()
            if self._claim is not None:
                self._claim.release()
        if self._word is not None:
            self._word.close()

    def free(self) -> None:
        """Free the engines and let go of the session store: for a process that goes on after ``close``."""
        self.app.close()

    def _may_listen(self) -> bool:
        """Claim the microphone; where another Hotpin has it, say so: two that listen would both answer."""
        if self._service:
            return True
        try:
            self._claim = claim_microphone()
        except InUse as error:
            self._tell_device(DeviceNews("microphone", self.settings.audio.input, present=False, detail=str(error)))
            return False
        return True

    def _tell_device(self, news: DeviceNews) -> None:
        self.bus.publish(DeviceChanged(self.session_id, 0, news.kind, news.name, news.present, news.detail))
