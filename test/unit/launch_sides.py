# SPDX-License-Identifier: MIT
"""Two drivers that do the same steps with the same kernel on the stub libcuda.so.1, and what both did compared.

Each side runs a case with a kernel of its own; what it did in each step (launches that reached the driver, result, exception,
compilations, calls of hooks) must be equal. Compilation is faked, and nothing else: `FakeCompiler` makes real
`CompiledKernel`s around cubins that only the stub can load.

Where ours differs on purpose stands in `KNOWN_DIFFERENCES`, with the reason.
"""

import contextlib
import contextvars
import dataclasses
import gc
import hashlib
import itertools
import json
import math
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import launch_values
import stub_cuda
import triton
import triton.language as tl
from launch_values import HOST, MAPPED, MAPPED_AT, MAPPED_END, Pointer, descriptor, show, without_addresses
from triton import knobs
from triton.backends.driver import expand_signature
from triton.backends.graft.driver import Driver
from triton.backends.nvidia.compiler import CUDAOptions
from triton.compiler import CompiledKernel
from triton.runtime.jit import _replace_jit_callables


class Case(NamedTuple):
    """A kernel's source and what happens to it. The source defines `kernel`, and `jit_fn`, which `kernel` is or wraps."""

    seed: int
    source: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"# seed {self.seed}", self.source, *self.steps])


def is_launch(step: str) -> bool:
    """Whether a step launches a kernel, or tries to."""
    return bool(re.match(r"kernel[\[.](?!run =|__)|held\(|in_thread|last", step))


# -- Compiling without a compiler

PARAMETER_BYTES = {"u1": 1, "i1": 1, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "fp16": 2, "bf16": 2, "i32": 4, "u32": 4}
PARAMETER_BYTES |= {"fp32": 4, "f32": 4, "i64": 8, "u64": 8, "fp64": 8, "nvTmaDesc": 128}


def flat(signature: Any) -> Iterator[str]:
    """The types in a signature, without the tuples around them."""
    for item in signature:
        if isinstance(item, tuple):
            yield from flat(item)
        else:
            yield item


class FakeCompiler:
    """Stands in for `triton.compiler.compile`: real `CompiledKernel`s, numbered, around fake cubins."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.settings: dict[str, Any] = {}
        self.compiled: list[str] = []
        self.number = 0
        self.usual: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(CUDAOptions)}

    def compile(self, src: Any, target: Any = None, options: dict | None = None, _env_vars: Any = None) -> CompiledKernel:
        """What `triton.compiler.compile` gives, for `settings`: shared memory and scratch in bytes, columns of tensor memory,
        the most threads of a block, whether tensor descriptors become tensor maps, the module's bytes, or an error."""
        settings = {**self.settings, **self.settings.pop("once", {})}
        backend = triton.compiler.make_backend(target)
        parsed = backend.parse_options({**(options or {}), **src.parse_options()})
        src.hash()  # finds the globals that the kernel uses
        if knobs.runtime.add_stages_inspection_hook is not None:
            knobs.runtime.add_stages_inspection_hook()
        if "error" in settings:
            raise ValueError(settings["error"])
        descriptors = [ty for ty in flat(src.signature.values()) if ty.startswith("tensordesc")]
        meta = [_map_of(ty) for ty in descriptors] if settings.get("tensordesc", True) else []
        self.number += 1
        metadata = {
            "hash": f"{self.number:064}",
            "target": vars(target),
            **{name: value for name, value in vars(parsed).items() if name in CUDAOptions.__dataclass_fields__},
            "triton_version": triton.__version__,
            "name": src.fn.__name__,
            "shared": settings.get("shared", 0),
            "tmem_size": settings.get("tmem_size", 0),
            "global_scratch_size": settings.get("global_scratch_size", 0),
            "global_scratch_align": 16,
            "profile_scratch_size": 0,
            "profile_scratch_align": 1,
            "tensordesc_meta": meta,
        }
        sizes = [PARAMETER_BYTES.get(ty, 8) for ty in flat(expand_signature(src.signature.values(), meta, "nvTmaDesc"))
                 if ty != "constexpr"]  # fmt: skip
        cubin = stub_cuda.fake_cubin(src.fn.__name__, [*sizes, 8, 8], max_threads=settings.get("max_threads", 1024))
        kernel = CompiledKernel(src, self._write(metadata, settings.get("image", cubin)), metadata["hash"])
        kernel.number = self.number
        unusual = {name: value for name, value in metadata.items() if value != self.usual.setdefault(name, value)}
        unusual.pop("hash", None)
        constants = {path: show(value) for path, value in src.constants.items()}
        self.compiled.append(f"{self.number} {src.name} {src.signature} {constants} {src.attrs} {unusual}")
        return kernel

    def _write(self, metadata: dict, cubin: bytes) -> dict[str, str]:
        """Files as those of the cache, which may be there already."""
        text = json.dumps(metadata)
        stem = self.folder / hashlib.sha256(text.encode() + cubin).hexdigest()
        paths = {"json": stem.with_suffix(".json"), "cubin": stem.with_suffix(".cubin")}
        if not paths["cubin"].exists():
            paths["json"].write_text(text)
            paths["cubin"].write_bytes(cubin)
        return {f"kernel.{kind}": str(path) for kind, path in paths.items()}


