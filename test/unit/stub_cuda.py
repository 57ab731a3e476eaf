# SPDX-License-Identifier: MIT
"""The stub libcuda.so.1 (test/stub_cuda/) from Python: builds and loads it, sets it up, and reads what it has recorded.

    stub = stub_cuda.load()
    stub.reset(devices=2)
    ...
    assert [launch.grid for launch in stub.launches()] == [(4, 1, 1)]

The library is loaded for the whole process, under its soname, so that whoever asks for libcuda.so.1 later gets it. With no
device, as it is at first, it does not disturb: `cuInit` answers that there is none.
"""

import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import triton
from triton.backends.nvidia import driver as nvidia

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "test" / "stub_cuda"
BUILD = ROOT / "build" / "stub_cuda"

#: Codes of CUDA errors that tests plan.
INVALID_VALUE, OUT_OF_MEMORY, INVALID_CONTEXT, INVALID_HANDLE, ILLEGAL_ADDRESS = 1, 2, 201, 400, 700

#: Launch attributes, as `Launch.attributes` has them.
COOPERATIVE, CLUSTER_DIMENSION, CLUSTER_SCHEDULING, PROGRAMMATIC_SERIALIZATION, SHARED_MEMORY_MODE = 2, 4, 5, 6, 18


class Launch(NamedTuple):
    """One launch that the driver accepted. *shared* is in bytes; *params* has the bytes of each kernel parameter."""

    function: str
    device: int
    context: int
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    stream: int
    #: (id, value) of each launch attribute, sorted: a value of four bytes as an int, others as bytes.
    attributes: tuple[tuple[int, int | bytes], ...]
    params: tuple[bytes, ...]


class Stub:
    """The loaded library. Its state is the process's: `reset` before use."""

    def __init__(self, path: Path):
        self.path = path
        self._library = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        self._library.stubRead.restype = ctypes.c_char_p
        self._library.stubHostMemory.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int, ctypes.c_uint64]
        self._library.stubFail.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_long]
        self._library.stubSetLaunchTime.argtypes = [ctypes.c_long]
        self._capturing = False

    def reset(self, devices: int = 1, capability: int = 90) -> None:
        """Begins anew with this many devices of one compute capability: no context, log, counter, failure or range is left.

        Modules that are still loaded are forgotten: launching their functions fails, unloading them does not.
        """
        self._capturing = False
        self._library.stubReset(devices, capability)

    def forget(self) -> None:
        """Drops plans and the log of launches; devices, contexts, modules, counters and ranges stay."""
        self.capturing = False
        self._library.stubForget()

    def launches(self) -> list[Launch]:
        """The launches since the last time, which are forgotten then."""
        return [_parse_launch(line) for line in self._read("launches")]

    def calls(self) -> Counter[str]:
        """How often each function of the driver was called since `reset`."""
        return Counter({name: int(count) for name, count in map(str.split, self._read("calls"))})

    def fail(self, call: str, code: int, after: int = 0) -> None:
        """Plans that *call* returns *code* once, after *after* calls that go on as usual. Several plans follow each other."""
        if not self._library.stubFail(call.encode(), code, after):
            raise ValueError(f"the stub has no text for CUDA error {code}")

    def launches_take(self, seconds: float) -> None:
        """Makes each launch take this long, until `reset` or `forget`."""
        self._library.stubSetLaunchTime(int(seconds * 1e6))

    def host_memory(self, start: int, end: int) -> None:
        """Makes the addresses from *start* up to *end* host memory, which has no address on the device."""
        self._library.stubHostMemory(start, end, 0, 0)

    def mapped_memory(self, start: int, end: int, device_address: int) -> None:
        """Makes the addresses from *start* up to *end* host memory that the device sees at *device_address*."""
        self._library.stubHostMemory(start, end, 1, device_address)

    @property
    def capturing(self) -> bool:
        """Whether every stream is being captured."""
        return self._capturing

    @capturing.setter
    def capturing(self, value: bool) -> None:
        self._capturing = value
        self._library.stubSetCapturing(int(value))

    @property
    def broken_captures(self) -> list[str]:
        """The calls that would have ended a capture: loading or unloading in a thread that is not in relaxed mode."""
        return self._read("captures")

    @property
    def modules(self) -> set[int]:
        """The handles of the modules that are loaded."""
        return {int(line) for line in self._read("modules")}

    def handles(self) -> dict[str, float]:
        """How many modules are loaded, and how often primary contexts are retained."""
        return {kind: len(self._read(kind)) for kind in ("modules", "contexts")}

    def _read(self, what: str) -> list[str]:
        return self._library.stubRead(what.encode()).decode().splitlines()

    @contextmanager
    def process_without_torch(self) -> Iterator[None]:
        """Drivers that are made in here use this library's devices and not PyTorch's, and find it when they link.

        What they compile is kept beside the library, so that it is compiled once and not for each test.
        """
        torch = sys.modules.pop("torch", None)
        variables = {"TRITON_LIBCUDA_PATH": str(self.path.parent), "TRITON_CACHE_DIR": str(self.path.parent / "cache")}
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        nvidia.libcuda_dirs.cache_clear()
        nvidia.library_dirs.cache_clear()
        try:
            yield
        finally:
            nvidia.libcuda_dirs.cache_clear()
            nvidia.library_dirs.cache_clear()
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
            if torch is not None:
                sys.modules["torch"] = torch

    def in_tree_driver(self) -> nvidia.CudaDriver:
        """Triton's own driver for the devices of this library."""
        with self.process_without_torch():
            return nvidia.CudaDriver()


