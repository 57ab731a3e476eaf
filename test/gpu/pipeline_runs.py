# SPDX-License-Identifier: MIT
"""The kernels of test/unit/pipeline_cases.py on a CUDA device, under all options, with each pass off and on.

    python test/gpu/pipeline_runs.py --target 90 --jobs 14

They leave in guarded memory, bit by bit, what numpy says, as the random kernels of `kernel_runs` do. Compiling takes nearly all of
the time: each process compiles what it launches, while the others launch.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from kernel_compiling import TARGETS
from kernel_processes import JOBS, Shared, examine_all
from kernel_runs import Launches
from pipeline_cases import all_cases


def main(words: list[str] | None = None) -> int:
    """The exit status is 1 if a kernel fails."""
    parser = argparse.ArgumentParser(description="Launches kernels under all numbers of stages, warps and CTAs.")
    # This process must not ask the device: its children could not use it then.
    parser.add_argument("--target", type=int, choices=TARGETS, default=90, help="what is legal on the device (default 90)")
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many processes")
    given = parser.parse_args(words)
    return examine_all(Shared.of(all_cases(given.target)), Launches, given.jobs)


if __name__ == "__main__":
    sys.exit(main())