def _map_of(descriptor_type: str) -> dict:
    """How the compiler would want a tensor map to be made."""
    block = [int(number) for number in re.search(r"\[(.*?)\]", descriptor_type).group(1).split(",")]
    return {"swizzle": 1, "elem_size": 2, "elem_type": 6, "block_size": block, "fp4_padded": False, "is_im2col": False}


def fitting(kernel: CompiledKernel) -> list:
    """Arguments for launching a compiled kernel itself, which looks at nothing but their number."""

    def fit(ty: Any) -> Any:
        if isinstance(ty, tuple):
            return tuple(map(fit, ty))
        if ty.startswith("tensordesc"):
            block = _map_of(ty)["block_size"]
            return descriptor(0x3000, [2 * size for size in block[:-1]] + [64], block)
        if ty.startswith("*"):
            return Pointer(0x5010, "fp16")
        return 1.5 if "f" in ty else 7

    return [fit(ty) for ty in kernel.src.signature.values()]


# -- The in-tree driver as the reference


class TypedKeys(dict):
    """The cache in which the in-tree path looks up keys by their parts, made to tell constexprs of other types apart, and what
    the text of its keys does not: named tuples, and what is in a constexpr."""

    def get(self, key: Any, default: Any = None) -> Any:
        exact = [str(typed(item)) for item in key[0] if holds_more_than_shown(item)]
        text = f"{_replace_jit_callables(list(key[0]))}{key[1]}{''.join(exact)}"
        return super().setdefault((key, typed(key[0])), text)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__((key, typed(key[0])), value)


def typed(value: Any) -> Any:
    """The types of *value* and of what is in it, and the sign of zeros."""
    if isinstance(value, tuple):
        return (type(value), *map(typed, value))
    if isinstance(value, tl.constexpr):
        return (type(value), typed(value.value))
    if isinstance(value, float) and value == 0:
        return (type(value), math.copysign(1, value))
    return type(value)


def holds_more_than_shown(value: Any) -> bool:
    """Whether Triton's text for *value*, part of a key, may be that of something else."""
    if type(value) is tuple:
        return any(map(holds_more_than_shown, value))
    return isinstance(value, tuple | tl.constexpr)


def is_in_tree(driver: Any) -> bool:
    """Whether a driver is Triton's own, or made from it by a test."""
    return not isinstance(driver, Driver)


