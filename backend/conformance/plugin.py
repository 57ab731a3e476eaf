# SPDX-License-Identifier: MIT
"""A plugin of pytest's that keeps a driver active while somebody's tests run, and writes down what comes of each: `-p <this module>`.

Its one option names a file with a `Job`. Each worker of pytest-xdist makes the driver, sets it again before each test if it is not the
active one, and ends itself in a test that takes too long. The process that steers the workers writes the results.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from .drivers import Active, Choice, make
from .results import File, Result

#: The longest message that is kept, in characters.
_LONGEST = 2000
_FLAG = "--conformance-job"
_PROPERTY = "conformance driver "
#: What a worker says that ends itself because of what its last test, which has an outcome, did to the device.
_LOST = b"the device is lost"


@dataclass(frozen=True)
class Job:
    """What the plugin is told."""

    choice: Choice
    #: The file of results, and the tests in it, which are not run again.
    results: str
    done: tuple[str, ...]
    #: How long a test may take, in seconds.
    timeout: float
    #: A folder for what the workers leave if they die.
    folder: str
    #: A pipe whose other end is closed when the process that started all this ends.
    pipe: int = -1

    def write(self, path: Path) -> None:
        """Writes it to *path*."""
        path.write_text(json.dumps(asdict(self)))


def options(path: Path) -> list[str]:
    """What makes pytest use the plugin for the job in *path*."""
    return ["-p", __name__, f"{_FLAG}={path}"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_FLAG, metavar="FILE", help="keep a driver of Triton's active and write results down, as FILE says")


_KEPT = pytest.StashKey[tuple[Job, Active]]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Makes the driver active before any file of the checkout is imported."""
    path = early_config.known_args_namespace.conformance_job
    if path is None:
        return
    fields = json.loads(Path(path).read_text())
    job = Job(**{**fields, "choice": Choice(**fields["choice"])})
    try:
        early_config.stash[_KEPT] = job, Active(make(job.choice))
    except Exception as error:
        raise pytest.UsageError(f"the driver cannot be made: {error}") from error


@pytest.hookimpl(trylast=True)  # after pytest's own look after faults, which it replaces
def pytest_configure(config: pytest.Config) -> None:
    if _KEPT not in config.stash:
        return
    job, active = config.stash[_KEPT]
    worker = getattr(config, "workerinput", None)
    if worker is None:
        _end_with_parent(job.pipe)
        config.pluginmanager.register(Controller(job))
    else:
        config.pluginmanager.register(Worker(job, active, worker["workerid"]))


