# SPDX-License-Identifier: MIT
"""One target of a build: `python -m triton.backends.graft.bundle.build_child JOB`, which `building` starts.

Runs the warmups for the target in `GRAFT_TARGET` and writes what they compiled as a bundle. A line with its name goes to the pipe of the job for
each kernel. Ends with exit status 0, and without a file, if nothing was compiled. An error of ours is
left in a file of its own, for `building` to raise it again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import triton

from ..cache import key
from ..driver import Driver
from ..errors import GraftError
from ..runtime.errors import BundleError
from . import importing, trace
from .recording import record


class Job(NamedTuple):
    """What is to be done, as JSON on the command line."""

    warmups: list[str]
    traces: list[str]
    output: str
    texts: bool
    #: The number of the file that progress is written to.
    pipe: int

    @property
    def error(self) -> Path:
        """The file that is to have the message of an error of ours."""
        return Path(f"{self.output}.error")

    def to_text(self) -> str:
        """The job as an argument for this program."""
        return json.dumps(self._asdict())


def main(arguments: list[str]) -> None:
    """Does the job."""
    (text,) = arguments
    job = Job(**json.loads(text))
    os.set_inheritable(job.pipe, False)
    try:
        triton.runtime.driver.set_active(Driver())
        key.observers.append(lambda request, lookup, group: report(job.pipe, lookup.name))
        with record() as recording:
            run(job.warmups, job.traces)
        if len(recording):
            recording.save(job.output, texts=job.texts)
    except GraftError as error:
        job.error.write_text(str(error), encoding="utf-8")
        sys.exit(1)
    except Exception as error:
        sys.exit(importing.show_failure(error))


def run(warmups: Iterable[str], traces: Iterable[str]) -> None:
    """Compiles what the *warmups*, addresses of functions, and the *traces*, files, want."""
    for address in warmups:
        function: Any = importing.find(address)
        if not callable(function) or importing.unwrap(function):
            raise BundleError("address", f"{address!r}: a warmup is a function without arguments, and this is {function!r}")
        function()
    for path in traces:
        trace.replay(path)


def report(pipe: int, name: str) -> None:
    """Tells of one kernel. Raises `BrokenPipeError` if nobody listens any more, which ends the work."""
    os.write(pipe, f"{name}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
