# SPDX-License-Identifier: MIT
"""A long day: threads that launch, tune, load bundles, clear caches, fork and meet new variants, and what the process holds on to.

    python test/unit/soak.py --hours 1                  # on the stub libcuda.so.1, as `make soak HOURS=1` does
    python test/unit/soak.py --minutes 10 --device      # on the CUDA device; needs PyTorch with CUDA, and the device for itself
    python test/unit/soak.py --seed 3 --begin 412 --rounds 10

The day has rounds. In each, every one of `ACTORS` does a number of steps in a new thread. Then it is quiet: the caches of kernels and the
cache folder are emptied, garbage is collected, and `MEASURES` are sampled, which must not grow after warm-up. Seed and round give the
steps; how the threads take turns is the machine's choice.
"""

import argparse
import ast
import contextlib
import ctypes
import faulthandler
import gc
import itertools
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import launch_values
import launching
import soak_judge
import support
import triton
import triton.language as tl
from launch_sides import FakeCompiler
from soak_judge import Measure, Verdict
from triton import knobs
from triton.backends.graft import bundle
from triton.backends.graft.driver import Driver
from triton.backends.graft.launch import _launcher, launcher
from triton.compiler import ASTSource, CompiledKernel
from triton.tools.tensor_descriptor import TensorDescriptor

#: KiB of malloc's memory that Triton does not give back when it has made IR and compiled it, with the in-tree driver as well: 7.0 under
#: Python 3.11, 7.2 under 3.12.
PER_IR = 7.5

#: What is sampled when all is quiet. What each may grow by does not depend on how long the day is.
MEASURES = (
    Measure("memory", "MiB", 16, "the resident set; allocators give few pages back", per_ir=PER_IR / 1024),
    Measure("heap", "KiB", 1024, "what malloc has given out; tables double, and are emptied when full", per_ir=PER_IR),
    Measure(
        "blocks", "blocks", 3000, "what Python has allocated; caches of the interpreter and of Triton fill up", per_tree=160
    ),
    Measure("objects", "objects", 500, "what the collector knows", per_tree=60),
    Measure("kernels", "kernels", 3, "compiled ones; Triton keeps the last of each name, and its variants"),
    Measure("modules", "modules", 3, "what the CUDA driver has loaded: those of the kernels"),
    Measure("contexts", "", 0, "primary contexts retained and not released"),
    Measure("device memory", "MiB", 8, "what the device has given out"),
    Measure("threads", "threads", 0, "of this process, those of extensions too"),
    Measure("descriptors", "files", 0, "open files, pipes and sockets"),
    Measure("children", "", 0, "processes that nobody has waited for"),
    Measure("files", "files", 0, "in this day's folders"),
    Measure("latency", "ns", 0.5, "of a launch, the best of many batches; machines differ by less", relative=True),
)

#: What a child that is forked among threads may take, in seconds.
CHILD_LIMIT = 60


class SoakError(Exception):
    """Something went wrong on the day."""


# -- Kernels


def scale(out, n, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, 64), n * BLOCK)


def copy(x, out, n, BLOCK: tl.constexpr = 64):
    offs = tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n), offs < n)


def described(desc, out):
    tl.store(out, tl.sum(desc.load([0, 0]).to(tl.float32)))


def compiled_anew(out, n, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, 64), n - BLOCK)


def bundled(out, n, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, 64), n + BLOCK)


#: Those that are compiled for real on the stub, too.
REAL = ("compiled_anew", "bundled")


def fresh(function: Callable) -> Any:
    """A kernel that nobody has launched yet."""
    made = types.FunctionType(function.__code__, globals(), function.__name__, function.__defaults__)
    made.__annotations__ = function.__annotations__
    return triton.jit(made)


# -- Where a day takes place


class Ground(Protocol):
    """A stub or a device, with arrays for it. *effort* is the part of the usual steps that actors do."""

    effort: float
    x: Any
    out: Any

    def descriptor(self) -> Any:
        """A tensor descriptor of a matrix."""

    def in_forked_child(self, day: "Day") -> str:
        """What a forked child does: "done" if that is well."""

    def handles(self) -> dict[str, float]:
        """What the CUDA driver has given out."""

    def launches(self) -> int | None:
        """How many launches have reached the CUDA driver since the last time, if that can be known."""


