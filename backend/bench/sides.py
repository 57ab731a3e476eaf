# SPDX-License-Identifier: MIT
"""The sides of the launch benchmark: everything that can launch the kernel of a row.

A side turns a row into a loop, which makes a number of launches and returns how many seconds they took. What the side does
once for a kernel, such as loading it or converting arguments to its own types, is done before the loop.
"""

from __future__ import annotations

import functools
import importlib
import struct
import tempfile
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import triton
from triton.backends.nvidia import driver as nvidia
from triton.runtime import build
from triton.tools.tensor_descriptor import TensorDescriptor

from .around import AROUND, Loop, SkipError, set_allocator
from .machines import Machine, Tensors
from .rows import Row
from .wrappers import WRAPPERS, Nothing

GRID = (1, 1, 1)


class Case:
    """One row on one machine: the kernel, its arguments, and what Triton compiles for them."""

    def __init__(self, row: Row, machine: Machine, tensors: Tensors):
        self.row, self.machine = row, machine
        self.kernel = getattr(importlib.import_module(".empty_kernels", __package__), row.kernel)
        #: The arguments by parameter, in order, without constexprs.
        described = lambda: describe(tensors.make())  # noqa: E731
        make = {"tensor": tensors.make, "descriptor": described, "new descriptor": described}
        self.values = {name: make[value]() if isinstance(value, str) else value for name, value in row.arguments.items()}

    @functools.cached_property
    def compiled(self) -> Any:
        """The kernel as Triton's own path compiles and loads it."""
        with self.machine.active("triton"):
            if self.row.around == "allocator":
                set_allocator(self.values)
            return self.kernel[GRID](**self.values, **self.row.constexprs)

    @property
    def device(self) -> int:
        return self.machine.drivers["triton"].get_current_device()

    @property
    def stream(self) -> int:
        """The handle of the current stream."""
        return self.machine.drivers["triton"].get_current_stream(self.device)

    @property
    def block(self) -> tuple[int, int, int]:
        metadata = self.compiled.metadata
        return metadata.num_warps * metadata.warp_size, 1, 1

    def convert(self, pointer: Callable[[Any], Any], **scalars: Callable[[Any], Any]) -> list[Any]:
        """The parameters of the compiled kernel, as another library takes them: *scalars* by type, all others are pointers. The
        last two are pointers to scratch memory."""
        return [scalars.get(type_, pointer)(value) for type_, value in self._parameters()] + [pointer(None)] * 2

    def _parameters(self) -> Iterator[tuple[str, Any]]:
        """The type and value of each parameter, descriptors taken apart."""
        types, maps = self.compiled.src.signature, iter(self.compiled.metadata.tensordesc_meta or ())
        for name, value in self.values.items():
            if isinstance(value, TensorDescriptor):
                rank = len(value.shape)
                yield from zip(
                    ["map"] + ["i32"] * rank + ["i64"] * rank,
                    native("kernel_launcher").describe_tensor(value, next(maps), None),
                    strict=True,
                )
            elif types[name] != "constexpr":  # as 1 is
                yield types[name], value


def describe(tensor: Any) -> TensorDescriptor:
    """A descriptor of *tensor*, which has 1024 elements, as a matrix."""
    return TensorDescriptor(tensor, [32, 32], [32, 1], [16, 32])


def address_of(value: Any) -> int:
    """Where the tensor *value* is, or 0 for None."""
    return 0 if value is None else value.data_ptr()


def python_loop(call: str, names: dict[str, Any]) -> Loop:
    """A loop over the Python expression *call*, in which *names* are local variables, as in a function that launches.

    The garbage collector is off while it runs: when it would run depends on what the other sides leave behind.
    """
    setup = f"({', '.join(names)},) = values"
    return timeit.Timer(call, setup, globals={"values": tuple(names.values())}).timeit


def native(module: str = "_launcher") -> Any:
    """The launcher's extension, or its Python side."""
    try:
        return importlib.import_module(f"..launch.{module}", __package__)
    except ImportError as error:
        raise SkipError(f"the native launcher cannot be loaded ({error})") from None


