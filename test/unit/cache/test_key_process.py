# SPDX-License-Identifier: MIT
"""What changes between two launches of one process: whatever Triton notices then is noticed under our key, too.

Each change is made under both, to a kernel that was compiled in this process, to one that was found in the cache, and to one that
cannot be proved, as it calls a function that makes a set.
"""

import pytest
import triton
from programs import I32, Program, active

#: By name: what is defined, what the kernel stores, its argument if it takes one, and what is changed between two launches.
CHANGES = {
    "a global is another": ("A = tl.constexpr(4)", "A", "", "A = tl.constexpr(5)"),
    "a global is put back": ("A = tl.constexpr(4)", "A", "", "A = tl.constexpr(4)"),
    "a global is gone": ("A = tl.constexpr(4)", "A", "", "del A"),
    "a global is changed in place": ("A = tl.constexpr(4)", "A", "", "A.value = 5"),
    "a global of a tuple is changed in place": (
        "A = tl.constexpr((tl.constexpr(4), 5))",
        "A[0]",
        "",
        "A.value[0].value = 6",
    ),
    "a helper's global is another": (
        "A = tl.constexpr(4)\n@triton.jit\ndef h():\n    return A",
        "h()",
        "",
        "A = tl.constexpr(5)",
    ),
    "a helper's global is put back": (
        "A = tl.constexpr(4)\n@triton.jit\ndef h():\n    return A",
        "h()",
        "",
        "A = tl.constexpr(4)",
    ),
    "a helper is another": (
        "@triton.jit\ndef h():\n    return 4\n@triton.jit\ndef other():\n    return 5",
        "h()",
        "",
        "h = other",
    ),
    "a helper's source is another": (
        "@triton.jit\ndef h():\n    return 4",
        "h()",
        "",
        "h._unsafe_update_src(h.src.replace('4', '5'))",
    ),
    "the kernel's source is another": ("", "4", "", "kernel._unsafe_update_src(kernel.src.replace('4', '5'))"),
    "an attribute is another": (
        "class C:\n    A = 4\n@triton.constexpr_function\ndef get():\n    return C.A",
        "get()",
        "",
        "C.A = 5",
    ),
    "a constant's source is another": (
        "@triton.jit\ndef h():\n    return 4",
        "V()",
        "h",
        "h._unsafe_update_src(h.src.replace('4', '5'))",
    ),
    "a constant is changed in place": (
        "class O:\n    def __init__(self):\n        self.a = 4\n    def __eq__(self, other):\n        return self.a == other.a\n"
        "    def __hash__(self):\n        return self.a\n    def __repr__(self):\n        return str(self.a)\n"
        "@triton.constexpr_function\ndef get(o):\n    return o.a\nX = O()",
        "get(V)",
        "X",
        "X.a = 5",
    ),
    "a named tuple's list is changed": (
        "@triton.constexpr_function\ndef get(v):\n    return v[0]\nX = tl.constexpr((4, 5))",
        "get(V)",
        "X",
        "X.value = (6, 7)",
    ),
    "a function says that it is to be debugged": ("", "4", "", "kernel.debug = True"),
    "everything is to be debugged": ("", "4", "", "triton.knobs.runtime.debug = True"),
}

KERNEL = "{}\n@triton.constexpr_function\ndef met():\n    return 0\n@triton.constexpr_function\ndef odd():\n    return met() + len({{*()}})\n@triton.jit\ndef kernel(p, V: tl.constexpr):\n{}    tl.store(p, {})\n"
ODD = "    N: tl.constexpr = odd()\n"


def outcome(key, name, way, folder, monkeypatch):
    """What the second launch of the program *name* under *key* gives: "same", "other" or "error"."""
    definitions, value, argument, change = CHANGES[name]
    run = Program(folder / key, monkeypatch, key).write(KERNEL.format(definitions, ODD if way == "not proved" else "", value))
    with active(key), triton.knobs.runtime.scope():

        def launch():
            return module.kernel.warmup(I32, getattr(module, argument) if argument else 0, grid=(1,))

        for _ in range(2 if way == "found" else 1):
            module = run.load()
            first = launch()
        assert launch() is first
        exec(change, vars(module))
        try:
            second = launch()
        except Exception:
            return "error"
    return "same" if second is first else "other"


#: What Triton does not notice, and nobody need.
TRITON_GOES_ON = {"a global is put back", "a helper's global is put back"}


@pytest.mark.parametrize("way", ["compiled", "found", "not proved"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_triton_notices_within_a_process_is_noticed(name, way, tmp_path, monkeypatch):
    tritons, ours = (outcome(key, name, way, tmp_path, monkeypatch) for key in ("triton", "graft"))
    if tritons == "same":
        assert ours == ("same" if name in TRITON_GOES_ON else "other")
    else:
        assert ours == tritons