def load() -> Stub:
    """The stub, built and loaded, without devices. Skips the test if that cannot be: no compiler, or a real driver is there."""
    stub = _load()
    if isinstance(stub, str):
        pytest.skip(stub)
    stub.reset(devices=0)
    return stub


@cache
def _load() -> Stub | str:
    loaded = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libcuda.so" in line}
    if loaded:
        return f"another CUDA driver is loaded: {', '.join(sorted(loaded))}"
    try:
        return Stub(build())
    except FileNotFoundError as error:
        return str(error)


def build() -> Path:
    """The path of the library, built if it is not there or older than its source. Raises if there is no C++ compiler."""
    library = BUILD / "libcuda.so.1"
    sources = [SOURCES / "stub.cpp", SOURCES / "exports.map"]
    if library.exists() and all(library.stat().st_mtime > source.stat().st_mtime for source in sources):
        return library
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")
    if not compiler:
        raise FileNotFoundError("no C++ compiler to build the stub CUDA driver with")
    BUILD.mkdir(parents=True, exist_ok=True)
    include = Path(triton.__file__).parent / "backends" / "nvidia" / "include"
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        output = Path(folder) / library.name
        flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", f"-isystem{include}"]
        link = [f"-Wl,-soname,{library.name}", f"-Wl,--version-script={sources[1]}", "-ldl"]
        subprocess.run([compiler, *flags, str(sources[0]), *link, "-o", str(output)], check=True)
        output.replace(library)
    return library


def fake_cubin(
    name: str,
    sizes: list[int],
    registers: int = 16,
    spills: int = 0,
    max_threads: int = 1024,
    shared: int = 0,
    sections: list[list[int]] | None = None,
) -> bytes:
    """What the stub loads as a module with one kernel. *sizes* has the bytes of each parameter, both scratch pointers included;
    *spills* counts registers, *shared* is static shared memory in bytes. More *sections* of the kernel's name may say other sizes."""
    fields = ["GRAFT-STUB", name, registers, spills, max_threads, shared, *sizes]
    return _with_headers(" ".join(map(str, fields)).encode() + b"\0", name, [*(sections or ()), sizes])


def _with_headers(text: bytes, name: str, sections: list[list[int]]) -> bytes:
    """*text* as a cubin whose headers tell the parameters of its kernel, as `triton.backends.graft.runtime.cubin` reads them."""
    infos = [
        b"".join(struct.pack("<BBHIHHI", 4, 0x17, 12, 0, place, 0, size << 18) for place, size in enumerate(sizes))
        for sizes in sections
    ]
    section, names = f".nv.info.{name}".encode(), f"\0.shstrtab\0.text.{name}\0".encode()
    strings = names + section + b"\0"
    offset, rows = 64 + len(text), [struct.pack("<IIQQQQIIQQ", *[0] * 10)]
    # The kernel's code is the third section: the others tell of it.
    places = [(1, 3, 0, strings), (names.index(b".text."), 1, 0, b""), *((len(names), 0x70000000, 2, info) for info in infos)]
    for at, kind, about, content in places:
        rows.append(struct.pack("<IIQQQQIIQQ", at, kind, 0, 0, offset, len(content), 0, about, 1, 0))
        offset += len(content)
    contents = [strings, *infos]
    header = b"\x7fELF\2\1" + bytes(12) + struct.pack("<H", 190) + bytes(20) + struct.pack("<Q", offset) + bytes(10)
    return header + struct.pack("<3H", 64, len(rows), 1) + text + b"".join(contents) + b"".join(rows)


def _parse_launch(line: str) -> Launch:
    head, attributes, params = line.split("|")
    function, *numbers = head.split()
    device, context, *dims, shared, stream = map(int, numbers)
    values = [(int(key), bytes.fromhex(value)) for key, value in (item.split(":") for item in attributes.split())]
    return Launch(
        function,
        device,
        context,
        (dims[0], dims[1], dims[2]),
        (dims[3], dims[4], dims[5]),
        shared,
        stream,
        tuple(sorted((key, int.from_bytes(value, "little") if len(value) == 4 else value) for key, value in values)),
        tuple(map(bytes.fromhex, params.split())),
    )
