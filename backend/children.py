# SPDX-License-Identifier: MIT
"""Processes that lead a group of their own: none of a group outlives the one who started it."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

#: How long a process that is told to end may take, in seconds.
GRACE = 2.0


def end(child: subprocess.Popen) -> None:
    """Ends *child*, if it still runs, and what it started. It was started with `start_new_session`."""
    with suppress(ProcessLookupError):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(GRACE)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
