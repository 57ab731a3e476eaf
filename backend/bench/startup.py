# SPDX-License-Identifier: MIT
"""`bench startup`: what a program waits for, from the start of its process to the return of the first launch of 50 kernels.

    graft bench startup --json startup.json --plot startup.svg
    python -m triton.backends.graft.bench.startup       the same where click is missing

Ways: Triton with a warm cache, our driver with one, a program that loads a bundle, and the static runtime, which imports no Triton.
Each is a process; those of all ways take turns, and medians are taken. Also the size of the bundle beside Triton's cache folders,
and how long `graft bundle build` takes for three targets beside one process that compiles for one after the other.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import GraftError, NoDeviceError
from . import documents, key, machines, outputs, startup_child
from .documents import Document
from .options import StartupOptions, run_command

#: What each is called, and whose it is.
WAYS = {
    "triton": ("Triton, warm cache", "triton"),
    "torch": ("the same in a program that imports PyTorch", "triton"),
    "graft": ("graft, warm cache", "graft"),
    "load": ("bundle.load in a program that imports Triton", "graft"),
    "static": ("static runtime, no Triton", "graft"),
    "cuda": ("of each, Python and CUDA alone: no kernel, no Triton", "cuda"),
}
TARGETS = ("cuda:80", "cuda:90", "cuda:100")


@dataclass(frozen=True)
class Row:
    """One figure beside what it is compared with. *rounds* has it for each round, or once; *value* is their median.

    *whose* is triton, graft or cuda, or start for what CUDA itself takes to start.
    """

    name: str
    whose: str
    rounds: list[float]
    unit: str
    ratio: float
    #: The ratio of what is left if one takes off both sides what CUDA itself takes to start; None where that says nothing.
    net: float | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.rounds)


def run(rounds: int, count: int, stub: str = "") -> list[Row]:
    """Measures with *count* kernels in *rounds* processes a way. Raises `GraftError` if a process fails or has to compile."""
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder), stub)
        key.write_kernels(bench.kernels, count)
        for way in ("triton", "record"):
            bench.run(way)
        time.sleep(2.5)  # files that have just been written are not remembered by their time stamps yet
        bench.run("graft")
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS if way != "torch" or _has_torch(stub)}
        for _ in range(rounds):
            for way, processes in found.items():
                processes.append(bench.run(way))
        compiled = sum(process["compiled"] for processes in found.values() for process in processes)
        if compiled:
            raise GraftError(f"{compiled} kernels were compiled again although they were there; nothing was measured.")
        return [*_startup_rows(found), *_size_rows(bench)]


def run_build(rounds: int, count: int) -> list[Row]:
    """Measures building *count* kernels for three targets, *rounds* times. Raises `GraftError` if a build fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warmup.py"
        key.write_kernels(path, count)
        path.write_text(path.read_text() + _WARMUP)
        targets = [argument for target in TARGETS for argument in ("--target", target)]
        one_process = ["-c", _ALONE, str(path), *TARGETS]
        build = ["-m", "triton.backends.graft", "bundle", "build", f"{path}:warmup", "-o", "out.graft", *targets]
        times = [(_time(one_process, folder), _time(build, folder)) for _ in range(rounds)]
    alone, together = map(list, zip(*times, strict=True))
    ratio = statistics.median(together) / statistics.median(alone)
    return [
        Row(f"{count} kernels for {len(TARGETS)} targets, in one process", "triton", alone, "s", 1.0),
        Row("graft bundle build", "graft", together, "s", ratio),
    ]


_WARMUP = """

def warmup():
    pointer = triton.MockTensor(tl.float32)
    for name, kernel in sorted(globals().items()):
        if name.startswith("kernel_"):
            kernel.warmup(pointer, pointer, 1000, BLOCK=128, grid=(1,))
"""


#: One process that builds for one target after the other: FILE TARGET...
_ALONE = """
import runpy
import sys
import triton
from triton.backends.graft import bundle
from triton.backends.graft.driver import Driver
from triton.backends.graft.bundle import writing
from triton.backends.graft.runtime import format, reading

parts = []
for target in sys.argv[2:]:
    triton.runtime.driver.set_active(Driver(target=target))
    with bundle.record() as recording:
        runpy.run_path(sys.argv[1])["warmup"]()
    parts.append(recording.bundle())
writing.write("out.graft", format.merge(parts))
"""


