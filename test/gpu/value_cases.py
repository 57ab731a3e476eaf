# SPDX-License-Identifier: MIT
"""Random launches on a CUDA device: what kernels find in their arguments, with Triton's in-tree driver and with ours.

    python test/gpu/value_cases.py --seed 17                  # one case; if it differs, its fewest steps
    python test/gpu/value_cases.py --seed 0 --cases 2000      # many, beginning with seed 0

Cases are those of test/unit/launch_cases.py, except that kernels are compiled for real and store what they are given: how
often they ran, their grid, and of each argument its type, its value and what it points to.
"""

import argparse
import ast
import contextlib
import gc
import os
import random
import re
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from triton.backends.graft.cache import readset
from triton.backends.graft.compiler import Options
from triton.backends.graft.driver import Driver
from triton.backends.graft.launch import launcher
from triton.backends.nvidia.compiler import CUDAOptions
from triton.backends.nvidia.driver import CudaDriver
from triton.language.core import builtin, tensor_descriptor_base
from triton.tools.tensor_descriptor import TensorDescriptor

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import launch_cases
from launch_cases import CHANGES, Param
from launch_sides import HELPERS_SOURCE, Callbacks, Case, Comparison, Failure, Observation, Side, Switches, shared_descriptors
from launch_values import HOST, MAPPED, MAPPED_END, Pointer, show

# -- What kernels store


def _value_of(x: Any) -> Any:
    return x.value if isinstance(x, tl.constexpr) else x


@builtin
def kind_of(x, _semantic=None):
    """What is to be done with the argument *x* of a kernel."""
    if isinstance(x, tl.tensor):
        return tl.constexpr("pointer" if x.dtype.is_ptr() else "float" if x.dtype.is_floating() else "integer")
    if isinstance(x, tl.tuple):
        return tl.constexpr("tuple")
    if isinstance(x, tensor_descriptor_base):
        return tl.constexpr("descriptor")
    return tl.constexpr("function" if isinstance(_value_of(x), triton.JITFunction) else "constant")


@builtin
def tag_of(x, _semantic=None):
    """A number for the type of the argument *x*, and for the value if it is compiled in."""
    value = _value_of(x)
    if isinstance(value, triton.JITFunction):
        text = value.__name__
    elif isinstance(x, tl.constexpr):
        text = show(value)
    else:
        text = f"{type(x).__name__}: {x.type}"
    return tl.constexpr(zlib.crc32(text.encode()))


@builtin
def origin_of(x, _semantic=None):
    """The offsets of the first block of a tensor descriptor."""
    return (0,) * len(x.block_shape)


@builtin
def bytes_of(x, _semantic=None):
    """The pointer *x* as one to bytes."""
    return x.to(tl.pointer_type(tl.int8, x.dtype.address_space, x.dtype.is_const()), _semantic=_semantic)


#: How many numbers an argument may take: with tuples of four in tuples of four in tuples of four.
ROOM = 255


@triton.jit
def store_grid(out):
    """Counts the programs and stores the grid, in the first four numbers."""
    tl.atomic_add(out, 1)
    for axis in tl.static_range(3):
        tl.store(out + 1 + axis, tl.num_programs(axis))


