# SPDX-License-Identifier: MIT
"""Signatures of bundles ("The signature" in docs/bundle-format.md): Ed25519, over every byte of the file before the signature.

The package cryptography is imported when a signature is made or verified, and not before.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from . import container, format
from .errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: A public key is 32 bytes, written in hexadecimal digits.
_KEY = re.compile(r"[0-9A-Fa-f]{64}")
#: The length of the archive's comment: the last field before the comment, so it is signed too.
_COMMENT_LENGTH = struct.Struct("<H")


# -- Signing


def sign(data: bytes, private_key: Ed25519PrivateKey) -> bytes:
    """The bundle *data* with a signature by *private_key*, in the place of another if it has one.

    Raises `BundleError` if *data* is no bundle: nothing is signed that could not be read.
    """
    format.unpack(data)
    unsigned = data[: -container.SIGNATURE_BYTES] if signer(data) else data
    body = unsigned[: -_COMMENT_LENGTH.size] + _COMMENT_LENGTH.pack(container.SIGNATURE_BYTES)
    public = private_key.public_key().public_bytes_raw().hex()
    return body + f"graft-ed25519:{public}:{private_key.sign(body).hex()}".encode()


def signer(data: bytes) -> str | None:
    """The public key that *data* says to be signed by, in hexadecimal digits, for display: nothing is verified."""
    match = _signature(data)
    return match[1].decode() if match else None


# -- Verifying


def verify(data: bytes, trusted_keys: Iterable[str | os.PathLike[str]]) -> str:
    """The one of *trusted_keys* by which *data* is signed, in hexadecimal digits. They are what `parse_trusted` takes.

    Looks at the signature only, whatever the rest is. Raises `BundleError` by the rules "unsigned", "untrusted" and "signature".
    """
    trusted = parse_trusted(trusted_keys)
    match = _signature(data)
    if not match:
        _refuse("unsigned", f"it is not signed, but has to be signed by {_listed(trusted)}")
    public = match[1].decode()
    if public not in trusted:
        _refuse("untrusted", f"it is signed by {public}, but has to be signed by {_listed(trusted)}")
    key = _ed25519().Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(bytes.fromhex(match[2].decode()), data[: -container.SIGNATURE_BYTES])
    except InvalidSignature:
        _refuse("signature", f"it is not what {public} has signed: it was changed, or the signature is of something else")
    return public


def parse_trusted(keys: Iterable[str | os.PathLike[str]]) -> frozenset[str]:
    """Public keys in lower-case hexadecimal digits; each of *keys* is 64 such digits or the path of a PEM file.

    Raises `BundleError` for one that is neither.
    """
    return frozenset(_public_key(os.fspath(key)) for key in keys)


def _public_key(key: str) -> str:
    if _KEY.fullmatch(key):
        return key.lower()

    def load(pem: bytes) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        return load_pem_public_key(pem)

    return _load_key(key, load, "public", "a trusted key is that or 64 hexadecimal digits").public_bytes_raw().hex()


def _signature(data: bytes) -> re.Match[bytes] | None:
    return container.SIGNATURE_PATTERN.fullmatch(data[-container.SIGNATURE_BYTES :])


def _listed(trusted: frozenset[str]) -> str:
    return " or ".join(sorted(trusted)) or "a trusted key, and the list of trusted keys is empty"


# -- Keys


def load_private_key(path: str | os.PathLike[str]) -> Ed25519PrivateKey:
    """The private key in the PEM file at *path*. Raises `BundleError` if it has none, or one with a password."""

    def load(pem: bytes) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            return load_pem_private_key(pem, password=None)
        except TypeError:
            _refuse("key", f"the private key {path} has a password; remove it with: openssl pkey -in {path} -out FILE")

    return _load_key(path, load, "private", "`graft bundle keygen` makes one")


def make_keys(path: str | os.PathLike[str]) -> str:
    """Makes a private key at *path*, which only its owner may read, and its public key beside it as `.pub`, both as PEM.

    Returns the public key in hexadecimal digits. Raises `BundleError` if one of the files is there or cannot be written.
    """
    key = _ed25519().Ed25519PrivateKey.generate()
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    public, name = key.public_key(), os.fspath(path)
    stem = os.path.splitext(name)[0]
    files = (
        (name, 0o600, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        (f"{stem}.pub", 0o644, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    )
    if files[0][0] == files[1][0]:
        _refuse(
            "key", f"{path} is the name of the public key; give the private one another, such as {os.path.basename(stem)}.pem"
        )
    for file, _, _ in files:
        if os.path.lexists(file):
            _refuse("key", f"{file} is there, and keys are not overwritten; give another name")
    for file, mode, pem in files:
        _create(file, mode, pem)
    return public.public_bytes_raw().hex()


def _create(file: str, mode: int, content: bytes) -> None:
    """Writes a file that was not there, with *mode* from its first moment on."""
    try:
        with open(file, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
            stream.write(content)
    except OSError as error:
        raise BundleError("key", f"the key {file} cannot be written ({error.strerror})") from error


def _load_key(path: str | os.PathLike[str], load: Callable[[bytes], Any], kind: str, hint: str) -> Any:
    """The *kind* of Ed25519 key that *load* finds in the file at *path*."""
    expected = getattr(_ed25519(), f"Ed25519{kind.title()}Key")
    try:
        with open(path, "rb") as stream:
            key = load(stream.read())
    except OSError as error:
        raise BundleError("key", f"the {kind} key {path} cannot be read ({error.strerror}); {hint}") from error
    except BundleError:
        raise
    except Exception:  # it raises more than ValueError: whatever it is, this is no key
        key = None
    if not isinstance(key, expected):
        _refuse("key", f"{path} is not a PEM file with an Ed25519 {kind} key; {hint}")
    return key


def _ed25519() -> Any:
    """The module of cryptography that has the keys. Raises `BundleError` if it is not installed."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        message = f"signatures need the package cryptography ({error}): pip install 'triton-graft[sign]'"
        raise BundleError("signature", message) from error
    return ed25519


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)