# -- The sides


def prepare_c_loop(case: Case) -> Loop:
    """cuLaunchKernelEx in a C loop: what the driver itself takes."""
    source = (Path(__file__).parent / "floor.c").read_text()
    floor = build.compile_module_from_src(source, "floor", include_dirs=nvidia.include_dirs)
    formats = {"i32": "<i", "i64": "<q", "fp32": "<f"}
    params = case.convert(
        lambda value: struct.pack("<Q", address_of(value)),
        map=bytes,
        **{type_: functools.partial(struct.pack, form) for type_, form in formats.items()},
    )
    function, shared = case.compiled.function, case.compiled.metadata.shared
    return functools.partial(floor.measure, function, GRID, case.block, shared, case.stream, params)


def prepare_subscript(case: Case) -> Loop:
    """`kernel[grid](...)`, under whichever driver is active, or what wraps it."""
    if case.row.wrapper:
        return prepare_wrapper(case, case.kernel)
    row, names = case.row, dict[str, Any](case.values)
    written = list(names)
    for name, kind in row.arguments.items():
        if kind == "new descriptor":
            names[name] = names[name].base
            written[written.index(name)] = f"describe({name})"
    arguments = ", ".join([*written, *(f"{name}={value}" for name, value in row.constexprs.items())])
    names |= {"kernel": case.kernel, "grid": row.grid, "cdiv": triton.cdiv, "describe": describe}
    loop = python_loop(f"kernel[{row.new_grid or 'grid'}]({arguments})", names)
    return AROUND[row.around](loop, case.values) if row.around else loop


def prepare_wrapper(case: Case, kernel: Any) -> Loop:
    """A function of PyTorch's that launches *kernel*."""
    x = case.values["x"]
    if type(x).__module__.partition(".")[0] != "torch":
        raise SkipError("the arguments are not PyTorch tensors")
    return python_loop("call(x)", {"call": WRAPPERS[case.row.wrapper](kernel), "x": x})


def prepare_nothing(case: Case) -> Loop:
    """The same function around a launch that does nothing."""
    return prepare_wrapper(case, Nothing())


def prepare_graft(case: Case) -> Loop:
    """Ours: `kernel[grid](...)`, or a frozen launch."""
    launcher, row = native("launcher"), case.row
    if not row.vary:
        return prepare_subscript(case)
    frozen = launcher.freeze(
        case.kernel, row.grid, *case.values.values(), **row.constexprs, vary=row.vary, hold_gil=row.hold_gil
    )
    varying = {name: case.values[name] for name in row.vary}
    return python_loop(f"launch({', '.join(varying)})", {"launch": frozen, **varying})


def prepare_compiled(case: Case) -> Loop:
    """Triton's `CompiledKernel[grid](...)`, which takes constexprs by position and looks nothing up."""
    arguments = ", ".join([*case.values, *map(str, case.row.constexprs.values())])
    return python_loop(f"compiled[grid]({arguments})", {"compiled": case.compiled, "grid": GRID, **case.values})


def prepare_torch(case: Case) -> Loop:
    """What PyTorch's Inductor launches its Triton kernels with."""
    try:
        runtime = importlib.import_module("torch._inductor.runtime.static_triton_launcher")
    except ModuleNotFoundError:  # its earlier name
        runtime = importlib.import_module("torch._inductor.runtime.static_cuda_launcher")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(case.compiled.asm["cubin"])
        case.compiled._cubin_path = str(path)  # where Inductor puts it
        static = runtime.StaticallyLaunchedCudaKernel(case.compiled)
        static.load_kernel(case.device)
    call = f"run(1, 1, 1, stream, {', '.join(case.values)})"
    return python_loop(call, {"run": static.run, "stream": case.stream, **case.values})


