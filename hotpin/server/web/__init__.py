"""The page to talk from: files as they are, without a build step, and without anything from another host."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

PREFIX = "/web/"
"""Where all files but the page itself are served; it needs no token, since the page asks for it."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
)
"""What goes with every file: the page may run nothing and reach nothing but what this server gives it."""


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file as a browser gets it."""

    content_type: str
    """Its type, with the encoding of texts."""

    body: bytes
    """What is in it."""

    etag: str
    """Changes with the content; a browser that offers it has the file already."""

    @property
    def headers(self) -> dict[str, str]:
        """All headers to send with it."""
        return {**HEADERS, "Content-Type": self.content_type, "ETag": self.etag}

    def known_to(self, if_none_match: str) -> bool:
        """Whether a browser that sends this ``If-None-Match`` has it already, so that 304 is the answer."""
        offered = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
        return self.etag in offered or "*" in offered


@cache
def web_files() -> Mapping[str, WebFile]:
    """Return every file by the path it is served at: ``/`` is the page, all others begin with ``PREFIX``."""
    found = {}
    for entry in resources.files(__package__).iterdir():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in _TYPES:
            body = entry.read_bytes()
            path = "/" if entry.name == "index.html" else PREFIX + entry.name
            found[path] = WebFile(_TYPES[suffix], body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return MappingProxyType(found)
