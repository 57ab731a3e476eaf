# SPDX-License-Identifier: MIT
"""One process of `bench startup`: launches each kernel of a file once, in one way, and prints when the last launch had returned.

`python startup_child.py WAY KERNELS BUNDLE STUB`, run as a script, as the static runtime is to be measured without what a package
would import. WAY: "triton", "torch" and "graft" (a warm cache), "load", "static", "record" (which writes BUNDLE), or "cuda", which
launches nothing. STUB: a libcuda.so.1 to use instead of the machine's, or nothing.
"""

import ctypes
import json
import os
import sys
import time
from typing import NoReturn

BUFFER_BYTES = 16 << 20
#: The exit status if there is no CUDA device. Standard error has the reason in one line.
NO_DEVICE = 3
LENGTH, BLOCK = 1000, 128


class Buffer:
    """About the least that Triton takes for a tensor of fp32 on the device."""

    dtype = "float32"

    def __init__(self, address: int):
        self._address = address

    def data_ptr(self) -> int:
        return self._address


def open_cuda(stub: str) -> ctypes.CDLL:
    """The CUDA driver, ready for use on device 0."""
    # By its soname a stub is found by whoever opens libcuda.so.1 from here on.
    try:
        cuda = ctypes.CDLL(os.path.abspath(stub) if stub else "libcuda.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        end_without_device(str(error))
    if stub:
        cuda.stubReset(1, 90)
    device, context = ctypes.c_int(), ctypes.c_void_p()
    if status := cuda.cuInit(0):
        end_without_device(f"cuInit returns {status}")
    check(cuda.cuDeviceGet(ctypes.byref(device), 0))
    check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    check(cuda.cuCtxSetCurrent(context))
    return cuda


def end_without_device(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    sys.exit(NO_DEVICE)


def check(status: int) -> None:
    if status != 0:
        sys.exit(f"the CUDA driver has refused a call with status {status}")


def make_buffers(cuda: ctypes.CDLL, stub: str) -> list[Buffer]:
    """Memory on the device for input and output."""
    if stub:
        return [Buffer(0x7F00_0000_0000), Buffer(0x7F10_0000_0000)]
    addresses = [ctypes.c_uint64(), ctypes.c_uint64()]
    for address in addresses:
        check(cuda.cuMemAlloc_v2(ctypes.byref(address), ctypes.c_size_t(BUFFER_BYTES)))
    return [Buffer(address.value) for address in addresses]


def load_kernels(path: str) -> list:
    """The kernels of the Python file *path*, by name."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("bench_kernels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_kernels"] = module
    spec.loader.exec_module(module)
    return [value for name, value in sorted(vars(module).items()) if name.startswith("kernel_")]


def launch_all(kernels: list, buffers: list[Buffer]) -> None:
    for kernel in kernels:
        kernel[(1,)](*buffers, LENGTH, BLOCK=BLOCK)


def run_triton(way: str, path: str, bundle: str, buffers: list[Buffer]) -> int:
    """Launches by way of Triton; returns how many kernels were compiled."""
    if way == "torch":
        import torch  # noqa: F401 - what it takes is part of what such a program takes
    import triton

    compiled: list[str] = []
    if way == "load":
        os.environ["GRAFT_CACHE"] = "require"  # what is not in the bundle is an error; a listener would have files written
    else:
        triton.knobs.compilation.listener = lambda *, src, cache_hit, **_: None if cache_hit else compiled.append(src.name)
    if way in ("triton", "torch"):
        from triton.backends.nvidia.driver import CudaDriver as Driver
    else:
        from triton.backends.graft.driver import Driver  # type: ignore[assignment]
    triton.runtime.driver.set_active(Driver())
    kernels = load_kernels(path)
    if way == "record":
        from triton.backends.graft.bundle import record

        with record() as recording:
            launch_all(kernels, buffers)
        recording.save(bundle)
        return 0
    if way == "load":
        from triton.backends.graft.bundle import load

        load(bundle)
    launch_all(kernels, buffers)
    return len(compiled)


def run_static(bundle: str, buffers: list[Buffer]) -> None:
    from triton_graft_runtime import Bundle

    kernels = Bundle(bundle)
    launch_all([kernels[name] for name in sorted(kernels)], buffers)
    if "triton" in sys.modules or "torch" in sys.modules:
        sys.exit("the static runtime has imported Triton or PyTorch")


def main(way: str, path: str, bundle: str, stub: str) -> None:
    start = time.time()
    cuda = open_cuda(stub)
    ready = time.time()
    buffers = make_buffers(cuda, stub)
    compiled = 0
    if way == "static":
        run_static(bundle, buffers)
    elif way != "cuda":
        compiled = run_triton(way, path, bundle, buffers)
    end = time.time()
    if not stub:
        check(cuda.cuCtxSynchronize())
    print(json.dumps({"end": end, "cuda": ready - start, "compiled": compiled}))


if __name__ == "__main__":
    main(*sys.argv[1:])
