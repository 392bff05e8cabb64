"""Redis: what is lost when it goes away, and errors that say what to do without a password in them."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from hotpin.doctor.store import sessions
from hotpin.errors import SettingsError, StoreError
from hotpin.sessions import redis as redis_store
from hotpin.sessions import stores
from hotpin.sessions.redis import RedisStore
from hotpin.sessions.redis_address import RedisAddress, parse
from hotpin.sessions.stores import open_store
from hotpin.settings import SessionsSettings, Settings
from tests.fakes.redis_server import RedisServer
from tests.fakes.relay import relaying
from tests.sessions.conftest import turn

SECRET = "MARZIPAN/@:x"  # noqa: S105 - of servers that live for a test
QUOTED = "MARZIPAN%2F%40:x"

WRITER = """
import sys, time
from hotpin.sessions.base import StoredTurn
from hotpin.sessions.redis import RedisStore
from hotpin.sessions.redis_address import parse
store = RedisStore(parse(sys.argv[1]))
for index in range(int(sys.argv[3])):
    words = f"{sys.argv[2]} {index}"
    number = store.add("home", "hotpin", StoredTurn(words, "reply " * 50, "reply " * 50, time.time()))
    print(number, words, flush=True)
    if index % 3 == 0:
        store.amend("home", number, "reply", {"first_audio": 1.0})
"""


def writer(url: str, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, url, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def heard(url: str) -> dict[int, str]:
    with closing(RedisStore(parse(url))) as store:
        session = store.load("home")
    return {kept.number: kept.heard for kept in session.turns} if session else {}


def acknowledged(lines: list[str]) -> dict[int, str]:
    return {int(number): words for number, words in (line.rstrip("\n").split(maxsplit=1) for line in lines)}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    monkeypatch.setattr(redis_store, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(redis_store, "TIMEOUT_SECONDS", 0.1)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that writes every change to the disk before it answers, and that asks for a password."""
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always", "--requirepass", SECRET)
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.kill()


def settings(url: str, password: str = "") -> Settings:
    return Settings.model_validate({"sessions": {"store": url, "redis_password": password}})


def test_the_settings_name_it(redis: RedisServer) -> None:
    with closing(open_store(settings(f" {redis.url} "))) as store:
        assert isinstance(store, RedisStore)
        assert store.add("home", "hotpin", turn("x")) == 1


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://pi", RedisAddress("pi")),
        ("redis://pi:7000/3", RedisAddress("pi", 7000, 3)),
        ("REDISS://mila@[::1]/", RedisAddress("::1", username="mila", tls=True)),
    ],
)
def test_an_address_is_read(url: str, address: RedisAddress) -> None:
    assert parse(url) == address
    assert parse(str(address)) == RedisAddress(address.host, address.port, address.database, "", address.tls)


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="package redis is missing") as caught:
        open_store(settings("redis://pi"))
    assert "hotpin[redis]" in caught.value.fix


@pytest.mark.parametrize("scheme", ["redis", "rediss", "reddis"])
def test_a_password_in_the_address_is_taken_out_of_it(scheme: str) -> None:
    found = settings(f"{scheme}://mila:{QUOTED}@pi:6379/0").sessions
    assert found.store == f"{scheme}://mila@pi:6379/0"
    assert found.redis_password.get_secret_value() == SECRET
    assert "MARZIPAN" not in repr(found)


def test_an_unquoted_password_is_taken_out_too() -> None:
    found = settings(f"redis://:{SECRET}@pi").sessions
    assert (found.store, found.redis_password.get_secret_value()) == ("redis://pi", SECRET)


def test_the_path_of_a_file_is_left_alone() -> None:
    assert SessionsSettings(store="sqlite:///a:b@c").store == "sqlite:///a:b@c"


