# SPDX-License-Identifier: MIT
"""Warm the cache of a fleet: compile for every kind of device on one machine without a GPU, and prove that nothing is left to do.

    cd python/examples
    python -m gallery.warm_cache /mnt/kernels cuda:80 cuda:90
    GRAFT_CACHE=require python -m gallery.warm_cache /mnt/kernels cuda:80 cuda:90

The first run compiles into the folder, which the fleet mounts or gets a copy of. The second is for each machine of the fleet:
with `GRAFT_CACHE=require` a kernel that is not in the folder is an error, which says in what the nearest entry differs.
A server then runs with `TRITON_CACHE_DIR=/mnt/kernels GRAFT_CACHE=require`. The folder may be read-only there.
"""

import sys

import softmax
import triton
import vector_add
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftError

EXAMPLES = (vector_add.EXAMPLE, softmax.EXAMPLE)


def warm_up(target: str) -> list[bool]:
    """Asks for every kernel that the fleet launches on devices of *target*; whether each was in the folder."""
    found: list[bool] = []
    triton.knobs.compilation.listener = lambda *, cache_hit, **_: found.append(cache_hit)
    triton.runtime.driver.set_active(Driver(target=target))
    for example in EXAMPLES:
        for dtype in ("float16", "float32"):
            example.warmup(dtype)
    return found


def main(folder: str, targets: list[str]) -> None:
    triton.knobs.cache.dir = folder
    for target in targets:
        found = warm_up(target)
        print(f"{target}: {found.count(False)} compiled, {found.count(True)} found in {folder}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], sys.argv[2:])
    except GraftError as error:
        sys.exit(f"error: {error}")
