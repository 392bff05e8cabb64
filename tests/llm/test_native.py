import os
from pathlib import Path

import pytest

from hotpin import models
from hotpin.errors import ModelError
from hotpin.llm import auto, native
from hotpin.llm.llama_cpp_python import LlamaCppPython
from hotpin.llm.xllamacpp_server import XllamacppServer
from hotpin.settings import Settings


@pytest.mark.parametrize(("installed", "expected"), [(True, LlamaCppPython), (False, XllamacppServer)])
def test_auto_takes_the_faster_engine_where_it_is_installed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, installed: bool, expected: type
) -> None:
    monkeypatch.setattr(auto, "find_spec", lambda _name: object() if installed else None)
    assert type(auto.build(settings)) is expected


def test_threads_are_those_that_are_set_or_as_many_as_there_are_cores() -> None:
    assert native.thread_count(3) == 3
    assert 1 <= native.thread_count(0) <= min(native.MAX_THREADS, os.cpu_count() or 1)


def test_a_damaged_model_of_the_manifest_can_be_fetched_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setattr(models, "resolve", lambda *_: path)
    with pytest.raises(ModelError, match=f"hotpin models pull {settings.llm.model}$"):
        native.open_model(settings)
