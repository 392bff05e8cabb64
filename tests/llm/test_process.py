"""What the engines must not do to the process they live in."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.llm.conftest import ENGINES, CountingLlm, Make, load_or_skip
from tests.llm.tiny_mistral import REPLY

pytestmark = pytest.mark.slow  # processes of their own

SCRIPT = """
import os, signal, sys
from hotpin import registry, settings
from hotpin.llm.base import Message, ReplyOptions
llm = registry.build_llm(settings.load({"llm.engine": sys.argv[1], "llm.model": sys.argv[2]}, {}))
llm.load()
print("".join(llm.reply("s", [Message("user", "hi")], ReplyOptions(0.0, 20))))
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("nothing happened")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_prints_nothing_leaves_ctrl_c_alone_and_ends_with_the_process(
    engine: str, tiny_model: Path, tmp_path: Path, tiny: CountingLlm
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, engine, str(tiny_model)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert process.stderr == ""
    assert process.stdout == f"{REPLY}\ninterrupted\n"
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="needs Linux's /proc")
def test_an_engine_can_be_reached_by_nobody(make: Make, tiny_model: Path) -> None:
    before = listening()  # other tests may keep a server in this process
    engine = load_or_skip(make(model=str(tiny_model)))
    assert listening() <= before
    engine.close()


def listening() -> set[str]:
    """Give those of this process's sockets that somebody could connect to."""
    own = {link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        sockets = [line.split() for line in Path("/proc/self/net", table).read_text().splitlines()[1:]]
        found |= {f"socket:[{fields[9]}]" for fields in sockets if fields[3] == "0A"}
    sockets = [line.split() for line in Path("/proc/self/net/unix").read_text().splitlines()[1:]]
    found |= {f"socket:[{fields[6]}]" for fields in sockets if len(fields) > 7 and Path(fields[7]).exists()}
    return found & own
