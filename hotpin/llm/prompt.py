"""From messages to the text a model reads, in its own chat format.

llama.cpp evaluates only what differs from the last prompt, so everything here serves one aim: the prompt of the next
turn begins with the prompt of this one.
"""

import logging
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from hotpin.errors import LlmError, ModelError
from hotpin.llm.base import Message

if TYPE_CHECKING:
    from jinja2 import Template

log = logging.getLogger(__name__)

CountTokens = Callable[[Sequence[Message]], int]
"""Gives the tokens of the prompt that some messages make."""

DROP_STEP = 4
"""Exchanges dropped at a time when the history is too long: the prompt's beginning then stays for as many turns."""

MIN_CHARACTERS = 200
"""What is left of an over-long question before the system prompt is cut as well."""

MAX_CHARACTERS_PER_TOKEN = 8
"""More than any text has on average: a text longer than this times the budget need not be counted to be cut."""

_ELLIPSIS = " … "
_SYSTEM, _FIRST = Message("system", "SYSTEM"), Message("user", "FIRST")
_ANSWER, _SECOND = Message("assistant", "ANSWER"), Message("user", "SECOND")


def check(messages: Sequence[Message]) -> None:
    """Refuse messages that cannot be answered.

    Raises:
        LlmError: unless the last message is the user's and says something.
    """
    if not messages:
        raise LlmError("there is nothing to answer: no messages")
    if messages[-1].role != "user":
        raise LlmError(f"there is nothing to answer: the last message is the {messages[-1].role}'s")
    if not messages[-1].content.strip():
        raise LlmError("there is nothing to answer: the question is empty")


