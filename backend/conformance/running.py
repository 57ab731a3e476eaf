# SPDX-License-Identifier: MIT
"""Runs the tests of a side in processes of their own until each has an outcome, or no more come."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .. import children, interrupts
from . import plugin, results
from .drivers import INTERPRETER, Choice, Described
from .errors import ConformanceError
from .progress import Progress
from .results import Header, Results

#: How often the results are looked at, in seconds.
_POLL = 0.25

#: Crashes of workers that are put up with, which is any number.
_RESTARTS = 1_000_000

_SHOWN_LINES = 8

#: What says which backend Triton is to choose.
_DEFAULT = "TRITON_DEFAULT_BACKEND"
#: What has Triton interpret kernels.
_INTERPRET = "TRITON_INTERPRET"


@dataclass(frozen=True)
class Plan:
    """How tests are run, on either side."""

    checkout: Path
    tests: tuple[str, ...]
    keyword: str
    arguments: tuple[str, ...]
    workers: int
    timeout: float

    def pytest(self, options: Sequence[str]) -> list[str]:
        """The command that runs them, with more *options*."""
        command = [
            sys.executable, "-P", "-m", "pytest", *options, f"--rootdir={self.checkout}", f"--confcutdir={self.checkout}", "-c", str(_configuration(self.checkout)), "-p", "no:cacheprovider", "-q", "--tb=short",
            "-n", str(self.workers), "--dist", "load", f"--max-worker-restart={_RESTARTS}", "--continue-on-collection-errors",
        ]  # fmt: skip
        return [*command, *(("-k", self.keyword) if self.keyword else ()), *self.arguments, *self.tests]


#: What may configure pytest, each with a line that it has then, in pytest's order.
_CONFIGURATIONS = {
    "pytest.ini": "",
    ".pytest.ini": "",
    "pyproject.toml": r"^\[tool\.pytest(\.ini_options)?\]",
    "tox.ini": r"^\[pytest\]",
    "setup.cfg": r"^\[tool:pytest\]",
}


def _configuration(checkout: Path) -> Path:
    """The file that configures pytest in *checkout*; an empty one if there is none, as pytest would take one of a folder above."""
    for folder in (checkout / "python" / "test", checkout / "python", checkout):
        for name, said in _CONFIGURATIONS.items():
            path = folder / name
            if path.is_file() and re.search(said, path.read_text(errors="replace"), re.M):
                return path
    return Path(os.devnull)


def describe(side: str, choice: Choice) -> Described:
    """What the driver of *choice* is, which another process finds out. Raises `ConformanceError` if it cannot be made."""
    command = [sys.executable, "-P", "-m", f"{__package__}.drivers", choice.backend, choice.maker]
    done = subprocess.run(
        command, env=_environment(replace(choice, interpreted=False)), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise ConformanceError(f"the driver of the {side} cannot be made: {_last_line(done.stderr)}")
    found = Described(**json.loads(_last_line(done.stdout)))
    return replace(found, driver=INTERPRETER, target="none") if choice.interpreted else found


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def _environment(choice: Choice) -> dict[str, str]:
    """The environment of a side. Triton chooses its backend by itself, also in what tests start; ids of tests are the same each time."""
    env = {name: value for name, value in os.environ.items() if name != _DEFAULT and not name.startswith("PYTEST_")}
    env |= {"PYTHONHASHSEED": "0"} | ({_DEFAULT: choice.backend} if choice.backend else {})
    return env | ({_INTERPRET: "1"} if choice.interpreted else {})


@dataclass(frozen=True)
class Runner:
    """Runs what *plan* says, with results in the folder *out*, an absolute path that nobody else writes to."""

    plan: Plan
    out: Path
    progress: Progress

    def run(self, side: str, choice: Choice, header: Header) -> Results:
        """The results of *side*, whose driver is that of *choice*, to which those that are missing are added.

        A run that ends early is followed by another as long as each brings something. Raises `ConformanceError` if there is no test,
        and `OptionError` if the folder has the results of something else.
        """
        path, log = self.out / f"{side}.jsonl", self.out / f"{side}.log"
        found = results.begin(path, header)
        while not found.is_complete:
            before = len(found.results)
            with _folder(self.out / "running") as folder:
                job = plugin.Job(choice, str(path), tuple(found.results), self.plan.timeout, str(folder))
                status, found = self._run_once(side, job, log)
            if found.collected is None and len(found.results) == before:
                raise ConformanceError(f"pytest ended with status {status} before it ran a test; the end of {log}:{_tail(log)}")
            if len(found.results) == before:
                break
        if not found.ids:
            what = f"{' '.join(self.plan.tests)} has none{' that -k takes' if self.plan.keyword else ''}"
            raise ConformanceError(f"there is no test to run: {what}")
        self.progress.show(side, found)
        return found

    def _run_once(self, side: str, job: plugin.Job, log: Path) -> tuple[int, Results]:
        """Runs what has no outcome yet; returns pytest's exit status and all results."""
        reader = results.Reader(Path(job.results))
        read_end, write_end = os.pipe()
        child = None
        try:
            file = Path(job.folder) / "job.json"
            replace(job, pipe=read_end).write(file)
            env = _environment(job.choice) | {"TRITON_CACHE_DIR": str(file.with_name("cache"))}
            with open(log, "ab") as stream, interrupts.held():  # until the child is known, so that it can be ended
                child = subprocess.Popen(
                    self.plan.pytest(plugin.options(file)), cwd=self.plan.checkout, env=env, stdin=subprocess.DEVNULL, stdout=stream,
                    stderr=stream, pass_fds=[read_end], start_new_session=True,
                )  # fmt: skip
            while child.poll() is None:
                self.progress.show(side, reader.update())
                time.sleep(_POLL)
            return child.returncode, reader.update()
        finally:
            with interrupts.held():
                if child is not None:
                    children.end(child)
                os.close(read_end)
                os.close(write_end)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """The folder *path* for what a run leaves behind, Triton's cache among it; one that was killed may have left it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _tail(path: Path) -> str:
    """The last lines of the file *path*, to stand below a message."""
    lines = path.read_text(errors="replace").rstrip().splitlines()[-_SHOWN_LINES:]
    return "".join(f"\n    {line}" for line in lines)