def prepare_cuda_core(case: Case) -> Loop:
    """`cuda.core`'s launch, with pointers as ints and scalars as NumPy's."""
    numpy = importlib.import_module("numpy")
    core = importlib.import_module("cuda.core")
    if not hasattr(core, "launch"):
        core = importlib.import_module("cuda.core.experimental")
    device = core.Device(case.device)
    device.set_current()
    code = core.ObjectCode.from_cubin(case.compiled.asm["cubin"])
    params = {f"p{i}": value for i, value in enumerate(case.convert(address_of, i32=numpy.int32, fp32=numpy.float32))}
    config = core.LaunchConfig(grid=GRID, block=case.block, shmem_size=case.compiled.metadata.shared)
    names = {"launch": core.launch, "stream": device.default_stream, "config": config, "code": code, **params}
    names["kernel"] = code.get_kernel(case.compiled.name)
    return python_loop(f"launch(stream, config, kernel, {', '.join(params)})", names)


def prepare_graph(case: Case) -> Loop:
    """Replaying a CUDA graph that has captured the launch, by PyTorch."""
    torch = importlib.import_module("torch")
    case.kernel[GRID](**case.values, **case.row.constexprs)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        case.kernel[GRID](**case.values, **case.row.constexprs)
    return python_loop("replay()", {"replay": graph.replay})


def prepare_tvm_ffi(case: Case) -> Loop:
    """TVM-FFI's call of a function that does nothing with the first three arguments: what it takes beside any launch."""
    nothing = importlib.import_module("tvm_ffi").get_global_func("testing.nop")
    names = dict(zip("abc", case.values.values(), strict=False))
    return python_loop(f"nothing({', '.join(names)})", {"nothing": nothing, **names})


def prepare_cupy(case: Case) -> Loop:
    """CuPy's RawKernel, with CuPy's arrays and scalars as NumPy's."""
    numpy, cupy = importlib.import_module("numpy"), importlib.import_module("cupy")
    values = case.convert(
        lambda value: numpy.uint64(0) if value is None else cupy.asarray(value), i32=numpy.int32, fp32=numpy.float32
    )
    params = {f"p{i}": value for i, value in enumerate(values)}
    call = f"kernel(grid, block, ({', '.join(params)}), shared_mem=shared)"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(case.compiled.asm["cubin"])
        kernel = cupy.RawModule(path=str(path)).get_function(case.compiled.name)
        names = {"kernel": kernel, "grid": GRID, "block": case.block, "shared": case.compiled.metadata.shared, **params}
        loop = python_loop(call, names)
        loop(1)  # reads the file
    return loop


class Side(NamedTuple):
    """One way to launch. *driver* is the one that is active meanwhile."""

    name: str
    label: str
    driver: str
    prepare: Callable[[Case], Loop]
    is_foreign: bool = False
    """Whether the library may be missing, or of a version that does it otherwise."""


SIDES = {
    side.name: side
    for side in (
        Side("c-loop", "C loop", "triton", prepare_c_loop),
        Side("nothing", "nothing", "triton", prepare_nothing),
        Side("graft", "graft", "graft", prepare_graft),
        Side("triton", "Triton", "triton", prepare_subscript),
        Side("compiled", "CompiledKernel[grid]", "triton", prepare_compiled),
        Side("torch", "torch static launcher", "triton", prepare_torch, is_foreign=True),
        Side("cuda-core", "cuda.core launch", "triton", prepare_cuda_core, is_foreign=True),
        Side("cupy", "CuPy RawKernel", "triton", prepare_cupy, is_foreign=True),
        Side("graph", "CUDA graph replay", "triton", prepare_graph, is_foreign=True),
        Side("tvm-ffi", "TVM-FFI, no launch", "triton", prepare_tvm_ffi, is_foreign=True),
    )
}

#: Sides that a stub of libcuda, which knows Triton's calls only, is enough for.
STUB_SIDES = ("c-loop", "nothing", "graft", "triton", "compiled")


def prepare(side: Side, case: Case) -> Loop:
    """The loop of *side*, which has made its first launches. Raises `SkipError` if a library for it is not here or unlike."""
    try:
        with case.machine.active(side.driver):
            loop = side.prepare(case)
            loop(3)
            case.machine.synchronize()
    except SkipError:
        raise
    except Exception as error:
        if not side.is_foreign:
            raise
        raise SkipError(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}") from None
    return loop
