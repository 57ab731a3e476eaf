# SPDX-License-Identifier: MIT
"""Reading and writing bundles by address: a path, or a URL such as s3://bucket/kernels.graft, which fsspec reads and writes.

A file is read once and all of it into memory, so that one that is replaced meanwhile does no harm.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from . import container, format, signing
from .errors import BundleError
from .files import write_file
from .format import Bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: A path, or a URL if it is a text that looks like one.
Address = str | os.PathLike[str]

#: The beginning of a URL, such as s3:// or simplecache::s3://.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
#: File systems that show a file when it is there as a whole, so it is written in its place. Others get it under a temporary name.
_SHOW_WHOLE_FILES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"}
#: How much is read at once, in bytes.
_PART = 1 << 20


class MissingBundleError(BundleError, FileNotFoundError):
    """There is no file at the address of a bundle, or no folder for it."""


# -- Bundles


def read(address: Address, trusted_keys: Iterable[Address] | None = None) -> Bundle:
    """The bundle at *address*. With *trusted_keys*, as `signing.parse_trusted` takes them, its signature is verified first.

    Raises `BundleError` for the first rule that is broken, and `MissingBundleError`, which is one, if there is no such file.
    """
    return parse(address, read_bytes(address), trusted_keys)


def parse(address: Address, data: bytes, trusted_keys: Iterable[Address] | None = None) -> Bundle:
    """The bundle whose bytes are *data*, which were read from *address*; raises what `read` does."""
    with _naming(address):
        if trusted_keys is not None:
            signing.verify(data, trusted_keys)
        return format.unpack(data)


def write(address: Address, bundle: Bundle) -> None:
    """Writes *bundle* to *address*, as `write_bytes` does. Raises `BundleError`."""
    with _naming(address):
        data = format.pack(bundle)
    write_bytes(address, data)


def sign(address: Address, private_key: Ed25519PrivateKey, output: Address | None = None) -> str:
    """Signs the bundle at *address*, in its place unless *output* is given.

    Returns the public key in hexadecimal digits. Raises `BundleError`.
    """
    data = read_bytes(address)
    with _naming(address):
        signed = signing.sign(data, private_key)
        public = signing.verify(signed, [private_key.public_key().public_bytes_raw().hex()])
    write_bytes(address if output is None else output, signed)
    return public


# -- Bytes


def read_bytes(address: Address) -> bytes:
    """What is at *address*, at most as much as a bundle may have. Raises `BundleError`."""
    with _naming(address), _explaining("read", "file"):
        file_system, path = _locate(address)
        if file_system is None:
            return _read_local(path)
        with _reporting_alike(), file_system.open(path, "rb") as stream:
            return _read_all(stream)


def write_bytes(address: Address, data: bytes) -> None:
    """Puts *data* in the place of what is at *address*: whoever reads there sees the old file or the new, never a part.

    On this machine that holds after a loss of power, too. Elsewhere it holds as far as the file system replaces whole files, or
    renames one into the place of another. Raises `BundleError`; then what was there is as it was.
    """
    with _naming(address), _explaining("written", "folder"):
        file_system, path = _locate(address)
        if file_system is None:
            _write_local(path, data)
        else:
            with _reporting_alike():
                _write_remote(file_system, path, data)


def _locate(address: Address) -> tuple[Any, str]:
    """The file system and the path in it; the file system is None for this machine's."""
    path = os.fspath(address)
    if not _URL.match(path):
        return None, path
    try:
        with _reporting_alike():
            from fsspec.core import url_to_fs

            file_system, path = url_to_fs(path)
    except ImportError as error:
        message = f"a package is missing to reach it ({error}); fsspec itself comes with: pip install 'triton-graft[remote]'"
        raise BundleError("address", message) from error
    return (None, path) if "file" in _protocols(file_system) else (file_system, path)


def _protocols(file_system: Any) -> set[str]:
    """What the URLs of a file system begin with."""
    protocols = file_system.protocol
    return {protocols} if isinstance(protocols, str) else set(protocols)


def _read_local(path: str) -> bytes:
    # Without waiting for who writes to it if it is a FIFO, which is refused.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            _refuse("address", "it is no regular file")
        return _read_all(stream)


def _read_all(stream: BinaryIO) -> bytes:
    data = io.BytesIO()
    while data.tell() <= container.MAX_FILE and (part := stream.read(_PART)):
        data.write(part)
    if data.tell() > container.MAX_FILE:
        _refuse("size", f"it has more than {container.MAX_FILE} bytes, the most that a bundle has")
    return data.getvalue()


def _write_local(path: str, data: bytes) -> None:
    path = os.path.realpath(path)  # a link stays one
    if os.path.exists(path) and not os.path.isfile(path):
        _refuse("address", "it is there and is no regular file; a bundle does not replace it")
    write_file(path, data, sync=True)


def _write_remote(file_system: Any, path: str, data: bytes) -> None:
    if _SHOW_WHOLE_FILES & _protocols(file_system):
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


# -- Errors


@contextmanager
def _naming(address: Address) -> Iterator[None]:
    """Puts *address* in front of the message of a `BundleError`."""
    try:
        yield
    except BundleError as error:
        error.args = (f"{os.fspath(address)}: {error}",)
        raise


@contextmanager
def _explaining(done: str, missing: str) -> Iterator[None]:
    """Raises `BundleError` for `OSError`: what was to be *done*, and what is *missing* if that is the reason."""
    try:
        yield
    except BundleError:
        raise
    except FileNotFoundError as error:
        # Some file systems say this of a machine that they cannot reach, too.
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        raise MissingBundleError("address", f"it cannot be {done}, because there is no such {missing}{cause}") from error
    except OSError as error:
        raise BundleError("address", f"it cannot be {done} ({error.strerror or error})") from error


@contextmanager
def _reporting_alike() -> Iterator[None]:
    """Raises `OSError` for whatever else a file system of fsspec raises: they all have errors of their own."""
    try:
        yield
    except (BundleError, ImportError, OSError):
        raise
    except Exception as error:
        raise OSError(str(error) or type(error).__name__) from error


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)
