# SPDX-License-Identifier: MIT
"""Explain kernels from Python, and fail a CI job when one reads or writes global memory in narrower pieces than it could.

Needs no GPU:

    cd python/examples
    python -m gallery.check_widths cuda:90

The exit status is 1 if an access is too narrow. To see that, switch off the pass that makes these wide:

    GRAFT_VERSION_TILES=0 python -m gallery.check_widths cuda:90
"""

import sys
from collections.abc import Iterator

from common import OPTIONS
from triton.backends.graft.errors import GraftError
from triton.backends.graft.tools import kernel_report

#: The launches to look at: a kernel, and its arguments as `graft explain` takes them.
LAUNCHES = (
    ("vector_add:add_kernel", "*fp16, *fp16, *fp16, n=1048575, BLOCK=1024"),
    ("softmax:softmax_kernel", "*fp16, *fp16, n_cols=4095, x_stride=4096, out_stride=4096, BLOCK=4096"),
)


def narrow(line: kernel_report.Line) -> Iterator[str]:
    """The accesses of a line of source that move fewer elements at once than they could."""
    # A pass may make two of one access, and leave the narrow one for the last tile: the wider one counts.
    widest = {}
    for access in sorted((one.fact for one in line.accesses), key=lambda fact: fact.elements):
        widest[access.kind, access.dtype] = access
    for access in widest.values():
        if access.elements < access.most:
            limits = " and ".join(limit.cause for limit in access.limits)
            yield f"{access.kind} of {access.dtype}: {access.elements} of {access.most} elements at once, limited by {limits}"


def main(target: str) -> int:
    failures = 0
    for kernel, arguments in LAUNCHES:
        report = kernel_report.explain(kernel, arguments, target, OPTIONS)
        found = [f"  line {line.number}: {text}" for line in report.lines for text in narrow(line)]
        print(f"{kernel}: {'too narrow' if found else 'as wide as possible'}", *found, sep="\n")
        failures += len(found)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        sys.exit(main(sys.argv[1]))
    except GraftError as error:
        sys.exit(f"error: {error}")
