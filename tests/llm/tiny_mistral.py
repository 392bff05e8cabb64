"""Makes a tiny model of Mistral's kind: its architecture, kind of vocabulary and chat format, and known answers.

What follows a token hardly depends on anything but that token, so the reply is known: ``REPLY``, then the end token.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

REPLY = "yes😀 sir"

CONTEXT = 1024
"""Tokens; what is not in the little vocabulary takes a token for each byte."""

WIDTH, LAYERS, HEADS, HEADS_KV, FEED_FORWARD = 128, 2, 4, 2, 64

# As in Mistral-7B-Instruct-v0.3: roles must alternate, and the system prompt stands before the last question.
CHAT_TEMPLATE = """\
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] + '\\n\\n' %}{%- set turns = messages[1:] %}
{%- else %}
    {%- set system = '' %}{%- set turns = messages %}
{%- endif %}
{{- bos_token }}
{%- for turn in turns %}
    {%- if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('user and assistant must take turns') }}
    {%- endif %}
    {%- if turn['role'] == 'user' %}
        {{- '[INST] ' + (system if loop.last else '') + turn['content'] + '[/INST]' }}
    {%- else %}
        {{- ' ' + turn['content'] | trim + eos_token }}
    {%- endif %}
{%- endfor %}
"""

_CONTROL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]")
_WORDS = ("▁yes", "▁sir")
_LETTERS = "▁abcdefghijklmnopqrstuvwxyz.?"


def write_tiny_mistral(path: Path, *, chat_template: str = CHAT_TEMPLATE) -> Path:
    """Write the model to ``path``, about 0.7 MB; always the same bytes."""
    tokens, kinds = _vocabulary()
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS_KV)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([float(len(token)) for token in tokens])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    if chat_template:
        writer.add_chat_template(chat_template)
    for name, weights in _weights(tokens).items():
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary() -> tuple[list[str], list[TokenType]]:
    data = [f"<0x{byte:02X}>" for byte in range(256)]
    # A word is found by joining letters, so everything that it begins with is a token too.
    parts = list(dict.fromkeys(word[:end] for word in _WORDS for end in range(2, len(word) + 1)))
    kinds = {TokenType.CONTROL: _CONTROL, TokenType.BYTE: data, TokenType.NORMAL: [*_LETTERS, *parts]}
    return [t for tokens in kinds.values() for t in tokens], [k for k, tokens in kinds.items() for _ in tokens]


def _weights(tokens: list[str]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)

    def noise(*shape: int) -> np.ndarray:
        return (0.02 * random.standard_normal(shape)).astype(np.float32)

    def ones() -> np.ndarray:
        return np.ones(WIDTH, np.float32)

    embedding = random.standard_normal((len(tokens), WIDTH)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    output = noise(len(tokens), WIDTH)
    chain = ["[/INST]", "▁yes", *(f"<0x{byte:02X}>" for byte in "😀".encode()), "▁sir", "</s>"]
    for token, following in pairwise(chain):
        output[tokens.index(following)] += embedding[tokens.index(token)]
    weights = {"token_embd.weight": embedding, "output_norm.weight": ones(), "output.weight": output}
    wide = WIDTH * HEADS_KV // HEADS
    for layer in range(LAYERS):
        block = {
            "attn_norm": ones(), "attn_q": noise(WIDTH, WIDTH), "attn_k": noise(wide, WIDTH),
            "attn_v": noise(wide, WIDTH), "attn_output": noise(WIDTH, WIDTH), "ffn_norm": ones(),
            "ffn_gate": noise(FEED_FORWARD, WIDTH), "ffn_up": noise(FEED_FORWARD, WIDTH),
            "ffn_down": noise(WIDTH, FEED_FORWARD),
        }  # fmt: skip
        weights |= {f"blk.{layer}.{name}.weight": values for name, values in block.items()}
    return weights