class Switches:
    """What steps call to change device, stream and driver of the side that runs them."""

    def __init__(self, side: "Side"):
        self.side = side

    def names(self) -> dict[str, Callable]:
        """The functions by the names that steps use."""
        return {name: getattr(self, name) for name in ("set_device", "set_stream", "other_driver", "this_driver")}

    def set_device(self, device: int) -> None:
        triton.runtime.driver.active.set_current_device(device)

    def set_stream(self, stream: int | None) -> None:
        """Makes *stream* plus the number of the device the current one; None is the stream that was at first."""
        driver = triton.runtime.driver.active
        original = next(current for known, current in self.side.streams if known is driver)
        driver.get_current_stream = original if stream is None else lambda device: stream + device

    def other_driver(self) -> None:
        self._switch(self.side.alternate)

    def this_driver(self) -> None:
        self._switch(self.side.driver)

    def _switch(self, driver: Any) -> None:
        if triton.runtime.driver.active is driver:
            return
        triton.runtime.driver.set_active(driver)
        if not self.side.is_in_tree:
            return
        for kernel in self.side.kernels:  # as for ours, with which kernels have caches of their own
            shown = kernel.__dict__["device_caches"]
            hidden = kernel.__dict__.setdefault("hidden_caches", type(shown)(shown.default_factory))
            kernel.__dict__.update(device_caches=hidden, hidden_caches=shown)


class Callbacks:
    """What cases give Triton to call: each call is written to *log* with what it was given."""

    def __init__(self, log: list[str], moving: Pointer):
        self.log, self.moving = log, moving
        self.benched = 0

    def names(self) -> dict[str, Callable]:
        """The functions by the names that cases use."""
        launch_hooks = {name: self._launch_hook(name) for name in ("enter_a", "enter_b", "exit_a", "exit_b")}
        raising = {name: self._raising(name) for name in ("enter_raises", "exit_raises", "pre_run_raises")}
        plain = ("pre_run_a", "pre_run_b", "config_hook", "tuner_pre_hook", "tuner_post_hook", "allocate_nothing")
        stages = {name: self._noting(name, ("key", name)) for name in ("stages_a", "stages_b")}
        return {
            **{name: getattr(self, name) for name in vars(Callbacks) if not name.startswith("_") and name != "names"},
            **{name: self._noting(name) for name in plain},
            **{"make_grid": self._noting("make_grid", (9, 2)), **launch_hooks, **raising, **stages},
        }

    def _note(self, name: str, *values: Any) -> None:
        self.log.append(f"{name}({', '.join(map(show, values))})")

    def _noting(self, name: str, answer: Any = None) -> Callable:
        def callback(*args: Any, **kwargs: Any) -> Any:
            self._note(name, *args, *([kwargs] if kwargs else []))
            return answer

        return callback

    def _launch_hook(self, name: str) -> Callable:
        return lambda metadata: self._note(name, _launch_metadata(metadata))

    def _raising(self, name: str) -> Callable:
        """Raises at its first call, and then at every fourth."""
        calls = itertools.count()

        def callback(*args: Any, **kwargs: Any) -> None:
            self._note(name)
            if next(calls) % 4 == 0:
                raise RuntimeError(name)

        return callback

    def load_start(self, module: Any, function: Any, name: str, *rest: Any) -> None:
        self._note("load_start", module is None, function is None, name)

    def load_end(self, module: Any, function: Any, name: str, *rest: Any) -> None:
        self._note("load_end", module is None, function is None, name)

    def note_compile(
        self, *, key: Any, repr: str, fn: Any, compile: dict, is_manual_warmup: bool, already_compiled: bool
    ) -> None:
        parts = [compile[name] for name in ("signature", "device", "constants", "num_warps", "configs", "is_warmup")]
        self._note("note_compile", repr, fn.name, *parts, is_manual_warmup, already_compiled)

    def veto(self, **kwargs: Any) -> bool:
        self._note("veto", kwargs["repr"])
        return True

    def listen(self, *, fn: Any, key: Any, best_config: Any, configs_timings: Any, duration: Any, cache_hit: bool) -> None:
        self._note("listen", fn, key, str(best_config), cache_hit)

    def bench(self, call: Callable, quantiles: Any) -> list[float]:
        """A benchmark with times that do not depend on time."""
        self._note("bench")
        call()
        self.benched += 1
        return [self.benched * 7 % 5] * 3

    def spy(self, run: Callable) -> Callable:
        def spied(*args: Any, **kwargs: Any) -> Any:
            self._note("spy", len(args), sorted(kwargs))
            return run(*args, **kwargs)

        return spied

    def own_run(self, kernel: Any) -> Any:
        """*kernel*, of a class that has a `run` of its own, which says so and calls Triton's."""
        note = self._note

        class Own(type(kernel)):  # type: ignore[misc]
            def run(self, *args: Any, **kwargs: Any) -> Any:
                note("own run", len(args), list(kwargs))
                return super().run(*args, **kwargs)

        kernel.__class__ = Own
        return kernel

    def allocate(self, size: int, align: int, stream: int) -> Pointer:
        self._note("allocate", size, align, stream)
        return Pointer(0x9000_0000, "i8")

    def allocate_moving(self, size: int, align: int, stream: int) -> Pointer:
        """Moves an argument on the way, by what keeps its alignment."""
        self.moving.address ^= 0x100
        return self.allocate(size, align, stream)

    def allocate_hooking(self, size: int, align: int, stream: int) -> Pointer:
        """Adds a launch hook to the chain that the launch has."""
        if knobs.runtime.launch_exit_hook is not None and not knobs.runtime.launch_exit_hook.calls:
            knobs.runtime.launch_exit_hook.add(self._launch_hook("added"))
        return self.allocate(size, align, stream)

    def enter_moves(self, metadata: Any) -> None:
        self._note("enter_moves", _launch_metadata(metadata))
        self.moving.address ^= 0x110

    def enter_takes(self, metadata: Any) -> None:
        """An argument is no longer one."""
        self._note("enter_takes")
        self.moving.address = "gone" if self.moving.address == 0x6000 else 0x6000  # type: ignore[assignment]

    def seen(self, meta: dict) -> int:
        self._note("seen", meta)
        return 3

    def change(self, meta: dict, name: str, value: Any) -> tuple:
        if not isinstance(meta[name], tuple):  # the in-tree launcher reads past the end of one that became shorter
            meta[name] = value
        return (2, 3)

    def heuristic(self, args: dict) -> int:
        self._note("heuristic", args)
        return 16 if isinstance(args.get("p0"), int) else 32

    def prune(self, configs: list, named: dict, **kwargs: Any) -> list:
        self._note("prune", named, kwargs)
        return configs[:2]

    def describe_launch(self, grid: Any, metadata: Any, args: dict) -> dict:
        self._note("describe_launch", grid, metadata.name, args)
        return {"args": show(args), "grid": show(grid)}


