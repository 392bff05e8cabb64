"""Mistral and its like through xllamacpp: installs without a compiler, and keeps several conversations at once."""

import math
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from hotpin.cancel import Cancelled, never
from hotpin.errors import LlmError
from hotpin.llm import native
from hotpin.llm.base import Llm, Message, ReplyOptions
from hotpin.llm.ending import CANDIDATES, check_words, ending, listening
from hotpin.llm.gguf_header import GgufHeader
from hotpin.llm.prompt import ChatTemplate, PromptWriter, check
from hotpin.llm.reply_text import trimmed
from hotpin.llm.trimmed_prefix import MIN_MOVED_TOKENS
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.llm.completion_server import Answer, CompletionServer
    from hotpin.settings import Settings

SLOTS = 4
"""Conversations whose prompts stay cached; they share the context."""

LISTENING_SLOT = SLOTS
"""One slot more reads what is being said, to see whether it ends."""

BYTES_PER_TOKEN = 3.0
"""The server cannot be asked to count tokens. English has 4 to 5 bytes in one, most other languages at least 3."""

ESTIMATE_MARGIN = 0.9
"""Part of the measured bytes per token that is counted on, once the estimate was too low."""

_PREPARE = {"max_tokens": 0}
"""It writes one token all the same, and forgets it."""

_FORESEE = {"max_tokens": 1, "logprobs": CANDIDATES, "logit_bias": [[".", 1000]]}
"""The probabilities are told as they were before sampling, but only with a whole character: so it must write one."""

_TOO_LONG = "exceed_context_size_error"


def build(settings: "Settings") -> Llm:
    """Make the engine, not yet loaded."""
    return XllamacppServer(settings)


class _PromptTooLongError(LlmError):
    def __init__(self, message: str, tokens: int) -> None:
        super().__init__(message)
        self.tokens = tokens


