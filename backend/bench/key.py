# SPDX-License-Identifier: MIT
"""`bench key`: what finding kernels in the cache costs, as ratios to Triton's own key and cache in the same run.

    graft bench key --json key.json --plot key.svg
    python -m triton.backends.graft.bench.key           the same where click is missing

Needs no device. Each side has a cache folder of its own, filled before; then processes of both sides take turns, and medians are
taken over them. A process starts Python, imports Triton, makes its side's driver active, and asks for every kernel once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import GraftError
from . import documents, machines, outputs
from .documents import Document
from .options import KeyOptions, run_command

SIDES = ("triton", "graft")

#: Kernels as users write them, with a helper and globals, of 4 to 21 lines; {number} makes each of them another one.
_BODIES = (
    """
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    y = activate(tl.load(x + offs, mask), {number}.5)
    tl.store(out + offs, clamp(y, LOW, HIGH), mask)
""",
    """
    row = tl.program_id(0)
    x += row.to(tl.int64) * n
    out += row.to(tl.int64) * n
    peak = float("-inf")
    total = 0.0
    for start in range(0, n, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        values = tl.load(x + cols, cols < n, float("-inf")).to(tl.float32)
        highest = tl.maximum(peak, tl.max(values, 0))
        total = total * tl.exp(peak - highest) + tl.sum(tl.exp(values - highest), 0)
        peak = highest
    for start in range(0, n, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        values = tl.load(x + cols, cols < n, float("-inf")).to(tl.float32)
        tl.store(out + cols, tl.exp(values - peak) / total * {number}, cols < n)
""",
    """
    row = tl.program_id(0)
    x += row.to(tl.int64) * n
    out += row.to(tl.int64) * n
    total = tl.zeros((BLOCK,), tl.float32)
    squares = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, n, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        values = tl.load(x + cols, cols < n, 0.0).to(tl.float32)
        total += values
        squares += values * values
    mean = tl.sum(total, 0) / n
    variance = tl.sum(squares, 0) / n - mean * mean
    scale = SCALE * {number} / tl.sqrt(variance + EPSILON)
    for start in range(0, n, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        values = tl.load(x + cols, cols < n, 0.0).to(tl.float32)
        tl.store(out + cols, clamp((values - mean) * scale, LOW, HIGH), cols < n)
""",
    """
    tiles = tl.cdiv(n, TILE)
    tile = tl.program_id(0)
    group = tile // (GROUP * tiles)
    height = tl.minimum(tiles - group * GROUP, GROUP)
    tile_row = group * GROUP + (tile % (GROUP * tiles)) % height
    tile_col = (tile % (GROUP * tiles)) // height
    rows = tile_row * TILE + tl.arange(0, TILE)
    cols = tile_col * TILE + tl.arange(0, TILE)
    row_mask = (rows < n)[:, None]
    col_mask = (cols < n)[None, :]
    acc = tl.zeros((TILE, TILE), tl.float32)
    for start in range(0, n, TILE):
        inner = start + tl.arange(0, TILE)
        left = tl.load(x + rows[:, None] * n + inner[None, :], row_mask & (inner[None, :] < n), 0.0)
        right = tl.load(x + inner[:, None] * n + cols[None, :], (inner[:, None] < n) & col_mask, 0.0)
        acc = tl.dot(left, right, acc)
    if BLOCK > 64:
        acc = activate(acc, {number})
    else:
        acc = clamp(acc, LOW, HIGH)
    tl.store(out + rows[:, None] * n + cols[None, :], acc, row_mask & col_mask)
""",
)

_HEAD = """import triton
import triton.language as tl

SCALE = tl.constexpr(1.5)
EPSILON = tl.constexpr(1e-5)
LOW = tl.constexpr(-3.0)
HIGH = tl.constexpr(3.0)
TILE = tl.constexpr(32)
GROUP = tl.constexpr(8)


@triton.jit
def clamp(x, low, high):
    return tl.minimum(tl.maximum(x, low), high)


@triton.jit
def activate(x, factor):
    return tl.where(x > 0, x, tl.exp(x) - 1) * factor
"""


@dataclass(frozen=True)
class Row:
    """One figure. *times* has the ms of each round by side."""

    name: str
    times: dict[str, list[float]]

    @property
    def medians(self) -> dict[str, float]:
        """ms by side."""
        return {side: statistics.median(rounds) for side, rounds in self.times.items()}

    @property
    def ratio(self) -> float:
        """Our median as a part of Triton's."""
        theirs, ours = (self.medians[side] for side in SIDES)
        return ours / theirs


def write_kernels(path: Path, count: int) -> None:
    """Writes *count* different kernels `kernel_<n>(x, out, n, BLOCK)` to *path*."""
    functions = (
        f"\n\n@triton.jit\ndef kernel_{number:03}(x, out, n, BLOCK: tl.constexpr):"
        + _BODIES[number % len(_BODIES)].replace("{number}", str(number))
        for number in range(count)
    )
    path.write_text(_HEAD + "".join(functions))


def run(rounds: int, count: int) -> list[Row]:
    """Measures with *count* kernels in *rounds* processes a side. Raises `GraftError` if a process fails or has to compile."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.py"
        write_kernels(path, count)
        caches = {side: os.path.join(folder, side) for side in SIDES}
        misses = {side: _run_child(side, path, caches[side])["misses"] for side in SIDES}
        # Files that have just been written are not remembered by their time stamps yet.
        time.sleep(2.5)
        for side in SIDES:
            _run_child(side, path, caches[side])
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side in SIDES:
                found[side].append(_run_child(side, path, caches[side]))
    compiled = sum(len(process["misses"]) for side in SIDES for process in found[side])
    if compiled:
        raise GraftError(f"{compiled} kernels were compiled again although they were in the cache; nothing was measured.")
    return [*_rows(found, count), *_miss_rows(misses)]


def _miss_rows(misses: dict[str, list[float]]) -> list[Row]:
    """What compilations took but for their stages, in one process a side: the first, and the median of the others."""
    rows = [Row("compiling the first kernel, but for the stages", {side: [misses[side][0] * 1e3] for side in SIDES})]
    if len(misses[SIDES[0]]) > 1:
        rows.append(Row("  another", {side: [1e3 * seconds for seconds in misses[side][1:]] for side in SIDES}))
    return rows


def environment(cache: str) -> dict[str, str]:
    """What a process is to find: nothing of ours set, and the cache folder *cache*."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GRAFT_")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # what pip installs has its bytecode
    return env | {"TRITON_CACHE_DIR": cache, "TRITON_DEFAULT_FP_FUSION": "1"}


def _run_child(side: str, path: Path, cache: str) -> dict[str, Any]:
    start = time.time()
    command = [sys.executable, "-m", "triton.backends.graft.bench.key_child", side, str(path)]
    done = subprocess.run(command, env=environment(cache), capture_output=True, text=True)
    if done.returncode != 0:
        raise GraftError(f"a process that measures {side} failed:\n{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "process": found["end"] - start}


def _rows(found: dict[str, list[dict[str, Any]]], count: int) -> list[Row]:
    def row(name: str, figure: Any) -> Row:
        return Row(name, {side: [1e3 * figure(process) for process in found[side]] for side in SIDES})

    by_body = [
        row(
            f"  of {len(body.strip().splitlines())} lines",
            lambda process, i=i: statistics.median(process["look_ups"][i :: len(_BODIES)]),
        )
        for i, body in enumerate(_BODIES[:count])
    ]
    return [
        row("identity of the compiler in a fresh process", lambda process: process["identity"]),
        row("warm look-up of one kernel", lambda process: statistics.median(process["look_ups"])),
        *by_body,
        row(f"process with {count} cached kernels", lambda process: process["process"]),
    ]


def format_rows(rows: list[Row]) -> str:
    """*rows* as text."""
    lines = [
        ", ".join(f"{name} {value}" for name, value in machines.Machine().facts().items()),
        "",
        f"{'':48} {'Triton, ms':>12} {'graft, ms':>12} {'ratio':>8}",
    ]
    lines += [f"{row.name:48} {row.medians['triton']:12.3f} {row.medians['graft']:12.3f} {row.ratio:8.3f}" for row in rows]
    return "\n".join(lines)


def to_document(rows: list[Row], options: KeyOptions, checking: float | None = None) -> Document:
    """What was found. *checking* is what `read_sets` measured: nanoseconds for each entry of a read-set and launch."""
    found = [{**asdict(row), "medians": row.medians, "ratio": row.ratio} for row in rows]
    return documents.make("key", machines.Machine().facts(), options, {"rows": found, "read_set_entry_ns": checking})


def execute(options: KeyOptions) -> None:
    """Measures, prints, and writes what *options* asks for."""
    if options.entries:
        from . import entries

        print(entries.run(options.entries))
        return
    rows = run(options.rounds, options.kernels)
    print(format_rows(rows))
    checking = None
    if options.stub or options.device:
        from . import read_sets

        checking = read_sets.measure(machines.StubMachine(options.stub) if options.stub else machines.CudaMachine())
        print(f"{'check of a read-set at launch, per entry':48} {checking:38.1f} ns")
    outputs.write(to_document(rows, options, checking), options.json, options.plot)


def main(arguments: list[str] | None = None) -> int:
    """The command line without click. Returns the exit status."""
    return run_command("key", KeyOptions, execute, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
