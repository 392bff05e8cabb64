"""Who may come in: tables."""

import pytest
from pydantic import SecretStr

from hotpin.errors import SettingsError
from hotpin.server import auth
from hotpin.settings import ServerSettings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens
FRONTEND = auth.allowed_origins("http://localhost:3000, https://app.example/, nonsense, *, null")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),  # not a browser
        ("http://localhost:3000", True),
        ("HTTP://LOCALHOST:3000", True),
        ("https://app.example", True),
        ("https://app.example:443", True),
        ("http://127.0.0.1:8000", True),  # the server's own pages
        ("null", False),
        ("", False),
        ("*", False),
        ("nonsense", False),
        ("http://app.example", False),
        ("https://app.example:444", False),
        ("https://app.example.evil.example", False),
        ("https://evil.example", False),
        ("http://localhost", False),
        ("http://localhost:3001", False),
        ("https://127.0.0.1:8000", False),
        ("http://127.0.0.1:8001", False),
        ("http://127.0.0.1:8000/path", False),
        ("http://user@127.0.0.1:8000", False),
        ("http://localhost:99999", False),
        ("file://", False),
        ("chrome-extension://abcdef", False),
    ],
)
def test_origins(origin: str | None, allowed: bool) -> None:
    assert auth.origin_allowed(origin, "127.0.0.1:8000", secure=False, allowed=FRONTEND) is allowed


def test_a_secure_page_of_the_server_itself_may_connect() -> None:
    assert auth.origin_allowed("https://pi.lan", "pi.lan", secure=True, allowed=frozenset())
    assert not auth.origin_allowed("http://pi.lan", "pi.lan", secure=True, allowed=frozenset())


@pytest.mark.parametrize(
    ("host", "bound", "allowed"),
    [
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("localhost:8000", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("localhost.:8000", "127.0.0.1", True),
        ("[::1]:8000", "127.0.0.1", True),
        ("pi.lan:8000", "127.0.0.1", True),  # named in the settings
        ("evil.example:8000", "127.0.0.1", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("192.168.1.5:8000", "127.0.0.1", False),
        ("192.168.1.5:8000", EVERYWHERE, True),
        ("[fe80::1]:8000", EVERYWHERE, True),
        ("evil.example:8000", EVERYWHERE, False),
        ("hotpin.local", "hotpin.local", True),
        (None, "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("localhost:x", "127.0.0.1", False),
        ("localhost:", "127.0.0.1", False),
        ("user@localhost", "127.0.0.1", False),
        ("localhost/evil", "127.0.0.1", False),
        ("[::1", "127.0.0.1", False),
    ],
)
def test_hosts(host: str | None, bound: str, allowed: bool) -> None:
    assert auth.host_allowed(host, ServerSettings(host=bound, allowed_hosts="pi.lan, other.lan")) is allowed


@pytest.mark.parametrize(
    ("offered", "right"),
    [
        (["secret"], True),
        (["wrong", "secret"], True),
        ([], False),
        ([""], False),
        (["secret "], False),
        (["Secret"], False),
        (["secre"], False),
        (["secrets"], False),
        (["\ud800"], False),
        (["ſecret"], False),
    ],
)
def test_tokens(offered: list[str], right: bool) -> None:
    assert auth.token_matches(offered, "secret") is right


@pytest.mark.parametrize(
    ("header", "tokens"),
    [
        ("Bearer abc", ["abc"]),
        ("bearer  abc ", ["abc"]),
        ("Basic abc", []),
        ("Bearer", []),
        ("Bearer ", []),
        ("abc", []),
        (None, []),
    ],
)
def test_bearer_headers(header: str | None, tokens: list[str]) -> None:
    assert auth.bearer(header) == tokens


@pytest.mark.parametrize(
    ("offered", "tokens", "answered"),
    [
        ([], [], None),
        (["hotpin"], [], "hotpin"),
        (["hotpin", "token.abc"], ["abc"], "hotpin"),
        (["token.abc", "hotpin"], ["abc"], "hotpin"),
        (["abc"], ["abc"], "abc"),
    ],
)
def test_subprotocols(offered: list[str], tokens: list[str], answered: str | None) -> None:
    assert auth.subprotocol_tokens(offered) == tokens
    assert auth.answered_subprotocol(offered) == answered


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.168.1.5", False),
        ("pi.lan", False),
        ("", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert auth.is_loopback(host) is loopback


def test_other_machines_need_a_token_and_the_refusal_says_what_to_type() -> None:
    exposed = ServerSettings(host=EVERYWHERE)
    with pytest.raises(SettingsError, match="hotpin config token"):
        auth.check_exposed(exposed)
    auth.check_exposed(ServerSettings(host=EVERYWHERE, insecure=True))
    auth.check_exposed(ServerSettings(host=EVERYWHERE, token=SecretStr("x")))
    auth.check_exposed(ServerSettings())


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {auth.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) >= 43 for token in tokens)