class Side:
    """One driver and what is needed to run cases with it. *alternate* is the driver that a case may switch to."""

    def __init__(self, driver: Any, alternate: Any, stub: stub_cuda.Stub, folder: Path):
        self.driver, self.alternate, self.stub, self.folder = driver, alternate, stub, folder
        self.is_in_tree = is_in_tree(driver)
        self.kernels: list[Any] = []
        self.streams = [(each, each.get_current_stream) for each in (driver, alternate)]
        self.log: list[str] = []
        self.compiler = FakeCompiler(folder)
        self.tensors = launch_values.Tensors()

    def run(self, case: Case) -> list["Observation"]:
        """What happens in each step."""
        return contextvars.copy_context().run(self._run, case)

    def _run(self, case: Case) -> list["Observation"]:
        self.compiler = FakeCompiler(self.folder)
        with self._setting():
            names = self._names()
            path = self.folder / f"case_{case.seed}.py"
            if not path.exists() or path.read_text() != case.source:
                path.write_text(case.source)
            names |= {"__name__": f"case_{case.seed}", "__file__": str(path)}
            exec(compile(HELPERS_SOURCE, str(_helpers(self.folder)), "exec"), names)
            exec(compile(case.source, str(path), "exec"), names)
            names["held"] = names["kernel"][(5,)]
            self.kernels = [names[name] for name in ("jit_fn", "helper", "helper_2")]
            return [self._step(step, names) for step in case.steps]

    def _step(self, step: str, names: dict) -> "Observation":
        self.log.clear()
        self.compiler.compiled.clear()
        result = error = "None"
        try:
            try:
                code = compile(step, "<step>", "eval")
            except SyntaxError:
                exec(compile(step, "<step>", "exec"), names)
            else:
                value = eval(code, names)
                names["last"] = value if isinstance(value, CompiledKernel) else names["last"]
                result = self._show_result(value)
        except Exception as caught:
            error = f"{type(caught).__module__}.{type(caught).__qualname__}: {without_addresses(str(caught))}"
        best = getattr(names["kernel"], "best_config", None)
        return Observation(
            result, error, tuple(self.stub.launches()), tuple(self.log), tuple(self.compiler.compiled), str(best)
        )

    def _show_result(self, value: Any) -> str:
        if isinstance(value, CompiledKernel):
            return f"kernel {value.number}, {value.metadata.num_warps} warps, loaded: {value.module is not None}"
        if isinstance(value, list):
            return f"[{', '.join(map(self._show_result, value))}]"
        return show(value)

    def _names(self) -> dict[str, Any]:
        """What a case's source and steps can use."""
        moving = Pointer(0x6000, "fp32")
        return {
            "M": moving,
            **{name: value for name, value in vars(launch_values).items() if not name.startswith("_")},
            **{
                "knobs": knobs,
                "os": os,
                "stub": self.stub,
                "nan": math.nan,
                "other_nan": -math.nan,
                "inf": math.inf,
                "MockTensor": triton.MockTensor,
            },
            **shared_descriptors(descriptor),
            **{"ptr": Pointer, "bad_ptr": launch_values.BadPointer, "odd_ptr": launch_values.OddPointer, "T": self.tensors},
            **{"fitting": fitting, "in_thread": _in_thread, "FAKE": self.compiler.settings, "last": None},
            **Callbacks(self.log, moving).names(),
            **Switches(self).names(),
        }

    @contextlib.contextmanager
    def _setting(self) -> Iterator[None]:
        """The driver active, the compiler replaced; afterwards everything that steps may change is as before."""
        groups = [knobs.runtime, knobs.compilation, knobs.autotuning]
        chains = [knobs.runtime.launch_enter_hook, knobs.runtime.launch_exit_hook]
        chains += [knobs.runtime.kernel_load_start_hook, knobs.runtime.kernel_load_end_hook]
        before = [dict(group.__dict__) for group in groups], [list(chain.calls) for chain in chains], dict(os.environ)
        class_values = knobs.runtime.debug, knobs.compilation.instrumentation_mode
        compile_before, binder_before = triton.compiler.compile, triton.JITFunction.create_binder
        config = triton.runtime.driver

        def create_binder(kernel: Any) -> Any:
            kernels, keys, *others = binder_before(kernel)
            tells_apart = isinstance(config.active, Driver) and config.active.launches_natively
            return kernels, keys if tells_apart else TypedKeys(keys), *others

        config.set_active(self.driver)
        run_before = triton.JITFunction.run
        triton.compiler.compile = self.compiler.compile
        triton.JITFunction.create_binder = create_binder
        self.driver.set_current_device(0)
        try:
            yield
        finally:
            self.stub.forget()
            self.kernels = []
            triton.compiler.compile, triton.JITFunction.create_binder = compile_before, binder_before
            config.set_active(self.driver)
            triton.JITFunction.run = run_before
            for driver, stream in self.streams:
                driver.get_current_stream = stream
            for group, values in zip(groups, before[0], strict=True):
                group.__dict__.clear()
                group.__dict__.update(values)
            for chain, calls in zip(chains, before[1], strict=True):
                chain.calls[:] = calls
            for name in os.environ.keys() - before[2].keys():
                del os.environ[name]
            os.environ.update(before[2])
            os.unsetenv("TRITON_FPSAN_HOMOMORPHIC_CASTS")
            assert (knobs.runtime.debug, knobs.compilation.instrumentation_mode) == class_values


