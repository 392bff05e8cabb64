"""Who may come in: token, Origin and Host. Pure functions over what a request says of itself."""

import hmac
import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from hotpin.errors import SettingsError
from hotpin.settings import ServerSettings

SUBPROTOCOL = "hotpin"
"""What is answered to a client that names it among its subprotocols."""

TOKEN_PREFIX = "token."  # noqa: S105 - only what stands before one
"""Stands before a token among the subprotocols, which are all that a browser can send with a WebSocket."""

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def new_token() -> str:
    """Make a token: 256 bits, in characters that a header and a subprotocol can hold."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_exposed(server: ServerSettings) -> None:
    """Refuse to let everybody in.

    Raises:
        SettingsError: if other machines could reach the server and no token keeps them out.
    """
    if is_loopback(server.host) or server.token.get_secret_value() or server.insecure:
        return
    raise SettingsError(
        f"server.host is {server.host!r}: whoever reaches this machine could talk to Hotpin and hear its sessions",
        "Make a token that clients must know: hotpin config token",
    )


def token_matches(offered: Iterable[str], token: str) -> bool:
    """Whether one of the tokens ``offered`` is the right one, in a time that tells nothing about it."""
    wanted = token.encode()
    # Every one is looked at, so that it does not show which was right.
    return any([hmac.compare_digest(one.encode(errors="replace"), wanted) for one in offered])


def bearer(authorization: str | None) -> list[str]:
    """Give the token of an ``Authorization: Bearer`` header, if it has one."""
    scheme, _, token = (authorization or "").partition(" ")
    return [token.strip()] if scheme.lower() == "bearer" and token.strip() else []


def subprotocol_tokens(subprotocols: Sequence[str]) -> list[str]:
    """Give what may be tokens among the subprotocols that a client offers: with the prefix, or as they are."""
    return [name.removeprefix(TOKEN_PREFIX) for name in subprotocols if name != SUBPROTOCOL]


def answered_subprotocol(subprotocols: Sequence[str]) -> str | None:
    """Choose the subprotocol to answer with: a browser that offers some hangs up unless it is given one of them."""
    if SUBPROTOCOL in subprotocols:
        return SUBPROTOCOL
    return subprotocols[0] if subprotocols else None


def allowed_origins(frontend_url: str) -> frozenset[str]:
    """Read the list of origins in the settings; what is none is left out."""
    return frozenset(filter(None, (_origin(one) for one in frontend_url.split(","))))


def shown_origins(frontend_url: str) -> frozenset[str]:
    """Give the origins of the settings as browsers write them, for CORS."""
    origins = allowed_origins(frontend_url)
    defaults = (":80", ":443")
    short = {origin.rsplit(":", 1)[0] for origin in origins if origin.endswith(defaults)}
    return frozenset({*origins, *short})


def origin_allowed(origin: str | None, host: str, *, secure: bool, allowed: frozenset[str]) -> bool:
    """Whether a page of ``origin`` may connect.

    Args:
        origin: the header; ``None`` where there is none, as with clients that are no browsers.
        host: the Host header: a page that the server itself delivered comes from there.
        secure: whether the connection is encrypted.
        allowed: origins of other pages.
    """
    if origin is None:
        return True
    known = _origin(origin)
    own = _origin(f"{'https' if secure else 'http'}://{host}")
    return bool(known) and (known == own or known in allowed)


def host_allowed(host: str | None, server: ServerSettings) -> bool:
    """Whether a Host header names this server, so that no page elsewhere has made its own name point here.

    A bare address is always meant: only names can be made to point elsewhere. On loopback it must be loopback's.
    """
    name = _host_name(host or "")
    named = {one.strip().lower() for one in server.allowed_hosts.split(",")} | {server.host.lower()}
    if name in _LOOPBACK_NAMES or (name and name in named):
        return True
    return not is_loopback(server.host) and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(host: str) -> str:
    """Take the port off a Host header; empty if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        wrong = parts.path or parts.query or parts.fragment or parts.username is not None
        return "" if wrong or (parts.port is None and host.endswith(":")) else (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _origin(text: str) -> str:
    """Write an origin in one way only; empty if it is none."""
    try:
        parts = urlsplit(text.strip().rstrip("/"))
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"
