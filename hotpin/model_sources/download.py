"""One download that goes on where an earlier one was cut, whether by the line, by Ctrl-C or by SIGKILL.

What has arrived is in ``KEY.part``, and what is known of it in ``KEY.json``; the key stands for the address and the
hash, so that a part is only ever continued as the same file. The server is asked for the rest on condition that its
file has not changed (If-Range), and the whole is checked at the end.
"""

import functools
import hashlib
import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

from hotpin import __version__
from hotpin.errors import ModelError

TIMEOUT_SECONDS = 30.0
"""s. Patience with a server that sends nothing."""

WAITS_SECONDS = (0.5, 2.0, 5.0)
"""s. Before each further attempt after a cut; attempts that brought something are not counted."""

_BLOCK_BYTES = 1 << 18
_KEY_DIGITS = 24
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")


class DownloadCutError(ModelError):
    """The download was cut; what has arrived is kept, and the next attempt goes on from there."""


class RefusedError(ModelError):
    """The server does not give the file out, as without a password."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to download."""

    url: str
    """Its address: HTTPS, or HTTP."""

    sha256: str = ""
    """In hexadecimal; empty where it is not known."""

    bytes: int = 0
    """Its size, exact where ``sha256`` is known; 0 where nothing is known of it."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """To send along, such as a token; a token never goes on to another host."""


def fetch(remote: Remote, folder: Path, progress: Callable[[int], None]) -> Path:
    """Download a file into ``folder``; the path of a finished, checked file is returned.

    Args:
        remote: what to download.
        folder: an existing folder, where earlier attempts may have left a part.
        progress: told the bytes that have arrived, with those of earlier attempts.

    Raises:
        DownloadCutError: if the server cannot be reached or cuts the line again and again; the part stays.
        RefusedError: if the server does not give it out; nothing stays.
        ModelError: if the server sends another file than it must be, twice; nothing stays.
        OSError: if the disk fails.
    """
    part = _Part.of(remote, folder)
    for last in (False, True):
        _fetch_rest(remote, part, progress)
        if not remote.sha256 or part.sha256() == remote.sha256:
            return part.path
        # A part of another file may have been continued: the whole is fetched anew, once.
        found = part.sha256()
        part.clear()
        if last:
            name = Path(urllib.parse.urlsplit(remote.url).path).name
            raise ModelError(f"{name} has the SHA-256 {found} instead of {remote.sha256}", retryable=True)
    raise AssertionError


class _Part:
    """What has arrived of a file, its hash, and how the server names this version of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path.with_suffix(".json")
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.total: int | None = None
        self.validator = ""

    @classmethod
    def of(cls, remote: Remote, folder: Path) -> "_Part":
        key = hashlib.sha256(f"{remote.url}\n{remote.sha256}".encode()).hexdigest()[:_KEY_DIGITS]
        part = cls(folder / f"{key}.part")
        part._resume(remote)
        return part

    def _resume(self, remote: Remote) -> None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            state = json.loads(self._state.read_text("utf-8"))
            self.total, self.validator = state["total"], str(state["validator"])
            if not (self.validator or remote.sha256):
                raise ValueError("nothing would tell whether the rest belongs to it")
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    self._hash.update(block)
                    self.bytes += len(block)
            return
        self.clear()

    @property
    def complete(self) -> bool:
        return self.total is not None and self.bytes == self.total

    def describe(self, total: int | None, validator: str) -> None:
        """Note what the server says of the file, before any of it is kept."""
        self.total, self.validator = total, validator
        self._state.write_text(json.dumps({"total": total, "validator": validator}), "utf-8")

    def append(self, file: IO[bytes], block: bytes) -> None:
        rest = memoryview(block)
        while rest:  # unbuffered, a full disk takes only some of it before it says so
            rest = rest[file.write(rest) :]
        self._hash.update(block)
        self.bytes += len(block)

    def sha256(self) -> str:
        return self._hash.hexdigest()

    def clear(self) -> None:
        """Forget everything."""
        self.path.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)
        self._hash = hashlib.sha256()
        self.bytes, self.total, self.validator = 0, None, ""


