# SPDX-License-Identifier: MIT
"""Hostile objects given to the native launcher: their methods launch, clear caches, replace what is being looked at, raise.

    python test/unit/hostile_cases.py --cases 5000                # many, beginning with seed 0, in children of 25 cases
    python test/unit/hostile_cases.py --seed 17                   # one case
    python test/unit/hostile_cases.py --cases 500 --launcher P    # with another build of the launcher, as `make sanitize` does

A case is a handful of kernels, an autotuner and heuristics, and launches of them with arguments, constants, grids, dtypes, globals and
hooks, and keys of dicts, that do something at random whenever they are asked anything. It goes wrong if the process dies, if it
hangs, if a launch raises SystemError, or if an interrupt does not arrive. The seed gives the case.
"""

import argparse
import contextlib
import gc
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import triton
import triton.language as tl
from triton import knobs
from triton.backends.graft.driver import Driver
from triton.backends.graft.launch import freeze
from triton.compiler import CompiledKernel
from triton.tools.tensor_descriptor import TensorDescriptor

#: How many cases one child runs, and how long it may take, in seconds.
BATCH, LIMIT = 25, 240
#: How often something hostile happens where it can, how often in one case, and how deep in others.
CHANCE, MOST, DEEPEST = 0.3, 60, 4
LAUNCHES = 14
#: What a child says last.
END = "all cases ran"

G = H = 5  # what the kernels seem to use


class HostileError(Exception):
    """What hostile objects raise."""


