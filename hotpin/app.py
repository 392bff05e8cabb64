"""Composition: settings → engines → conversations."""

import gc
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import perf_counter
from typing import Self

from hotpin import model_manifest, personas
from hotpin.conversation_options import ConversationOptions
from hotpin.endpoint import EndpointPolicy
from hotpin.engines import ALL_KINDS, Engines
from hotpin.errors import TtsError
from hotpin.llm.base import ReplyOptions
from hotpin.personas import Persona
from hotpin.registry import Kind
from hotpin.sessions.base import SessionStore, check_session_id
from hotpin.sessions.keeper import SessionKeeper
from hotpin.sessions.restore import earlier_turns
from hotpin.sessions.stores import open_store
from hotpin.settings import Settings
from hotpin.tts.base import Tts
from hotpin.tts.choice import Choice, choose
from hotpin.turn_policy import TurnPolicy
from hotpin.worker import Worker

VOICE_RATE = 24_000
"""Hz of a loudspeaker that has no rate of its own: that of the voices."""


class App:
    """The engines of the settings, and conversations over them; use it in a ``with`` block."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engines = Engines.build(settings)
        self._store: SessionStore | None = None
        self._store_worker = Worker("store", capacity=64)
        self.load_seconds = 0.0

    def load(self, kinds: Iterable[Kind] = ALL_KINDS, loaded: Callable[[Kind], None] = lambda _: None) -> None:
        """Load the engines of ``kinds``.

        Raises:
            HotpinError: if one cannot be loaded.
        """
        began = perf_counter()
        self.engines.load(kinds, loaded)
        # What is loaded stays: looking through it at every full collection would take 40 ms in the middle of a turn.
        gc.freeze()
        self.load_seconds = perf_counter() - began

    def options(
        self, name: str, *, agent: str = "", push_to_talk: bool = False, live: bool = False
    ) -> ConversationOptions:
        """Give the options of a conversation that nobody keeps, as the settings have them.

        Args:
            name: names it towards the engines and in events.
            agent: the persona that answers; empty means that of the settings.
            push_to_talk: whether the talk key is held from the start.
            live: whether a person sits in front of it, who may interrupt.

        Raises:
            SettingsError: if there is no such persona.
            TtsError: if there is no such voice, or none that speaks the language.
        """
        s = self.settings
        persona = personas.find(agent or s.dialog.agent)
        voice = persona_voice(s, persona, self.engines.tts)
        return ConversationOptions(
            name=name,
            agent=persona.id,
            policy=turn_policy(s, self.engines.stt.draft_seconds, live=live),
            prompt=system_prompt(s, persona),
            max_turns=s.dialog.max_turns,
            keep_turns=s.dialog.keep_turns,
            reply=ReplyOptions(temperature(s, persona), s.llm.max_tokens or persona.max_tokens),
            voice=voice.voice,
            notice=". ".join(filter(None, (self.engines.leaving, voice.notice))),
            push_to_talk=push_to_talk,
            live=live,
            hands_free=s.turn.hands_free or not live,
        )

    def session_options(
        self, session_id: str, *, agent: str = "", push_to_talk: bool = False, live: bool = False
    ) -> ConversationOptions:
        """Give the options of a conversation that goes on with a session, and is kept in it.

        Args:
            session_id: the session; a new one begins if there is none of that id.
            agent: the persona that answers; empty means the one the session was held with last, else the settings'.
            push_to_talk: whether the talk key is held from the start.
            live: whether a person sits in front of it, who may interrupt.

        Raises:
            ValueError: if that cannot be a session id.
            StoreError: if the session cannot be read.
            SettingsError: if there is no such persona.
            TtsError: if there is no such voice, or none that speaks the language.
        """
        store = self.store
        # No more turns than a trim leaves: the first evaluation is short, and no trim follows at once.
        session = store.load(check_session_id(session_id), self.settings.dialog.keep_turns)
        known_agent = session.agent if session else ""
        options = self.options(session_id, agent=agent or known_agent, push_to_talk=push_to_talk, live=live)
        return replace(
            options,
            earlier=earlier_turns(session),
            keeper=SessionKeeper(store, self._store_worker, session_id, options.agent),
        )

    @property
    def store(self) -> SessionStore:
        """Where sessions are kept; opened when it is first needed.

        Raises:
            StoreError: if it cannot be.
        """
        if self._store is None:
            self._store = open_store(self.settings)
        return self._store

    def close(self) -> None:
        """Free the engines and let go of the session store."""
        self.engines.close()
        if self._store_worker.close() and self._store is not None:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Ctrl-C stops at once: a busy engine is not waited for.
        if kind is not KeyboardInterrupt:
            self.close()


def temperature(settings: Settings, persona: Persona) -> float:
    """Give the randomness of replies.

    The setting comes first, then what a persona's file says, then what the manifest recommends for the model, then the
    persona's default.
    """
    if settings.llm.temperature is not None:
        return settings.llm.temperature
    known = model_manifest.load().get(settings.llm.model)
    if "temperature" in persona.model_fields_set or known is None or known.temperature is None:
        return persona.temperature
    return known.temperature


def system_prompt(settings: Settings, persona: Persona) -> str:
    """Give what the model is told first: the setting's prompt, else the persona's in the language that is spoken."""
    return settings.dialog.prompt or persona.prompt_for(settings.spoken_language)


def persona_voice(settings: Settings, persona: Persona, tts: Tts) -> Choice:
    """Choose the voice: the setting's, else the persona's for this engine if it is here, else the engine's default.

    Raises:
        TtsError: if the voice of the settings is not there, or none speaks the language.
    """
    language = settings.spoken_language
    wanted = settings.tts.voice or persona.voice_for(settings.tts.engine)
    try:
        return choose(tts, wanted, language)
    except TtsError:
        if settings.tts.voice or not wanted:
            raise
    choice = choose(tts, "", language)
    notice = f"The voice {wanted} of {persona.name} is not on this machine; {choice.voice} speaks instead"
    return replace(choice, notice=notice)


def turn_policy(settings: Settings, draft_seconds: float = 0.0, *, live: bool = False) -> TurnPolicy:
    """Give the policy of turn-taking that the settings describe.

    Args:
        settings: the settings.
        draft_seconds: how long a pause the recogniser wants before it drafts.
        live: whether the person hears the replies, so that they may interrupt them.
    """
    t = settings.turn
    return TurnPolicy(
        start_threshold=t.start_threshold,
        stop_threshold=t.stop_threshold,
        start_seconds=t.start_seconds,
        pre_roll_seconds=t.pre_roll_seconds,
        min_speech_seconds=t.min_speech_seconds,
        max_utterance_seconds=t.max_utterance_seconds,
        speculate_seconds=max(t.speculate_seconds, draft_seconds) if t.speculate else None,
        barge_in=t.barge_in and live,
        understand_seconds=max(t.speculate_seconds, draft_seconds),
        cancel_seconds=t.cancel_seconds,
        resume_seconds=t.resume_seconds,
        echo_tail_seconds=t.echo_tail_seconds,
        endpoint=EndpointPolicy(
            unknown=t.wait_seconds,
            finished=t.finished_wait_seconds,
            doubtful=t.doubtful_wait_seconds,
            unfinished=t.unfinished_wait_seconds,
        ),
    )
