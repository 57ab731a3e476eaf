# SPDX-License-Identifier: MIT
"""Random programs of every form of class, function and container, changed anywhere: what is found is what the program gives now.

Some here; many by hand: `python test/unit/cache/test_key_forms.py 2000`, or 500 from the 1500th on with `500 1500`. A fault is told with the
fewest forms that show it.
"""

import random
import sys
import tempfile
import types
from pathlib import Path

import pytest
import triton
from program_forms import FORMS, KERNEL, PRELUDE, mutate_memory, mutate_source, program
from programs import Program, active
from sweeps import slow
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


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(key, "_find", lambda place, lookup: True)
    with active("graft"):
        yield Program(tmp_path / "program", monkeypatch)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_a_kernel(form, run):
    rng = types.SimpleNamespace(sample=lambda names, count: [form])
    run.write(program(rng, 1)[0])
    asked = Asked(run.load())
    assert asked.right() is not None
    assert asked.found()[0] == asked.right()


#: By name: a program, and what changes it in memory.
IN_MEMORY = {
    "default": ("def g(m=N):\n    return m.A", "N.A = 4"),
    "class": ("class C:\n    M = N\ndef g():\n    return C.M.A", "N.A = 4"),
    "enum": (
        "class E(enum.Enum):\n    A = 3\n    B = 4\ndef g():\n    return [m.value for m in E][0]",
        "E._member_names_.reverse()",
    ),
    "values of an enum": (
        "class E(enum.Enum):\n    A = 3\n    B = 4\ndef g():\n    return E(3)._value_",
        "E._value2member_map_[3] = E.B",
    ),
    "getter": (
        "class C:\n    @property\n    def p(self):\n        return 3\ndef g():\n    return C().p",
        "vars(C)['p'].__init__(lambda self: 4)",
    ),
    "static method": (
        "class C:\n    @staticmethod\n    def p(n=3):\n        return n\ndef g():\n    return C().p()",
        "vars(C)['p'].__init__(lambda n=4: n)",
    ),
    "dtype": ("D = tl.dtype('fp16')\ndef g():\n    return D.primitive_bitwidth", "D.primitive_bitwidth = 32"),
    "values of a flag": (
        "class E(enum.IntFlag):\n    A = 1\n    B = 2\ndef g():\n    return (E.A | E.B).value + E(2).value",
        "E._value2member_map_[2] = E.A",
    ),
    "module as an argument": ("def g(m):\n    return m.A", "N.A = 4", "g(N)"),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_what_is_within_a_value_or_orders_it_counts(name, run):
    text, change, *call = IN_MEMORY[name]
    text = text.replace("def g(", "@triton.constexpr_function\ndef g(")
    run.write(f"{PRELUDE}N = types.ModuleType('N')\nN.A = 3\n{text}\n{KERNEL.format(*call or ['g()'])}")
    module = run.load()
    asked = Asked(module)
    before, _, reason = asked.found()
    compiled = readset.attach(types.SimpleNamespace(src=asked.request.source))
    exec(change, vars(module))
    assert reason or not is_current(compiled)
    found, right = Asked(module).found()[0], Asked(module).right()
    assert before != right
    assert found == right


@pytest.mark.parametrize("seeds", [4, slow(12)])
@pytest.mark.parametrize("kind", CHECKS)
def test_what_is_found_is_what_the_program_gives_now(kind, seeds, run):
    ways = []
    assert first_fault(kind, range(seeds), run, ways) == ""
    assert len(set(ways)) > 1


def main(count, first=0):
    """Tries *count* programs of each kind, from the one with number *first* on."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_CACHE_DIR", f"{folder}/cache")
        patch.setattr(key, "_find", lambda place, lookup: True)
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
