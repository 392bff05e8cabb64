"""The container file, read: building it takes a builder and a registry."""

import json
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hotpin.errors import SettingsError
from hotpin.server.auth import check_exposed
from hotpin.settings import ServerSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "packaging" / "Containerfile").read_text()
LINES = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line]
LAST_STAGE = STEPS[max(at for at, (word, _) in enumerate(STEPS) if word == "FROM") :]


def last(word: str) -> str:
    return [rest for step, rest in LAST_STAGE if step == word][-1]


def test_what_it_copies_is_there() -> None:
    for word, rest in STEPS:
        if word == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            assert [name for name in sources if not (ROOT / name).exists()] == []


def test_it_has_all_that_the_wheel_is_made_of() -> None:
    copied = " ".join(rest for word, rest in STEPS if word == "COPY").split()
    assert {"hotpin", "assets", "models", "packaging/hotpin.service", "pyproject.toml", "README.md"} <= set(copied)


def test_it_does_not_run_as_root_and_keeps_what_must_last_in_its_volume() -> None:
    assert last("USER") not in ("root", "0")
    environment = dict(pair.split("=", 1) for pair in shlex.split(last("ENV")))
    assert environment["HOTPIN_HOME"] == last("VOLUME") == last("WORKDIR")


def test_without_a_token_it_refuses_to_start() -> None:
    environment = dict(pair.split("=", 1) for pair in shlex.split(last("ENV")))
    with pytest.raises(SettingsError, match=re.escape(environment["HOTPIN_SERVER__HOST"])):
        check_exposed(ServerSettings(host=environment["HOTPIN_SERVER__HOST"]))


class Health(BaseHTTPRequestHandler):
    """Answers as a server does whose engines fail, unless told otherwise."""

    status = 503

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


class Healthy(Health):
    status = 200


@pytest.mark.slow
@pytest.mark.parametrize(("answers", "works"), [(Healthy, True), (Health, False)])
def test_its_health_check_tells_whether_the_server_works(answers: type[Health], works: bool) -> None:
    _, program, code = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert program == "-c"
    with HTTPServer(("127.0.0.1", 0), answers) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        command = [sys.executable, "-c", code.replace("8000", str(server.server_port))]
        assert (subprocess.run(command, check=False, capture_output=True).returncode == 0) is works
        thread.join()