def common_length(first: Sequence[object], second: Sequence[object]) -> int:
    """Count the elements that two sequences begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(first), len(second)))


class ChatTemplate:
    """A model's chat format: the Jinja template of its GGUF file, run in a sandbox.

    Some formats refuse a system message, lose it, or put it before the last question (Mistral's newer ones), which
    would change the prompt's beginning at every turn: for them the system prompt goes into the first question.

    Args:
        source: the template.
        bos: text of the token that begins a sequence.
        eos: text of the token that ends a sequence.

    Raises:
        ModelError: if there is no template, or it cannot be used.
    """

    def __init__(self, source: str, bos: str, eos: str) -> None:
        if not source:
            raise ModelError(
                "the model has no chat template: a base model cannot hold a conversation",
                "Choose an instruct model, one tuned for dialogue",
            )
        self._bos = bos
        self._eos = eos
        try:
            self._template = _compile(source)
            self.folds_system = not self._keeps_prefix()
            greeted = [_ANSWER, _SECOND] if self.folds_system else [_SYSTEM, _ANSWER, _SECOND]
            self._opens_with_assistant = self._accepts(greeted)
            self._render(self._arranged([_SYSTEM, _FIRST, _ANSWER, _SECOND]), reply=True)
        except Exception as error:  # whatever a stranger's template raises
            raise ModelError(
                f"the model's chat template cannot be used: {error}", "Choose another instruct model"
            ) from error

    def prompt(self, messages: Sequence[Message]) -> str:
        """Give the text that ends where the reply begins.

        Raises:
            LlmError: if the template refuses the messages.
        """
        try:
            return self._render(self._arranged(messages), reply=True)
        except Exception as error:
            raise LlmError(f"the model's chat template refuses the conversation: {error}") from error

    def beginning(self, messages: Sequence[Message]) -> str:
        """Give the part that the prompt of every conversation going on from ``messages`` begins with.

        A last message of the user counts as unfinished: its words may go on.
        """
        past, words = list(messages), ""
        if past and past[-1].role == "user":
            words = past.pop().content.rstrip()  # a space belongs to the token of the next word
        first, second = (self.prompt([*past, Message("user", words + probe)]) for probe in ("A", "B"))
        return first[: common_length(first, second)]

    def _keeps_prefix(self) -> bool:
        """Whether the system prompt and the first exchange stand unchanged when a second question follows."""
        try:
            first = self._render([_SYSTEM, _FIRST], reply=False)
            later = self._render([_SYSTEM, _FIRST, _ANSWER, _SECOND], reply=False)
        except Exception:  # a template says no by raising, with any kind of error
            return False
        return _SYSTEM.content in first and later.startswith(first)

    def _accepts(self, messages: Sequence[Message]) -> bool:
        try:
            self._render(messages, reply=True)
        except Exception:  # as above
            return False
        return True

    def _arranged(self, messages: Sequence[Message]) -> list[Message]:
        """Bring the messages into the form that the format allows."""
        arranged = _merged(messages, fold_system=self.folds_system)
        start = 1 if arranged and arranged[0].role == "system" else 0
        if arranged[start:] and arranged[start].role == "assistant" and not self._opens_with_assistant:
            del arranged[start]
        return arranged

    def _render(self, messages: Sequence[Message], *, reply: bool) -> str:
        return self._template.render(
            messages=[{"role": message.role, "content": message.content} for message in messages],
            add_generation_prompt=reply,
            bos_token=self._bos,
            eos_token=self._eos,
            tools=None,
            documents=None,
            enable_thinking=False,  # some models think aloud for minutes before they answer
        )


def _compile(source: str) -> "Template":
    # Imported late: a program that only lists its engines does not need it.
    from jinja2.exceptions import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> NoReturn:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    return environment.from_string(source)


def _merged(messages: Sequence[Message], *, fold_system: bool) -> list[Message]:
    """Drop blank messages and join neighbours of one role, so that user and assistant take turns."""
    merged: list[Message] = []
    for message in messages:
        if not message.content.strip():
            continue
        role, before = message.role, merged[-1].role if merged else "system"
        if role == "system" and (fold_system or before != "system"):
            role = "user"  # only a system message at the very beginning can be told to every model
        if merged and role == before:
            merged[-1] = Message(role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(Message(role, message.content))
    return merged


class PromptWriter:
    """Makes prompts that leave room for the reply.

    Args:
        template: the model's chat format.
        context: tokens of the model's context.
        count: gives the tokens of a text.
    """

    def __init__(self, template: ChatTemplate, context: int, count: Callable[[str], int]) -> None:
        self._template = template
        self._context = context
        self._count = count

    def question(self, messages: Sequence[Message], max_tokens: int) -> str:
        """Give the prompt for a reply of at most ``max_tokens`` tokens.

        Raises:
            LlmError: if the messages cannot be answered.
        """
        check(messages)
        kept = self._fitting(self._template.prompt, messages, max_tokens)
        if kept[-1] != messages[-1]:
            log.warning("the question is longer than the model can take in: its middle is left out")
        return self._template.prompt(kept)

    def beginning(self, messages: Sequence[Message], max_tokens: int) -> str:
        """Give what later prompts begin with; see ``ChatTemplate.beginning``."""
        return self._template.beginning(self._fitting(self._template.beginning, messages, max_tokens))

    def _fitting(
        self, write: Callable[[Sequence[Message]], str], messages: Sequence[Message], max_tokens: int
    ) -> list[Message]:
        # A reply may take half of the context: a question must remain, whatever the settings say.
        budget = self._context - min(max_tokens, self._context // 2)
        return fit(messages, lambda some: self._count(write(some)), budget)


def fit(messages: Sequence[Message], count_tokens: CountTokens, budget: int) -> list[Message]:
    """Shorten a conversation until its prompt has at most ``budget`` tokens.

    The oldest exchanges go first; then the middle of an over-long last message (a person read something out for ten
    minutes); last of all the middle of the system prompt.

    Args:
        messages: the conversation.
        count_tokens: tokens of the prompt that some messages make.
        budget: tokens at most.

    Raises:
        LlmError: if not even single words fit.
    """
    kept = list(messages)
    if count_tokens(kept) <= budget:
        return kept
    start = 1 if messages and messages[0].role == "system" else 0
    head, turns = messages[:start], messages[start:]
    questions = [i for i, m in enumerate(turns) if m.role == "user" and (i == 0 or turns[i - 1].role != "user")]
    for first in [*questions[::DROP_STEP], *questions[-1:]]:
        kept = [*head, *turns[first:]]
        if count_tokens(kept) <= budget:
            return kept
    return _cut(kept, count_tokens, budget)


def _cut(messages: list[Message], count_tokens: CountTokens, budget: int) -> list[Message]:
    shortened = list(messages)
    for least, index in ((MIN_CHARACTERS, -1), (0, 0), (1, -1)):
        shortened = _cut_one(shortened, index, least, count_tokens, budget)
        if count_tokens(shortened) <= budget:
            return shortened
    raise LlmError(f"the model's context has room for {budget} tokens, too few for any question")


def _cut_one(messages: list[Message], index: int, least: int, count_tokens: CountTokens, budget: int) -> list[Message]:
    """Keep as much of one message as fits, at least ``least`` characters."""
    message = messages[index]

    def with_characters(kept: int) -> list[Message]:
        shortened = list(messages)
        shortened[index] = Message(message.role, without_middle(message.content, kept))
        return shortened

    most = min(len(message.content), max(budget, 0) * MAX_CHARACTERS_PER_TOKEN)
    too_many = bisect_left(range(most + 1), True, key=lambda kept: count_tokens(with_characters(kept)) > budget)
    return with_characters(max(least, too_many - 1))


def without_middle(text: str, characters: int) -> str:
    """Keep the first and the last of ``text``'s characters, ``characters`` in all, with an ellipsis between."""
    if len(text) <= characters:
        return text
    tail = characters // 2
    return text[: characters - tail] + _ELLIPSIS + text[len(text) - tail :]
