# SPDX-License-Identifier: MIT
"""Writing files so that nobody sees a part of one."""

from __future__ import annotations

import contextlib
import os


def write_file(path: str | os.PathLike[str], content: bytes, sync: bool = False) -> None:
    """Writes *content* under a temporary name and puts it in the place of *path*: a reader sees the old file or the new.

    With *sync* that holds after a loss of power, too; it waits for the disk. Raises `OSError`; then there is no new file.
    """
    temporary = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # an interrupt may come before it is made or after it got its name
            os.unlink(temporary)
        raise
