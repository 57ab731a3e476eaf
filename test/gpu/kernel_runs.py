# SPDX-License-Identifier: MIT
"""Random kernels on a CUDA device, with each pass off and on: they leave in memory, bit by bit, what numpy says.

    python test/gpu/kernel_runs.py --seed 0 --count 3000 --jobs 14
    python test/gpu/kernel_runs.py --seed 17 --count 1 --show

Each buffer of a kernel has a mapping of its own, at an end of which it lies: reading or writing past that end is a fault. The
rest of the mapping is poison, which nobody may write to and whose being read is seen in the result.

Cases are those of test/unit/kernel_families.py. The kernels that fail are made small and printed as what found_kernels.py
takes. Processes of their own run them, as a fault ends what CUDA can do in a process.
"""

import sys
import traceback
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import kernel_processes
import triton
from guarded_memory import CudaError, GuardedMemory, synchronize
from kernel_cases import Case, load, with_whole_units
from kernel_compiling import PASSES, Compilation, arguments
from kernel_evaluation import Region, describe_difference, encode, evaluate, regions_of
from kernel_processes import Finding
from triton.backends.graft.driver import Driver


class Image(NamedTuple):
    """A mapping in which *region* lies at *offset*; the rest is poison."""

    region: Region
    memory: GuardedMemory
    offset: int

    @classmethod
    def of(cls, region: Region, memory: GuardedMemory) -> "Image":
        """As near to the guarded end as the alignment of the pointer allows, and element 0, which a launch asks for, mapped."""
        size, length = region.buffer.size, len(region.values)
        lowest = max(0, region.first) * size
        highest = memory.size - max(length, -region.first + 1) * size
        past = (region.buffer.shift + region.first) * size % 16
        offset = highest - (highest - past) % 16 if region.buffer.ends_at_guard else lowest + (past - lowest) % 16
        if not lowest <= offset <= highest:
            raise ValueError(f"{region.name} has {length * size} bytes, which do not fit into {memory.size}")
        return cls(region, memory, offset)

    @property
    def address(self) -> int:
        """Of element 0, which may be outside the region."""
        return self.memory.address + self.offset - self.region.first * self.region.buffer.size

    def content(self, region: Region) -> bytes:
        """The whole mapping with the values of *region*."""
        poison, data = bytes([region.buffer.poison]), encode(region.buffer, region.values)
        return poison * self.offset + data + poison * (self.memory.size - self.offset - len(data))

    def describe(self, wanted: Region) -> str:
        """In what the memory is not what *wanted* and poison around it are; empty if it is, bit by bit."""
        content, found = self.content(wanted), self.memory.read()
        if found == content:
            return ""
        end = self.offset + len(wanted.values) * wanted.buffer.size
        if difference := describe_difference(wanted, found[self.offset : end]):
            return difference
        at = next(at for at, (one, other) in enumerate(zip(content, found, strict=True)) if one != other)
        side = f"{self.offset - at} bytes before its start" if at < self.offset else f"{at - end} bytes behind its end"
        return f"{wanted.name}: wrote outside the buffer, first {side}"


class Scratch:
    """Memory that a launch asks Triton for, such as that of tensor descriptors."""

    def __init__(self, size: int):
        self._memory = GuardedMemory(size)

    def data_ptr(self) -> int:
        return self._memory.address


class Launches:
    """Launches cases on device 0, in memory that is used again and again."""

    def __init__(self, folder: Path):
        self._folder, self._memories = folder, [GuardedMemory(1)]
        driver = Driver()
        triton.runtime.driver.set_active(driver)
        self._arch = driver.get_current_target().arch
        scratch = Scratch(1 << 20)
        triton.set_allocator(lambda size, alignment, stream: scratch)

    def works(self) -> bool:
        try:
            synchronize()
        except CudaError:
            return False
        return True

    def examine(self, case: Case) -> Finding:
        """Launches each kernel that comes out of *case* under `PASSES`."""
        if self._arch >= 90:  # descriptors are TMA's
            case = with_whole_units(case)
        before, after = regions_of(case), evaluate(case)
        while len(self._memories) < len(before):
            self._memories.append(GuardedMemory(1))
        images = {
            name: Image.of(region, memory) for (name, region), memory in zip(before.items(), self._memories, strict=False)
        }
        kernel, compilation, texts = load(case, self._folder), Compilation(case, self._arch, self._folder), {}
        for variant, options in PASSES.items():
            try:
                text = compilation.compile("ttir", **options)["ttir"]
                if text in texts.values():
                    continue
                texts[variant] = text
                for image in images.values():
                    image.memory.write(image.content(image.region))
                addresses = {name: image.address for name, image in images.items()}
                kernel[case.grid](**arguments(case, addresses), **case.options, **options)
                synchronize()
            except Exception:
                return Finding(variant, traceback.format_exc())
            problems = [image.describe(after[name]) for name, image in images.items()]
            if any(problems):
                return Finding(variant, "\n".join(filter(None, problems)))
        return Finding(changed=frozenset(texts) - {"none"})


if __name__ == "__main__":
    sys.exit(kernel_processes.main(Launches, "Launches random kernels with each pass off and on."))