def test_the_password_is_asked_for_and_told_nobody(own: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(open_store(settings(own.url.replace("//", f"//:{QUOTED}@")))) as store:
        store.add("home", "hotpin", turn("x"))
    with closing(open_store(settings(own.url, SECRET))) as store:
        assert len(store.sessions()) == 1
    for wrong in ("", "MARZIPAN"):
        with pytest.raises(StoreError, match="refuses the password") as caught:
            open_store(settings(own.url, wrong))
        assert "HOTPIN_SESSIONS__REDIS_PASSWORD" in caught.value.fix
        assert "MARZIPAN" not in str(caught.value)
    assert "MARZIPAN" not in caplog.text


def test_one_that_is_not_there_is_told_at_once(own: RedisServer) -> None:
    own.kill()
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        RedisStore(parse(own.url))
    assert own.url in caught.value.message
    assert caught.value.retryable


@pytest.mark.usefixtures("hasty")
def test_one_that_goes_away_is_told_and_taken_back_with_all_there_was(own: RedisServer) -> None:
    with closing(RedisStore(parse(own.url), SECRET)) as store:
        store.add("home", "hotpin", turn("one"))
        own.kill()
        with pytest.raises(StoreError, match="cannot be reached"):
            store.add("home", "hotpin", turn("lost"))
        own.start()
        assert store.add("home", "hotpin", turn("two")) == 2
        session = store.load("home")
    assert session is not None
    assert [kept.heard for kept in session.turns] == ["one", "two"]


def test_a_turn_waits_for_one_that_is_started_anew(own: RedisServer) -> None:
    with closing(RedisStore(parse(own.url), SECRET)) as store:
        store.add("home", "hotpin", turn("one"))
        own.kill()
        back = threading.Timer(0.05, own.start)
        back.start()
        assert store.add("home", "hotpin", turn("two")) == 2
        back.join()


def test_an_outage_is_waited_for_once(own: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "PATIENCE_SECONDS", 0.25)
    with closing(RedisStore(parse(own.url), SECRET)) as store:
        own.kill()
        waited = []
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreError, match="cannot be reached"):
                store.load("home")
            waited.append(time.monotonic() - began)
        assert waited[0] > 0.1 > waited[1]
        own.start()
        assert store.add("home", "hotpin", turn("x")) == 1
        assert store._patience == 0.25


@pytest.mark.usefixtures("hasty")
def test_one_that_does_not_answer_holds_nobody_up(own: RedisServer) -> None:
    with closing(RedisStore(parse(own.url), SECRET)) as store:
        own.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(StoreError, match="does not answer"):
            store.add("home", "hotpin", turn("x"))
        assert time.monotonic() - began < 2.0


def test_a_turn_whose_answer_is_lost_is_stored_once(redis: RedisServer) -> None:
    cuts: list[bytes] = []

    def cut(piece: bytes) -> bool:
        if b"MARZIPAN" in piece and len(cuts) < 2:
            cuts.append(piece)
            return True
        return False

    with relaying(redis.port, deaf=cut) as relay, closing(RedisStore(RedisAddress("127.0.0.1", relay.port))) as store:
        store.add("home", "hotpin", turn("one"))
        assert store.add("home", "hotpin", turn("MARZIPAN")) == 2
    assert len(cuts) == 2
    assert heard(redis.url) == {1: "one", 2: "MARZIPAN"}


