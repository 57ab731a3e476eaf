# SPDX-License-Identifier: MIT
"""Compiles the kernels of `pipeline_cases` to cubins under all options, with each pass off and on; no GPU is needed.

python test/unit/pipeline_compiling.py --target 90
"""

import argparse
import functools
import sys

from kernel_compiling import TARGETS, Compiles
from kernel_processes import JOBS, Shared, examine_all
from pipeline_cases import all_cases


def main(words: list[str] | None = None) -> int:
    """The exit status is 1 if a kernel fails."""
    parser = argparse.ArgumentParser(description="Compiles kernels under all numbers of stages, warps and CTAs.")
    parser.add_argument(
        "--target", type=int, choices=TARGETS, action="append", help="compute capability times ten (default all)"
    )
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many processes")
    given = parser.parse_args(words)
    cases = [case for arch in given.target or TARGETS for case in all_cases(arch)]
    return examine_all(Shared.of(cases), functools.partial(Compiles, last="cubin"), given.jobs)


if __name__ == "__main__":
    sys.exit(main())
