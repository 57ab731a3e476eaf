# SPDX-License-Identifier: MIT
"""When this process began: what changed since then may differ from what is in memory."""

import os
import time


def _started() -> float:
    """When this process began, in seconds since 1970; no later than now, as a forked child has what its parent imported."""
    now = time.time()
    try:
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        # The number is rounded down, by less than a Python process takes until it imports anything.
        began = (ticks + 1) / os.sysconf("SC_CLK_TCK")
        return min(now, now - time.clock_gettime(time.CLOCK_BOOTTIME) + began)
    except (OSError, ValueError, IndexError):
        return 0.0


#: Triton imports this module with its backends. A file that changed after the process began may differ from what is in memory.
STARTED = _started()
