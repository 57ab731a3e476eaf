# SPDX-License-Identifier: MIT
"""What runs kernels: libhost_runtime.so, whose functions include/host/Runtime.h has, and the kernels' own libraries."""

from __future__ import annotations

import _ctypes
import ctypes
import functools
import itertools
import os
from pathlib import Path

from . import machine
from .errors import HostError, KernelAssertionError, LaunchError, OutOfBoundsError, RaceError

LIBRARY = Path(__file__).parent / "libhost_runtime.so"

#: What kernels call besides the runtime: the C library's functions of numbers, and of vectors.
_MATH, _VECTOR_MATH = "libm.so.6", "libmvec.so.1"

#: What a launch fails with, by `HostStatus` in include/host/Runtime.h.
_FAILURES: dict[int, tuple[type[HostError], str]] = {
    1: (KernelAssertionError, "device-side assert triggered in the kernel"),
    2: (LaunchError, "cannot launch the kernel"),
    3: (OutOfBoundsError, "out of bounds in the kernel"),
    4: (RaceError, "race in the kernel"),
}

_loads = itertools.count()


@functools.cache
def has_vector_math() -> bool:
    """Whether the C library has functions of vectors, which are there for kernels from now on."""
    try:
        return bool(ctypes.CDLL(_VECTOR_MATH, mode=ctypes.RTLD_GLOBAL))
    except OSError:
        return False


@functools.cache
def _library() -> ctypes.CDLL:
    has_vector_math()
    try:
        ctypes.CDLL(_MATH, mode=ctypes.RTLD_GLOBAL)
        library = ctypes.CDLL(str(LIBRARY), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise LaunchError(f"cannot load {LIBRARY}: {error}. Reinstall triton-host (pip install --force-reinstall .).") from None
    library.host_error.restype = ctypes.c_char_p
    library.host_launch.argtypes = (
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_int32, ctypes.c_uint64, ctypes.c_void_p,
        ctypes.c_void_p, ctypes.c_uint64,
    )  # fmt: skip
    library.host_set_threads(machine.threads())
    return library


def load(name: str, binary: bytes) -> tuple[ctypes.CDLL, int]:
    """The library *binary*, and the address of the kernel *name* in it. Raises `LaunchError` if it cannot be loaded."""
    _library()
    with os.fdopen(os.memfd_create(name[:200]), "wb") as file:
        file.write(binary)
        file.flush()
        # The loader takes two files of one name for one library, and numbers of files come again. So the name has a number
        # that does not, written with what means nothing in a path.
        unique = "".join("/." if bit == "1" else "//" for bit in f"{next(_loads):b}")
        try:
            library = ctypes.CDLL(f"/proc/self/fd{unique}/{file.fileno()}", mode=os.RTLD_NOW)
            return library, ctypes.cast(library[name], ctypes.c_void_p).value or 0
        except (OSError, AttributeError) as error:
            raise LaunchError(f"cannot load the kernel {name}: {error}") from None


def unload(library: ctypes.CDLL) -> None:
    """Gives up what `load` gave."""
    _ctypes.dlclose(library._handle)


class Buffer(ctypes.Structure):
    """`HostBuffer`: memory that a kernel may touch, from which address on and how many bytes, and the name of the argument."""

    _fields_ = (("begin", ctypes.c_uint64), ("size", ctypes.c_uint64), ("name", ctypes.c_char_p))


class Kernel:
    """A kernel as it is launched: its name, the stack that it takes, in bytes, and how long it took."""

    def __init__(self, name: str, scratch: int) -> None:
        self.name = name
        self.scratch = scratch
        self._pace = ctypes.c_int64(0)
        self._pace_address = ctypes.addressof(self._pace)
        self._launch = _library().host_launch

    def launch(self, address: int, slots: bytes, x: int, y: int, z: int, buffers: list[Buffer] | None) -> None:
        """Runs the kernel at *address*; the grid is not empty. *buffers* are for a kernel that was compiled to be checked.

        Raises `KernelAssertionError`, `OutOfBoundsError`, `RaceError` or `LaunchError`.
        """
        held = (Buffer * len(buffers))(*buffers) if buffers is not None else None
        # The call lets go of Python's lock.
        count = len(buffers or ())
        status = self._launch(address, slots, x, y, z, self.scratch, self._pace_address, held, count)
        if status:
            kind, what = _FAILURES[status]
            raise kind(f"{what} {self.name}: {_library().host_error().decode(errors='replace')}")
