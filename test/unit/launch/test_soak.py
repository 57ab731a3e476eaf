# SPDX-License-Identifier: MIT
"""The judge of a long day by series that are made up, and a day of some seconds. `make soak` has long ones."""

import itertools
import math
import random

import pytest
import soak
from soak import ACTORS, Actor
from soak_judge import Measure, judge

BOUNDED = Measure("memory", "KiB", 10, "made up")
SPEED = Measure("latency", "ns", 0.25, "made up", relative=True)

#: Rounds and a part of the steps of a short day.
ROUNDS, EFFORT = 12, 0.05


def noisy(series, seed=5, by=3.0):
    rng = random.Random(seed)
    return [value + rng.uniform(-by, by) for value in series]


# -- The judge


@pytest.mark.parametrize(
    "series",
    [
        [100.0] * 12,
        noisy([100.0] * 600),
        [100.0 * (1 - math.exp(-index / 20)) for index in range(600)],  # warm-up
        [100.0 + 5 * (index % 12) for index in range(600)],  # tables that are emptied when they are full
        [100.0 + 900 * (index % 50 == 0) for index in range(600)],  # others who use the machine
        [100.0 - index for index in range(600)],
    ],
)
def test_what_is_bounded_holds(series):
    assert not judge(BOUNDED, series).grows


@pytest.mark.parametrize(
    "series",
    [
        [100.0 + 2 * index for index in range(12)],
        noisy(100.0 + 0.05 * index for index in range(600)),
        [100.0 + 20 * (index // 100) for index in range(600)],
        [100.0 + 5 * (index % 12) + 0.05 * index for index in range(600)],
        [math.nan] * 12,
    ],
)
def test_what_grows_is_found_however_slowly(series):
    assert judge(BOUNDED, series).grows


def test_a_trend_of_what_is_relative_is_found():
    assert not judge(SPEED, noisy([2000.0] * 60, by=200)).grows
    assert judge(SPEED, [2000.0 * 1.01**index for index in range(60)]).grows


def test_few_samples_are_no_evidence():
    with pytest.raises(ValueError, match=r"^7 samples of memory are too few to judge by$"):
        judge(BOUNDED, [100.0] * 7)


def test_a_verdict_says_what_was_allowed_and_why():
    assert str(judge(BOUNDED, [100.0 + 2 * index for index in range(12)])) == (
        "GROWS  memory                 108.0 ->        120.0 KiB     (allowed +10.0: made up)"
    )


# -- A day


def short_day(actors, seed=3):
    """A report without the latency, as of timings nothing is asserted."""
    with soak.a_day(seed) as day:
        day.effort = EFFORT
        report = soak.live(day, lambda rounds: rounds < ROUNDS, actors=actors)
    return report._replace(verdicts=[verdict for verdict in report.verdicts if verdict.measure.name != "latency"])


def test_a_short_day_is_well():
    report = short_day(ACTORS)
    assert report.is_well, str(report)
    assert [verdict.measure.name for verdict in report.verdicts] == [
        "memory", "heap", "blocks", "objects", "kernels", "modules", "contexts", "threads", "descriptors", "children", "files",
    ]  # fmt: skip


def test_a_program_that_keeps_kernels_is_found():
    kept = []

    def keeps(day, rng):
        kept.append(soak.fresh(soak.copy))
        day.launch(kept[-1], day.ground.x, day.ground.out, 7)

    report = short_day({"launches": ACTORS["launches"], "keeps": Actor(keeps, 40)})
    growing = {verdict.measure.name for verdict in report.verdicts if verdict.grows}
    assert {"kernels", "modules"} <= growing and not growing & {"threads", "descriptors", "contexts", "children"}
    kept.clear()


def test_what_goes_wrong_is_said_with_the_round():
    numbers = itertools.count()

    def fails(day, rng):
        if next(numbers) == 2:
            raise LookupError("no such kernel")

    report = short_day({"fails": Actor(fails, 1)})
    assert report.rounds == 2 and report.failure.startswith("round 2: fails:\nTraceback")
    assert "LookupError: no such kernel" in report.failure and not report.is_well