class StubGround:
    """The stub, in a `rig`. Kernels are compiled by nobody, except those in `REAL`."""

    effort = 1.0

    def __init__(self, rig: launching.Rig, folder: Path):
        self.rig = rig
        self.x, self.out = launching.ptr(0x1000), launching.ptr(0x2000)
        fake = _Compiler(folder).compile
        with rig.compiling():
            real = triton.compiler.compile

        def compile(src: Any, **options: Any) -> CompiledKernel:
            return (real if src.fn.__name__ in REAL else fake)(src, **options)

        triton.compiler.compile = compile

    def descriptor(self) -> Any:
        return launch_values.descriptor(0x3000, [64, 64], [16, 64])

    def in_forked_child(self, day: "Day") -> str:
        # No kernels of its own: to make one takes locks of Python 3.11's `cached_property`, which others had when it was forked.
        for block in (64, 4711):
            day.scale[(1,)](self.out, 7, BLOCK=block)
        day.clear()
        return "done"

    def handles(self) -> dict[str, float]:
        return self.rig.stub.handles()

    def launches(self) -> int | None:
        if broken := self.rig.stub.broken_captures:
            raise SoakError(f"captures were broken: {broken}")
        return len(self.rig.launches())


class _Compiler(FakeCompiler):
    """Writes each kernel to a folder of its own, as many threads compile."""

    def _write(self, metadata: dict, cubin: bytes) -> dict[str, str]:
        self.compiled.clear()
        return FakeCompiler(Path(tempfile.mkdtemp(dir=self.folder)))._write(metadata, cubin)


class DeviceGround:
    """The CUDA device, which a forked child cannot use."""

    effort = 0.2

    def __init__(self) -> None:
        import torch

        self._cuda = torch.cuda
        self.x, self.out = (torch.zeros(1 << 16, device="cuda") for _ in range(2))
        self._matrix = torch.zeros(64, 64, device="cuda", dtype=torch.float16)

    def descriptor(self) -> Any:
        return TensorDescriptor.from_tensor(self._matrix, [16, 64])

    def in_forked_child(self, day: "Day") -> str:
        day.clear()
        return "done"

    def handles(self) -> dict[str, float]:
        self._cuda.synchronize()
        free, total = self._cuda.mem_get_info()
        return {"device memory": (total - free) / 2**20}

    def launches(self) -> int | None:
        return None


# -- The day


