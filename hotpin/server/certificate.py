"""A certificate for this machine, so that browsers on other devices give the page a microphone.

It is signed by an authority that is made for it alone and whose key is thrown away at once. A device that trusts the
authority so trusts this one certificate and nothing that anybody could sign later, even with the server's key.
"""

import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin.errors import HotpinError, SettingsError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

DAYS = 820
"""Days that a certificate is valid: Apple's devices take none that is longer than 825."""

_CLOCK_SKEW = timedelta(hours=12)
_MAX_NAME = 64  # characters of a common name (RFC 5280)
_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))
"""Addresses of documentation: nothing is sent to them, but the system says by which of its own it would be."""


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate as PEM."""

    chain: str
    """The server's certificate and the authority's."""
    key: str
    """The server's key."""
    authority: str
    """What devices are told to trust."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands in a certificate."""

    names: tuple[str, ...]
    """Host names and addresses that it is for."""
    expires: datetime
    fingerprint: str
    """SHA-256, in hexadecimal pairs."""


def names_here(more: Sequence[str] = ()) -> tuple[str, ...]:
    """Give the names and addresses that this machine is reached by, as far as it knows them.

    Args:
        more: names that it has beside those.
    """
    host = socket.gethostname().lower()
    found = ["localhost", "127.0.0.1", "::1", host]
    if host and "." not in host:
        found.append(f"{host}.local")  # as Bonjour and Avahi tell it
    with suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(host, None)]
    for address, family in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            found.append(probe.getsockname()[0])
    return tuple(dict.fromkeys(name for name in (*found, *more) if _is_name(name)))


def make(names: Sequence[str]) -> Made:
    """Make a certificate for ``names``, which may be addresses.

    Raises:
        HotpinError: if the package that it takes is not installed.
    """
    _require_package()
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = _name(f"Hotpin on {socket.gethostname()}")
    authority = (
        _builder(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, _hash())
    )
    certificate = (
        _builder(_name("Hotpin"), issuer, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, _hash())
    )
    pem = serialization.Encoding.PEM
    authority_text = authority.public_bytes(pem).decode()
    key_text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return Made(certificate.public_bytes(pem).decode() + authority_text, key_text, authority_text)


def read(path: Path) -> Certificate:
    """Read the first certificate of a PEM file.

    Raises:
        SettingsError: if there is none in it.
        HotpinError: if the package that it takes is not installed.
    """
    _require_package()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"there is no certificate in {str(path)!r}", "Make a new one: hotpin config tls --new"
        ) from error
    names: tuple[str, ...] = ()
    with suppress(x509.ExtensionNotFound):
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(name.value) for name in alternatives)
    fingerprint = found.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(names, found.not_valid_after_utc, fingerprint)


def _require_package() -> None:
    if find_spec("cryptography") is None:
        raise HotpinError("certificates need the package cryptography", "Install it: pip install 'hotpin[server]'")


def _builder(subject: "x509.Name", issuer: "x509.Name", key: "ec.EllipticCurvePrivateKey") -> "x509.CertificateBuilder":
    from cryptography import x509

    begins = datetime.now(UTC) - _CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=DAYS))
    )


def _name(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_MAX_NAME])])


def _usage(*, signs: bool) -> "x509.KeyUsage":
    """Give what a key is for: an authority's for signing certificates, a server's for its connections."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _hash() -> "hashes.SHA256":
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _is_name(name: str) -> bool:
    """Whether a certificate can be for it: ASCII, and no address that needs a network interface's name beside it."""
    return bool(name) and name.isascii() and "%" not in name and name not in ("0.0.0.0", "::")  # noqa: S104
