"""Mistral and its like through llama-cpp-python: llama.cpp built for this very processor, fastest for one person."""

from collections.abc import Generator, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from hotpin.cancel import Cancelled, never
from hotpin.errors import LlmError
from hotpin.llm import native
from hotpin.llm.base import Llm, Message, ReplyOptions
from hotpin.llm.ending import CANDIDATES, LISTENING_TOKENS, check_words, ending, listening
from hotpin.llm.prompt import ChatTemplate, PromptWriter, common_length
from hotpin.llm.reply_text import ReplyText, trimmed
from hotpin.llm.state_store import SavedState, StateStore
from hotpin.llm.trimmed_prefix import gap
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.llm.llama_context import LlamaContext
    from hotpin.settings import Settings

SAVED_BYTES = 256 << 20
"""Memory for conversations other than the present one: 11000 tokens with SmolLM2 (23 kB each), 2000 with Mistral 7B."""

RESTING_BYTES = 64 << 20
"""The same for those of which nothing is expected: so that hundreds of silent ones take next to nothing."""

WORDS_TOKENS = 8
"""Tokens of a batch of words that are read while they are said: whoever falls silent meanwhile is to wait for few. With
SmolLM2 on 2 cores so many take 0.02 to 0.06 s; in larger batches each takes up to a third less."""

COMPANY_SECONDS = 12.0
"""s for which a session counts as present after the model worked for it. While several are, half of the cores are left
to those who are being understood or spoken to: threads that wait for each other at every token do badly where others
want the cores, too. Eight sessions that ask every 10 s on 2 cores had their replies in 0.6 s (median) instead of 1.2,
and 95 % of them in 1.1 s instead of 2.9."""


def build(settings: "Settings") -> Llm:
    """Make the engine, not yet loaded."""
    return LlamaCppPython(settings)