class World:
    """Everything that a case is made of."""

    def __init__(self, rig: Any, seed: int):
        self.rig, self.rng = rig, random.Random(seed)
        self.left, self.depth, self.interrupted = MOST, 0, False
        self.kept: list[Any] = []
        self.descriptors: list[Any] = []
        self.kernels = [triton.jit(function) for function in (constant, plain, many)]
        self.flags = [Flag(self) for _ in range(3)]
        space: dict[str, Any] = {"G": self.flags[0], "H": 5}
        self.space = space
        both = {("G", id(space)): (self.flags[1], space), ("H", id(space)): (5, space)}
        self.globals = [both, {("H", id(space)): (5, space)}, {}]
        self.configs = [triton.Config({"C": 1}), triton.Config({"C": 2}, num_warps=8)]
        self.tuner = triton.autotune(self.configs, key=["n"], do_bench=self.bench)(triton.jit(constant))
        self.heuristics = triton.heuristics({"C": self.value, "D": self.value})(triton.jit(many))
        for made in (*self.kernels, self.tuner, self.heuristics):
            if self.rng.random() < 0.1:
                self.give_own_run(made)
        rig.compiler.settings["global_scratch_size"] = self.rng.choice([0, 0, 64])
        triton.set_allocator(self.allocate)
        #: The kernel that most launches of this case are of, with nothing hostile but constants and globals, if there is one.
        self.victim = self.rng.choice([None, self.kernels[0], self.kernels[2]])
        if self.victim is not None:
            self.victim.used_global_vals = self.globals[0]

    def give_own_run(self, made: Any) -> None:
        """*made* becomes one of a class that acts before it runs what Triton runs."""
        act = self.act

        class Own(type(made)):  # type: ignore[misc]
            def run(self, *args: Any, **kwargs: Any) -> Any:
                act()
                return super().run(*args, **kwargs)

        made.__class__ = Own

    def allocate(self, size: int, alignment: int, stream: int) -> Any:
        """Scratch memory."""
        self.act()
        return self.rng.choice([0x9000, 0x9000, Pointer(self), None, Index(self)])

    # -- What is launched

    def launch(self) -> Any:
        """One launch with hostile arguments."""
        if self.victim is not None and self.rng.random() < 0.8:
            return self.launch_victim()
        if self.rng.random() < 0.3:
            return self.rng.choice([self.launch_descriptor, self.launch_descriptor, self.launch_frozen, self.compute])()
        what = self.rng.choice([*self.kernels, self.tuner, self.heuristics])
        arguments: dict[str, Any] = {"x": self.pointer(), "n": self.rng.choice([1, 5, 16, 2**70, Index(self)])}
        if what in self.kernels[::2]:
            arguments["C"] = self.constant()
        if what is self.kernels[2]:
            arguments["D"] = self.constant()
        if self.rng.random() < 0.1:
            arguments["num_warps"] = self.rng.choice([4, 8, self.constant()])
        grid = self.rng.choice([(1,), (0,), [1, 1], Grid(self), Grid(self), what[(1,)]])
        if self.rng.random() < 0.3:
            return what[grid](arguments.pop("x"), arguments.pop("n"), **arguments)
        if self.rng.random() < 0.1:
            return what.run(
                **dict(self.rng.sample([*arguments.items(), ("grid", grid), ("warmup", False)], len(arguments) + 2))
            )
        return what[grid](**arguments)

    def launch_victim(self) -> Any:
        """One that is told from others by its constants alone, when those are known, with a global that was not there before."""
        with self.peace():
            for number in range(3):
                self.launch_constant(Key(self, number))
            self.launch_peacefully()
        self.space["G"] = Flag(self)
        return self.launch_constant(EqualKey(self, self.rng.randrange(4)))

    def launch_descriptor(self) -> Any:
        """One of which only the map is made anew, when it is known."""
        made, kernel = self.descriptor(), self.kernels[1]
        with self.peace():
            kernel[(1,)](made, 5)
        return kernel[(1,)](made, 5)

    def launch_frozen(self) -> Any:
        """One with most arguments fixed, that varies in what is hostile."""
        frozen, kernel = None, self.rng.choice([self.kernels[1], self.tuner])
        with self.peace():
            first = self.pointer()
            frozen = freeze(kernel, (1,), first, 5, vary=("x",))
            frozen(first)
        return frozen and frozen(self.rng.choice([first, self.pointer()]))

    def compute(self) -> Any:
        """What the host computes with functions for constants."""
        given = [5, Key(self, 1), Index(self), tl.constexpr(Key(self, 2)), (Key(self, 1), [Key(self, 2)]), self.constant()]
        function = self.rng.choice([triton.cdiv, triton.next_power_of_2, compared])
        names = function.fn.__code__.co_varnames[: function.fn.__code__.co_argcount]
        return function(**{name: self.rng.choice(given) for name in names})

    def launch_constant(self, constant: Any) -> Any:
        return self.victim[(1,)](Peaceful(), 5, **dict.fromkeys(self.victim.arg_names[2:], constant))

    def launch_peacefully(self) -> None:
        """One for which nothing is asked, except of globals."""
        with contextlib.suppress(Exception):
            self.launch_constant(1)

    @contextlib.contextmanager
    def peace(self) -> Iterator[None]:
        """Nothing hostile happens."""
        before, self.left = self.left, 0
        try:
            with contextlib.suppress(Exception):
                yield
        finally:
            self.left = before

    def pointer(self) -> Any:
        made = self.rng.choice([Pointer, Pointer, type("Fresh", (Pointer,), {})])(self)
        return self.rng.choice(
            [made, made, (made, made), 0x1000, self.descriptor(), self.descriptor(), (self.descriptor(), made)]
        )

    def descriptor(self) -> Any:
        """A tensor descriptor, mostly one that was launched before."""
        if len(self.descriptors) < 3 or self.rng.random() < 0.1:
            made = object.__new__(TensorDescriptor)
            made.base = self.rng.choice([Pointer, Pointer, Steady])(self)
            made.shape, made.strides, made.block_shape = [16, 64], [64, 1], self.rng.choice([[8, 32], [8, 16]])
            self.descriptors = [*self.descriptors[-2:], made]
        return self.rng.choice(self.descriptors)

    def constant(self) -> Any:
        make = self.rng.choice(
            [lambda: Key(self, self.rng.randrange(4)), lambda: tl.constexpr(Key(self, 1)), lambda: 1, self.text]
        )
        return make()

    def text(self) -> str:
        return "".join(["n", "one"])

    def value(self, *_: Any) -> Any:
        """A heuristic, a hook."""
        self.act()
        return 5

    def bench(self, call: Callable, quantiles: Any) -> list[float]:
        self.act()
        call()
        return [1.0] * 3

    # -- What happens

    def act(self) -> None:
        """Perhaps does something hostile."""
        if self.left <= 0 or self.depth >= DEEPEST or self.rng.random() > CHANCE:
            return
        self.left -= 1
        self.depth += 1
        try:
            actions = ON_VICTIM if self.victim is not None and self.rng.random() < 0.6 else ACTIONS
            self.rng.choice(actions)(self)
            self.kept.append([bytes(64) for _ in range(200)])  # where something was freed
            self.kept.pop()
        finally:
            self.depth -= 1

    def nested(self) -> None:
        with contextlib.suppress(Exception):
            self.launch()

    def raises(self) -> None:
        raise self.rng.choice([HostileError, ValueError, AttributeError, RecursionError, MemoryError, TypeError])("hostile")

    def interrupt(self) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def collect(self) -> None:
        gc.collect()

    def clear_caches(self) -> None:
        for kernel in (*self.kernels, self.tuner.fn, self.heuristics.fn):
            kernel.device_caches.clear()
        self.nested()

    def clear_variants(self) -> None:
        for kernel in self.kernels:
            for caches in list(kernel.device_caches.values()):
                caches[self.rng.randrange(2)].clear()

    def forget(self) -> None:
        self.rng.choice(self.kernels).__dict__.pop("_graft_target", None)
        self.rig.launcher.forget_kernels()

    def switch(self) -> None:
        self.rig.use(self.rig.other)
        self.nested()
        self.rig.use(self.rig.driver)

    def stay_switched(self) -> None:
        self.rig.use(self.rng.choice([self.rig.other, self.rig.driver]))

    def replace_globals(self) -> None:
        for kernel in self.kernels:
            kernel.used_global_vals = self.rng.choice(self.globals)
        self.nested()
        for kernel in self.kernels:
            kernel.used_global_vals = self.globals[0]

    def clear_victim(self) -> None:
        """Empties what is being looked through."""
        self.victim.device_caches.clear()
        self.launch_peacefully()

    def exchange_globals(self) -> None:
        """Puts back what is being compared, after a launch with others."""
        self.victim.used_global_vals = self.rng.choice(self.globals[1:])
        self.launch_peacefully()
        self.victim.used_global_vals = self.globals[0]

    def change_globals(self) -> None:
        self.space["G"] = self.rng.choice(self.flags)
        self.space.pop("H", None) if self.rng.random() < 0.2 else self.space.setdefault("H", 5)

    def rename_heuristics(self) -> None:
        values = self.heuristics.values
        if values and self.rng.random() < 0.8:
            values[self.rng.choice([f"h{self.rng.randrange(99)}", Name(self, "C"), 7])] = values.pop(next(iter(values)))
        else:
            self.heuristics.values = {"C": self.value, "D": self.value}

    def change_tuner(self) -> None:
        tuner = self.tuner
        change = self.rng.choice([
            tuner.cache.clear,
            lambda: tuner.keys.append("x"),
            lambda: setattr(tuner, "keys", ["n"]),
            lambda: self.configs[0].kwargs.update(C=self.constant()),
            lambda: setattr(self.configs[0], "kwargs", {"C": 1}),
            lambda: setattr(self.configs[1], "pre_hook", self.rng.choice([None, self.value])),
            lambda: setattr(tuner, "configs", self.configs[: self.rng.randrange(1, 3)]),
            lambda: tuner.cache.update({Name(self, "key"): self.configs[0]}),
        ])  # fmt: skip
        change()
        self.nested()

    def change_hooks(self) -> None:
        chain = knobs.runtime.launch_enter_hook
        self.rng.choice([lambda: chain.add(self.value), chain.calls.clear])()
        hooks = self.rng.choice(self.kernels).pre_run_hooks
        self.rng.choice([lambda: hooks.append(lambda *args, **kwargs: self.act()), hooks.clear])()

    def change_knobs(self) -> None:
        knobs.compilation.instrumentation_mode = self.rng.choice(["", "".join(["m", "ode"])])
        knobs.runtime.debug = self.rng.random() < 0.2
        if self.rng.random() < 0.3:
            knobs.runtime = type(knobs.runtime)()
        self.nested()

    def odd_keys(self) -> None:
        """Keys that are found where another is looked for."""
        kernel = self.rng.choice(self.kernels)
        spaces = [kernel.__dict__, self.space, knobs.runtime.__dict__, kernel.device_caches]
        names = [*(["run", "debug", "pre_run_hooks", "used_global_vals", "G", "launch_enter_hook"]), 0]
        self.rng.choice(spaces)[Name(self, self.rng.choice(names))] = None

    def change_descriptors(self) -> None:
        """What may be read just now ends, or is another."""
        if self.descriptors:
            self.change_descriptor(self.rng.choice(self.descriptors))
            self.nested()

    def change_descriptor(self, made: Any) -> None:
        change = self.rng.choice([
            lambda: setattr(made, "shape", self.rng.choice([[16, 64], (32, 64), Items(self, [8, 64]), [16], None])),
            lambda: setattr(made, "strides", self.rng.choice([[64, 1], (96, 1), Items(self, [64, 1]), [64, 2]])),
            lambda: setattr(made, "block_shape", self.rng.choice([[8, 32], [8, 16], Items(self, [8, 32]), []])),
            lambda: setattr(made, "base", self.rng.choice([Pointer, Steady])(self)),
            lambda: setattr(made, "padding", self.rng.choice(["zero", "nan", Key(self, 1)])),
            lambda: setattr(made, "round_f32_to_tf32", self.rng.choice([True, False, Flag(self)])),
            lambda: [made.__dict__.pop(name, None) for name in self.rng.sample(sorted(made.__dict__), 2)],
            lambda: made.__dict__.get("shape") and getattr(made.shape, "clear", list)(),
            self.descriptors.clear,
        ])  # fmt: skip
        change()

    def change_compiled(self) -> None:
        for kernel in self.kernels:
            for caches in list(kernel.device_caches.values()):
                for compiled in list(caches[0].values()):
                    if type(compiled) is CompiledKernel:
                        compiled.note = [self]
                        compiled.__dict__.pop("note", None)