def _time(arguments: list[str], folder: str) -> float:
    """The seconds that Python takes with *arguments* and an empty cache."""
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        start = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], cwd=cache, env=_environment(cache), capture_output=True, text=True)
        seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise GraftError(f"a build failed:\n{done.stderr}")
    return seconds


class _Bench:
    """The files of one run."""

    def __init__(self, folder: Path, stub: str):
        self.kernels, self.bundle = folder / "kernels.py", folder / "kernels.graft"
        self.caches = {side: folder / side for side in ("triton", "graft", "none")}
        self._stub = stub

    def run(self, way: str) -> dict[str, Any]:
        """What a process of the way *way* printed, and how long it took."""
        side = {"triton": "triton", "torch": "triton", "load": "none"}.get(way, "graft")
        command = [sys.executable, startup_child.__file__, way, str(self.kernels), str(self.bundle), self._stub]
        start = time.time()
        done = subprocess.run(command, env=_environment(str(self.caches[side]), self._stub), capture_output=True, text=True)
        if done.returncode == startup_child.NO_DEVICE:
            raise NoDeviceError(f"bench startup needs a CUDA device ({done.stderr.strip()}); --stub FILE does without")
        if done.returncode != 0:
            raise GraftError(f"a process that measures {way} failed:\n{done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
        return {**found, "process": found["end"] - start}


def _environment(cache: str, stub: str = "") -> dict[str, str]:
    return key.environment(cache) | ({"TRITON_LIBCUDA_PATH": os.path.dirname(os.path.abspath(stub))} if stub else {})


def _has_torch(stub: str) -> bool:
    return not stub and importlib.util.find_spec("torch") is not None


def _startup_rows(found: dict[str, list[dict[str, Any]]]) -> list[Row]:
    times = {way: [1e3 * process["process"] for process in processes] for way, processes in found.items()}
    starts = [1e3 * process["cuda"] for processes in found.values() for process in processes]
    medians, cuda = {way: statistics.median(rounds) for way, rounds in times.items()}, statistics.median(starts)

    def row(way: str) -> Row:
        net = (medians[way] - cuda) / (medians["triton"] - cuda)
        return Row(*WAYS[way], times[way], "ms", medians[way] / medians["triton"], net)

    return [*map(row, found), Row("CUDA's own start, the same for all", "start", starts, "ms", cuda / medians["triton"])]


def _size_rows(bench: _Bench) -> list[Row]:
    folders = _kernel_bytes(bench.caches["triton"])
    size = bench.bundle.stat().st_size
    return [
        Row("Triton's cache folders of these kernels", "triton", [folders / 1024], "KiB", 1.0),
        Row("the bundle", "graft", [size / 1024], "KiB", size / folders),
    ]


def _kernel_bytes(cache: Path) -> int:
    """What kernels take in the cache folder *cache*; not what else Triton builds there."""
    folders = {path.parent for path in cache.glob("*/*.cubin")}
    return sum(path.stat().st_size for folder in folders for path in folder.iterdir())


def format_rows(rows: list[Row], facts: Mapping[str, str]) -> str:
    """*rows* as text."""
    lines = [", ".join(f"{name} {value}" for name, value in facts.items()), ""]
    lines.append(f"{'':56} {'':15} {'ratio':>7} {'without CUDA':>14}")
    for row in rows:
        net = "" if row.net is None else f"{row.net:14.3f}"
        lines.append(f"{row.name:56} {row.value:10.1f} {row.unit:4} {row.ratio:7.3f} {net}".rstrip())
    return "\n".join(lines)


def to_document(rows: list[Row], options: StartupOptions, facts: Mapping[str, str]) -> Document:
    """What was found."""
    return documents.make("startup", facts, options, {"rows": [asdict(row) | {"value": row.value} for row in rows]})


def execute(options: StartupOptions) -> None:
    """Measures, prints, and writes what *options* asks for."""
    stub = str(options.stub or "")
    rows = run_build(options.rounds, options.kernels) if options.build else run(options.rounds, options.kernels, stub)
    gpu = {} if options.build else machines.STUB_FACTS if stub else machines.describe_device()
    facts = gpu | machines.Machine().facts()
    print(format_rows(rows, facts))
    outputs.write(to_document(rows, options, facts), options.json, options.plot)


def main(arguments: list[str] | None = None) -> int:
    """The command line without click. Returns the exit status."""
    return run_command("startup", StartupOptions, execute, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
