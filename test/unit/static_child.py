# SPDX-License-Identifier: MIT
"""What programs without Triton start with in test_static_runtime.py: the stub CUDA driver, and things to launch with.

The environment variable STUB_CUDA has the path of the library.
"""

import ctypes
import os
import sys

stub = ctypes.CDLL(os.environ["STUB_CUDA"], ctypes.RTLD_GLOBAL)
stub.stubRead.restype = ctypes.c_char_p
stub.stubReset(2, 90)


class Pointer:
    """Something with an address and a dtype."""

    def __init__(self, address, dtype="fp32"):
        self.address, self.dtype = address, dtype

    def data_ptr(self):
        return self.address


def read(what):
    """What the stub has noted, as lines."""
    return stub.stubRead(what.encode()).decode().splitlines()


def launches():
    """The launches since the last time: function, device, grid, block, shared memory, stream, attributes and parameters."""
    lines = [line.split(maxsplit=3) for line in read("launches")]
    return [f"{function} {device} {rest}" for function, device, _, rest in lines]


def error_of(work):
    """The error that *work* raises, as text; empty if it raises none."""
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def imported(*packages):
    """The modules that are imported of *packages*."""
    return sorted(name for name in sys.modules if name.partition(".")[0] in packages)