@triton.jit
def store_argument(out, place: tl.constexpr, room: tl.constexpr, x):
    """Stores what *x* is at *place*, and then what is in it. Addresses that no memory of ours has are not followed."""
    tl.store(out + place, tag_of(x))
    if kind_of(x) == "tuple":
        for i in tl.static_range(len(x)):
            store_argument(out, place + 3 + i * ((room - 3) // 4), (room - 3) // 4, x[i])
    elif kind_of(x) == "pointer":
        address = x.to(tl.int64)
        known = (address > 2**32) & (address < 2**56)
        tl.store(out + place + 1, address)
        tl.store(out + place + 2, tl.load(bytes_of(x), mask=known, other=0))
    elif kind_of(x) == "integer":
        tl.store(out + place + 1, x.to(tl.int64))
    elif kind_of(x) == "float":
        tl.store(out + place + 1, x.to(tl.float64).to(tl.int64, bitcast=True))
    elif kind_of(x) == "function":
        tl.store(out + place + 1, x(5))
    elif kind_of(x) == "descriptor":
        tl.store(out + place + 1, tl.sum(x.load(origin_of(x)).to(tl.float32)).to(tl.int64))


# -- What kernels are given


class Tensors:
    """Tensors by name, and memory behind the addresses that cases make up. Nothing but `reset_to_zero` writes to them."""

    def __init__(self, device: str = "cuda"):
        numbers = torch.arange(2048)
        self.f32 = base = numbers.to(device, torch.float32)
        for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16), ("i64", torch.int64), ("i8", torch.int8)):
            setattr(self, name, (numbers % 100 + 1).to(device, dtype))
        self.u8, self.bool = (numbers % 200).to(device, torch.uint8), (numbers % 3 == 0).to(device)
        self.empty, self.scalar, self.strided = base[:0].clone(), base[3].clone(), base[::2]
        self.offset, self.misaligned, self.size = base[4:], base[1:], torch.Size([3, 2])
        self.parameter = torch.nn.Parameter(base.clone())
        self.detached, self.wrapped = self.parameter.detach(), triton.reinterpret(base, tl.float16)
        self.host, self.pinned = numbers.to(torch.float32), numbers.to(torch.float32).pin_memory()
        self.view, self.bytes, self.fp8 = base.view(32, 64).t(), base.view(torch.int8)[1:], self.u8.view(torch.float8_e5m2)
        with torch.inference_mode():
            self.inference = base * 2

    def address(self, number: int) -> int:
        """The address of real memory of the same kind and alignment as the made-up address *number* has on the stub."""
        if not 0 < number < 2**64:
            return number
        if HOST <= number < MAPPED:
            return self.host.data_ptr() + number % 64
        memory = self.pinned if MAPPED <= number < MAPPED_END else self.i64
        return memory.data_ptr() + number % 4096

    def descriptor(self, address: int, shape: list[int], block: list[int]) -> TensorDescriptor:
        """A tensor descriptor of a row-major fp16 array."""
        strides = [1]
        for size in reversed(shape[1:]):
            strides.insert(0, size * strides[0])
        return TensorDescriptor(self.f16[address // 16 % 8 * 8 :], shape, strides, block)

    def pointer(self, base: type[Pointer]) -> type[Pointer]:
        """*base* for real memory instead of made-up addresses."""

        tensors = self

        class RealPointer(base):
            def __init__(self, address: int, dtype: str):
                super().__init__(tensors.address(address), dtype)

        return RealPointer


#: Tensors that only a device or only PyTorch has, which take the places of others now and then.
OTHER_TENSORS = ("host", "pinned", "view", "bytes", "fp8", "inference")


# -- Cases

#: Grids that would take the device too long.
TOO_LARGE = ("2**31 - 1", "65536, 65535", "65535, 65535", "65536, 65536")
#: What may be such a grid, and streams that would crash the process; and what stands for them.
REPLACED = (
    (r"lambda meta: \((meta\[.*?\]),\)", r"lambda meta: (small(\1),)"),
    (r"stream=0x44", "stream=0"),
    (r"last\.run\(3, 1, 1, 5,", "last.run(3, 1, 1, 0,"),
)
#: Changes that are the stub's, or that would have kernels do something else than store their arguments.
LEFT_OUT = re.compile(r"^(FAKE|stub|set_device)|instrumentation_mode = '(fp|con)san'")


def compilable(param: Param) -> Param:
    """*param* with an annotation and a default that a real compiler takes."""
    annotation = {"bool": "tl.int1", "object": "", "list": "", "'void'": ""}.get(param.annotation, param.annotation)
    default = param.default
    if default is not None and not re.fullmatch(r"-?\d+(\.\d+)?", default):
        numbers = {"constexpr": "2", "int64s": "3", "naturals": "3", "floats": "0.5", "bools": "True"}
        default = numbers.get(param.kind, "None")
    return param._replace(annotation=annotation, default=default)


def make_source(rng: random.Random, params: list[Param], tuned: str) -> str:
    """The source of a kernel that stores its arguments to its first parameter `out`, and sometimes a global."""
    params = [Param("out", "positional", "", None, "tensors", ("out",)), *params]
    names = [param.name for param in params]
    constexprs = {param.name for param in params if param.kind == "constexpr"}

    def without_constexprs(listed: re.Match) -> str:
        named = {entry: names[entry] if isinstance(entry, int) else entry for entry in ast.literal_eval(listed[2])}
        return listed[1] + str([entry for entry, name in named.items() if name not in constexprs])

    lines = launch_cases.make_source(rng, params, tuned).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("def kernel("))
    lines[:first] = [re.sub(r"(do_not_specialize\w*=)(\[.*?\])", without_constexprs, line) for line in lines[:first]]
    stored = names[1:] + rng.choice([[], [], ["G"], ["helper(G)"], ["helper_2(3)"]])
    body = [f"    store_argument(out, {4 + ROOM * number}, {ROOM}, {name})" for number, name in enumerate(stored)]
    return "\n".join([*lines[: first + 1], "    store_grid(out)", *body, *lines[first + 2 :]])


def small(size: Any) -> Any:
    """*size* for a grid, made smaller if it is large."""
    return size % 1000 if isinstance(size, int) and size > 65536 else size


def make_launch(rng: random.Random, *about: Any) -> str:
    """One step that launches, or nearly; *about* is what `launch_cases.make_launch` takes."""
    step = launch_cases.make_launch(rng, *about)
    while any(text in step for text in TOO_LARGE):
        step = launch_cases.make_launch(rng, *about)
    for pattern, replacement in REPLACED:
        step = re.sub(pattern, replacement, step)
    step = re.sub(r"T\.(?!size)\w+", lambda name: f"T.{rng.choice(OTHER_TENSORS)}" if rng.random() < 0.1 else name[0], step)
    return re.sub(r"(\w+\[.*?\]|\bheld|kernel\.\w+)\((?!\*)", r"\1(out, ", step, count=1)


def make_case(seed: int) -> Case:
    """The case of a seed, the same in every process."""
    rng = random.Random(seed)
    params = [compilable(param) for param in launch_cases.make_params(rng)]
    tuned = rng.choices(["", "heuristics", "autotune", "heuristics autotune"], [80, 8, 9, 3])[0]
    for name, wanted in (("TUNED", "autotune"), ("HEURISTIC", "heuristics")):
        if wanted in tuned:
            params.append(Param(name, "keyword", "tl.constexpr", None, "constexpr", ("16",)))
    source = make_source(rng, params, tuned)
    grids, options = rng.sample(launch_cases.GRIDS, 2), [rng.choice(launch_cases.OPTIONS) for _ in range(2)]
    changes = [change for change in CHANGES if not LEFT_OUT.search(change)]
    busy = rng.choice([0, 0, 0.1, 0.2])
    steps: list[str] = []
    for _ in range(rng.randint(8, 24)):
        if rng.random() < busy:
            steps.append(rng.choice(changes))
        repeated = steps and rng.random() < 0.65 and steps[-1].startswith("kernel[")
        steps.append(steps[-1] if repeated else make_launch(rng, params, tuned, grids, options))
    # A nan that is another object each time does not let the in-tree path find kernels whose constants are merely equal.
    return Case(seed, source.replace("float('nan')", "nan"), tuple(step.replace("float('nan')", "nan") for step in steps))


# -- Running them


class Stored(NamedTuple):
    """What the launches of one step stored: the last one's grid, and numbers by their place, eight bytes each.

    The number at place 0 says how many programs ran. Zeros are left out.
    """

    grid: tuple[int, ...]
    places: tuple[int, ...]
    params: tuple[bytes, ...]


class Buffer:
    """The memory that kernels store to, and streams. It stands where a side of the stub's has the stub, with its launches."""

    def __init__(self, device: str = "cuda"):
        self.out = torch.zeros(4 + 72 * ROOM, dtype=torch.int64, device=device)
        self.streams = torch.cuda.Stream(), torch.cuda.Stream()

    def launches(self) -> list[Stored]:
        """What was stored since the last time."""
        torch.cuda.synchronize()
        stored = self.out.cpu()
        self.out.zero_()
        torch.cuda.synchronize()
        if stored[0] == 0:
            return []
        places = stored.nonzero().flatten()
        numbers = [number.to_bytes(8, "little", signed=True) for number in stored[places].tolist()]
        return [Stored(tuple(stored[1:4].tolist()), tuple(places.tolist()), tuple(numbers))]

    def forget(self) -> None:
        self.launches()


class Compiler:
    """Has Triton compile, and notes what."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.compiled: list[str] = []
        self.number = 0

    def compile(self, src: Any, target: Any = None, options: dict | None = None, _env_vars: Any = None) -> Any:
        """What `triton.compiler.compile` gives, numbered."""
        kernel = _compile(src, target=target, options=options, _env_vars=_env_vars)
        # Triton serves what was compiled from a source that has changed since; that ours does not is tested elsewhere.
        vars(src).pop(readset.REMEMBERED, None)
        self.number += 1
        kernel.number = self.number
        constants = {path: show(value) for path, value in src.constants.items()}
        facts = {name: value for name, value in kernel.metadata._asdict().items() if name not in OUR_METADATA}
        self.compiled.append(f"{self.number} {src.name} {src.signature} {constants} {src.attrs} {facts}")
        return kernel


_compile = triton.compiler.compile
#: What only our kernels have in their metadata, and what says whose they are.
OUR_METADATA = {"hash", "compiler_identity", *(Options.__dataclass_fields__.keys() - CUDAOptions.__dataclass_fields__.keys())}


class DeviceCallbacks(Callbacks):
    """Callbacks that compiling for real can call, too."""

    def names(self) -> dict[str, Callable]:
        return {**super().names(), **{name: self._stages(name) for name in ("stages_a", "stages_b")}}

    def _stages(self, name: str) -> Callable:
        def inspect_stages(*args: Any) -> tuple[str, str]:
            self._note(name, len(args))
            return "key", name

        return inspect_stages


class DeviceSwitches(Switches):
    """The streams are PyTorch's."""

    def set_stream(self, stream: int | None) -> None:
        """Makes one of two streams the current one, or the default stream."""
        torch.cuda.set_stream(torch.cuda.default_stream() if stream is None else self.side.buffer.streams[stream % 64 // 48])


class DeviceSide(Side):
    """One driver and what is needed to run cases with it; *buffer* and *tensors* are those of both sides."""

    def __init__(self, driver: Any, alternate: Any, buffer: Buffer, tensors: Tensors, folder: Path):
        super().__init__(driver, alternate, buffer, folder)
        self.buffer, self.tensors = buffer, tensors

    def _run(self, case: Case) -> list[Observation]:
        self.compiler = Compiler()
        try:
            with self._setting():
                # On disk, kernels of the constants 1 and MyInt(1) are one: who compiles first would decide for both sides.
                os.environ["TRITON_ALWAYS_COMPILE"] = "1"
                names = self._names()
                for stem, source in (("helpers", HELPERS_SOURCE), (f"case_{case.seed}", case.source)):
                    path = self.folder / f"{stem}.py"
                    path.write_text(source)
                    names |= {"__name__": stem, "__file__": str(path)}
                    exec(compile(source, str(path), "exec"), names)
                names["held"] = names["kernel"][(5,)]
                self.kernels = [names[name] for name in ("jit_fn", "helper", "helper_2")]
                return [self._step(step, names) for step in case.steps]
        finally:
            torch.cuda.set_stream(torch.cuda.default_stream())

    def _step(self, step: str, names: dict) -> Observation:
        try:
            seen = super()._step(step, names)
        except Exception as error:
            raise RuntimeError(f"the device failed in the step {step}; nothing more can be run in this process") from error
        return seen._replace(error=re.sub(r"/\S*/tmp\S*", "/tmp...", seen.error))  # files of ptxas

    def _names(self) -> dict[str, Any]:
        names = super()._names()
        pointers = {name: self.tensors.pointer(names[name]) for name in ("ptr", "bad_ptr", "odd_ptr")}
        moving = pointers["ptr"](0x6000, "fp32")
        own = {
            "M": moving,
            "store_grid": store_grid,
            "store_argument": store_argument,
            "out": self.buffer.out,
            "fitting": self._fitting,
        }
        own |= {
            "descriptor": self.tensors.descriptor,
            "small": small,
            "torch": torch,
            **shared_descriptors(self.tensors.descriptor),
        }
        return {**names, **pointers, **own, **DeviceCallbacks(self.log, moving).names(), **DeviceSwitches(self).names()}

    def _fitting(self, kernel: Any) -> list:
        """Arguments for launching a compiled kernel itself."""

        def fit(ty: Any) -> Any:
            if isinstance(ty, tuple):
                return tuple(map(fit, ty))
            if ty.startswith("tensordesc"):
                block = [int(number) for number in re.search(r"\[(.*?)\]", ty).group(1).split(",")]
                return self.tensors.descriptor(0, [2 * size for size in block[:-1]] + [64], block)
            if ty.startswith("*"):
                return Pointer(self.tensors.address(16), "fp16")
            return 1.5 if "f" in ty else 7

        return [self.buffer.out, *map(fit, list(kernel.src.signature.values())[1:])]


@contextlib.contextmanager
def comparison(folder: Path, make_ours: Callable[[], Any], device: str = "cuda") -> Iterator[Comparison]:
    """The in-tree driver against the one that *make_ours* makes, on the current device; files go to *folder*."""
    buffer, tensors = Buffer(device), Tensors(device)
    in_tree, second, driver = CudaDriver(), CudaDriver(), make_ours()
    sides = DeviceSide(in_tree, second, buffer, tensors, folder), DeviceSide(driver, in_tree, buffer, tensors, folder)
    config = triton.runtime.driver
    try:
        yield Comparison(*sides)
    finally:
        config.set_active(in_tree)
        gc.collect()  # kernels are unloaded by the active driver
        config._active = None
        for side in sides:  # a failing test's traceback keeps them, and should not keep drivers
            side.__dict__.clear()


# -- The command


def native_driver() -> Driver:
    """Our driver, which is to launch natively."""
    driver = Driver()
    if not driver.launches_natively:
        raise RuntimeError("the native launcher cannot be loaded, or GRAFT_LAUNCHER=0 is set")
    return driver


def run_here(arguments: argparse.Namespace) -> int:
    """Runs cases in this process; returns the exit status."""
    failures = 0
    make_ours = CudaDriver if arguments.reference else native_driver
    cases = announced(range(arguments.seed, arguments.seed + arguments.cases))
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TRITON_CACHE_DIR": folder, "TRITON_DEFAULT_FP_FUSION": "1"}
        with comparison(Path(folder), make_ours) as compared:
            while (failure := compared.run(cases)) is not None:
                failures += 1
                print(describe(failure), end="\n\n", flush=True)
                if not arguments.keep_going:
                    break
    counts = compared.counts | {"launches on the fast path": launcher.stats().get("launched", 0)}
    print(f"{failures} failures;", ", ".join(f"{count} {name}" for name, count in counts.items()))
    return 1 if failures else 0


def announced(seeds: range) -> Iterator[Case]:
    """The cases of *seeds*, each of which is printed first: a launch can end the process."""
    for seed in seeds:
        print(f"seed {seed}", flush=True)
        yield make_case(seed)


def describe(failure: Failure) -> str:
    """*failure* with the command that runs it again."""
    return str(failure).replace("test/unit/launch_cases.py", "test/gpu/value_cases.py")


def run_in_processes(arguments: argparse.Namespace) -> int:
    """Runs cases in several processes, each of which has a share; returns the exit status."""
    jobs, running = arguments.jobs, []
    flags = [f"--{name.replace('_', '-')}" for name in ("keep_going", "reference") if getattr(arguments, name)]
    with tempfile.TemporaryDirectory() as folder:
        for job in range(jobs):
            first, last = (arguments.cases * number // jobs for number in (job, job + 1))
            words = [f"--seed={arguments.seed + first}", f"--cases={last - first}", "--jobs=1", *flags]
            output = Path(folder, str(job))
            command = [sys.executable, "-X", "faulthandler", __file__, *words]
            with output.open("w") as file:
                running.append((subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT), output))
        statuses = [process.wait() for process, _ in running]
        for status, (_, output) in zip(statuses, running, strict=True):
            lines = output.read_text().splitlines()
            print(*(lines if status else lines[-1:]), *([f"exit status {status}"] if status else []), sep="\n")
    return int(any(statuses))


def main(words: list[str] | None = None) -> int:
    """Compares our driver with the in-tree one; the exit status is 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first case (default 0)")
    parser.add_argument("--cases", type=int, default=1, help="how many cases, one seed each (default 1)")
    parser.add_argument("--jobs", type=int, help="how many processes (default: one for each core, 12 at most)")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first case that differs")
    parser.add_argument("--reference", action="store_true", help="compare the in-tree driver with itself")
    parser.add_argument("--show", action="store_true", help="print the cases instead of running them")
    arguments = parser.parse_args(words)
    if arguments.show:
        print(*map(make_case, range(arguments.seed, arguments.seed + arguments.cases)), sep="\n\n")
        return 0
    arguments.jobs = min(arguments.jobs or min(os.cpu_count() or 1, 12), arguments.cases)
    return run_here(arguments) if arguments.jobs <= 1 else run_in_processes(arguments)


if __name__ == "__main__":
    sys.exit(main())