def _end_with_parent(pipe: int) -> None:
    """Ends this process and its workers as soon as nobody holds the other end of *pipe*."""

    def wait() -> None:
        os.read(pipe, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _fault_file(job: Job, worker: str) -> Path:
    """Where *worker* says in which place it died."""
    return Path(job.folder, f"fault-{worker}")


def _collecting_file(job: Job, worker: str) -> Path:
    """Where *worker* says which file it imports."""
    return Path(job.folder, f"collecting-{worker}")


# -- In a worker


class Worker:
    """Looks after the driver and the time in the worker *name*."""

    def __init__(self, job: Job, active: Active, name: str):
        self._job, self._active = job, active
        self._done = frozenset(job.done)
        self._collecting = _collecting_file(job, name)
        self._faults = open(_fault_file(job, name), "ab")  # noqa: SIM115 - open as long as the process runs
        faulthandler.enable(self._faults)
        self._end, self._has_failed = 0.0, False

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        """Leaves out files that could not be imported before."""
        with contextlib.suppress(ValueError):
            if collection_path.relative_to(config.rootpath).as_posix() in self._done:
                return True
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        if not isinstance(collector, pytest.File):
            return (yield)
        self._collecting.write_text(collector.nodeid)
        self._end = time.monotonic() + self._job.timeout
        with self._limited():
            return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves out what has an outcome."""
        items[:] = [item for item in items if item.nodeid not in self._done]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._end = time.monotonic() + self._job.timeout
        self._has_failed = False
        os.truncate(self._faults.fileno(), 0)  # processes that a test forks write there, too
        self._note(item, "before")
        self._active.restore()
        try:
            return (yield)
        finally:
            if self._has_failed:
                self._end_if_device_lost()

    def _end_if_device_lost(self) -> None:
        """Ends the process if its last test has left the device so that all that follow would fail, too."""
        self._end = time.monotonic() + self._job.timeout
        with self._limited():
            is_lost = _is_device_lost()
        if is_lost:
            self._faults.write(_LOST)
            self._faults.flush()
            os._exit(1)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._has_failed |= report.failed

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, Any]:
        with self._limited():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._note(item, "during")  # a fixture may have switched
        try:
            with self._limited():
                return (yield)
        finally:
            self._note(item, "during")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        try:
            with self._limited():
                return (yield)
        finally:
            self._note(item, "after")

    def _note(self, item: pytest.Item, when: str) -> None:
        """Has the reports of *item* say what is active in the place of the driver."""
        stray = self._active.stray()
        if stray:
            item.user_properties.append((_PROPERTY + when, stray))

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        """Ends the process if the block is still running when the time is over, also in native code that holds the GIL."""
        faulthandler.dump_traceback_later(max(self._end - time.monotonic(), 0.001), exit=True, file=self._faults)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _is_device_lost() -> bool:
    """Whether PyTorch, if tests use it, can no longer work with its device."""
    accelerator = getattr(sys.modules.get("torch"), "accelerator", None)
    if accelerator is None or not accelerator.is_available():
        return False
    try:
        accelerator.synchronize()
    except RuntimeError:
        return True
    return False


# -- In the process that steers the workers


class Controller:
    """Writes the results."""

    def __init__(self, job: Job):
        self._job = job
        self._file = File(job.results)
        #: The workers that know their tests, and the reports of tests that have not ended.
        self._ready: set[str] = set()
        self._reports: dict[str, list[pytest.TestReport]] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Iterable[str]) -> None:
        if not self._ready:
            self._file.add_collected(ids)
        self._ready.add(node.gateway.id)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._file.add(Result(report.nodeid, "skipped" if report.skipped else "error", message=_message(report)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when not in ("setup", "call", "teardown"):  # that of xdist for a worker that died
            return
        self._reports.setdefault(report.nodeid, []).append(report)
        if report.when == "teardown":
            self._file.add(_result(self._reports.pop(report.nodeid)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        reports = self._reports.pop(crashitem, None)
        outcome, message = self._death(report.node.gateway.id)
        if outcome:
            self._file.add(Result(crashitem, outcome, message=message, drivers=_result(reports).drivers if reports else {}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Ends the run if a worker died while it imported a file, which the next run leaves out."""
        collecting = _collecting_file(self._job, node.gateway.id)
        if error and node.gateway.id not in self._ready and collecting.exists():
            outcome, message = self._death(node.gateway.id)
            self._file.add(Result(collecting.read_text(), outcome, message=message))
            pytest.exit(f"a worker died while it imported {collecting.read_text()}")

    def _death(self, worker: str) -> tuple[str, str]:
        """The outcome and the message of the test in which *worker* died; no outcome if the test had its own."""
        path = _fault_file(self._job, worker)
        said = path.read_bytes() if path.exists() else b""
        if said.endswith(_LOST):
            return "", ""
        if b"Timeout (" in said:
            outcome, what = "timeout", f"more than {self._job.timeout:g} seconds\n"
        else:
            outcome, what = "crashed", "" if said else "the process ended"
        return outcome, (what + said.decode(errors="replace").strip())[:_LONGEST]


def _result(reports: list[pytest.TestReport]) -> Result:
    """What came of a test with *reports*."""
    worst = next((report for report in reports if report.failed), None) or next(
        (report for report in reports if report.skipped or hasattr(report, "wasxfail")), reports[0]
    )
    properties = dict(property for report in reports for property in report.user_properties)
    drivers = {name.removeprefix(_PROPERTY): str(what) for name, what in properties.items() if name.startswith(_PROPERTY)}
    seconds = sum(report.duration for report in reports)
    return Result(worst.nodeid, _outcome(worst), round(seconds, 3), _message(worst), drivers)


def _outcome(report: pytest.TestReport) -> str:
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return report.outcome


def _message(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a test did not pass: what was raised, or the reason for which it was skipped."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2][:_LONGEST]
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash:
        return crash.message[:_LONGEST]
    text = report.longreprtext.strip()
    raised = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "\n".join([*raised[-1:], text])[:_LONGEST]