class XllamacppServer:
    """llama.cpp's server, with a slot for each conversation."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._threads = native.thread_count(settings.llm.threads)
        self._loaded: tuple[CompletionServer, PromptWriter, GgufHeader] | None = None
        self._slots: OrderedDict[str, int] = OrderedDict()
        self._heard = ""  # the session whose words the slot for listening holds
        self._settled: set[str] = set()  # sessions whose slots hold nothing that others said
        self._bytes_per_token = BYTES_PER_TOKEN
        self.evaluated_tokens = 0
        """Tokens of prompts evaluated so far; what was found in the cache is not among them."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return EngineInfo("xllamacpp", self._settings.llm.model, f"{self._threads} threads, {SLOTS} slots")

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
            from hotpin.llm.completion_server import CompletionServer
        except ImportError as error:
            raise LlmError(f"xllamacpp does not work here: {error}", "Set llm.engine to llama-cpp-python") from error
        size = native.context_size(self._settings, header)
        server = CompletionServer(path, size, self._threads, SLOTS + 1)
        self._loaded = server, PromptWriter(template, size, self._estimate), header
        self._listen_again()

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None:
        """Evaluate ``messages`` ahead, as the beginning of a later ``reply`` of the same session."""
        for _ in self._answers(session, self._beginning(messages), _PREPARE, cancelled):
            pass

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        """Write the assistant's next message, piece by piece as it comes."""
        check(messages)
        _, prompts, _ = self._ready()
        options = options or ReplyOptions()
        write = partial(prompts.question, messages, options.max_tokens)
        return trimmed(self._texts(session, write, _request(options), cancelled))

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None:
        """Read ahead what is being said, as the beginning of what ``finished`` of the same session is asked later."""
        self._listen(session, words, _PREPARE, cancelled)

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        """Tell how likely all has been said with ``words``, 0 to 1; ``None`` if cancelled."""
        check_words(words)
        return self._listen(session, words, _FORESEE, cancelled)

    def rest(self, session: str) -> None:
        """Do nothing: there are few slots, and they cost the same whether they are used or not."""

    def forget(self, session: str) -> None:
        """Drop whatever is kept for ``session``; an unknown one is ignored."""
        slot = self._slots.pop(session, None)
        self._settled.discard(session)
        if slot is not None and self._loaded:
            # There is no call to empty a slot: something else takes the place of what was said.
            self._loaded[0].run({"prompt": " ", "id_slot": slot, "cache_prompt": False, "max_tokens": 0})
        if session == self._heard and self._loaded:
            self._listen_again()

    def close(self) -> None:
        """Free the model."""
        self._loaded = None
        self._slots.clear()
        self._settled.clear()

    def _ready(self) -> "tuple[CompletionServer, PromptWriter, GgufHeader]":
        if not self._loaded:
            raise LlmError("the language model is not loaded")
        return self._loaded

    def _listen(self, session: str, words: str, request: Mapping[str, Any], cancelled: Cancelled) -> float | None:
        """Read ``words`` in the slot for listening; tell how likely they end there, if the request is to foresee."""
        server, _, _ = self._ready()
        if cancelled():
            return None
        self._heard = session
        likelihood = None
        evaluated = 0
        with closing(server.complete(_listening(words, request))) as answers:
            for answer in answers:
                evaluated = _evaluated(answer, evaluated)
                if cancelled():
                    likelihood = None
                    break
                _check_answer(answer)
                if candidates := _candidates(answer):
                    likelihood = ending(candidates)
        self.evaluated_tokens += evaluated
        return likelihood

    def _listen_again(self) -> None:
        """Bring the slot for listening to where somebody's words begin."""
        server, _, _ = self._ready()
        self._heard = ""
        server.run(_listening("", _PREPARE))

    def _estimate(self, text: str) -> int:
        return math.ceil(len(text.encode()) / self._bytes_per_token)

    def _beginning(self, messages: Sequence[Message]) -> Callable[[], str]:
        _, prompts, _ = self._ready()
        return partial(prompts.beginning, messages, self._settings.llm.max_tokens or ReplyOptions().max_tokens)

    def _texts(
        self, session: str, write: Callable[[], str], request: Mapping[str, Any], cancelled: Cancelled
    ) -> Generator[str, None, None]:
        with closing(self._answers(session, write, request, cancelled)) as answers:
            for answer in answers:
                yield str(answer["choices"][0]["text"])

    def _answers(
        self, session: str, write: Callable[[], str], request: Mapping[str, Any], cancelled: Cancelled
    ) -> "Generator[Answer, None, None]":
        prompt = write()
        try:
            yield from self._attempt(session, prompt, request, cancelled)
        except _PromptTooLongError as error:
            self._bytes_per_token = ESTIMATE_MARGIN * len(prompt.encode()) / error.tokens
            yield from self._attempt(session, write(), request, cancelled)

    def _attempt(
        self, session: str, prompt: str, request: Mapping[str, Any], cancelled: Cancelled
    ) -> "Generator[Answer, None, None]":
        server, _, header = self._ready()
        # The server puts the token that begins a sequence before a text; the template may have done so already.
        begun = header.bos_id is not None and header.bos and prompt.startswith(header.bos)
        whole = {
            **request,
            "prompt": [header.bos_id, prompt.removeprefix(header.bos)] if begun else prompt,
            "id_slot": self._slot(session),
            # What was moved holds a trace of what was said before: nobody else goes on with that.
            "cache_prompt": session in self._settled,
            "n_cache_reuse": MIN_MOVED_TOKENS,
        }
        evaluated = 0
        try:
            with closing(server.complete(whole)) as answers:
                for answer in answers:
                    evaluated = _evaluated(answer, evaluated)
                    if "error" not in answer:
                        self._settled.add(session)
                    if cancelled():
                        return
                    _check_answer(answer)
                    yield answer
        finally:
            self.evaluated_tokens += evaluated

    def _slot(self, session: str) -> int:
        """Give the session's slot; a new session takes a free one, or the one used longest ago."""
        if session not in self._slots:
            free = set(range(SLOTS)).difference(self._slots.values())
            self._slots[session] = min(free) if free else self._longest_unused()
        self._slots.move_to_end(session)
        return self._slots[session]

    def _longest_unused(self) -> int:
        """Take its slot from the session that was silent for longest."""
        session, slot = self._slots.popitem(last=False)
        self._settled.discard(session)
        return slot


def _listening(words: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, "prompt": listening(words), "id_slot": LISTENING_SLOT, "cache_prompt": True}


def _request(options: ReplyOptions) -> dict[str, Any]:
    return {
        "max_tokens": options.max_tokens,
        "stop": [text for text in options.stop if text],
        "temperature": options.temperature,
        "top_k": native.TOP_K,
        "top_p": native.TOP_P,
        "min_p": native.MIN_P,
        "dry_multiplier": native.DRY_MULTIPLIER if options.temperature > 0 else 0.0,
        "dry_base": native.DRY_BASE,
        "dry_allowed_length": native.DRY_ALLOWED_TOKENS,
        "dry_penalty_last_n": native.DRY_LAST_TOKENS,
        "dry_sequence_breakers": native.DRY_BREAKERS,
    }


def _evaluated(answer: "Answer", before: int) -> int:
    progress = answer.get("prompt_progress")
    return progress["processed"] - progress["cache"] if progress else before


def _check_answer(answer: "Answer") -> None:
    error = answer.get("error")
    if error is None:
        return
    message = f"llama.cpp refused the prompt: {error.get('message', error)}"
    if error.get("type") == _TOO_LONG:
        raise _PromptTooLongError(message, error["n_prompt_tokens"])
    raise LlmError(message)


def _candidates(answer: "Answer") -> list[tuple[bytes, float]]:
    """Give text and probability of the likeliest next tokens, if the answer tells them."""
    told = answer["choices"][0]["logprobs"]
    if not told:
        return []
    return [(bytes(token["bytes"]), math.exp(token["logprob"])) for token in told["content"][0]["top_logprobs"]]
