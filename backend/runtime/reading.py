# SPDX-License-Identifier: MIT
"""Reading bundles by address: a path, or a URL such as s3://bucket/kernels.graft, which fsspec reads. Who writes them is not here.

A file is read once and all of it into memory, so that one that is replaced meanwhile does no harm.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn

from . import container, format, signing
from .errors import BundleError
from .format import Bundle

#: A path, or a URL if it is a text that looks like one.
Address = str | os.PathLike[str]

#: The beginning of a URL, such as s3:// or simplecache::s3://.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
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
    with naming(address):
        if trusted_keys is not None:
            signing.verify(data, trusted_keys)
        return format.unpack(data)


# -- Bytes


def read_bytes(address: Address) -> bytes:
    """What is at *address*, at most as much as a bundle may have. Raises `BundleError`."""
    with naming(address), explaining("read", "file"):
        file_system, path = locate(address)
        if file_system is None:
            return _read_local(path)
        with reporting_alike(), file_system.open(path, "rb") as stream:
            return _read_all(stream)


def locate(address: Address) -> tuple[Any, str]:
    """The file system and the path in it; the file system is None for this machine's."""
    path = os.fspath(address)
    if not _URL.match(path):
        return None, path
    try:
        with reporting_alike():
            from fsspec.core import url_to_fs

            file_system, path = url_to_fs(path)
    except ImportError as error:
        message = f"a package is missing to reach it ({error}); fsspec itself comes with: pip install 'triton-graft[remote]'"
        raise BundleError("address", message) from error
    return (None, path) if "file" in protocols(file_system) else (file_system, path)


def protocols(file_system: Any) -> set[str]:
    """What the URLs of a file system begin with."""
    protocols = file_system.protocol
    return {protocols} if isinstance(protocols, str) else set(protocols)


def _read_local(path: str) -> bytes:
    # Without waiting for who writes to it if it is a FIFO, which is refused.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            _refuse("address", "it is not a regular file")
        return _read_all(stream)


def _read_all(stream: BinaryIO) -> bytes:
    data = io.BytesIO()
    while data.tell() <= container.MAX_FILE and (part := stream.read(_PART)):
        data.write(part)
    if data.tell() > container.MAX_FILE:
        _refuse("size", f"it has more than {container.MAX_FILE} bytes, the most that a bundle has")
    return data.getvalue()


# -- Errors


@contextmanager
def naming(address: Address) -> Iterator[None]:
    """Puts *address* in front of the message of a `BundleError`."""
    try:
        yield
    except BundleError as error:
        error.args = (f"{os.fspath(address)}: {error}",)
        raise


@contextmanager
def explaining(done: str, missing: str) -> Iterator[None]:
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
def reporting_alike() -> Iterator[None]:
    """Raises `OSError` for whatever else a file system of fsspec raises: they all have errors of their own."""
    try:
        yield
    except (BundleError, ImportError, OSError):
        raise
    except Exception as error:
        raise OSError(str(error) or type(error).__name__) from error


def _refuse(rule: str, message: str) -> NoReturn:
    raise BundleError(rule, message)