ACTIONS = [
    World.nested, World.nested, World.raises, World.interrupt, World.collect, World.clear_caches, World.clear_variants, World.forget,
    World.switch, World.stay_switched, World.replace_globals, World.replace_globals, World.change_globals, World.rename_heuristics,
    World.change_tuner, World.change_hooks, World.change_knobs, World.odd_keys, World.change_compiled,
    World.change_descriptors, World.change_descriptors,
]  # fmt: skip
#: Those that turn on what the launch under way works with.
ON_VICTIM = [World.clear_victim, World.exchange_globals]


# -- Kernels and objects


def constant(x, n, C: tl.constexpr):
    pass


def plain(x, n):
    pass


def many(x, n, C: tl.constexpr, D: tl.constexpr):
    pass


@triton.constexpr_function
def compared(a, b):
    return a == b


class Hostile:
    """Acts whenever it is asked anything; also when it goes."""

    def __init__(self, world: World):
        self.world = world

    def __del__(self) -> None:
        world = self.world
        if world.left > 0 and world.rng.random() < 0.1:
            before = world.interrupted
            with contextlib.suppress(BaseException):
                world.nested()
            world.interrupted = before  # what finalizers raise is lost


class Key(Hostile):
    """A constant: few of them are equal, and all have one hash."""

    def __init__(self, world: World, number: int):
        super().__init__(world)
        self.number = number

    def __hash__(self) -> int:
        self.world.act()
        return 7

    def __eq__(self, other: object) -> bool:
        self.world.act()
        return isinstance(other, Key) and other.number == self.number

    def __repr__(self) -> str:
        self.world.act()
        return f"Key({self.number})"


