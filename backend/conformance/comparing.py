# SPDX-License-Identifier: MIT
"""What differs between the two sides, and whether all of it is allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .allowing import Allowance
from .drivers import INTERPRETER
from .results import NOT_RUN, NOT_THERE, OUTCOMES, WRONG, Header, Result, Results

BASELINE, BACKEND = "baseline", "backend"


@dataclass(frozen=True)
class Difference:
    """A test with what came of it on both sides; without a baseline *baseline* is empty. *reason* is that of an allowance."""

    test: str
    baseline: str
    backend: str
    #: Why the side that is worse did not pass.
    message: str = ""
    #: What was active in the place of the chosen driver.
    drivers: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Stray:
    """A test during which another driver than the chosen one of *side* was active, or that left one behind."""

    side: str
    test: str
    outcome: str
    drivers: str


@dataclass(frozen=True)
class Unused:
    """An allowance that no difference needs."""

    entry: str
    reason: str
    why: str


@dataclass(frozen=True)
class Side:
    """What was run on a side, and how many tests came to what; those that were not run are among them."""

    name: str
    header: Header
    counts: dict[str, int]


@dataclass(frozen=True)
class Report:
    """What is to be said of a run."""

    sides: list[Side]
    differences: list[Difference]
    strays: list[Stray]
    unused: list[Unused]
    not_run: list[str]
    warnings: list[str]

    @property
    def forbidden(self) -> list[Difference]:
        """The differences without a reason."""
        return [one for one in self.differences if not one.reason]

    @property
    def allowed(self) -> list[Difference]:
        """The differences with a reason."""
        return [one for one in self.differences if one.reason]

    @property
    def is_conformant(self) -> bool:
        """Whether all tests were run, one at least passed, and nothing differs that is not allowed."""
        return not self.forbidden and not self.not_run and self.sides[-1].counts["passed"] > 0

    def to_json(self) -> dict[str, Any]:
        """The report as an object."""
        return {"is_conformant": self.is_conformant, **asdict(self)}


def compare(
    backend: Results, baseline: Results | None, allowances: Sequence[Allowance], warnings: Sequence[str] = ()
) -> Report:
    """The report on the results *backend* beside *baseline*; without one, what is wrong stands for what differs."""
    tests = sorted(_compared(backend, baseline))
    found = [one for one in (_difference(test, backend, baseline, allowances) for test in tests) if one is not None]
    sides = {BASELINE: baseline, BACKEND: backend}
    present = {name: results for name, results in sides.items() if results is not None}
    return Report(
        sides=[Side(name, results.header, _counts(results, tests)) for name, results in present.items()],
        differences=found,
        strays=[stray for name, results in present.items() for stray in _strays(name, results, tests)],
        unused=_unused(allowances, tests, found),
        not_run=[test for test in tests if NOT_RUN in (results.outcome(test) for results in present.values())],
        warnings=[*warnings, *(_unlike(backend.header, baseline.header) if baseline else [])],
    )


def _compared(backend: Results, baseline: Results | None) -> set[str]:
    """The tests of the run. Those of a baseline that was chosen otherwise do not count by themselves."""
    if baseline is not None and baseline.header.selection == backend.header.selection:
        return backend.ids | baseline.ids
    return backend.ids


def _difference(test: str, backend: Results, baseline: Results | None, allowances: Sequence[Allowance]) -> Difference | None:
    """What differs in *test*, which may be a file that could not be imported, and then stands for the tests in it."""
    ours, theirs = _outcome(test, backend), _outcome(test, baseline) if baseline else ""
    if NOT_RUN in (ours, theirs) or (ours == theirs if baseline else ours not in WRONG):
        return None
    if baseline is not None and baseline.header.driver == INTERPRETER and theirs != "passed" and ours not in WRONG:
        return None  # it says nothing of what it cannot do
    if baseline is not None and (_is_in_file_of(backend, test, ours) or _is_in_file_of(baseline, test, theirs)):
        return None
    results = [side.results[test] for side in (backend, baseline) if side is not None and test in side.results]
    worst = min(results, key=lambda result: (result.outcome not in WRONG, result.outcome == "passed"))
    reason = next((allowance.reason for allowance in allowances if allowance.covers(test)), "")
    drivers = format_drivers(backend.results[test]) if test in backend.results else ""
    return Difference(test, theirs, ours, worst.message, drivers, reason)


def _outcome(test: str, side: Results) -> str:
    """What came of *test*; of a file that was imported, what came of its tests."""
    found = side.outcome(test)
    if found == NOT_THERE and "::" not in test:
        inner = Counter(side.outcome(name) for name in side.ids if name.startswith(f"{test}::"))
        return ", ".join(f"{inner[name]} {name}" for name in (*OUTCOMES, NOT_RUN) if inner[name]) or found
    return found


def _is_in_file_of(side: Results, test: str, outcome: str) -> bool:
    """Whether *test* is not there only because its file, which has an outcome of its own, could not be imported on *side*."""
    return outcome == NOT_THERE and "::" in test and test.partition("::")[0] in side.results


def format_drivers(result: Result) -> str:
    """What was active in the place of the chosen driver, and when."""
    return ", ".join(f"{when}: {driver}" for when, driver in result.drivers.items())


def _counts(results: Results, tests: Iterable[str]) -> dict[str, int]:
    counted = Counter(map(results.outcome, tests))
    return {name: counted[name] for name in (*OUTCOMES, NOT_RUN, NOT_THERE)}


def _strays(side: str, results: Results, tests: Iterable[str]) -> list[Stray]:
    of_run = (results.results[test] for test in tests if test in results.results)
    return [Stray(side, one.id, one.outcome, format_drivers(one)) for one in of_run if {"during", "after"} & set(one.drivers)]


def _unused(allowances: Iterable[Allowance], tests: Sequence[str], differences: Iterable[Difference]) -> list[Unused]:
    differing = [one.test for one in differences]
    found = []
    for allowance in allowances:
        if not any(map(allowance.covers, differing)):
            count = sum(map(allowance.covers, tests))
            why = f"none of its {count} tests differs" if count else "no test of this run has the name"
            found.append(Unused(allowance.entry, allowance.reason, "its test does not differ" if count == 1 else why))
    return found


def _unlike(backend: Header, baseline: Header) -> list[str]:
    """In what a baseline that was run elsewhere is unlike the backend's side."""
    return [
        f"the baseline was run with the {name} {getattr(baseline, name)}, the backend with {getattr(backend, name)}"
        for name in ("target", "triton", "checkout")
        if getattr(baseline, name) != getattr(backend, name)
    ]
