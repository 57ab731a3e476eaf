# SPDX-License-Identifier: MIT
"""Random kernels leave the same bits in memory with each pass off and on, and touch nothing else.

Many more: `python test/gpu/kernel_runs.py --seed 1000 --count 3000`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

#: Reads or writes the byte that is so many away from one end of the memory; a fault ends it with an error. The kernel adds it up,
#: as a launch refuses pointers to what is not mapped.
ACCESS = """
import sys
sys.path[:0] = [{here!r}, {unit!r}]
import triton
import triton.language as tl
from guarded_memory import GuardedMemory, synchronize
from kernel_cases import Buffer, Pointer
from triton.backends.graft.driver import Driver


@triton.jit
def touch(memory, offset, out, WRITES: tl.constexpr):
    if WRITES:
        tl.store(memory + offset, 1)
    else:
        tl.store(out, tl.load(memory + offset))


triton.runtime.driver.set_active(Driver())
with GuardedMemory(1) as memory, GuardedMemory(1) as other:
    memory.write(bytes(memory.size))
    start, out = (Pointer(Buffer("i8", 1), mapping.address) for mapping in (memory, other))
    touch[(1,)](start, {offset} + (memory.size if {at_end} else 0), out, WRITES={writes})
    synchronize()
    print(sum(memory.read()))
"""


#: Three launches of a kernel that stores 65 elements; the second and the third have a buffer for 64, at either end of its memory.
CARELESS = """
import sys
sys.path[:0] = [{here!r}]
import kernel_runs
from kernel_cases import Buffer, Case
from kernel_processes import Shared, run_all


def shortened(function):
    def call(case):
        regions = function(case)
        if case.seed:
            regions["out"].values = regions["out"].values[:64]
        return regions

    return call


def make_case(at):
    lines = ("offs = tl.arange(0, 128)", "tl.store(out + offs, offs, offs < 65)")
    return Case(at, "handmade", lines, {{"out": Buffer("i32", 4, ends_at_guard=at == 1)}}, {{}}, {{}}, (1,), {{}})


kernel_runs.regions_of, kernel_runs.evaluate = map(shortened, (kernel_runs.regions_of, kernel_runs.evaluate))
for report in run_all(Shared(3, make_case), kernel_runs.Launches):
    print(f"{{report.case.seed}}: {{report.finding.problem.strip().rpartition(chr(10))[2]}}")
"""


def run_kernels(*words):
    """The command in a process of its own, as this one has a context, which children must not inherit."""
    program = HERE / "kernel_runs.py"
    return subprocess.run([sys.executable, str(program), *map(str, words)], capture_output=True, text=True)


def access(tmp_path, offset, at_end, writes):
    script = tmp_path / "access.py"
    script.write_text(
        ACCESS.format(here=str(HERE), unit=str(HERE.parent / "unit"), offset=offset, at_end=at_end, writes=writes)
    )
    return subprocess.run([sys.executable, str(script)], env=dict(os.environ), capture_output=True, text=True)


def test_random_kernels_leave_the_same_bits_with_each_pass_off_and_on():
    done = run_kernels("--seed", 0, "--count", 300, "--jobs", min(os.cpu_count() or 1, 8))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" kernels, 0 failures\n")


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(("offset", "at_end"), [(-1, False), (0, True)])
def test_touching_the_byte_beyond_an_end_is_a_fault(tmp_path, offset, at_end, writes):
    done = access(tmp_path, offset, at_end, writes)
    assert done.returncode != 0
    assert "ILLEGAL_ADDRESS" in done.stderr


@pytest.mark.parametrize(("offset", "at_end"), [(0, False), (-1, True)])
def test_the_first_and_the_last_byte_can_be_touched(tmp_path, offset, at_end):
    done = access(tmp_path, offset, at_end, True)
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


def test_a_kernel_that_touches_too_much_is_a_failure_and_does_not_stop_the_others(tmp_path):
    script = tmp_path / "careless.py"
    script.write_text(CARELESS.format(here=str(HERE)))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    first, second, third = done.stdout.splitlines()
    assert first == "0: "
    assert second.startswith("1: ")
    assert "ILLEGAL_ADDRESS" in second
    assert third == "2: out: wrote outside the buffer, first 0 bytes behind its end"
