# SPDX-License-Identifier: MIT
"""Sweeps over many cases, of which `make test` takes a sample and `make test-all` takes all: the others are marked `slow`."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest


def slow(*values: Any) -> Any:
    """*values* as parameters that `make test` leaves out."""
    return pytest.param(*values, marks=pytest.mark.slow)


def sampled(step: int, *lists: Iterable[Any]) -> list[Any]:
    """Every combination of the values in *lists*; `make test` takes one of *step*, on diagonals.

    So each value of a list comes with those of the others in turn. A value that is a tuple stands for several parameters.
    """
    chosen = []
    for combination in product(*map(enumerate, lists)):
        parts = [value if isinstance(value, tuple) else (value,) for _, value in combination]
        values = [one for part in parts for one in part]
        is_sample = sum(number for number, _ in combination) % step == 0
        chosen.append(pytest.param(*values) if is_sample else slow(*values))
    return chosen
