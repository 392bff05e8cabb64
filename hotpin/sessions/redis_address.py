"""Where a Redis is, read from its URL without the package that talks to it."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SCHEMES = ("redis", "rediss")
"""Plain, and over TLS."""

_PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A database of a Redis server; there is no password in it, so it may be shown."""

    host: str
    port: int = _PORT
    database: int = 0
    username: str = ""
    """Of Redis's access lists; empty means its default user."""

    tls: bool = False

    def __str__(self) -> str:
        """Give the URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEMES[self.tls]}://{host}:{self.port}/{self.database}"


def is_redis(url: str) -> bool:
    """Whether a URL is meant for a Redis."""
    return url.partition("://")[0].lower() in SCHEMES and "://" in url


def parse(url: str) -> RedisAddress:
    """Read ``redis://HOST[:PORT][/DATABASE]``, or ``rediss://`` for TLS, with ``USER@`` before the host.

    Raises:
        ValueError: saying what is wrong.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.query or parts.fragment:
        raise ValueError("an address without options is needed")
    try:
        port = parts.port or _PORT
    except ValueError as error:
        raise ValueError("a port is a number up to 65535") from error
    database = parts.path.strip("/") or "0"
    if not (database.isascii() and database.isdecimal()):
        raise ValueError("the database after the slash is a number")
    return RedisAddress(
        parts.hostname, port, int(database), unquote(parts.username or ""), parts.scheme.lower() == SCHEMES[True]
    )
