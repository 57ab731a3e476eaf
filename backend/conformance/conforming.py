# SPDX-License-Identifier: MIT
"""The whole of `graft conformance`: what is asked for is checked, both sides are run, and what came of them is compared and written."""

from __future__ import annotations

import fcntl
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import triton

from .. import files
from ..errors import OptionError
from ..settings import NAME
from . import allowing, checkout, report, results, running
from .comparing import BACKEND, BASELINE, Report, compare
from .drivers import Choice, Described
from .errors import ConformanceError
from .progress import Progress
from .results import Header

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What is asked for, as on the command line."""

    checkout: str
    backend: str = ""
    driver: str = ""
    baseline: str = ""
    baseline_driver: str = ""
    interpreter: bool = False
    no_baseline: bool = False
    tests: tuple[str, ...] = ()
    keyword: str = ""
    arguments: tuple[str, ...] = ()
    workers: int = 1
    timeout: float = 600.0
    allow: str = ""
    out: str = "conformance"

    def __post_init__(self) -> None:
        if os.environ.get("TRITON_INTERPRET", "0") not in ("", "0"):
            raise OptionError(
                "TRITON_INTERPRET", os.environ["TRITON_INTERPRET"], "not to be set, as then no driver runs a kernel"
            )
        given = {
            "--baseline": self.baseline,
            "--baseline-driver": self.baseline_driver,
            "--interpreter": self.interpreter,
            "--no-baseline": self.no_baseline,
        }
        first, *more = [name for name, value in given.items() if value] or [""]
        if more:
            raise OptionError(more[0], given[more[0]], f"not to be given together with {first}")

    def backend_choice(self) -> Choice:
        """Whose driver is tested: that of the backend, ours if nobody is named."""
        choice = Choice(self.backend or ("" if self.driver else NAME), self.driver)
        choice.check("--backend", "--driver")
        return choice

    def baseline_choice(self) -> Choice:
        """Whose driver it is compared with. Beside the interpreter it is the one that is tested, as it then is the one that is there."""
        if self.interpreter:
            return replace(self.backend_choice(), interpreted=True)
        choice = Choice(maker=self.baseline_driver)
        choice.check("", "--baseline-driver")
        return choice


def conform(request: Request, progress: Progress, warn: Tell) -> Report:
    """Runs the tests, or goes on where a run in the same folder stopped; writes `report.md` and `report.json` there.

    Raises `OptionError` for what is not allowed, and `ConformanceError` if there is nothing to run or no driver to run it on.
    """
    source = checkout.parse(request.checkout)
    tests = source.tests(request.tests)
    choices = {BACKEND: request.backend_choice()}
    if not request.baseline and not request.no_baseline:
        choices = {BASELINE: request.baseline_choice()} | choices
    allowances = allowing.read(request.allow) if request.allow else []
    known = results.read(Path(request.baseline), "--baseline", request.baseline) if request.baseline else None
    _check_installed()
    warnings = source.warnings()
    for warning in warnings:
        warn(warning)
    plan = running.Plan(source.path, tests, request.keyword, request.arguments, request.workers, request.timeout)
    described = {side: running.describe(side, choice) for side, choice in choices.items()}
    out = Path(request.out).absolute()
    with _locked(out):
        runner, found = running.Runner(plan, out, progress), {}
        for side, choice in choices.items():
            header = _header(described[side], str(source), plan)
            found[side] = runner.run(side, replace(choice, backend=described[side].backend), header)
            if not found[side].is_complete:
                warnings.append(f"pytest ended before all tests of the {side} were run, and {side}.log says why")
        made = compare(found[BACKEND], known or found.get(BASELINE), allowances, warnings)
        files.write_file(out / "report.json", report.format_json(made).encode())
        files.write_file(out / "report.md", report.format_markdown(made).encode())
    return made


def _check_installed() -> None:
    missing = [
        name for name, module in (("pytest", "pytest"), ("pytest-xdist", "xdist")) if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise ConformanceError(f"Triton's tests need {' and '.join(missing)}: pip install 'triton-{NAME}[conformance]'")


def _header(described: Described, source: str, plan: running.Plan) -> Header:
    return Header(described.driver, described.target, triton.__version__, source, plan.tests, plan.keyword, plan.arguments)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Has the folder *out* for this process alone. Raises `OptionError` if another one has it, or it cannot be made."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        stream = open(out / "lock", "w")  # noqa: SIM115 - closed below
    except OSError as error:
        raise OptionError("--out", str(out), f"a folder that can be written to ({error.strerror})") from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OptionError("--out", str(out), "a folder to which no other run writes just now") from None
        yield