class Day:
    """What the threads share."""

    def __init__(self, ground: Ground, seed: int, folder: Path):
        self.ground, self.seed, self.folder = ground, seed, folder
        self.effort = ground.effort
        self.launched = itertools.count()
        self.made_ir: list[None] = []
        #: Syntax trees that Python 3.11 lost: where it miscounts how deep it is, which it does when others parse meanwhile, it raises a
        #: SystemError and never frees the tree.
        self.lost_trees: list[None] = []
        self.scale, self.copy, self.described = map(triton.jit, (scale, copy, described))
        self.tuner = self.tuned()
        self.bundle = folder / "kernels.graft"
        self.failures: list[str] = []
        with bundle.record() as recording:
            for block in (64, 128):
                triton.jit(bundled).warmup(ground.out, 7, BLOCK=block, grid=(1,))
        recording.save(self.bundle)

    def launch(self, kernel: Any, *args: Any, grid: Any = (1,), **options: Any) -> Any:
        """A launch, which counts if it comes back."""
        result = kernel[grid](*args, **options)
        next(self.launched)
        return result

    def tuned(self) -> Any:
        """A kernel that is tuned in no time."""

        def bench(call: Callable, quantiles: Any) -> list[float]:
            call()
            next(self.launched)
            return [1.0] * 3

        configs = [triton.Config({"BLOCK": block}, num_warps=warps) for block, warps in ((64, 4), (128, 2))]
        return triton.autotune(configs, key=["n"], do_bench=bench)(fresh(copy))

    def clear(self) -> None:
        """Empties the caches of kernels."""
        for kernel in (self.scale, self.copy, self.described, self.tuner.fn):
            kernel.device_caches.clear()

    def touch(self) -> None:
        """Launches each kernel once, which lets go of what it kept from before its caches were emptied."""
        x, out = self.ground.x, self.ground.out
        self.launch(self.scale, out, 7, BLOCK=64)
        self.launch(self.copy, x, out, 7)
        self.launch(self.described, self.ground.descriptor(), out)
        self.launch(self.tuner, x, out, 7)

    def round(self, number: int, actors: dict[str, "Actor"]) -> None:
        """One round. Raises `SoakError` with what went wrong."""
        self.ground.launches()
        before = next(self.launched)
        threads = [
            threading.Thread(target=self._act, args=(name, actor, random.Random(f"{self.seed} {number} {name}")))
            for name, actor in actors.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise SoakError("\n".join(self.failures))
        counted, arrived = next(self.launched) - before - 1, self.ground.launches()
        if arrived not in (counted, None):
            raise SoakError(f"of {counted} launches, {arrived} reached the driver")

    def _act(self, name: str, actor: "Actor", rng: random.Random) -> None:
        try:
            for _ in range(max(1, round(actor.steps * self.effort))):
                actor.step(self, rng)
        except BaseException:
            self.failures.append(f"{name}:\n{traceback.format_exc()}")

    def rest(self) -> None:
        """Drops what programs may keep: of each kernel that stays there is one variant, the last launched."""
        self.clear()
        self.tuner.cache.clear()  # not while others tune: Triton takes its choice from there
        self.touch()
        for place in (knobs.cache.dir, self.folder / "compiled"):
            for path in Path(place).glob("*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for _ in range(3):
            gc.collect()

    def latency(self) -> float:
        """What a launch takes at best, in nanoseconds."""
        launch, out = self.scale[(1,)], self.ground.out
        launch(out, 7, BLOCK=64)
        best = float("inf")
        for _ in range(40):
            start = time.perf_counter_ns()
            for _ in range(50):
                launch(out, 7, BLOCK=64)
            best = min(best, (time.perf_counter_ns() - start) / 50)
        return best


# -- What the threads do


class Actor(NamedTuple):
    """One step, and how many of them a round has."""

    step: Callable[[Day, random.Random], None]
    steps: int


def launches(day: Day, rng: random.Random) -> None:
    """Launches known kernels in every way."""
    ground, n = day.ground, rng.choice([1, 7, 16])
    day.launch(day.scale, ground.out, n, grid=rng.choice([(1,), [2, 1], lambda meta: (meta["n"],)]), BLOCK=64)
    day.launch(day.copy, ground.x, out=ground.out, n=n, num_warps=rng.choice([2, 4]))
    if rng.random() < 0.2:
        day.launch(day.described, ground.descriptor(), ground.out)
    if rng.random() < 0.1:
        frozen = launcher.freeze(day.scale, (1,), ground.out, 7, BLOCK=64, vary=("out",))
        frozen(ground.out)
        next(day.launched)


def refuse(*_: Any) -> Any:
    raise LookupError("no")


class Refusing:
    """An array that says nothing."""

    data_ptr, dtype = refuse, property(refuse)


def fails(day: Day, rng: random.Random) -> None:
    """Launches that cannot be."""
    kernel = rng.choice([day.scale, fresh(scale)])
    for grid, args in (((1,), (Refusing(), 7)), (refuse, (day.ground.out, 7)), ((1,), ()), ((1,), (day.ground.out, object()))):
        try:
            day.launch(kernel, *args, grid=grid, BLOCK=64)
        except (LookupError, TypeError, ValueError):
            continue
        raise SoakError(f"a launch of {args} was not refused")


def meets(day: Day, rng: random.Random) -> None:
    """Variants that were never there, of kernels that stay and of kernels that go."""
    block = rng.randrange(1 << 30)
    for kernel in (day.scale, fresh(scale)):
        for _ in range(3):
            day.launch(kernel, day.ground.out, 7, BLOCK=block)
    cycle = fresh(copy)
    cycle.held = cycle[(1,)]
    cycle.held(day.ground.x, day.ground.out, 7)
    next(day.launched)


def tunes(day: Day, rng: random.Random) -> None:
    """With sizes that are new, and with tuners that are."""
    for tuner in (day.tuner, day.tuned()):
        for _ in range(3):
            day.launch(tuner, day.ground.x, day.ground.out, rng.randrange(2, 30))
    heuristic = triton.heuristics({"BLOCK": lambda args: 64 if args["n"] < 16 else 128})(fresh(scale))
    day.launch(heuristic, day.ground.out, rng.choice([7, 16]))


def loads(day: Day, rng: random.Random) -> None:
    """A bundle; what is launched comes from it. Then without it."""
    kernel = fresh(bundled)
    loaded = bundle.load(day.bundle)
    try:
        made = day.launch(kernel, day.ground.out, 7, BLOCK=rng.choice([64, 128]))
        if "ptx" in made.asm:
            raise SoakError("a kernel of a bundle was compiled")
    finally:
        loaded.unload()
    day.launch(kernel, day.ground.out, 7, BLOCK=64)


def compiles(day: Day, rng: random.Random) -> None:
    day.launch(fresh(compiled_anew), day.ground.out, 7, BLOCK=rng.randrange(1 << 30))


def clears(day: Day, rng: random.Random) -> None:
    """What others are launching with."""
    rng.choice([day.clear, _launcher.forget_kernels, gc.collect, day.scale.device_caches.clear])()
    time.sleep(0.002)


def hooks(day: Day, rng: random.Random) -> None:
    """Comes and goes around the launches of others."""
    chain, seen = rng.choice([knobs.runtime.launch_enter_hook, knobs.runtime.launch_exit_hook]), []
    chain.add(seen.append)
    day.launch(day.scale, day.ground.out, 7, BLOCK=64)
    chain.remove(seen.append)
    if not seen:
        raise SoakError("a hook was not called")


def forks(day: Day, rng: random.Random) -> None:
    """A child, which launches while other threads did; then it ends as forked children do."""

    def work() -> str:
        faulthandler.dump_traceback_later(CHILD_LIMIT, exit=True)
        return day.ground.in_forked_child(day)

    if (ended := support.in_child(work)) != (0, "done"):
        raise SoakError(f"a forked child ended with {ended[0]}: {ended[1]}")


ACTORS = {
    "launches": Actor(launches, 400),
    "launches too": Actor(launches, 400),
    "fails": Actor(fails, 40),
    "meets": Actor(meets, 30),
    "tunes": Actor(tunes, 10),
    "loads": Actor(loads, 4),
    "compiles": Actor(compiles, 1),
    "clears": Actor(clears, 40),
    "hooks": Actor(hooks, 20),
    "forks": Actor(forks, 2),
}


# -- What the process holds on to


class _MallInfo(ctypes.Structure):
    """What glibc's `mallinfo2` gives."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
    )]  # fmt: skip


def heap() -> float:
    """What malloc has given out, in KiB; nothing that grows where there is no such function."""
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is None:
        return 0
    function.restype = _MallInfo
    info = function()
    return (info.uordblks + info.hblkhd) / 1024


def sample(day: Day) -> dict[str, float]:
    """`MEASURES` as they are now, when it is quiet."""
    latency = day.latency()
    day.rest()
    own = Path("/proc/self")
    resident = int((own / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    objects = gc.get_objects()
    return {
        "memory": resident / 2**20,
        "heap": heap(),
        "blocks": sys.getallocatedblocks(),
        "objects": len(objects),
        "kernels": sum(type(item) is CompiledKernel for item in objects),
        "threads": len(list((own / "task").iterdir())),
        "descriptors": len(list((own / "fd").iterdir())),
        "children": sum(len(path.read_text().split()) for path in own.glob("task/*/children")),
        "files": sum(len(names) for _, _, names in os.walk(day.folder)),
        "latency": latency,
        "IR": len(day.made_ir),
        "trees": len(day.lost_trees),
        **day.ground.handles(),
    }


class Report(NamedTuple):
    """What became of a day: *failure* is the error that ended it, *more* the types of which there are more than after warm-up."""

    verdicts: list[Verdict]
    failure: str
    rounds: int
    more: Counter

    @property
    def is_well(self) -> bool:
        return not self.failure and not any(verdict.grows for verdict in self.verdicts)

    def __str__(self) -> str:
        lines = [str(verdict) for verdict in self.verdicts]
        if not self.is_well:
            lines += [f"{number:>8} more of {name}" for name, number in self.more.most_common(10) if number > 0]
        return "\n".join([*lines, self.failure] if self.failure else lines)


def live(day: Day, goes_on: Callable[[int], bool], begin: int = 0, actors: dict[str, Actor] | None = None) -> Report:
    """Rounds from *begin* on as long as *goes_on*, which is given how many there were, says so."""
    rows: list[dict[str, float]] = []
    kinds: Counter = Counter()
    failure, printed = "", time.monotonic()
    while not failure and goes_on(len(rows)):
        try:
            with taking_turns():
                day.round(begin + len(rows), actors or ACTORS)
            rows.append(sample(day))
        except SoakError as error:
            failure = f"round {begin + len(rows)}: {error}"
        if time.monotonic() - printed > 60:
            printed = time.monotonic()
            print(f"round {begin + len(rows):>6}  " + "  ".join(f"{n} {v:,.0f}" for n, v in rows[-1].items()), flush=True)
        if len(rows) == soak_judge.FEWEST:
            kinds = _kinds()
    more = _kinds()
    more.subtract(kinds)
    seen = [measure for measure in MEASURES if rows and measure.name in rows[0]]
    enough = len(rows) >= 2 * soak_judge.FEWEST
    verdicts = [
        soak_judge.judge(
            measure, [row[measure.name] - measure.per_ir * row["IR"] - measure.per_tree * row["trees"] for row in rows]
        )
        for measure in seen
        if enough
    ]
    return Report(verdicts, failure, len(rows), more)


def _kinds() -> Counter:
    return Counter(f"{type(item).__module__}.{type(item).__qualname__}" for item in gc.get_objects())


@contextlib.contextmanager
def taking_turns() -> Iterator[None]:
    """Threads take turns often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextlib.contextmanager
def a_day(seed: int, on_device: bool = False) -> Iterator[Day]:
    """A day on the stub or on the device, with a cache folder of its own."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "compiled").mkdir()
        stack.enter_context(knobs.cache.scope())
        knobs.cache.dir = str(folder / "cache")
        made_ir = ASTSource.make_ir
        stack.callback(setattr, ASTSource, "make_ir", made_ir)
        if on_device:
            triton.runtime.driver.set_active(Driver())
            stack.callback(triton.runtime.driver.reset_active)
            ground: Ground = DeviceGround()
        else:
            ground = StubGround(stack.enter_context(launching.rig(folder)), folder / "compiled")
        day = Day(ground, seed, folder)

        def make_ir(self: ASTSource, *args: Any, **options: Any) -> Any:
            day.made_ir.append(None)
            return made_ir(self, *args, **options)

        ASTSource.make_ir = make_ir
        parse = ast.parse
        stack.callback(setattr, ast, "parse", parse)

        def noting_parse(*args: Any, **options: Any) -> ast.AST:
            try:
                return parse(*args, **options)
            except SystemError:
                day.lost_trees.append(None)
                raise

        ast.parse = noting_parse
        yield day


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=0)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=0, help="end after so many, however long they take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--begin", type=int, default=0, help="the number of the first round")
    parser.add_argument("--device", action="store_true", help="on the CUDA device instead of the stub")
    options = parser.parse_args()
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")  # unset, Triton 3.9 warns
    end = time.monotonic() + 3600 * options.hours + 60 * options.minutes

    def goes_on(rounds: int) -> bool:
        return rounds < options.rounds or time.monotonic() < end

    with a_day(options.seed, options.device) as day:
        report = live(day, goes_on, options.begin)
    print(report)
    print(f"{report.rounds} rounds of seed {options.seed}: {'well' if report.is_well else 'NOT WELL'}")
    if report.failure:
        again = f"--seed {options.seed} --begin {options.begin + report.rounds} --rounds 1{' --device' * options.device}"
        print(f"to run that round again: python test/unit/soak.py {again}")
    return int(not report.is_well)


if __name__ == "__main__":
    sys.exit(main())
