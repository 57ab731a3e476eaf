# SPDX-License-Identifier: MIT
"""What is found for a random program is what it gives now: a sample of what `key_forms` tries."""

import types

import pytest
from key_forms import CHECKS, Asked, first_fault
from program_forms import FORMS, KERNEL, PRELUDE, program
from programs import Program, active
from sweeps import slow
from triton.backends.graft.cache import key, readset
from triton.backends.graft.cache.current_kernels import is_current


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(key, "_find", lambda place, lookup, source: True)
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
