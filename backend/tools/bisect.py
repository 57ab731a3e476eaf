# SPDX-License-Identifier: MIT
"""graft bisect: which pass, kernel and place makes the result of a script wrong, or another number than without our passes.

The script is run again and again in a process and cache of its own, with passes left out. A set of what is left out *mends* it if its
runs are right. Beginning with what is largest, passes, then kernels, then sites, such a set is made as small as it can be: none of its
members can be spared. docs/bisect.md is the manual.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from .. import children, interrupts
from ..errors import GraftError, OptionError
from ..guard.skips import Skip, switches
from ..settings import NAME, PREFIX
from ..wings import options

#: What the variables are that say what is left out.
_SKIP = options()["skip_passes"].variable
_SITES = PREFIX + "SITES"

#: Our passes that change kernels, each with the option that switches it off.
PASSES = switches()

#: Variables that would let the script find kernels that were compiled before, or add to the user's files.
_DROPPED = (PREFIX + "CACHE", PREFIX + "CACHE_KEY", PREFIX + "CACHE_LIMIT", PREFIX + "TRACE")

_SHOWN_LINES = 10

Unit = TypeVar("Unit")
Tell = Callable[[str], None]


class BisectError(GraftError):
    """The script cannot be judged: it ends now so and now so, or prints no number."""


# -- Runs


@dataclass(frozen=True)
class Site:
    """A place that the pass *name* rewrote in *kernel*, the *number*th, or only came by (0). *places* are `file:line`, inside out."""

    name: str
    kernel: str
    number: int = 0
    places: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        return self.name, self.kernel, self.number


@dataclass(frozen=True)
class Run:
    """How a run of the script ended: its exit *status*, None if it took too long, what it printed, and the sites of the passes."""

    status: int | None
    output: str = ""
    errors: str = ""
    sites: tuple[Site, ...] = ()


#: Runs the script with these environment variables.
Runner = Callable[[dict[str, str]], Run]


def read_sites(text: str) -> tuple[Site, ...]:
    """What passes wrote to the file of `GRAFT_SITES`, without what they skipped; include/graft/Transforms/Sites.h says how."""
    found: dict[tuple[str, str, int], Site] = {}
    for name, kernel, *rest in (line.split("\t") for line in text.splitlines() if "\t" in line):
        if not rest:
            site = Site(name, kernel)
        elif rest[1:2] == ["taken"] and rest[0].isdecimal():
            site = Site(name, kernel, int(rest[0]), tuple(rest[2:]))
        else:
            continue
        found.setdefault(site.key, site)
    return tuple(found.values())


class Script:
    """Runs *command* in a process group and cache of its own, for at most *timeout* seconds. Nothing outlives a run."""

    def __init__(self, command: Sequence[str], timeout: float | None = None):
        self.command = list(command)
        self.timeout = timeout

    def __call__(self, variables: dict[str, str]) -> Run:
        with tempfile.TemporaryDirectory(prefix=f"{NAME}-bisect-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            with open(folder / "output", "w+b") as output, open(folder / "errors", "w+b") as errors:
                status = self._wait({**_environment(folder), **variables}, output, errors)
            said, complained, sites = (_read(folder / part) for part in ("output", "errors", "sites"))
            return Run(status, said, complained, read_sites(sites))

    def _wait(self, env: dict[str, str], output: Any, errors: Any) -> int | None:
        child = None
        try:
            with interrupts.held():  # until the child is known, so that it can be ended
                child = subprocess.Popen(
                    self.command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
                )
            return child.wait(self.timeout)
        except subprocess.TimeoutExpired:
            return None
        except OSError as error:
            raise BisectError(f"{shlex.join(self.command)} cannot be run: {error}") from None
        finally:
            with interrupts.held():
                if child is not None:
                    children.end(child)


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _environment(folder: Path) -> dict[str, str]:
    """The environment of a run: ours by default, and nothing that was compiled before."""
    env = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return env | {
        "TRITON_DEFAULT_BACKEND": NAME,
        "TRITON_CACHE_DIR": str(folder / "cache"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        _SITES: str(folder / "sites"),
    }


# -- Judging


#: Whether the runs of one setting are right. Takes no more of them than it needs.
Judge = Callable[[Iterator[Run]], bool]


@dataclass(frozen=True)
class Question:
    """What makes a run wrong. Without *metric*, an exit status that is not 0.

    With it also that the text which *metric* finds in the output is not the same as without our passes or, with *more_than* or
    *less_than*, that it is a number (the median of the runs) more or less than so many times that without our passes.
    """

    metric: str = ""
    more_than: float | None = None
    less_than: float | None = None
    repeat: int = 1

    def __post_init__(self) -> None:
        try:
            re.compile(self.metric)
        except re.error as error:
            raise OptionError("--metric", self.metric, f"a regular expression ({error})") from None
        for name, value in (("--more-than", self.more_than), ("--less-than", self.less_than)):
            if value is not None and not self.metric:
                raise OptionError(name, value, "--metric REGEX with it, which finds the number in what the script prints")
            if value is not None and not 0 < value < float("inf"):
                raise OptionError(name, value, "a positive number")
        if self.more_than is not None and self.less_than is not None:
            raise OptionError("--less-than", self.less_than, "not to be given together with --more-than")
        if self.repeat < 1:
            raise OptionError("--repeat", self.repeat, "a positive integer")

    @property
    def is_number(self) -> bool:
        return self.more_than is not None or self.less_than is not None

    def judge(self, reference: Sequence[Run]) -> Judge:
        """The judge by the metric, where *reference* are runs without our passes. Raises `BisectError` if they have none."""
        expected = [self._read(run) for run in reference]
        if not self.is_number:
            return lambda runs: all(run.status == 0 and self._read(run) == expected[0] for run in runs)
        median = statistics.median(map(_number, expected))

        def is_right(runs: Iterator[Run]) -> bool:
            all_runs = list(runs)
            if any(run.status != 0 for run in all_runs):
                return False
            now = statistics.median(_number(self._read(run)) for run in all_runs)
            return now <= self.more_than * median if self.more_than is not None else now >= (self.less_than or 0) * median

        return is_right

    def _read(self, run: Run) -> str:
        """What the metric finds in the output of *run*: its group, if it has one."""
        found = re.search(self.metric, run.output, re.M)
        if found is None:
            raise BisectError(f"the script printed nothing that --metric {self.metric!r} finds{_tail(run.output)}")
        return (found[1] or "") if found.re.groups else found[0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BisectError(f"--metric found {text!r} in what the script printed, which is not a number") from None


def _tail(text: str) -> str:
    """The last lines of *text*, to stand below a message."""
    lines = text.rstrip().splitlines()[-_SHOWN_LINES:]
    return "".join(f"\n    {line}" for line in lines)


# -- Settings


class Setting(NamedTuple):
    """What is left out: the passes of *options*, and *skips*."""

    options: frozenset[str] = frozenset()
    skips: frozenset[Skip] = frozenset()

    def variables(self) -> dict[str, str]:
        """The environment variables that say so."""
        off = {options()[name].variable: "0" for name in sorted(self.options)}
        return {**off, _SKIP: _text(self.skips)} if self.skips else off

    def __str__(self) -> str:
        if self == NOTHING:
            return "with all passes"
        if self == EVERYTHING:
            return "with no pass"
        terms = [f"{name}={value}" for name, value in self.variables().items()]
        return shlex.join(terms) if len(self.skips) <= _SHOWN_LINES else f"without {len(self.skips)} passes of kernels"


def _text(skips: Iterable[Skip]) -> str:
    order = list(PASSES)
    return ",".join(map(str, sorted(skips, key=lambda skip: (order.index(skip.name), skip))))


NOTHING = Setting()
EVERYTHING = Setting(skips=frozenset(map(Skip, PASSES)))


class _Verdict(NamedTuple):
    is_right: bool
    runs: tuple[Run, ...]

    def sites(self) -> tuple[Site, ...]:
        """What the passes came to in any of the runs."""
        return tuple({site.key: site for run in reversed(self.runs) for site in reversed(run.sites)}.values())[::-1]


class _Trials:
    """Runs settings, each once, and remembers what came out."""

    def __init__(self, runner: Runner, repeat: int, tell: Tell):
        self.judge: Judge = lambda runs: all(run.status == 0 for run in runs)
        self.count = 0
        self._runner, self._repeat, self._tell = runner, repeat, tell
        self._known: dict[Setting, _Verdict] = {}

    def run(self, setting: Setting, again: bool = False) -> _Verdict:
        """What came out of *setting*, or comes out when it is run *again*."""
        if again or setting not in self._known:
            start = time.monotonic()
            runs: list[Run] = []
            is_right = self.judge(self._runs(setting, runs))
            self._known[setting] = _Verdict(is_right, tuple(runs))
            self._tell(f"{self.count:4} {setting}: {'right' if is_right else 'wrong'} ({time.monotonic() - start:.1f} s)")
        return self._known[setting]

    def reference(self) -> list[Run]:
        """Runs without our passes, to compare others with."""
        runs: list[Run] = []
        for _ in self._runs(EVERYTHING, runs):
            pass
        return runs

    def _runs(self, setting: Setting, runs: list[Run]) -> Iterator[Run]:
        for _ in range(self._repeat):
            self.count += 1
            runs.append(self._runner(setting.variables()))
            yield runs[-1]


# -- The search


def minimise(units: Sequence[Unit], mends: Callable[[Sequence[Unit]], bool]) -> list[Unit]:
    """A part of *units*, which mend, of which no single member can be spared (Zeller's ddmin)."""
    units, parts = list(units), 2
    while len(units) > 1:
        bounds = [len(units) * index // parts for index in range(parts + 1)]
        ranges = list(itertools.pairwise(bounds))
        candidates = [units[start:end] for start, end in ranges]
        if parts > 2:
            candidates += [units[:start] + units[end:] for start, end in ranges]
        for number, candidate in enumerate(candidates):
            if mends(candidate):
                units, parts = candidate, 2 if number < parts else parts - 1
                break
        else:
            if parts == len(units):
                break
            parts = min(2 * parts, len(units))
    return units


@dataclass(frozen=True)
class _Level(Generic[Unit]):
    """One kind of what can be left out: how units of it make a setting, and those that a run shows."""

    make: Callable[[Sequence[Unit]], Setting]
    units_of: Callable[[Iterable[Site]], Iterable[Unit]]


def _narrow(trials: _Trials, level: _Level[Unit], units: Iterable[Unit]) -> list[Unit] | None:
    """The smallest part of *units* that mends; None if they do not, nor with what their runs show besides."""
    grown = list(dict.fromkeys(units))
    while not (verdict := trials.run(level.make(grown))).is_right:
        # What is left out in one place may be done in another.
        new = [unit for unit in dict.fromkeys(level.units_of(verdict.sites())) if unit not in grown]
        if not new:
            return None
        grown += new
    return minimise(grown, lambda part: trials.run(level.make(part)).is_right)


def _of_passes(names: Sequence[str]) -> Setting:
    return Setting(skips=frozenset(map(Skip, names)))


def _of_kernels(units: Sequence[tuple[str, str]]) -> Setting:
    return Setting(skips=frozenset(Skip(*unit) for unit in units))


def _of_sites(units: Sequence[tuple[str, str, int]]) -> Setting:
    numbers: dict[tuple[str, str], set[int]] = {}
    for name, kernel, number in units:
        numbers.setdefault((name, kernel), set()).add(number)
    return Setting(skips=frozenset(Skip(*where, tuple(sorted(found))) for where, found in numbers.items()))


def _narrowest(trials: _Trials, names: Sequence[str]) -> Setting:
    """The smallest setting that mends, where leaving out the passes *names* does."""
    seen = trials.run(NOTHING).sites()
    kernel_level = _Level(_of_kernels, lambda sites: [(site.name, site.kernel) for site in sites if site.name in names])
    kernels = _narrow(trials, kernel_level, kernel_level.units_of(site for site in seen if site.number))
    if kernels is None:
        return _of_passes(names)

    def sites_of(sites: Iterable[Site]) -> list[tuple[str, str, int]]:
        return [site.key for site in sites if site.number and (site.name, site.kernel) in kernels]

    units = _narrow(trials, _Level(_of_sites, sites_of), sites_of(seen))
    if units is None:
        return _of_kernels(kernels)
    # All sites of a kernel are said shorter.
    setting = _of_sites(units)
    counts = {
        (skip.name, skip.kernel): sum(key[:2] == (skip.name, skip.kernel) for key in sites_of(seen)) for skip in setting.skips
    }
    short = Setting(
        skips=frozenset(s._replace(sites=()) if len(s.sites) == counts[s.name, s.kernel] else s for s in setting.skips)
    )
    return short if trials.run(short).is_right else setting


# -- The report


@dataclass
class Place:
    """A site that has to be left out: the *number*th *of* so many that the pass has in the kernel."""

    pass_name: str
    kernel: str
    number: int
    of: int
    places: tuple[str, ...]

    def __str__(self) -> str:
        inside, *callers = self.places or ("an unknown place",)
        called = "".join(f", called from {caller}" for caller in callers)
        return f"{self.pass_name} in kernel {self.kernel}, site {self.number} of {self.of}: {inside}{called}"


@dataclass
class Report:
    """What was *found*, or the *reason* why nothing was. *switch* and *wider* are settings of environment variables that mend."""

    found: bool
    reason: str = ""
    switch: dict[str, str] = field(default_factory=dict)
    kernel_options: dict[str, str] = field(default_factory=dict)
    wider: dict[str, str] = field(default_factory=dict)
    sites: list[Place] = field(default_factory=list)
    runs: int = 0

    def to_json(self) -> dict[str, Any]:
        """The report as JSON has it: docs/bisect.md describes the fields."""
        return asdict(self)


def find(runner: Runner, question: Question, tell: Tell = lambda text: None) -> Report:
    """What of our passes makes the script wrong. Raises `BisectError` if the script cannot be judged."""
    trials = _Trials(runner, question.repeat, tell)
    if question.metric:
        reference = trials.reference()
        if failed := [run for run in reference if run.status != 0]:
            return Report(False, f"it fails without our passes {_ended(failed[0])}", runs=trials.count)
        trials.judge = question.judge(reference)
    if trials.run(NOTHING).is_right:
        return Report(False, f"it does not fail with our passes{_unused(trials.run(NOTHING))}", runs=trials.count)
    off = trials.run(EVERYTHING)
    if not off.is_right:
        return Report(False, _explain_failure(off, question), runs=trials.count)
    # Passes first that rewrite something; another may end the process before.
    active = [site.name for site in trials.run(NOTHING).sites() if site.number]
    names = _narrow(trials, _Level(_of_passes, lambda sites: PASSES), active) or list(PASSES)
    options = Setting(options=frozenset(PASSES[name] for name in names))
    wider = options.variables() if trials.run(options).is_right else {}
    setting = _narrowest(trials, names)
    before = trials.run(NOTHING).sites()
    for known, is_right in ((NOTHING, False), (setting, True)):
        if trials.run(known, again=True).is_right != is_right:
            raise _flaky(known, "right" if is_right else "wrong", "wrong" if is_right else "right")
    return Report(
        found=True,
        switch=setting.variables(),
        kernel_options=_kernel_options(setting),
        wider=wider,
        sites=_places(setting, before),
        runs=trials.count,
    )


def _kernel_options(setting: Setting) -> dict[str, str]:
    """The option `skip_passes` of each kernel that *setting* names."""
    kernels = sorted({skip.kernel for skip in setting.skips if skip.kernel})
    return {kernel: _text(skip._replace(kernel="") for skip in setting.skips if skip.kernel == kernel) for kernel in kernels}


def _places(setting: Setting, seen: Sequence[Site]) -> list[Place]:
    """The sites among *seen* that *setting* leaves out."""
    counts: dict[tuple[str, str], int] = {}
    for site in seen:
        counts[site.name, site.kernel] = counts.get((site.name, site.kernel), 0) + bool(site.number)
    return [
        Place(site.name, site.kernel, site.number, counts[site.name, site.kernel], site.places)
        for site in seen
        for skip in sorted(setting.skips)
        if site.number
        and skip.name == site.name
        and skip.kernel == site.kernel
        and site.number in (skip.sites or (site.number,))
    ]


def _unused(verdict: _Verdict) -> str:
    return "" if verdict.sites() else ", which saw none of its kernels"


def _explain_failure(off: _Verdict, question: Question) -> str:
    """Why the script is wrong without our passes."""
    if off.sites():
        return "our passes run even when left out: the script gives skip_passes itself"
    last = off.runs[-1]
    if last.status == 0:
        return f"what --metric finds differs between runs without our passes; --repeat {2 * question.repeat + 1} may help"
    return f"it fails without our passes too {_ended(last)}"


def _ended(run: Run) -> str:
    """How *run* ended, with the end of what it complained about."""
    how = "it took too long" if run.status is None else f"exit status {run.status}"
    return f"({how}){_tail(run.errors)}"


def _flaky(setting: Setting, first: str, then: str) -> BisectError:
    return BisectError(
        f"the script does not always end the same way: {setting}, it was {first} and then {then}; try a larger --repeat"
    )


def format_report(report: Report) -> str:
    """The report as text."""
    if not report.found:
        return f"graft bisect: {report.reason}"
    term = report.switch[_SKIP]
    lines = [*map(str, report.sites)] or [f"{part} (its sites are not known)" for part in term.split(",")]
    lines += ["", "mended by", f"    {_SKIP}={shlex.quote(term)}"]
    lines += [f'    {kernel}[grid](..., skip_passes="{text}")' for kernel, text in report.kernel_options.items()]
    if report.wider:
        wide = " ".join(f"{name}={value}" for name, value in report.wider.items())
        lines += ["and, leaving out more, by", f"    {wide}"]
    return "\n".join([*lines, "", f"{report.runs} runs"])


def bisect(script: str, arguments: Sequence[str], question: Question, timeout: float | None, tell: Tell) -> Report:
    """The same for a Python *script*. Raises `OptionError` if the environment says already what to leave out."""
    if text := os.environ.get(_SKIP):
        raise OptionError(_SKIP, text, "not to be set, as graft bisect sets it itself")
    with _stopped_like_interrupts():
        return find(Script([sys.executable, os.path.normpath(script), *arguments], timeout), question, tell)


@contextmanager
def _stopped_like_interrupts() -> Iterator[None]:
    """Lets what would end this process at once interrupt the block instead: a script in a session of its own would go on."""
    ending = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    for number in ending:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)