def shared_descriptors(make: Callable[[int, list[int], list[int]], Any]) -> dict[str, Any]:
    """The descriptors by name that steps of a case change; *make* makes one of an address, a shape and a block."""
    return {f"D{number}": make(0x1000 << number, [16, 64 >> number // 2], [8, 32]) for number in range(3)}


HELPERS_SOURCE = """
G = tl.constexpr(4)
H = 2

@triton.jit
def helper(x):
    return x

@triton.jit
def helper_2(x):
    return helper(x) + G
"""


def _helpers(folder: Path) -> Path:
    path = folder / "helpers.py"
    if not path.exists():
        path.write_text(HELPERS_SOURCE)
    return path


def _launch_metadata(metadata: Any) -> Any:
    """What a launch hook is given, without what differs from run to run."""
    if metadata is None or not hasattr(metadata, "get"):
        return metadata
    return {name: value is not None if name == "function" else value for name, value in metadata.get().items()}


def _in_thread(work: Callable) -> Any:
    """The result of *work* in a thread that the driver has not seen before."""
    outcome: list = []

    def run() -> None:
        try:
            outcome.extend([work(), None])
        except Exception as error:
            outcome.extend([None, error])

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,))
    thread.start()
    thread.join()
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


# -- Comparing


class Observation(NamedTuple):
    """What one step did."""

    result: str
    error: str
    launches: tuple[stub_cuda.Launch, ...]
    log: tuple[str, ...]
    compiled: tuple[str, ...]
    best_config: str

    def differences(self, other: "Observation") -> set[str]:
        """The names of the parts that differ."""
        return {name for name, mine, others in zip(self._fields, self, other, strict=True) if mine != others}


class KnownDifference(NamedTuple):
    """Something that we do otherwise on purpose: *explains* says whether it explains all that differs in one step."""

    name: str
    reason: str
    explains: Callable[[Observation, Observation], bool]


CUDA_ERROR = "builtins.RuntimeError: Triton Error [CUDA]: "
OUT_OF_RANGE = (
    "builtins.OverflowError: int too big to convert",
    "builtins.OverflowError: can't convert negative int to unsigned",
)
#: Ours is a subclass of the in-tree one.
LAUNCH_ERROR = "triton.backends.graft.runtime.errors.LaunchError: "


def _longer_cuda_error(reference: Observation, ours: Observation) -> bool:
    return (
        reference.differences(ours) == {"error"}
        and reference.error.startswith(CUDA_ERROR)
        and ours.error.replace(LAUNCH_ERROR, "builtins.RuntimeError: ", 1).startswith(reference.error.splitlines()[0])
    )


def _skipped_large_grid(reference: Observation, ours: Observation) -> bool:
    if reference.launches or len(ours.launches) != 1:
        return False
    blocks = math.prod(ours.launches[0].grid)
    return blocks >= 2**31 and reference.differences(ours) == {"launches"}


def _skipped_impossible_grid(reference: Observation, ours: Observation) -> bool:
    grid = re.search(r"grid \((\d+), (\d+), (\d+)\)", ours.error)
    if reference.launches or ours.launches or not ours.error.startswith(LAUNCH_ERROR) or not grid:
        return False
    return (
        math.prod(map(int, grid.groups())) >= 2**31
        and reference.differences(ours) <= {"result", "error", "log"}
        and reference.log[: len(ours.log)] == ours.log
        and (reference.error == "None" or "exit_raises()" in reference.log[len(ours.log) :])
    )


def _longer_host_pointer_error(reference: Observation, ours: Observation) -> bool:
    return (
        reference.differences(ours) == {"error"}
        and reference.error == "builtins.ValueError: Pointer argument cannot be accessed from Triton (cpu tensor?)"
        and ours.error.startswith(reference.error)
    )


def _went_on_without_pointer(reference: Observation, ours: Observation) -> bool:
    return (
        reference.differences(ours) <= {"launches", "error", *(["result"] if reference.error == "None" else [])}
        and ours.error in OUT_OF_RANGE
        and ours.launches == reference.launches[: len(ours.launches)]
        and all(b"\xff" * 8 in launch.params for launch in reference.launches[len(ours.launches) :])
    )


#: That constexprs which are equal in Python but of another type or sign have kernels of their own is the fourth difference;
#: there, the reference is made to do as we do, by `TypedKeys`.
KNOWN_DIFFERENCES = [
    KnownDifference(
        "longer CUDA error",
        "it begins as the first line of the in-tree one and goes on with the call, the kernel and its launch",
        _longer_cuda_error,
    ),
    KnownDifference(
        "longer host pointer error",
        "it begins as the in-tree one and goes on with the address and the kernel",
        _longer_host_pointer_error,
    ),
    KnownDifference(
        "pointer out of range",
        "given an int that no address can be, the in-tree launcher goes on with -1 and raises in the end, or never; we raise at once",
        _went_on_without_pointer,
    ),
    KnownDifference(
        "large grid",
        "the in-tree launcher skips a grid whose blocks overflow a C int; we launch it",
        _skipped_large_grid,
    ),
    KnownDifference(
        "impossible grid",
        "as above, and the CUDA driver refuses it: we report that",
        _skipped_impossible_grid,
    ),
]


class Failure(NamedTuple):
    """A step in which the sides differ."""

    case: Case
    step: int
    reference: Observation
    ours: Observation

    def __str__(self) -> str:
        lines = [str(self.case), "", f"differs in the last step: {self.case.steps[self.step]}"]
        for name in sorted(self.reference.differences(self.ours)):
            lines += [
                f"  {name}",
                f"    reference: {getattr(self.reference, name)}",
                f"    ours:      {getattr(self.ours, name)}",
            ]
        lines.append(f"to run it again: python test/unit/launch_cases.py --seed {self.case.seed}")
        return "\n".join(lines)


class Comparison:
    """Runs cases on both sides. *counts* says how many launches were compared and how often each known difference was met."""

    def __init__(self, reference: Side, ours: Side):
        self.reference, self.ours = reference, ours
        self.counts: dict[str, int] = {}

    def first_difference(self, case: Case) -> Failure | None:
        """The first step in which the sides differ without a known reason."""
        seen = zip(self.reference.run(case), self.ours.run(case), strict=True)
        for step, (reference, ours) in enumerate(seen):
            self._count("launches" if is_launch(case.steps[step]) else "other steps")
            self._count("driver launches", len(reference.launches))
            if reference == ours:
                continue
            known = next((known for known in KNOWN_DIFFERENCES if known.explains(reference, ours)), None)
            if known is None:
                return Failure(case, step, reference, ours)
            self._count(known.name)
            if reference.differences(ours) & {"result", "log"}:  # later steps depend on them
                break
        return None

    def _count(self, name: str, number: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def minimised(self, failure: Failure) -> Failure:
        """A failure of the same case with as few steps as dropping them one by one gives."""
        steps = list(failure.case.steps[: failure.step + 1])
        index = len(steps) - 2
        while index >= 0:
            fewer = failure.case._replace(steps=(*steps[:index], *steps[index + 1 :]))
            found = self.first_difference(fewer)
            if found is not None:
                failure, steps = found, list(fewer.steps[: found.step + 1])
            index = min(index, len(steps) - 1) - 1
        return failure._replace(case=failure.case._replace(steps=failure.case.steps[: failure.step + 1]))

    def run(self, cases: Iterator[Case]) -> Failure | None:
        """The first failure among *cases*, minimised."""
        for case in cases:
            failure = self.first_difference(case)
            if failure is not None:
                return self.minimised(failure)
        return None


@contextlib.contextmanager
def comparison(stub: stub_cuda.Stub, folder: Path, make_ours: Callable[[], Any]) -> Iterator[Comparison]:
    """The in-tree driver against the one that *make_ours* makes, on two devices of the stub; files go to *folder*."""
    stub.reset(devices=2)
    stub.host_memory(HOST, MAPPED)
    stub.mapped_memory(MAPPED, MAPPED_END, MAPPED_AT)
    in_tree, second = stub.in_tree_driver(), stub.in_tree_driver()
    with stub.process_without_torch():
        driver = make_ours()
    reference = Side(in_tree, second, stub, folder)
    ours = Side(driver, in_tree, stub, folder)
    ours.tensors = reference.tensors
    config = triton.runtime.driver
    try:
        yield Comparison(reference, ours)
    finally:
        config.set_active(in_tree)
        gc.collect()  # kernels are unloaded by the active driver
        config._active = None
        for side in (reference, ours):  # a failing test's traceback keeps them, and should not keep drivers
            side.__dict__.clear()
        stub.reset(devices=0)
