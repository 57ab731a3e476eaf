# SPDX-License-Identifier: MIT
"""Whether what a process holds on to is bounded: series of samples, and the growth that each may have after warm-up."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

#: The part of the samples that is warm-up, and how many have to be left to say anything.
WARM_UP, FEWEST = 0.25, 6


class Measure(NamedTuple):
    """Something that is sampled when all is quiet. From the first third of the samples after warm-up to the last third, the
    median may grow by *slack*, however many samples lie between: in *unit*, or as a part of what it was if *relative*.
    What is not counted: *per_ir*, once for each module of IR that Triton has made, and *per_tree*, once for each syntax tree that
    Python has lost."""

    name: str
    unit: str
    slack: float
    why: str
    relative: bool = False
    per_ir: float = 0
    per_tree: float = 0


class Verdict(NamedTuple):
    """The medians of *measure* at the beginning and at the end, and the growth that was *allowed*."""

    measure: Measure
    before: float
    after: float
    allowed: float

    @property
    def grows(self) -> bool:
        return not self.after - self.before <= self.allowed

    def __str__(self) -> str:
        name, unit, *_ = self.measure
        return (
            f"{'GROWS' if self.grows else 'holds'}  {name:<16}{self.before:>12,.1f} -> {self.after:>12,.1f} {unit:<8}"
            f"(allowed +{self.allowed:,.1f}: {self.measure.why})"
        )


def judge(measure: Measure, samples: Sequence[float]) -> Verdict:
    """Whether *samples*, one a round, grow. Raises `ValueError` if there are too few to say."""
    rest = samples[math.ceil(len(samples) * WARM_UP) :]
    if len(rest) < FEWEST:
        raise ValueError(f"{len(samples)} samples of {measure.name} are too few to judge by")
    third = len(rest) // 3
    before, after = statistics.median(rest[:third]), statistics.median(rest[-third:])
    return Verdict(measure, before, after, measure.slack * before if measure.relative else measure.slack)
