# SPDX-License-Identifier: MIT
"""Random programs of every form of class, function and container, changed anywhere: what is found is what the program gives now.

    python test/unit/key_forms.py 2000        # 2,000 programs; `500 1500`: 500 from the 1500th on

A fault is told with the fewest forms that show it.
"""

import random
import sys
import tempfile
import types
from pathlib import Path

import pytest
import triton
from program_forms import mutate_memory, mutate_source, program
from programs import Program, active
from time_limits import time_limit
from triton.backends.graft.cache import key, readset
from triton.backends.graft.cache.current_kernels import is_current
from triton.compiler import ASTSource, make_backend

#: What making one kernel may take of the processor, in seconds.
SECONDS = 3


class EndlessError(BaseException):
    """A changed program does not end."""


class Asked:
    """One kernel of a program as it is in memory now."""

    def __init__(self, module):
        driver = triton.runtime.driver.active
        backend = make_backend(driver.get_current_target())
        self.kernel = module.kernel
        self.kernel.hash, self.kernel.used_global_vals = None, {}
        source = ASTSource(self.kernel, {"p": "*i32"})
        self.request = key.Request(source, backend, backend.parse_options({}))

    def right(self):
        """The TTIR that the front end makes of it; None if it refuses or does not end."""
        try:
            with time_limit(SECONDS, EndlessError()):
                return key._make_ttir(Asked.of(self.kernel).request)
        except (Exception, EndlessError):
            return None

    @classmethod
    def of(cls, kernel):
        return cls(types.SimpleNamespace(kernel=kernel))

    def found(self):
        """The TTIR that its key stands for, and the way to it; None if it is refused."""
        try:
            with time_limit(SECONDS, EndlessError()):
                lookup = key.look_up(self.request)
        except (Exception, EndlessError):
            return None
        return lookup.own["source.text"], lookup.way, lookup.reason


def check_source(seed, count, run, ways):
    """Changes a random program in its source; returns what is wrong, or an empty text."""
    rng = random.Random(seed)
    good, names = program(rng, count)
    text = good
    for _ in range(10):
        run.write(text)
        try:
            asked = Asked(run.load())
        except Exception:  # no program
            asked = None
        found, right = (asked.found(), asked.right()) if asked else (None, None)
        if found and right:
            ways.append(found[1])
            # A program that keeps something from one run to the next gives another result the second time it is made.
            if found[0] != right and found[1] == "manifest":
                return f"stale by {found[1]}, forms {names}, seed {seed}, program:\n{text}"
            good = text
        text = mutate_source(rng, good)
    return ""


def check_memory(seed, count, run, ways):
    """Changes a random program in memory; returns what is wrong, or an empty text."""
    rng = random.Random(seed)
    text, names = program(rng, count)
    run.write(text)
    module, done = run.load(), []
    for _ in range(6):
        asked = Asked(module)
        found = asked.found()
        if found is None or found[2]:
            break
        before = asked.right()
        compiled = readset.attach(types.SimpleNamespace(src=asked.request.source))
        if not hasattr(compiled, "_graft_reads") or before is None:
            break
        done.append(mutate_memory(rng, module))
        says_current, right = is_current(compiled), Asked(module).right()
        ways.append(says_current)
        if says_current and right is not None and right != before:
            return f"{done[-1]} is not noticed, forms {names}, seed {seed}"
    return ""


CHECKS = {"source": check_source, "memory": check_memory}


def first_fault(kind, seeds, run, ways):
    """The first fault among *seeds*, with as few forms as show it."""
    for seed in seeds:
        for count in (1, 2, 3):
            fault = CHECKS[kind](seed * 10 + count, count, run, ways)
            if fault:
                return fault
    return ""


def main(count, first=0):
    """Tries *count* programs of each kind, from the one with number *first* on."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_CACHE_DIR", f"{folder}/cache")
        patch.setattr(key, "_find", lambda place, lookup, source: True)
        faults = 0
        for kind in CHECKS:
            ways = []
            with active("graft"):
                run = Program(Path(folder) / "program", patch)
                for seed in range(first // 3, (first + count) // 3):
                    fault = first_fault(kind, [seed], run, ways)
                    if fault:
                        faults += 1
                        print(kind, fault, flush=True)
            print(kind, {way: ways.count(way) for way in set(ways)}, flush=True)
        return faults


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
