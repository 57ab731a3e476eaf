# SPDX-License-Identifier: MIT
"""Times the kernels of the suite on the CUDA device, the sides by turns.

Launches are recorded as CUDA graphs, so that only the kernels' time counts. All sides are measured round after round, so that what
drifts, such as clocks and temperature, drifts for all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import triton

from .kernels_compile import active, summarise
from .kernels_report import AGAIN, GRAFT, IN_TREE, Row
from .suite.case import Case, Entry
from .suite.sections import Section

#: How long one replay of a side's launches is to take, in ms: long beside the start of a replay, a few µs.
REPLAY_MS = 5.0

#: Rounds that are not counted.
WARMUP_ROUNDS = 5


class Launch(NamedTuple):
    """One side: what to launch, and under which driver."""

    side: str
    driver: Any
    launch: Callable[[], Any]
    #: Kept alive: a kernel may know some of them by their address alone.
    tensors: Mapping[str, Any]


class Bench:
    """Measures under *drivers* in *rounds* rounds. Sides whose compilation is among *failures* are not tried again."""

    def __init__(self, drivers: Mapping[str, Any], rounds: int, failures: Mapping[tuple, str]):
        import torch

        self.drivers = {IN_TREE: drivers["triton"], GRAFT: drivers["graft"]}
        self.rounds, self.failures = rounds, failures
        triton.set_allocator(lambda size, alignment, stream: torch.empty(size, dtype=torch.int8, device="cuda"))

    def measure(self, section: Section) -> Iterator[Row]:
        """A row for each kernel and size. Ends where the device fails."""
        import torch

        for entry in section.entries:
            for size in entry.sizes:
                row = Row(section.name, entry.name, size)
                self._fill(row, entry)
                yield row
                try:
                    torch.cuda.synchronize()
                    torch.cuda.empty_cache()
                except RuntimeError:
                    return  # an illegal access ends all work with the device in this process, and the row says so

    def _fill(self, row: Row, entry: Entry) -> None:
        """Fills in the times of *row*, or why there are none."""
        import torch

        launches: list[Launch] = []
        try:
            for name, case in entry.cases(entry.sizes[row.size]).items():
                launches += self._prepare(row, name, case, entry.beside_on if name else (IN_TREE, GRAFT))
        except Exception as error:
            row.errors["inputs"] = summarise(error)
            return
        launches += [launch._replace(side=AGAIN) for launch in launches if launch.side == IN_TREE]
        pool = torch.cuda.graph_pool_handle()
        replays = {}
        for found in launches:
            try:
                replays[found.side] = Replay(found.launch, found.driver, pool)
            except Exception as error:
                row.errors[found.side] = summarise(error)
        try:
            row.times.update(time_by_turns(replays, self.rounds) if replays else {})
        except RuntimeError as error:
            row.errors["timing"] = summarise(error)

    def _prepare(self, row: Row, name: str, case: Case, sides: tuple[str, ...]) -> Iterator[Launch]:
        """What of *case* can be launched and gives the right result. All sides work on the same tensors."""
        tensors = case.make_tensors("cuda")
        launch = case.launcher(tensors)
        for side in sides:
            label = f"{side}, {name}" if name else side
            error = self.failures.get((side, case.variant())) or _try(case, tensors, launch, self.drivers[side])
            if error:
                row.errors[label] = error
            else:
                yield Launch(label, self.drivers[side], launch, tensors)


def _try(case: Case, tensors: dict[str, Any], launch: Callable[[], Any], driver: Any) -> str:
    """Launches once and looks at the result; returns what is wrong, or nothing."""
    import torch

    try:
        case.reset(tensors)
        with active(driver):
            launch()
        torch.cuda.synchronize()
        case.check(tensors)
    except Exception as error:
        return summarise(error)
    return ""


class Replay:
    """Launches of *launch* under *driver*, recorded once as a CUDA graph: replaying them costs the host nothing.

    Graphs that share a memory *pool* allocate at the same addresses, so they must not need each other's results.
    """

    def __init__(self, launch: Callable[[], Any], driver: Any, pool: Any):
        import torch

        with active(driver):
            launch()
            self.launches = max(1, round(REPLAY_MS / _estimate(launch)))
            self.graph = torch.cuda.CUDAGraph()
            with triton.testing.cuda_graph_without_gc(self.graph, pool=pool):
                for _ in range(self.launches):
                    launch()
        torch.cuda.synchronize()

    def start(self) -> tuple[Any, Any]:
        """Queues one replay, and returns the events around it."""
        import torch

        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        self.graph.replay()
        end.record()
        return begin, end


def _estimate(launch: Callable[[], Any], times: int = 5) -> float:
    """About how long one launch takes, in ms."""
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(times):
        launch()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / times


def time_by_turns(replays: Mapping[str, Replay], rounds: int) -> dict[str, list[float]]:
    """The ms that one launch takes on each side, in each round. Rounds have the sides in a random order, the same in each run.

    Beginning with another side each time is not enough: on an H200 at its power limit, the third of three equal products that came
    one after the other in every round was 4 % slower than the first.
    """
    import torch

    events: dict[str, list] = {name: [] for name in replays}
    names, rng = list(replays), random.Random(0)
    for _ in range(WARMUP_ROUNDS + rounds):
        for name in rng.sample(names, len(names)):
            events[name].append(replays[name].start())
    torch.cuda.synchronize()
    return {
        name: [begin.elapsed_time(end) / replays[name].launches for begin, end in events[name][WARMUP_ROUNDS:]]
        for name in names
    }
