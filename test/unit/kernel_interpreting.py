# SPDX-License-Identifier: MIT
"""Runs random kernels in Triton's interpreter and compares what they leave in memory with what numpy says.

    python test/unit/kernel_interpreting.py --seed 0 --count 1000

It has to be a process of its own, as Triton decides when it is imported whether kernels are compiled or interpreted.
"""

import os
import re
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ["TRITON_INTERPRET"] = "1"

import kernel_processes
import numpy as np
from kernel_cases import Case, load
from kernel_evaluation import Region, describe_difference, encode, evaluate, regions_of
from kernel_processes import Finding

#: Bytes of poison on both sides of a buffer.
BORDER = 4096


class HostMemory:
    """The memory of a buffer, with a border, which pretends to be the tensor that the interpreter wants for a pointer."""

    def __init__(self, region: Region):
        self.region, self.dtype = region, region.buffer.dtype
        self.whole = np.full(2 * BORDER + len(encode(region.buffer, region.values)), region.buffer.poison, np.uint8)
        self.whole[BORDER:-BORDER] = np.frombuffer(encode(region.buffer, region.values), np.uint8)

    def data_ptr(self) -> int:
        """The address of element 0, which may be outside the buffer."""
        return self.whole.ctypes.data + BORDER - self.region.first * self.region.buffer.size

    # The interpreter copies storages to the host and back. This is on the host.
    def untyped_storage(self) -> "HostMemory":
        return self

    cpu = untyped_storage

    def new_empty(self, *_: object, **__: object) -> "HostMemory":
        return self

    def set_(self, *_: object) -> None:
        """A tensor's storage is replaced by a copy; there is none."""

    copy_ = set_

    def size(self) -> tuple[int, ...]:
        return self.region.values.shape

    stride = storage_offset = size

    def problem(self, expected: Region) -> str:
        """In what it differs from *expected*, or how its border was touched; empty if all is right."""
        border = np.concatenate([self.whole[:BORDER], self.whole[-BORDER:]])
        if (border != self.region.buffer.poison).any():
            return f"{self.region.name}: wrote outside the buffer"
        return describe_difference(expected, self.whole[BORDER:-BORDER].tobytes())


def unsupported(case: Case) -> str:
    """Why Triton 3.9's interpreter cannot run *case*; empty if it can."""
    halves = [name for name, buffer in case.buffers.items() if buffer.dtype == "bf16"]
    computed = any(re.match(r"\w+ = tl.(cast|where).*tl.bfloat16|.*tl.dot|.*_desc", line.strip()) for line in case.lines)
    if computed and set(halves) - {"out", "c"}:
        return "it computes with the bits of bf16 as if they were integers"
    if any(name.startswith("flag") for name in case.numbers):
        return "it refuses masks that are made of one truth value"
    return ""


class Interpretations:
    """Runs each case in the interpreter."""

    def __init__(self, folder: Path):
        self._folder = folder
        np.seterr(all="ignore")

    def works(self) -> bool:
        return True

    def examine(self, case: Case) -> Finding:
        if reason := unsupported(case):
            return Finding(skipped=reason)
        memory = {name: HostMemory(region) for name, region in regions_of(case).items()}
        load(case, self._folder)[case.grid](**memory, **case.numbers, **case.constants)
        expected = evaluate(case)
        problems = [place.problem(expected[name]) for name, place in memory.items()]
        return Finding("none" if any(problems) else "", "\n".join(filter(None, problems)))


if __name__ == "__main__":
    sys.exit(kernel_processes.main(Interpretations, "Compares Triton's interpreter with numpy on random kernels."))