def _fetch_rest(remote: Remote, part: _Part, progress: Callable[[int], None]) -> None:
    """Ask for what is missing until nothing is, with pauses between attempts that bring nothing new."""
    most, failures = part.bytes, 0
    while not part.complete:
        try:
            _receive(remote, part, progress)
        except ModelError:
            part.clear()
            raise
        except (OSError, http.client.HTTPException) as error:
            if not _is_the_lines(error):
                raise
            # Only more than ever before counts: a server that begins anew each time is not asked for ever.
            failures = 0 if part.bytes > most else failures
            most = max(most, part.bytes)
            if not part.bytes or failures == len(WAITS_SECONDS) or _is_hopeless(error):
                raise DownloadCutError(_reason(error, part), retryable=True) from error
            time.sleep(WAITS_SECONDS[failures])
            failures += 1
    progress(part.bytes)


def _receive(remote: Remote, part: _Part, progress: Callable[[int], None]) -> None:
    headers = {"User-Agent": f"hotpin/{__version__}", "Accept-Encoding": "identity", **remote.headers}
    if part.bytes:
        headers["Range"] = f"bytes={part.bytes}-"
        if part.validator:
            headers["If-Range"] = part.validator
    try:
        response = _opener().open(urllib.request.Request(remote.url, headers=headers), timeout=TIMEOUT_SECONDS)  # noqa: S310 - the opener knows HTTP and HTTPS only
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.bytes:
                part.clear()  # the file there is shorter now: once more, from the beginning
                _receive(remote, part, progress)
                return
            if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code == HTTPStatus.TOO_MANY_REQUESTS:
                raise ConnectionError(f"HTTP status {error.code}") from error
            raise RefusedError(f"it answered with HTTP status {error.code}") from error
    with response:
        total = _begin(response, remote, part)
        with part.path.open("ab", buffering=0) as file:  # unbuffered: a kill loses nothing that has arrived
            while block := response.read1(_BLOCK_BYTES):
                part.append(file, block)
                progress(part.bytes)
                if remote.bytes and total is None and part.bytes > remote.bytes:
                    raise ModelError(f"it sends more than the {remote.bytes} bytes there must be")
        if total is None:
            part.describe(part.bytes, part.validator)
    if not part.complete:
        raise ConnectionError("the line was cut")


def _begin(response: Any, remote: Remote, part: _Part) -> int | None:  # noqa: ANN401 - urllib's answer has no type
    """Check whether the answer continues the part, or else begin anew; give the size of the whole, if it is told."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    length = response.headers.get("Content-Length")
    if response.status == HTTPStatus.PARTIAL_CONTENT and match and match[1] and int(match[1]) == part.bytes:
        total: int | None = int(match[2])
    else:
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            raise ModelError("it sends another range than it was asked for")
        part.clear()
        total = int(length) if length else None
    if remote.sha256 and remote.bytes and total not in (None, remote.bytes):
        raise ModelError(f"it has a file of {total} bytes instead of {remote.bytes}")
    etag = response.headers.get("ETag", "")
    # A weak tag does not promise the same bytes, and If-Range may not carry one.
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
    part.describe(total, validator)
    return total


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but neither away from HTTPS nor with a token to another host."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: ANN401 - as urllib has it
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is None:
            return None
        if req.type == "https" and new.type != "https":
            raise ModelError(f"it leads away from HTTPS, to {new.host}")
        if new.host != req.host:
            new.remove_header("Authorization")
        return new


def _opener() -> urllib.request.OpenerDirector:
    """Make an opener for HTTP and HTTPS, with the environment's proxies and certificates checked."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_certificates()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


@functools.cache
def _certificates() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and ssl.get_default_verify_paths().capath is None:
        # Python of python.org on macOS comes without certificates; pip and the hub's library bring these.
        with suppress(ImportError):
            import certifi

            context.load_verify_locations(certifi.where())
    return context


def _is_the_lines(error: Exception) -> bool:
    """Whether the line or the server failed, not the disk."""
    kinds = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError)
    return isinstance(error, kinds)


def _is_hopeless(error: Exception) -> bool:
    """Whether another attempt would end the same way: a wrong certificate, or a name that does not exist."""
    reason = getattr(error, "reason", error)
    return isinstance(reason, ssl.SSLCertVerificationError)


def _reason(error: Exception, part: _Part) -> str:
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    if not part.bytes:
        return f"it could not be reached ({text})"
    of = f" of {part.total}" if part.total else ""
    return f"the download was cut after {part.bytes}{of} bytes ({text}); they are kept"