def test_one_that_keeps_nothing_on_disk_is_warned_of(
    redis: RedisServer, own: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    RedisStore(parse(own.url), SECRET).close()
    assert caplog.text == ""
    RedisStore(parse(redis.url)).close()
    assert "appendonly" in caplog.text


def test_redis_deletes_by_itself_what_has_expired(redis: RedisServer) -> None:
    with Redis(port=redis.port) as client, closing(RedisStore(parse(redis.url), "", timedelta(days=1))) as store:
        store.add("home", "hotpin", turn("x"))
        assert 86_390_000 < client.pttl("hotpin:1:session:home") <= 86_400_000
        with closing(RedisStore(parse(redis.url))) as forever:
            forever.touch("home", "hotpin")
        assert client.pttl("hotpin:1:session:home") == -1
        client.delete("hotpin:1:session:home")  # as if expired
        assert store.load("home") is None
        assert store.sessions() == []
        assert store.add("home", "hotpin", turn("y")) == 1


def test_a_full_one_says_so_and_keeps_what_there_was(redis: RedisServer) -> None:
    with Redis(port=redis.port) as client, closing(RedisStore(parse(redis.url))) as store:
        store.add("home", "hotpin", turn("before"))
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(StoreError, match="is full"):
                store.add("home", "hotpin", turn("x"))
            assert heard(redis.url) == {1: "before"}
        finally:
            client.config_set("maxmemory", 0)


def test_a_database_that_is_not_there_is_told(redis: RedisServer) -> None:
    with pytest.raises(StoreError, match="no such database"):
        RedisStore(RedisAddress("127.0.0.1", redis.port, 9999))


def test_a_replica_can_be_read_but_not_written(redis: RedisServer) -> None:
    with Redis(port=redis.port) as client, closing(RedisStore(parse(redis.url))) as store:
        store.add("home", "hotpin", turn("x"))
        client.replicaof("127.0.0.1", 1)
        try:
            with closing(RedisStore(parse(redis.url))) as replica:
                assert [each.id for each in replica.sessions()] == ["home"]
                with pytest.raises(StoreError, match="is a replica"):
                    replica.add("home", "hotpin", turn("y"))
        finally:
            client.replicaof("NO", "ONE")


def test_a_user_with_the_rights_that_the_documents_name_is_enough(redis: RedisServer) -> None:
    rights = ["on", f">{SECRET}", "~hotpin:1:*", "+@all", "-@dangerous"]
    with Redis(port=redis.port) as client:
        client.execute_command("ACL", "SETUSER", "mila", *rights)
        with closing(open_store(settings(f"redis://mila@127.0.0.1:{redis.port}", SECRET))) as store:
            number = store.add("home", "hotpin", turn("x"))
            store.amend("home", number, "A", {})
            assert [each.id for each in store.sessions()] == ["home"]
            client.execute_command("ACL", "SETUSER", "mila", "resetkeys")
            with pytest.raises(StoreError, match="does not allow that") as caught:
                store.retract("home", number)
        assert "hotpin:1:" in caught.value.fix


def test_the_doctor_tells_whether_it_can_be_reached(own: RedisServer) -> None:
    with closing(open_store(settings(own.url, SECRET))) as store:
        store.add("home", "hotpin", turn("x"))
    (found,) = sessions(settings(own.url, SECRET))
    assert (found.ok, found.detail) == (True, f"1 session in {own.url}")
    own.kill()
    (found,) = sessions(settings(own.url, SECRET))
    assert not found.ok
    assert "cannot be reached" in found.detail
    assert found.required


def test_another_programs_keys_are_left_alone(redis: RedisServer) -> None:
    with Redis(port=redis.port) as client, closing(RedisStore(parse(redis.url))) as store:
        client.set("theirs", "x")
        store.add("home", "hotpin", turn("x"))
        assert store.expire(float("inf")) == 1
        assert set(client.scan_iter()) - {b"theirs"} == set(client.scan_iter(match="hotpin:1:added:*"))


@pytest.mark.slow
def test_only_a_certificate_that_is_trusted_is_talked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = tmp_path / "redis.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=redis"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "redis.key"), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    tls = ["--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "no"]
    server = RedisServer(
        tmp_path, *tls, "--tls-cert-file", str(certificate), "--tls-key-file", str(tmp_path / "redis.key")
    )
    address = RedisAddress("127.0.0.1", server.port, tls=True)
    try:
        with pytest.raises(StoreError, match="not trusted") as caught:
            RedisStore(address)
        assert "SSL_CERT_FILE" in caught.value.fix
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with closing(RedisStore(address)) as store:
            assert store.add("home", "hotpin", turn("x")) == 1
    finally:
        server.kill()


@pytest.mark.slow
def test_processes_that_add_to_one_session_at_once_lose_nothing(redis: RedisServer) -> None:
    processes = [writer(redis.url, f"p{number}", 100) for number in range(2)]
    told = [process.communicate(timeout=120) for process in processes]
    assert all("Traceback" not in err for _, err in told)
    said = acknowledged([line for out, _ in told for line in out.splitlines()])
    assert sorted(said) == list(range(1, 201))
    assert heard(redis.url) == said


@pytest.mark.slow
def test_no_acknowledged_turn_is_lost_when_redis_is_killed(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    said: dict[int, str] = {}
    try:
        for kill in range(10):
            with writer(server.url, f"k{kill}", 1_000_000) as process:
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in range(20)]
                server.kill()
                os.kill(process.pid, signal.SIGKILL)
                lines += process.stdout.readlines()
            server.start()
            said |= acknowledged([line for line in lines if line.endswith("\n")])
            assert said.items() <= heard(server.url).items()
    finally:
        server.kill()
    assert len(said) >= 200
