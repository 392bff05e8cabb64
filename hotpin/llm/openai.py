"""Language models behind OpenAI's chat completions: OpenAI, Groq, Ollama, llama-server, vLLM, LM Studio and others."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hotpin.cancel import Cancelled, never
from hotpin.cloud import service
from hotpin.cloud.service import Service
from hotpin.errors import LlmError
from hotpin.llm.base import Llm, Message, ReplyOptions
from hotpin.llm.ending import check_words
from hotpin.llm.prompt import check
from hotpin.llm.reply_text import trimmed
from hotpin.registry import EngineInfo

if TYPE_CHECKING:
    from hotpin.cloud.http import HttpClient
    from hotpin.settings import Settings

BYTES_PER_TOKEN = 2048
"""Of the answer, at most: each token comes in JSON of its own, of 200 to 500 bytes."""

SPARE_BYTES = 1 << 16
"""Of the answer beside its tokens."""

MAX_STOPS = 4
"""OpenAI takes no more."""

_NEW_NAME_HOST = "api.openai.com"
"""Where ``max_tokens`` is called ``max_completion_tokens``: its newer models refuse the name that all others know."""

_END = "[DONE]"


def build(settings: "Settings") -> Llm:
    """Make the engine ``openai``, not yet loaded."""
    return OpenAiLlm(service.openai(settings, "llm"), settings.cloud.openai_model)


def build_groq(settings: "Settings") -> Llm:
    """Make the engine ``groq``, not yet loaded."""
    return OpenAiLlm(service.groq(settings), settings.cloud.groq_model)


class OpenAiLlm:
    """A language model elsewhere.

    Args:
        service: who is asked.
        model: the model's name there.
    """

    def __init__(self, service: Service, model: str) -> None:
        self._service = service
        self._model = model
        self._http: HttpClient | None = None

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        return self._service.info(self._model)

    def load(self) -> None:
        """Get ready to ask; the server is not asked yet, so that it need not be there at the start.

        Raises:
            SettingsError: if it cannot be asked: no key, or no network allowed.
        """
        from hotpin.cloud.http import shared

        self._service.check()
        self._http = shared()

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None:
        """Do nothing: a server keeps its own cache, and evaluating ahead would be paid for."""

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        """Write the assistant's next message, piece by piece as it comes."""
        check(messages)
        if self._http is None:
            raise LlmError("the language model is not loaded")
        return trimmed(self._texts(self._http, messages, options or ReplyOptions(), cancelled))

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None:
        """Do nothing: ``finished`` needs nothing."""

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        """Give ``None``: a server does not tell."""
        check_words(words)
        return None

    def rest(self, session: str) -> None:
        """Do nothing: nothing is kept."""

    def forget(self, session: str) -> None:
        """Do nothing: nothing is kept."""

    def close(self) -> None:
        """Ask no more; the connections are the process's."""
        self._http = None

    def _texts(
        self, http: "HttpClient", messages: Sequence[Message], options: ReplyOptions, cancelled: Cancelled
    ) -> Generator[str, None, None]:
        from hotpin.cloud.http import Request

        size = SPARE_BYTES + BYTES_PER_TOKEN * options.max_tokens
        request = Request("/chat/completions", LlmError, size, json=self._body(messages, options))
        whole = False
        with closing(http.events(self._service, request, cancelled)) as events:
            # Read to its very end, even behind the last word: else the connection could not be used again.
            for data in events:
                if data.strip() == _END:
                    whole = True
                    continue
                text, ends = self._piece(data)
                whole = whole or ends
                yield text
        if not whole and not cancelled():
            raise LlmError(f"the reply of {self._service.host} broke off", retryable=True)

    def _body(self, messages: Sequence[Message], options: ReplyOptions) -> dict[str, Any]:
        newer = urlsplit(self._service.base_url).hostname == _NEW_NAME_HOST
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": options.temperature,
            "max_completion_tokens" if newer else "max_tokens": options.max_tokens,
            "stream": True,
        }
        stops = [text for text in options.stop if text][:MAX_STOPS]
        return {**body, "stop": stops} if stops else body

    def _piece(self, data: str) -> tuple[str, bool]:
        """Give the text of one event, and whether the reply is whole with it.

        Raises:
            LlmError: if the event is an error, or not what it should be.
        """
        try:
            event = json.loads(data)
            if event.get("error"):
                raise LlmError(f"{self._service.host} failed in the middle of the reply", retryable=True)
            choices = event["choices"]
            if not choices:  # as in the last one, of what was used
                return "", False
            text = choices[0]["delta"].get("content") or ""
            if not isinstance(text, str):
                raise TypeError
            return text, choices[0].get("finish_reason") is not None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            message = f"{self._service.host} sent what is no part of a chat completion"
            raise LlmError(message, retryable=True) from None
