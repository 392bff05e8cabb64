"""What ``hotpin config tls`` does: a certificate, where it is kept, and how devices are told to trust it."""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hotpin import paths, setting_file, toml_files
from hotpin.commands.common import say
from hotpin.server.certificate import Certificate, make, names_here, read
from hotpin.setting_layers import examine

if TYPE_CHECKING:
    from hotpin.settings import ServerSettings

CERTIFICATE, KEY, AUTHORITY = "certificate.pem", "key.pem", "hotpin-ca.crt"
"""Files in the folder ``tls`` beside the settings. The last is for devices, which know certificates by that ending."""

_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Found:
    """The certificate of the server."""

    certificate: Path
    key: Path
    authority: Path | None
    """What devices are told to trust; ``None`` where somebody else has signed it."""
    content: Certificate
    made: bool
    """Whether it is new."""

    def as_dict(self) -> dict[str, object]:
        """Give it as the JSON output has it."""
        return {
            "certificate": str(self.certificate),
            "key": str(self.key),
            "authority": str(self.authority) if self.authority else None,
            "names": list(self.content.names),
            "expires": self.content.expires.isoformat(),
            "sha256": self.content.fingerprint,
            "made": self.made,
        }


def made_or_found(*, new: bool) -> Found:
    """Give the server's certificate; with ``new``, or if it has none, one is made and named in the settings.

    Raises:
        HotpinError: if it cannot be made, written or read.
    """
    server = examine().settings.server
    made = new or not server.tls_cert
    if made:
        _make(server)
        server = examine().settings.server
    used = Path(server.tls_cert)
    authority = paths.tls_dir() / AUTHORITY
    ours = used == paths.tls_dir() / CERTIFICATE and authority.is_file()
    key = Path(server.tls_key or server.tls_cert)
    return Found(used, key, authority if ours else None, read(used), made)


def _make(server: "ServerSettings") -> None:
    folder = paths.tls_dir()
    more = [name.strip().lower() for name in (server.host, *server.allowed_hosts.split(","))]
    made = make(names_here(more))
    for name, text in ((KEY, made.key), (CERTIFICATE, made.chain), (AUTHORITY, made.authority)):
        toml_files.replace(folder / name, text, private=True)
    changes = [
        setting_file.set_value("server.tls_cert", str(folder / CERTIFICATE)),
        setting_file.set_value("server.tls_key", str(folder / KEY)),
    ]
    for change in changes:
        if change.overridden_by:
            say(f"{change.name} has no effect now: {change.overridden_by} wins")


def tell(found: Found) -> None:
    """Say what there is, and what a person does with it."""
    content = found.content
    left = content.expires - datetime.now(UTC)
    typer.echo(f"{'Made' if found.made else 'There is'} a certificate: {found.certificate}")
    typer.echo(f"  its key, which only you may read: {found.key}")
    typer.echo(f"  for: {', '.join(content.names)}")
    typer.echo(f"  valid until {content.expires:%Y-%m-%d}; SHA-256 {content.fingerprint}")
    if left < _SOON:
        typer.echo("  It is over, or will be soon. Make another one: hotpin config tls --new")
    # Of the sixth version there are addresses that change every day.
    missing = [name for name in names_here() if name not in content.names and ":" not in name]
    if missing and found.authority:
        typer.echo(f"  It is not for {', '.join(missing)}. Make another one: hotpin config tls --new")
    typer.echo()
    typer.echo(
        "Browsers give a page the microphone only over https, or at http://localhost on this machine. The server"
    )
    typer.echo("speaks https from its next start on: hotpin serve --host 0.0.0.0, with a token: hotpin config token")
    if found.authority is None:
        return
    typer.echo()
    typer.echo(f"Each device has to trust it once. Bring this file there (it is no secret): {found.authority}")
    typer.echo("  iPhone, iPad: open it, install the profile in Settings; then General, About, Certificate Trust")
    typer.echo("    Settings: switch it on")
    typer.echo("  Android: Settings, Security, Encryption and credentials, Install a certificate, CA certificate")
    typer.echo("  Firefox: Settings, Privacy and security, View certificates, Authorities, Import")
    typer.echo("  Chrome, Edge, Safari on a computer: add it to the system's trusted authorities")
    typer.echo(f"  Another Hotpin: hotpin start-call --server wss://… --ca {shlex.quote(found.authority.name)}")
    typer.echo("Whoever trusts it trusts this one certificate: the key that has signed it is thrown away.")
