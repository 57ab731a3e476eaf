# SPDX-License-Identifier: MIT
"""Device memory between addresses that are not mapped: whoever reads or writes past its ends does not get away with it.

    with GuardedMemory(4096) as memory:
        memory.write(bytes(memory.size))
        kernel[grid](Pointer(memory.address + memory.size - 1024))

The driver maps memory in granules, 2 MiB each on today's devices, and addresses on both sides of them are reserved and stay
empty. An access there ends the context with CUDA_ERROR_ILLEGAL_ADDRESS, so that it has to be made in a process of its own.
Source: CUDA Driver API, section Virtual Memory Management.
"""

import ctypes
from types import TracebackType

#: CUmemAllocationType, CUmemLocationType and CUmemAccess_flags.
_PINNED, _DEVICE, _READ_AND_WRITE = 1, 1, 3


class _Location(ctypes.Structure):
    """CUmemLocation."""

    _fields_ = [("type", ctypes.c_int), ("id", ctypes.c_int)]


class _Properties(ctypes.Structure):
    """CUmemAllocationProp."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("requested_handle_types", ctypes.c_int),
        ("location", _Location),
        ("win32_handle_metadata", ctypes.c_void_p),
        ("flags", ctypes.c_ubyte * 8),
    ]


class _Access(ctypes.Structure):
    """CUmemAccessDesc."""

    _fields_ = [("location", _Location), ("flags", ctypes.c_int)]


class CudaError(RuntimeError):
    """A call of the driver's failed."""


class _Driver:
    """libcuda, with the primary context of a device, which becomes the current one."""

    def __init__(self, device: int):
        self._library = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", ctypes.c_uint(0))
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), ctypes.c_int(device))
        self.call("cuCtxSetCurrent", context)

    def call(self, name: str, *arguments: object) -> None:
        """Raises `CudaError` unless the function *name* returns CUDA_SUCCESS."""
        if code := getattr(self._library, name)(*arguments):
            text = ctypes.c_char_p()
            self._library.cuGetErrorName(code, ctypes.byref(text))
            raise CudaError(f"{name}: {(text.value or b'unknown error').decode()} ({code})")


_drivers: dict[int, _Driver] = {}


def driver(device: int = 0) -> _Driver:
    """The driver, with the primary context of *device*."""
    if device not in _drivers:
        _drivers[device] = _Driver(device)
    return _drivers[device]


def synchronize() -> None:
    """Waits for the device; raises `CudaError` if a kernel has failed."""
    driver().call("cuCtxSynchronize")


class GuardedMemory:
    """At least *size* bytes of memory on *device*, with a granule of unmapped addresses on both sides."""

    def __init__(self, size: int, device: int = 0):
        self._driver = driver(device)
        location = _Location(_DEVICE, device)
        properties = _Properties(type=_PINNED, location=location)
        granule = ctypes.c_size_t()
        self._call("cuMemGetAllocationGranularity", ctypes.byref(granule), ctypes.byref(properties), ctypes.c_int(0))
        self._guard = granule.value
        #: In bytes.
        self.size = -(-size // granule.value) * granule.value
        self._handle, reserved = ctypes.c_uint64(), ctypes.c_uint64()
        none, whole = ctypes.c_uint64(0), ctypes.c_size_t(self.size)
        self._call("cuMemCreate", ctypes.byref(self._handle), whole, ctypes.byref(properties), none)
        self._call(
            "cuMemAddressReserve", ctypes.byref(reserved), ctypes.c_size_t(self.size + 2 * self._guard), ctypes.c_size_t(0),
            none, none,
        )  # fmt: skip
        #: Of its first byte, a multiple of the granule.
        self.address = reserved.value + self._guard
        start = ctypes.c_uint64(self.address)
        self._call("cuMemMap", start, whole, ctypes.c_size_t(0), self._handle, none)
        access = _Access(location, _READ_AND_WRITE)
        self._call("cuMemSetAccess", start, whole, ctypes.byref(access), ctypes.c_size_t(1))

    def _call(self, name: str, *arguments: object) -> None:
        self._driver.call(name, *arguments)

    def write(self, data: bytes) -> None:
        """Replaces its content by *data*, which has to be as long."""
        if len(data) != self.size:
            raise ValueError(f"{len(data)} bytes for a memory of {self.size}")
        self._call("cuMemcpyHtoD_v2", ctypes.c_uint64(self.address), ctypes.c_char_p(data), ctypes.c_size_t(self.size))

    def read(self) -> bytes:
        """Its content, after all that was launched before."""
        data = ctypes.create_string_buffer(self.size)
        self._call("cuMemcpyDtoH_v2", data, ctypes.c_uint64(self.address), ctypes.c_size_t(self.size))
        return data.raw

    def close(self) -> None:
        """Gives memory and addresses back."""
        start = ctypes.c_uint64(self.address)
        self._call("cuMemUnmap", start, ctypes.c_size_t(self.size))
        self._call("cuMemRelease", self._handle)
        reserved = ctypes.c_uint64(self.address - self._guard)
        self._call("cuMemAddressFree", reserved, ctypes.c_size_t(self.size + 2 * self._guard))

    def __enter__(self) -> "GuardedMemory":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
