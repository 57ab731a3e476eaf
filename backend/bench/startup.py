# SPDX-License-Identifier: MIT
"""`bench startup`: what a program waits for, from the start of its process to the return of the first launch of 50 kernels.

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
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import GraftError
from . import key, machines

WAYS = {
    "triton": "Triton, warm cache",
    "torch": "the same in a program that imports PyTorch",
    "graft": "graft, warm cache",
    "load": "bundle.load in a program that imports Triton",
    "static": "static runtime, no Triton",
    "cuda": "of each, Python and CUDA alone: no kernel, no Triton",
}
TARGETS = ("cuda:80", "cuda:90", "cuda:100")


class Row(NamedTuple):
    """One figure beside what it is compared with."""

    name: str
    value: float
    unit: str
    ratio: float
    #: The ratio of what is left if one takes off both sides what CUDA itself takes to start; None where that says nothing.
    net: float | None = None


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
    alone, together = map(statistics.median, zip(*times, strict=True))
    return [
        Row(f"{count} kernels for {len(TARGETS)} targets, in one process", alone, "s", 1.0),
        Row("graft bundle build", together, "s", together / alone),
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
        script = Path(__file__).with_name("startup_child.py")
        command = [sys.executable, str(script), way, str(self.kernels), str(self.bundle), self._stub]
        start = time.time()
        done = subprocess.run(command, env=_environment(str(self.caches[side]), self._stub), capture_output=True, text=True)
        if done.returncode != 0:
            raise GraftError(f"a process of the way {way} failed:\n{done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
        return {**found, "process": found["end"] - start}


def _environment(cache: str, stub: str = "") -> dict[str, str]:
    return key.environment(cache) | ({"TRITON_LIBCUDA_PATH": os.path.dirname(os.path.abspath(stub))} if stub else {})


def _has_torch(stub: str) -> bool:
    return not stub and importlib.util.find_spec("torch") is not None


def _startup_rows(found: dict[str, list[dict[str, Any]]]) -> list[Row]:
    medians = {way: statistics.median(process["process"] for process in processes) for way, processes in found.items()}
    cuda = statistics.median(process["cuda"] for processes in found.values() for process in processes)

    def row(way: str) -> Row:
        net = (medians[way] - cuda) / (medians["triton"] - cuda)
        return Row(WAYS[way], medians[way] * 1e3, "ms", medians[way] / medians["triton"], net)

    return [*map(row, found), Row("CUDA's own start, the same for all", cuda * 1e3, "ms", cuda / medians["triton"])]


def _size_rows(bench: _Bench) -> list[Row]:
    folders = _kernel_bytes(bench.caches["triton"])
    size = bench.bundle.stat().st_size
    return [
        Row("Triton's cache folders of these kernels", folders / 1024, "KiB", 1.0),
        Row("the bundle", size / 1024, "KiB", size / folders),
    ]


def _kernel_bytes(cache: Path) -> int:
    """What kernels take in the cache folder *cache*; not what else Triton builds there."""
    folders = {path.parent for path in cache.glob("*/*.cubin")}
    return sum(path.stat().st_size for folder in folders for path in folder.iterdir())


def format_rows(rows: list[Row]) -> str:
    """*rows* as text."""
    lines = [", ".join(f"{name} {value}" for name, value in machines.Machine().facts().items()), ""]
    lines.append(f"{'':56} {'':15} {'ratio':>7} {'without CUDA':>14}")
    for row in rows:
        net = "" if row.net is None else f"{row.net:14.3f}"
        lines.append(f"{row.name:56} {row.value:10.1f} {row.unit:4} {row.ratio:7.3f} {net}".rstrip())
    return "\n".join(lines)