class EqualKey(Key):
    """One that acts when it is compared, and not before, so that there is still something to compare it with."""

    def __hash__(self) -> int:
        return 7

    def __repr__(self) -> str:
        return f"Key({self.number})"

    __eq__ = Key.__eq__


class Name(Hostile):
    """A key of a dict that has the hash of another, and says whether it is equal to that in its own time."""

    def __init__(self, world: World, name: Any):
        super().__init__(world)
        self.name = name

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        self.world.act()
        return self is other


class Flag(Hostile):
    """A global."""

    def __eq__(self, other: object) -> bool:
        self.world.act()
        return True

    def __ne__(self, other: object) -> bool:
        self.world.act()
        return False

    __hash__ = None  # type: ignore[assignment]


class Dtype(Hostile):
    """A dtype of its own."""

    def __str__(self) -> str:
        self.world.act()
        return "torch.float32"


class Pointer(Hostile):
    """An array, which may become one of another class while it is asked."""

    def data_ptr(self) -> int:
        self.world.act()
        if self.world.rng.random() < 0.1:
            self.__class__ = type("Other", (Pointer,), {})
        return self.world.rng.choice([0x1000, 0x1008])

    @property
    def dtype(self) -> Any:
        self.world.act()
        return "fp32" if self.world.rng.random() < 0.8 else Dtype(self.world)


class Steady(Pointer):
    """An array that acts when its address is asked for, and not before: mostly on the descriptors that it is in."""

    dtype = "fp16"

    def data_ptr(self) -> int:
        world = self.world
        for made in [made for made in world.descriptors if made.__dict__.get("base") is self]:
            if world.left > 0 and world.rng.random() < 0.7:
                world.left -= 1
                world.change_descriptor(made)
                world.kept.append([[bytes(64), 16] for _ in range(200)])  # where something was freed
                world.kept.pop()
        return super().data_ptr()


class Items(list):
    """A list that acts when it is gone through."""

    def __init__(self, world: World, items: list):
        super().__init__(items)
        self.world = world

    def __iter__(self) -> Iterator:
        self.world.act()
        return super().__iter__()


class Peaceful:
    """An array that does nothing but answer."""

    dtype = "fp32"

    def data_ptr(self) -> int:
        return 0x1000


class Index(Hostile):
    def __index__(self) -> int:
        self.world.act()
        return 5


