"""The certificate that `hotpin config tls` makes: who trusts it, for what, and for how long."""

import json
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from cryptography import x509
from typer.testing import CliRunner

from hotpin.commands.config import app
from hotpin.errors import SettingsError
from hotpin.server.certificate import make, names_here
from hotpin.server.run import check_tls
from hotpin.setting_layers import examine
from tests.server.conftest import MakeServer

Tls = Callable[..., dict[str, Any]]


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tls:
    """Runs `hotpin config tls`; gives its JSON."""
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))

    def run(*options: str) -> dict[str, Any]:
        result = CliRunner().invoke(app, ["tls", *options, "--json"])
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return run


@pytest.mark.slow
def test_a_device_that_trusts_its_authority_reaches_the_server_by_all_its_names(
    tls: Tls, make_server: MakeServer
) -> None:
    made = tls()
    server = make_server(server__tls_cert=made["certificate"], server__tls_key=made["key"])
    port = server.http.rpartition(":")[2]
    for name in ("localhost", "127.0.0.1"):
        with urlopen(
            f"https://{name}:{port}/health", context=ssl.create_default_context(cafile=made["authority"])
        ) as answer:
            assert json.load(answer) == {"status": "healthy"}
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urlopen(f"https://localhost:{port}/health", context=ssl.create_default_context())


def test_it_is_for_this_machine_and_no_longer_valid_than_phones_take(tls: Tls) -> None:
    made = tls()
    assert {"localhost", "127.0.0.1", "::1"} <= set(made["names"])
    assert set(names_here()) <= set(made["names"])
    for certificate in x509.load_pem_x509_certificates(Path(made["certificate"]).read_bytes()):
        assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days < 825
        signs = certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        assert signs == (certificate.subject == certificate.issuer)  # the server's own key signs nothing


def test_only_the_person_may_read_the_key_and_the_settings_name_it(tls: Tls) -> None:
    made = tls()
    assert stat.S_IMODE(Path(made["key"]).stat().st_mode) == 0o600
    server = examine().settings.server
    assert (server.tls_cert, server.tls_key) == (made["certificate"], made["key"])
    check_tls(server)


def test_it_is_made_once_unless_another_one_is_wanted(tls: Tls) -> None:
    first, again, other = tls(), tls(), tls("--new")
    assert (first["made"], again["made"], other["made"]) == (True, False, True)
    assert first["sha256"] == again["sha256"] != other["sha256"]


def test_a_certificate_of_ones_own_is_told_and_left_alone(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(["hotpin.example"])
    own = tmp_path / "own.pem"
    own.write_text(made.chain + made.key)
    monkeypatch.setenv("HOTPIN_SERVER__TLS_CERT", str(own))
    found = tls()
    assert found["names"] == ["hotpin.example"]
    assert found["authority"] is None
    assert found["made"] is False
    assert not (tmp_path / "config" / "tls").exists()


def test_a_person_is_told_how_a_phone_trusts_it_and_that_pages_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["tls"]).stdout
    for words in ("iPhone", "Android", "hotpin-ca.crt", "microphone only over https", "hotpin config token"):
        assert words in shown


def test_files_that_hold_no_certificate_are_told(tls: Tls, tmp_path: Path) -> None:
    made = tls()
    other_key = tmp_path / "other.pem"
    other_key.write_text(make(["localhost"]).key)
    server = examine().settings.server.model_copy(update={"tls_key": str(other_key)})
    with pytest.raises(SettingsError, match="hotpin config tls --new"):
        check_tls(server)
    Path(made["certificate"]).write_text("nothing")
    with pytest.raises(SettingsError, match="hotpin config tls --new"):
        check_tls(server)
