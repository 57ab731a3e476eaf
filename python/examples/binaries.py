# SPDX-License-Identifier: MIT
"""What a compiled kernel tells without a GPU: its resources, and how wide it reads."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triton import knobs

#: `ld.global`, with its caching and eviction hints, the length of the vector and the width of an element in bits.
_LOAD = re.compile(r"\bld\.global(?:\.(?!v[248]\b)[\w:]+?)*?(?:\.v([248]))?\.[busf](8|16|32|64|128)\s")

#: `cp.async` from global to shared memory, with its size in bytes. Bulk copies are another instruction and do not match.
_ASYNC_COPY = re.compile(r"\bcp\.async\.c[ag]\.shared\.global[.\w:]*\s+\[[^]]*\],\s*\[[^]]*\],\s*(\w+)")


@dataclass(frozen=True)
class Resources:
    """Registers per thread, bytes of local memory per thread, which is where registers spill to, and bytes of shared memory."""

    registers: int
    spills: int
    shared: int


def get_widest_load(ptx: str) -> int:
    """Bits that the widest load from global memory in *ptx* takes per thread; 0 if there is none."""
    loads = [int(vector or 1) * int(width) for vector, width in _LOAD.findall(ptx)]
    copies = [8 * int(size, 0) for size in _ASYNC_COPY.findall(ptx)]
    return max(loads + copies, default=0)


def get_resources(kernel: Any) -> Resources:
    """The resources of a compiled kernel, read from its cubin. Raises `RuntimeError` if `cuobjdump` cannot."""
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder, "kernel.cubin")
        cubin.write_bytes(kernel.asm["cubin"])
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", str(cubin)]
        result = subprocess.run(command, capture_output=True, text=True)
    name = kernel.metadata.name
    usage = re.search(rf"Function {re.escape(name)}:\s*(.*)", result.stdout)
    if result.returncode != 0 or not usage:
        raise RuntimeError(f"cuobjdump says nothing about kernel '{name}': {(result.stderr or result.stdout).strip()}")
    numbers = {key: int(value) for key, value in re.findall(r"(\w+):(\d+)", usage[1])}
    return Resources(numbers["REG"], numbers["STACK"] + numbers["LOCAL"], kernel.metadata.shared)
