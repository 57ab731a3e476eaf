# SPDX-License-Identifier: MIT
"""Building a bundle on a machine without a GPU: the program's warmups run once for each target, side by side.

Each target has a process of its own (`build_child`), as kernels may read the target when they are imported. What it says, on
standard output or standard error, is kept until it ends. One that fails ends the others, and nothing is written.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Protocol

from .. import interrupts
from ..runtime import format, reading
from ..runtime.errors import BundleError
from ..settings import PREFIX, parse_target, target_for_process
from . import importing, writing
from .build_child import Job
from .trace import VARIABLE as TRACE_VARIABLE

#: How much of what a process said is shown when it fails, in lines.
_LAST_LINES = 20
#: How long a process may take to clean up when it is interrupted, in seconds.
_GRACE = 5.0
#: How long an interrupt may go unseen, in seconds.
_POLL = 0.1


class Progress(Protocol):
    """Who is told how a build goes on, from several threads."""

    def begin(self, target: str) -> None:
        """The process for *target* has been started."""

    def compiled(self, target: str, kernel: str) -> None:
        """One more variant of *kernel* is there for *target*."""

    def end(self, target: str, said: str) -> None:
        """The process for *target* has ended well; *said* is what it printed."""


class Silent:
    """Says nothing."""

    def begin(self, target: str) -> None: ...

    def compiled(self, target: str, kernel: str) -> None: ...

    def end(self, target: str, said: str) -> None: ...


def build(  # noqa: PLR0913 - the parts of a build, by name
    warmups: Sequence[str],
    targets: Iterable[str],
    output: Any,
    *,
    traces: Sequence[str] = (),
    texts: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> format.Bundle:
    """Runs *warmups* (`module:function` or `file.py:function`) and replays *traces* for each of *targets* (such as "cuda:90"),
    and writes all kernels to the bundle *output*, with the *texts* of their stages if asked for.

    At most *jobs* processes run at once. Raises `OptionError` for a target that is not allowed, and `BundleError` if there is nothing to
    run, a warmup fails or compiles nothing, or *output* cannot be written.
    """
    names = list(dict.fromkeys(_name(target) for target in targets))
    _check(warmups, traces, names, output)
    with interrupts.held() as hand_on, tempfile.TemporaryDirectory(prefix="graft-build-") as folder:
        team = _Team(Path(folder), progress or Silent(), Job(list(warmups), list(traces), "", texts, -1))
        bundle = format.merge(team.run(names, jobs or default_jobs(), hand_on))
    writing.write(output, bundle)
    return bundle


def default_jobs() -> int:
    """One process more than there are CPUs for this one: none idles while the last of many targets run."""
    return len(os.sched_getaffinity(0)) + 1


def from_cache(folder: Any, targets: Iterable[str], output: Any, texts: bool = False) -> format.Bundle:
    """Writes the kernels in the cache folder *folder* to the bundle *output*: those for *targets*, or all if there are none.

    Raises `OptionError` for a target that is not allowed, and `BundleError` if there are no kernels or *output* cannot be written.
    """
    from . import recording

    names = [_name(target) for target in targets]
    bundle = recording.from_cache(folder, texts)
    if names:
        there = ", ".join(bundle.content["targets"])
        bundle = format.restrict(bundle, lambda variant: variant["target"] in names)
        if not bundle.content["variants"]:
            raise BundleError("empty", f"{folder}: it has no kernels for {', '.join(names)}; it has some for {there}")
    writing.write(output, bundle)
    return bundle


def targets_for_process() -> list[str]:
    """The target in `GRAFT_TARGET`, if it is set."""
    target = target_for_process()
    return [] if target is None else [f"{target.backend}:{target.arch}"]


def _name(target: str) -> str:
    parsed = parse_target("--target", target)
    return f"{parsed.backend}:{parsed.arch}"


def _check(warmups: Sequence[str], traces: Sequence[str], targets: Sequence[str], output: Any) -> None:
    """Raises `BundleError` for what would otherwise show when everything is compiled."""
    if not warmups and not traces:
        raise BundleError("warmup", "there is nothing to compile: name a warmup function or a trace")
    if not targets:
        raise BundleError("target", "there is no target to compile for; name one, such as --target cuda:90")
    for address in warmups:
        importing.split(address)
    for path in traces:
        if not os.path.isfile(path):
            raise BundleError("trace", f"{path}: there is no such file")
    folder = os.path.dirname(os.fspath(output))
    if "://" not in folder and folder and not os.path.isdir(folder):
        raise BundleError("address", f"{output}: there is no folder {folder}; make it first")


class _Team:
    """The processes of a build, of which each does *job* for one target."""

    def __init__(self, folder: Path, progress: Progress, job: Job):
        self._folder, self._progress, self._job = folder, progress, job
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._is_ended = False

    def run(self, targets: Sequence[str], jobs: int, check: Callable[[], None]) -> list[format.Bundle]:
        """What was compiled for each of *targets*. Raises the error of the first process that fails, or of *check*, which is called
        again and again, when all have ended.
        """
        with ThreadPoolExecutor(min(jobs, len(targets)), "build") as pool:
            try:
                futures = [pool.submit(self._run_one, target) for target in targets]
                _wait(futures, check)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._end()
                raise
        return [future.result() for future in futures]

    def _run_one(self, target: str) -> format.Bundle:
        part = self._folder / f"{target.replace(':', '-')}.graft"
        job, log = self._job._replace(output=str(part)), part.with_suffix(".log")
        read, write = os.pipe()
        with os.fdopen(read) as lines:
            try:
                process = self._start(job._replace(pipe=write), target, log)
            finally:
                os.close(write)
            self._progress.begin(target)
            for line in lines:
                self._progress.compiled(target, line.rstrip("\n"))
            status = process.wait()
        with self._lock:
            self._running.discard(process)
            self._check_not_ended(target)
        said = log.read_text(errors="replace")
        if job.error.exists():
            raise BundleError("warmup", job.error.read_text(encoding="utf-8"))
        if status:
            raise BundleError("warmup", _explain_failure(target, status, said))
        if not part.exists():
            raise BundleError(
                "empty", f"the warmup compiled nothing for {target}; it has to call kernel.warmup or bundle.warmup"
            )
        self._progress.end(target, said)
        return reading.read(part)

    def _start(self, job: Job, target: str, log: Path) -> subprocess.Popen:
        temporary = log.with_suffix(".tmp")
        temporary.mkdir()
        # What it leaves when it is killed goes with our folder. A build is not what is to be traced.
        env = {name: value for name, value in os.environ.items() if name != TRACE_VARIABLE}
        env |= {PREFIX + "TARGET": target, "TMPDIR": str(temporary)}
        with self._lock, log.open("wb") as stream:
            self._check_not_ended(target)
            process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.build_child", job.to_text()],
                env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, pass_fds=[job.pipe], process_group=0,
            )  # fmt: skip
            self._running.add(process)
            return process

    def _check_not_ended(self, target: str) -> None:
        if self._is_ended:
            raise BundleError("warmup", f"the build was ended before {target} was done")

    def _end(self) -> None:
        """Ends the processes, with those that they started: gently at first."""
        with self._lock:
            self._is_ended = True
            running = list(self._running)
        try:
            for process in running:
                _signal(process, signal.SIGINT)
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE)
        finally:
            for process in running:
                _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen, number: signal.Signals) -> None:
    """Sends a signal to the process group that *process* leads, if there is still one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _wait(futures: Iterable[Future], check: Callable[[], None]) -> None:
    """Waits until all are done. Raises the error of the first that fails, or of *check*."""
    pending = set(futures)
    while pending:
        check()
        done, pending = wait(pending, timeout=_POLL, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()


def _explain_failure(target: str, status: int, said: str) -> str:
    how = f"ended with exit status {status}" if status > 0 else f"was killed by {signal.Signals(-status).name}"
    lines = said.splitlines()[-_LAST_LINES:]
    head = f"compiling for {target} failed and nothing was written: the process {how}"
    return "\n".join([f"{head}, and this is the last it said:", *(f"  {line}" for line in lines)]) if lines else head