class Grid(Hostile):
    """A grid that is computed."""

    def __call__(self, meta: Any) -> Any:
        self.world.act()
        if self.world.rng.random() < 0.2:
            meta.clear()
        return self.world.rng.choice([(1,), (0,), [2]])


# -- Running


def run_case(rig: Any, seed: int) -> str:
    """What is wrong with the case, or nothing."""
    world = World(rig, seed)
    with restored(world):
        for number in range(LAUNCHES):
            world.interrupted = False
            error: BaseException | None = None
            try:
                world.launch()
            except BaseException as caught:
                error = caught.with_traceback(None)
            if isinstance(error, SystemError):
                return f"launch {number} raised {error!r}"
            if world.interrupted and not isinstance(error, KeyboardInterrupt):
                return f"launch {number} lost an interrupt: {error!r}"
            world.left = max(world.left, 6)
    return ""


@contextlib.contextmanager
def restored(world: World) -> Iterator[None]:
    """Afterwards *world* is peaceful, and knobs, hooks and driver are as before."""
    runtime, mode, debug = knobs.runtime, knobs.compilation.instrumentation_mode, knobs.runtime.debug
    try:
        yield
    finally:
        world.left = 0
        knobs.runtime, knobs.compilation.instrumentation_mode = runtime, mode
        for name in [name for name in runtime.__dict__ if type(name) is not str]:
            runtime.__dict__.pop(name)
        runtime.debug = debug
        runtime.launch_enter_hook.calls.clear()
        world.rig.compiler.settings.clear()
        world.rig.use(world.rig.driver)


def run_batch(first: int, number: int) -> int:
    """Runs cases in this process, saying which; returns how many are wrong."""
    import launching  # builds and loads the stub

    wrong = 0
    with tempfile.TemporaryDirectory() as folder, launching.rig(Path(folder)) as rig:
        rig.launcher = launching._launcher
        rig.other = Driver(target="cuda:90")  # the in-tree launcher does not survive all of this
        for seed in range(first, first + number):
            print(f"seed {seed}", flush=True)
            if text := run_case(rig, seed):
                print(f"WRONG {seed}: {text}", flush=True)
                wrong += 1
        gc.collect()
    print(END, flush=True)
    return wrong


def use_launcher(path: str) -> None:
    """Has the extension at *path* stand for the launcher."""
    name = "triton.backends.graft.launch._launcher"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


class Result(NamedTuple):
    """What became of a batch: the seeds that are wrong, with what is."""

    wrong: dict[int, str]
    output: str


def in_child(first: int, number: int, launcher: str | None = None) -> Result:
    """Runs cases in a child; after one that kills it, the rest in another."""
    wrong: dict[int, str] = {}
    output = ""
    end = first + number
    while first < end:
        seen, code, text = _run(first, end - first, launcher)
        output += text
        wrong |= {int(line.split()[1][:-1]): line for line in text.splitlines() if line.startswith("WRONG ")}
        if text.endswith(f"{END}\n"):  # AddressSanitizer ends processes with 1, too
            break
        wrong[seen] = f"the process ended with {code}"
        first = seen + 1
    return Result(wrong, output)


def _run(first: int, number: int, launcher: str | None) -> tuple[int, int, str]:
    """The seed that was last begun, how the child ended, and what it said."""
    command = [sys.executable, __file__, "--seed", str(first), "--cases", str(number), "--here"]
    command += ["--launcher", launcher] if launcher else []
    # What is freed is overwritten, so that who uses it dies; AddressSanitizer sees it by itself.
    environment = os.environ | {"PYTHONMALLOC": "malloc" if launcher else "debug", "PYTHONFAULTHANDLER": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        text, _ = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
    begun = [int(line.split()[1]) for line in text.splitlines() if line.startswith("seed ")]
    return max(begun, default=first), process.returncode, text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1)
    parser.add_argument("--launcher", help="another build of the launcher")
    parser.add_argument("--here", action="store_true", help="run in this process")
    options = parser.parse_args()
    if options.here:
        warnings.simplefilter("ignore")
        sys.unraisablehook = lambda _: None  # what hostile finalizers raise
        if options.launcher:
            use_launcher(options.launcher)
        return int(run_batch(options.seed, options.cases) > 0)
    wrong: dict[int, str] = {}
    for first in range(options.seed, options.seed + options.cases, BATCH):
        number = min(BATCH, options.seed + options.cases - first)
        result = in_child(first, number, options.launcher)
        wrong |= result.wrong
        for seed, text in result.wrong.items():
            print(f"seed {seed}: {text}", flush=True)
            if text.startswith("the process"):
                print(result.output[:6000], result.output[-2000:], sep="\n...\n", flush=True)
    print(f"{options.cases} cases, {len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
