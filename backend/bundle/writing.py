# SPDX-License-Identifier: MIT
"""Writing bundles by address: a path, or a URL such as s3://bucket/kernels.graft, which fsspec writes."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..files import write_file
from ..runtime import format, reading, signing
from ..runtime.errors import BundleError
from ..runtime.format import Bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: File systems that show a file when it is there as a whole, so it is written in its place. Others get it under a temporary name.
_SHOW_WHOLE_FILES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"}


def write(address: reading.Address, bundle: Bundle) -> None:
    """Writes *bundle* to *address*, as `write_bytes` does. Raises `BundleError`."""
    with reading.naming(address):
        data = format.pack(bundle)
    write_bytes(address, data)


def sign(address: reading.Address, private_key: Ed25519PrivateKey, output: reading.Address | None = None) -> str:
    """Signs the bundle at *address*, in its place unless *output* is given.

    Returns the public key in hexadecimal digits. Raises `BundleError`.
    """
    data = reading.read_bytes(address)
    with reading.naming(address):
        signed = signing.sign(data, private_key)
        public = signing.verify(signed, [private_key.public_key().public_bytes_raw().hex()])
    write_bytes(address if output is None else output, signed)
    return public


def write_bytes(address: reading.Address, data: bytes) -> None:
    """Puts *data* in the place of what is at *address*: whoever reads there sees the old file or the new, never a part.

    On this machine that holds after a loss of power, too. Elsewhere it holds as far as the file system replaces whole files, or
    renames one into the place of another. Raises `BundleError`; then what was there is as it was.
    """
    with reading.naming(address), reading.explaining("written", "folder"):
        file_system, path = reading.locate(address)
        if file_system is None:
            _write_local(path, data)
        else:
            with reading.reporting_alike():
                _write_remote(file_system, path, data)


def _write_local(path: str, data: bytes) -> None:
    path = os.path.realpath(path)  # a link stays one
    if os.path.exists(path) and not os.path.isfile(path):
        raise BundleError("address", "it exists and is not a regular file, which a bundle does not replace")
    write_file(path, data, sync=True)


def _write_remote(file_system: Any, path: str, data: bytes) -> None:
    if _SHOW_WHOLE_FILES & reading.protocols(file_system):
        file_system.pipe_file(path, data)
        return
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    try:
        file_system.pipe_file(temporary, data)
        file_system.mv(temporary, path)
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            file_system.rm_file(temporary)
        raise
