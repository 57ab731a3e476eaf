# SPDX-License-Identifier: MIT
"""Compiles every example for three targets on the CPU and, where there is a CUDA device, runs and times them.

    python python/examples/run.py [--json FILE]

Nothing is taken from a cache, so the times are those of compiling. The exit status is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import triton
from all_examples import EXAMPLES
from binaries import get_resources, get_widest_load
from common import Example
from triton.backends.graft import plugin, wings
from triton.backends.graft.driver import Driver
from triton.backends.nvidia import driver as nvidia

try:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table
except ImportError:
    sys.exit("error: the tables need rich, which is not installed: pip install triton-graft[cli]")

TARGETS = ("cuda:80", "cuda:90", "cuda:100")

#: The columns of the first table behind kernel and target, each with what it says.
COLUMNS = {
    "compile": "ms for all stages; where our passes change a kernel, it is compiled without them too, to see whether they help",
    "registers": "per thread",
    "spills": "bytes per thread that did not fit into registers; 0 is best",
    "shared": "bytes of shared memory per program",
    "load": "bits that the widest load from global memory reads per thread, without our passes → with them",
}

#: What a table needs where the output is no terminal and has no width of its own, in characters.
WIDTH_OF_FILE = 128


@dataclass(frozen=True)
class Compiled:
    """One line of the first table: *compile* in ms; the widest load in bits, with our passes off and on."""

    kernel: str
    target: str
    compile: float
    registers: int
    spills: int
    shared: int
    load_off: int
    load_on: int


@dataclass(frozen=True)
class Timed:
    """One line of the second table: medians in ms."""

    kernel: str
    shape: str
    in_tree: float
    graft: float


@dataclass
class Report:
    """All that was found out. A failure is a line that says what failed and why."""

    compiled: list[Compiled] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Notes an error in doing *what* as a failure, and goes on."""
        try:
            yield
        except Exception as error:
            self.failures.append(f"{what}: {type(error).__name__}: {error}")


# -- Compiling


def compile_timed(example: Example, **options: Any) -> tuple[Any, float]:
    """The example's kernel, compiled for the active driver's target, and the ms that its stages took."""
    seen: list[Any] = []
    triton.knobs.compilation.listener = lambda times, **_: seen.append(times)
    try:
        kernel = example.warmup(**options)
    finally:
        triton.knobs.compilation.listener = None
    return kernel, sum(microseconds for _, microseconds in seen[0].lowering_stages) / 1000


def compile_example(example: Example, target: str) -> Compiled:
    """Compiles the example with our passes and without. What does not concern them is told of the kernel with them."""
    without, _ = compile_timed(example, **wings.switched_off())
    kernel, milliseconds = compile_timed(example)
    widths = [get_widest_load(version.asm["ptx"]) for version in (without, kernel)]
    return Compiled(example.name, target, milliseconds, **asdict(get_resources(kernel)), load_off=widths[0], load_on=widths[1])


def compile_all(report: Report) -> None:
    if not plugin.available():
        report.failures.append("our passes: they cannot be used, see the warning")
    with show_progress(len(TARGETS) * len(EXAMPLES)) as begin:
        for target in TARGETS:
            triton.runtime.driver.set_active(Driver(target=target))
            for example in EXAMPLES:
                what = f"compile {example.name} for {target}"
                begin(what)
                with report.attempt(what):
                    report.compiled.append(compile_example(example, target))


# -- Running


def has_device() -> bool:
    """Whether there is PyTorch, and a CUDA device that it can use."""
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


def time_checked(example: Example, driver: Any, inputs: tuple, expected: Any) -> float:
    """The median of the example's run time under *driver*, in ms, if the result is as *expected*."""
    triton.runtime.driver.set_active(driver)
    example.check(example.run(*inputs), expected)
    return triton.testing.do_bench(lambda: example.run(*inputs), return_mode="median")


def run_example(example: Example, shape: str, drivers: dict[str, Any]) -> Timed:
    inputs = example.make_inputs("cuda", shape=shape)
    expected = example.reference(*inputs)
    size = "x".join(map(str, example.shapes[shape]))
    return Timed(example.name, size, **{name: time_checked(example, drivers[name], inputs, expected) for name in drivers})


def run_all(report: Report) -> None:
    drivers = {"in_tree": nvidia.CudaDriver(), "graft": Driver()}
    shapes = ("odd", "even")
    with show_progress(len(shapes) * len(EXAMPLES)) as begin:
        for example, shape in itertools.product(EXAMPLES, shapes):
            what = f"run {example.name} at its {shape} size"
            begin(what)
            with report.attempt(what):
                report.timed.append(run_example(example, shape, drivers))


# -- Showing


@contextmanager
def show_progress(total: int) -> Iterator[Callable[[str], None]]:
    """Gives a function to call with the name of each step that begins. Writes to stderr, plain lines if it is no terminal."""
    console = Console(stderr=True)
    steps = itertools.count()
    if not console.is_terminal:
        yield lambda name: print(f"[{next(steps) + 1}/{total}] {name}", file=sys.stderr, flush=True)
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda name: bar.update(task, completed=next(steps), description=name)


def format_compiled(rows: list[Compiled]) -> Table:
    table = Table(title="Compiled on the CPU")
    for name in ("kernel", "target"):
        table.add_column(name, no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row in rows:
        numbers = [f"{number:.0f}" for number in (row.compile, row.registers, row.spills, row.shared)]
        table.add_row(row.kernel, row.target, *numbers, f"{row.load_off} → {row.load_on}")
        table.rows[-1].end_section = row.kernel == EXAMPLES[-1].name
    return table


def format_timed(rows: list[Timed]) -> Table:
    table = Table(title="Run on the device, with PyTorch's result: median ms under Triton's own driver and under graft")
    for name in ("kernel", "shape"):
        table.add_column(name, no_wrap=True)
    for name in ("in-tree", "graft", "graft / in-tree"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(row.kernel, row.shape, f"{row.in_tree:.4f}", f"{row.graft:.4f}", f"{row.graft / row.in_tree:.3f}")
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the tables and failures to FILE")
    arguments = parser.parse_args()

    os.environ.pop("GRAFT_TARGET", None)  # the targets are listed here, and the device is wanted if there is one
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_OF_FILE)
    report = Report()
    with tempfile.TemporaryDirectory() as cache, triton.knobs.cache.scope():
        triton.knobs.cache.dir = cache
        compile_all(report)
        console.print(format_compiled(report.compiled))
        for name, meaning in COLUMNS.items():
            console.print(f"{name:9}  {meaning}")
        if has_device():
            run_all(report)
            console.print(format_timed(report.timed))
        else:
            console.print("Nothing was launched: there is no PyTorch with a CUDA device here.")
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(report), indent=2) + "\n")
    for failure in report.failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
