"""A real browser without a window, driven over its DevTools protocol; its microphone is a WAV file.

The protocol is a WebSocket with JSON, and a dozen commands are all that is needed: a driver package would bring a
program of its own, and 40 MB, for the same.
"""

import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from websockets.sync.client import ClientConnection, connect

from hotpin.audio.frame import Samples
from tests.conftest import skip_or_fail

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 30.0
ANSWER_SECONDS = 40.0

# Every problem that the page reports is kept.
_PROBLEMS = """
globalThis.problems = [];
addEventListener("error", (event) => problems.push(event.message));
addEventListener("unhandledrejection", (event) => problems.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => problems.push(`${event.violatedDirective} ${event.blockedURI}`));
"""

# And whatever it sends to the loudspeaker, sample by sample.
_RECORDER = """
{
  globalThis.played = [];
  const tap = `registerProcessor("tap", class extends AudioWorkletProcessor {
    process([[samples]]) { if (samples) this.port.postMessage(samples.slice()); return true; }
  })`;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      globalThis.playedRate = target.context.sampleRate;
      const module = URL.createObjectURL(new Blob([tap], { type: "text/javascript" }));
      target.context.audioWorklet.addModule(module).then(() => {
        const node = new AudioWorkletNode(target.context, "tap", { numberOfOutputs: 0 });
        node.port.onmessage = ({ data }) => played.push(data);
        connect.call(this, node);
      });
    }
    return connect.call(this, target, ...rest);
  };
}
"""

_PLAYED = """
(() => {
  const whole = new Int16Array(played.flatMap((block) => [...block].map((value) => Math.round(value * 32767))));
  let text = "";
  for (const byte of new Uint8Array(whole.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
})()
"""


class Page:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection, *, recorded: bool) -> None:
        self._socket = socket
        self._ids = count(1)
        self.command("Page.enable")
        self.command("Page.addScriptToEvaluateOnNewDocument", source=_PROBLEMS)
        if recorded:  # by a script that the page's own policy forbids
            self.command("Page.setBypassCSP", enabled=True)
            self.command("Page.addScriptToEvaluateOnNewDocument", source=_RECORDER)

    def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Give the answer to one command."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(ANSWER_SECONDS))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, url: str) -> None:
        """Go to a page."""
        self.command("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def value(self, script: str) -> Any:  # noqa: ANN401 - whatever the script gives
        """Evaluate a script in the page, to the end of its promise."""
        answer = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 20.0) -> Any:  # noqa: ANN401 - as value
        """Wait until a condition holds in the page; give its value."""
        script = f"""new Promise((done, failed) => {{
            const from = performance.now();
            const look = () => {{
              const value = ({condition});
              if (value) done(value);
              else if (performance.now() - from < {seconds * 1000}) setTimeout(look, 20);
              else failed(new Error("not so: " + document.body.innerText));
            }};
            look();
        }})"""
        return self.value(script)

    def text(self, name: str) -> str:
        """The text of an element."""
        return str(self.value(f"document.getElementById({name!r}).textContent"))

    def press(self, name: str) -> None:
        """Press the mouse on an element, and hold it."""
        self._mouse("mousePressed", name)

    def release(self, name: str) -> None:
        """Let the mouse go."""
        self._mouse("mouseReleased", name)

    def click(self, name: str) -> None:
        self.press(name)
        self.release(name)

    def key(self, kind: str, key: str, code: str) -> None:
        """Press (``keyDown``) or let go (``keyUp``) a key."""
        self.command(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=code,
            text=key if kind == "keyDown" and len(key) == 1 else "",
        )

    def fill(self, name: str, text: str) -> None:
        """Enter text into a field, as if typed."""
        self.value(f"document.getElementById({name!r}).focus()")
        self.value(f"document.getElementById({name!r}).select()")
        self.command("Input.insertText", text=text)
        self.value(f"document.getElementById({name!r}).dispatchEvent(new Event('change'))")

    def played(self) -> tuple[Samples, int]:
        """What went to the loudspeaker until it is silent, and its rate in Hz."""
        # Blocks come from the audio thread in their own time: silence alone says only that they are not here yet.
        self.wait("played.some((block) => block.some((value) => value)) && played.at(-1).every((value) => value === 0)")
        samples = np.frombuffer(base64.b64decode(self.value(_PLAYED)), "<i2").astype(np.int16)
        return samples, int(self.value("globalThis.playedRate ?? 0"))

    def problems(self) -> list[str]:
        """Errors of scripts and breaches of the content security policy."""
        found: list[str] = self.value("problems")
        return found

    def _mouse(self, kind: str, name: str) -> None:
        self.value(f"document.getElementById({name!r}).scrollIntoView({{ block: 'nearest' }})")
        box = self.value(f"document.getElementById({name!r}).getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


@contextmanager
def page(microphone: Path | None = None, *options: str, recorded: bool = True) -> Iterator[Page]:
    """Start a browser with one empty page.

    Args:
        microphone: the WAV that is heard from the moment the microphone is opened; without it nobody allows one.
        options: more of the browser's.
        recorded: whether what is played is recorded, for which the content security policy is not enforced.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        skip_or_fail("there is no Chromium here (Debian: package chromium)")
    allowed = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--remote-debugging-port=0", f"--user-data-dir={profile}", *(allowed if microphone else []), *options,
            "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_page_address(process, Path(profile)), max_size=None) as socket:
                yield Page(socket, recorded=recorded)
        finally:
            process.terminate()
            process.wait(10)


def _page_address(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Wait until the browser says where it listens; give the address of its page."""
    ports = profile / "DevToolsActivePort"
    end = time.monotonic() + START_SECONDS
    while not ports.exists() or len(ports.read_text().splitlines()) < 2:
        assert process.poll() is None, "the browser has ended"
        assert time.monotonic() < end, "the browser does not start"
        time.sleep(0.05)  # it tells nobody but this file
    port = ports.read_text().splitlines()[0]
    with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=START_SECONDS) as answer:
        pages = json.load(answer)
    return str(next(one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page"))