class LlamaCppPython:
    """One context, shared: it holds the present conversation; the others are put aside as saved states.

    A second, small one reads what is being said, to see whether it ends.
    """

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._threads = native.thread_count(settings.llm.threads)
        self._loaded: tuple[LlamaContext, PromptWriter] | None = None
        self._listening: LlamaContext | None = None
        self._heard = ""  # the session whose words it holds
        self._session = ""
        self._rests = False  # whether it is one of which nothing is expected
        self._others = StateStore(SAVED_BYTES, RESTING_BYTES)
        self._present: dict[str, float] = {}  # session → s, monotonic, when the model worked for it last
        self.evaluated_tokens = 0
        """Tokens of prompts evaluated since it was loaded; what was found in the cache is not among them."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        size = f", {self._loaded[0].size} tokens of context" if self._loaded else ""
        return EngineInfo("llama-cpp-python", self._settings.llm.model, f"{self._threads} threads{size}")

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
            LlmError: if the native library does not work on this machine.
        """
        if self._loaded:
            return
        path, header = native.open_model(self._settings)
        template = ChatTemplate(header.chat_template, header.bos, header.eos)
        try:
            from hotpin.llm.llama_context import LlamaContext
        except (ImportError, OSError, RuntimeError) as error:  # the binding raises any of them
            raise LlmError(
                f"llama-cpp-python does not work here: {error}", "Compile it: make native; or choose xllamacpp"
            ) from error
        size = native.context_size(self._settings, header)
        context = LlamaContext(path, size, self._threads)
        self._listening = context.beside(min(size, LISTENING_TOKENS))
        self._listen("", never)
        self.evaluated_tokens = 0
        self._loaded = context, PromptWriter(template, size, lambda text: len(context.tokenise(text)))

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None:
        """Evaluate ``messages`` ahead, as the beginning of a later ``reply`` of the same session."""
        spoken = bool(messages) and messages[-1].role == "user"
        batch = WORDS_TOKENS if spoken else native.BATCH_TOKENS
        self._read(session, self._beginning(messages), cancelled, foresee=False, batch=batch)

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        """Write the assistant's next message, piece by piece as it comes."""
        context, prompts = self._ready()
        options = options or ReplyOptions()
        tokens = context.tokenise(prompts.question(messages, options.max_tokens))
        return trimmed(self._write(session, tokens, options, cancelled))

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None:
        """Read ahead what is being said, as the beginning of what ``finished`` of the same session is asked later."""
        self._heard = session
        self._listen(words, cancelled, WORDS_TOKENS)

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        """Tell how likely all has been said with ``words``, 0 to 1; ``None`` if cancelled."""
        check_words(words)
        self._heard = session
        listening = self._listen(words, cancelled)
        return ending(listening.likeliest(CANDIDATES)) if listening else None

    def rest(self, session: str) -> None:
        """Note that nothing is expected of ``session`` for a while."""
        self._others.rest(session)
        self._rests = self._rests or session == self._session

    def forget(self, session: str) -> None:
        """Drop whatever is kept for ``session``; an unknown one is ignored."""
        self._others.drop(session)
        self._present.pop(session, None)
        if self._loaded and session == self._session:
            self._loaded[0].rewind(0)
        if self._listening and session == self._heard:
            self._listen("", never)

    def close(self) -> None:
        """Free the model."""
        if self._listening:
            self._listening.close()
        if self._loaded:
            self._loaded[0].close()
        self._loaded = self._listening = None
        self._others = StateStore(SAVED_BYTES, RESTING_BYTES)

    def _ready(self) -> "tuple[LlamaContext, PromptWriter]":
        if not self._loaded:
            raise LlmError("the language model is not loaded")
        return self._loaded

    def _beginning(self, messages: Sequence[Message]) -> list[int]:
        context, prompts = self._ready()
        return context.tokenise(prompts.beginning(messages, self._settings.llm.max_tokens or ReplyOptions().max_tokens))

    def _listen(self, words: str, cancelled: Cancelled, batch: int = native.BATCH_TOKENS) -> "LlamaContext | None":
        """Read ``words`` in the second context and give that; ``None`` if cancelled."""
        context = self._listening
        if context is None:
            raise LlmError("the language model is not loaded")
        tokens = context.tokenise(listening(words))[-context.size :]
        # What follows the last token is told when it is evaluated.
        context.rewind(min(common_length(context.tokens, tokens), len(tokens) - 1))
        return context if self._evaluate(context, tokens, cancelled, batch) else None

    def _write(
        self, session: str, tokens: list[int], options: ReplyOptions, cancelled: Cancelled
    ) -> Generator[str, None, None]:
        context, _ = self._ready()
        if not self._read(session, tokens, cancelled, foresee=True):
            return
        text = ReplyText(options.stop)
        last = min(len(tokens) + options.max_tokens, context.size)
        with context.sampler(options.temperature) as sampler:
            while not cancelled() and len(context.tokens) < last:
                token = context.sample(sampler)
                if context.is_end(token):
                    break
                yield text.add(context.piece(token))
                if text.stopped:
                    break
                context.evaluate([token])
        if not cancelled():
            yield text.finish()

    def _read(
        self,
        session: str,
        tokens: list[int],
        cancelled: Cancelled,
        *,
        foresee: bool,
        batch: int = native.BATCH_TOKENS,
    ) -> bool:
        """Bring the context to begin with ``tokens``; if it shall ``foresee`` what follows them, to hold just them.

        Returns:
            whether that was done; not if it was cancelled.
        """
        context, _ = self._ready()
        self._make_room(session)
        self._turn_to(session, tokens)
        if (trimmed_away := gap(context.tokens, tokens)) and context.close_gap(trimmed_away):
            self.evaluated_tokens += 1
        kept = common_length(context.tokens, tokens)
        if foresee and not (context.foresees and kept == len(context.tokens) == len(tokens)):
            kept = min(kept, len(tokens) - 1)  # what follows the last token is told when it is evaluated
        if kept < len(tokens):
            context.rewind(kept)
        return self._evaluate(context, tokens, cancelled, batch)

    def _evaluate(self, context: "LlamaContext", tokens: list[int], cancelled: Cancelled, batch: int) -> bool:
        """Read on to the end of ``tokens``, which begin with what was read; tell whether that was done."""
        while len(context.tokens) < len(tokens):
            if cancelled():
                return False
            done = len(context.tokens)
            following = tokens[done : done + batch]
            context.evaluate(following)
            self.evaluated_tokens += len(following)
        return True

    def _make_room(self, session: str) -> None:
        """Write with half of the threads while several sessions are held, unless the settings say how many."""
        context, _ = self._ready()
        now = monotonic()
        self._present[session] = now
        self._present = {name: at for name, at in self._present.items() if now - at < COMPANY_SECONDS}
        alone = len(self._present) == 1 or self._settings.llm.threads
        context.write_with(self._threads if alone else max(1, self._threads // 2))

    def _turn_to(self, session: str, tokens: Sequence[int]) -> None:
        """Put the present conversation aside if another one speaks, and take up that one where it was."""
        context, _ = self._ready()
        rested, self._rests = self._rests, False
        if session == self._session:
            return
        # What was moved holds a trace of what was said before: nobody else goes on with that.
        shared = min(common_length(context.tokens, tokens), context.exact)
        if shared < len(context.tokens) and context.state_bytes() <= SAVED_BYTES:
            saved = SavedState(tuple(context.tokens), context.state(), context.exact)
            self._others.put(self._session, saved, resting=rested)
        own = self._others.take(session)
        if own and (common_length(own.tokens, tokens) > shared or gap(own.tokens, tokens)):
            context.restore(own.tokens, own.state, own.exact)
        else:
            context.rewind(shared)
        self._session = session
