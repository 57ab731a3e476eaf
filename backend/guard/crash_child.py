# SPDX-License-Identifier: MIT
"""A process that runs one pass of ours over a kernel to see whether it survives: `crash_child <file> <pipeline>`."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from .. import opt, pipeline, plugin
from . import crashes


def main(path: str, text: str) -> int:
    module = opt.parse(Path(path))
    if not plugin.available():
        return 1
    _limit()
    os.write(1, crashes.READY)
    pipeline.run_pass(module, text)
    return 0


def _limit() -> None:
    """Bounds what this process may take from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + crashes.CPU_SECONDS
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, crashes.MEMORY), (resource.RLIMIT_CPU, seconds)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
