# SPDX-License-Identifier: MIT
"""The cache key is never stale: whatever changes what a kernel is compiled to is noticed.

Each change is made between two runs with one cache. Under our key the second run has to give what an empty cache gives. Where the
change is one that Triton 3.9 overlooks (H1 to H12 in the project's list), the same runs under Triton's key have to give the stale
kernel: a test that would pass there proves nothing.
"""

import dataclasses
import os
import stat
from pathlib import Path

import pytest
import triton
from option_values import values_of
from programs import F32, I32, STORE, Program, active
from support import output_of, python_path, target
from test_identity import EXTENSION
from triton import knobs
from triton._C.libtriton import get_cache_invalidating_env_vars
from triton.backends.graft import wings
from triton.backends.graft.cache import inputs
from triton.backends.graft.driver import Driver
from triton.compiler import ASTSource, compiler

#: By name: the kernel's file before and after, other files before and after, where {} is 3 and then 4; and how Triton fares.
SOURCES = {
    "H1 a global that is the default of a callee": (
        "SIZE = tl.constexpr({})\n@triton.jit\ndef helper(x, S=SIZE):\n    return x + S\n" + STORE.format("helper(tl.load(p))"),
        {},
        "stale",
    ),
    "H2 an attribute of a module": ("import cfg\n" + STORE.format("cfg.BLOCK"), {"cfg": "BLOCK = {}"}, "stale"),
    "H3 a global dtype": (
        "DT = {'3': tl.float16, '4': tl.float32}['{}']\n" + STORE.format("tl.load(p).to(DT).to(tl.int32)"),
        {},
        "stale",
    ),
    "an attribute of a module in a module": (
        "import outer\n" + STORE.format("outer.inner.BLOCK"),
        {"outer": "import inner", "inner": "BLOCK = {}"},
        "stale",
    ),
    "an attribute of a class": (
        "import cfg\n" + STORE.format("cfg.Sizes.BLOCK"),
        {"cfg": "class Base:\n    BLOCK = {}\nclass Sizes(Base):\n    pass"},
        "stale",
    ),
    "a member of an enum": (
        "import cfg\n" + STORE.format("cfg.Size.BLOCK.value"),
        {"cfg": "import enum\nclass Size(enum.Enum):\n    BLOCK = {}"},
        "stale",
    ),
    "a global constexpr": ("SIZE = tl.constexpr({})\n" + STORE.format("SIZE"), {}, "fresh"),
    "a cell of a closure": (
        "def make(n):\n    size = tl.constexpr(n)\n    @triton.jit\n    def kernel(p):\n        tl.store(p, size)\n    return kernel\n"
        "kernel = make({})\n",
        {},
        "fresh",
    ),
    "a field of a named tuple": (
        "from typing import NamedTuple\nclass Sizes(NamedTuple):\n    m: int\n    n: int\nS = tl.constexpr(Sizes(1, {}))\n"
        + STORE.format("S.n"),
        {},
        "fresh",
    ),
    "a helper in a helper": (
        "@triton.jit\ndef inner():\n    return {}\n@triton.jit\ndef helper():\n    return inner()\n" + STORE.format("helper()"),
        {},
        "fresh",
    ),
    "a helper in another module": (
        "import helpers\n" + STORE.format("helpers.helper()"),
        {"helpers": "import triton\n@triton.jit\ndef helper():\n    return {}"},
        "fresh",
    ),
    "a helper put in place of another": (
        "@triton.jit\ndef three():\n    return 3\n@triton.jit\ndef four():\n    return 4\n"
        "helper = three if {} == 3 else four\n" + STORE.format("helper()"),
        {},
        "fresh",
    ),
    "what a constexpr function computes": (
        "@triton.constexpr_function\ndef size(n):\n    return n * {}\n" + STORE.format("size(2)"),
        {},
        "fresh",
    ),
    "a global of a constexpr function": (
        "N = {}\n@triton.constexpr_function\ndef size(n):\n    return n * N\n" + STORE.format("size(2)"),
        {},
        "stale",
    ),
    "a helper of a constexpr function": (
        "import cfg\n@triton.constexpr_function\ndef size(n):\n    return cfg.scale(n)\n" + STORE.format("size(2)"),
        {"cfg": "import triton\nN = {}\n@triton.constexpr_function\ndef scale(n):\n    return n * N"},
        "stale",
    ),
    "the default of a kernel": (
        "@triton.jit\ndef kernel(p, N: tl.constexpr = {}):\n    tl.store(p, N)\n",
        {},
        "fresh",
    ),
    "what noinline says": (
        "@triton.jit(noinline={} == 3)\ndef helper(x):\n    return x + 1\n" + STORE.format("helper(tl.load(p))"),
        {},
        "fresh",
    ),
}


@pytest.fixture
def program(tmp_path, monkeypatch):
    return lambda key: Program(tmp_path / f"program-{key}", monkeypatch, key)


def fill(text, value):
    return text.replace("{}", str(value))


def outcome(found, right, before):
    """What a second run gave, by what it should have given and what the first gave."""
    assert right.asm["cubin"] != before.asm["cubin"], "the change does not change the kernel, and proves nothing"
    return {right.asm["cubin"]: "fresh", before.asm["cubin"]: "stale"}[found.asm["cubin"]]


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("key", ["graft", "triton"])
def test_what_a_kernel_reads_is_part_of_its_key(name, key, program):
    source, modules, under_triton = SOURCES[name]
    run = program(key)

    def write(value):
        return run.write(fill(source, value), **{name: fill(text, value) for name, text in modules.items()})

    before = write(3).compile(I32)
    write(4)
    assert outcome(run.compile(I32), run.compile_afresh(I32), before) == ("fresh" if key == "graft" else under_triton)


@pytest.mark.parametrize("name", SOURCES)
def test_a_state_of_the_program_that_was_there_before_is_a_hit(name, program, hits):
    """Three, four and three again: two compilations."""
    source, modules, _ = SOURCES[name]
    run = program("graft")
    for value in (3, 4, 3, 4):
        run.write(fill(source, value), **{name: fill(text, value) for name, text in modules.items()}).compile(I32)
    assert hits == [False, False, True, True]


# -- Arguments


ARGUMENTS = {
    "H5 the number 1 and the text": ("X == 1", {"X": 1}, {"X": "1"}),
    "H5 None and its name": ("X is None", {"X": None}, {"X": "None"}),
    "H6 texts that join to one": ("X == 'x'", {"X": "x", "Y": "y-z"}, {"X": "x-y", "Y": "z"}),
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("key", ["graft", "triton"])
def test_constants_of_different_types_have_different_keys(name, key, program):
    condition, first, second = ARGUMENTS[name]
    run = program(key).write(
        f"@triton.jit\ndef kernel(p, X: tl.constexpr, Y: tl.constexpr = 0):\n"
        f"    if {condition}:\n        tl.store(p, 3)\n    else:\n        tl.store(p, 4)\n"
    )
    before = run.compile(I32, **first)
    found = run.compile(I32, **second)
    assert outcome(found, run.compile_afresh(I32, **second), before) == ("fresh" if key == "graft" else "stale")


@pytest.mark.parametrize("key", ["graft", "triton"])
@pytest.mark.parametrize("first, second", [(0, 0.0), (0.0, 0), (0.0, -0.0), (1, 1.0)])
def test_constants_that_python_calls_equal_have_kernels_of_their_own_in_one_process(first, second, key, program):
    """H7."""
    run = program(key).write("@triton.jit\ndef kernel(p, X: tl.constexpr):\n    tl.store(p, (tl.load(p) + X) * 3 - X)\n")
    module = run.load()
    pointer = I32 if isinstance(first, int) or isinstance(second, int) else F32
    before = run.compile(pointer, X=first, module=module)
    found = run.compile(pointer, X=second, module=module)
    right = run.compile_afresh(pointer, X=second)
    if right.asm["ttir"] == before.asm["ttir"]:
        pytest.skip("the constants make one kernel here")
    assert (found is before) == (key == "triton")
    assert key == "triton" or found.asm["cubin"] == right.asm["cubin"]


# -- Files, variables, knobs


def test_plain_globals_count_where_they_are_allowed(program, monkeypatch):
    """H4."""
    monkeypatch.setenv("TRITON_ALLOW_NON_CONSTEXPR_GLOBALS", "1")
    for key, expected in (("graft", "fresh"), ("triton", "stale")):
        run = program(key)
        before = run.write("N = 3\n" + STORE.format("N")).compile(I32)
        run.write("N = 4\n" + STORE.format("N"))
        assert outcome(run.compile(I32), run.compile_afresh(I32), before) == expected


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_an_overriding_file_counts_by_content(key, program, tmp_path):
    """H8."""
    run = program(key).write(STORE.format("3"))
    override = tmp_path / "other.ptx"
    ptx = run.compile(I32).asm["ptx"]
    override.write_text(ptx.replace(", 3;", ", 5;"))
    assert override.read_text() != ptx
    before = run.compile(I32, ir_override=str(override))
    override.write_text(ptx.replace(", 3;", ", 6;"))
    found, right = (compile(I32, ir_override=str(override)) for compile in (run.compile, run.compile_afresh))
    assert outcome(found, right, before) == ("fresh" if key == "graft" else "stale")


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_a_run_with_overrides_leaves_the_entries_of_normal_runs_alone(key, program, tmp_path, monkeypatch):
    """H9."""
    run = program(key).write(STORE.format("3"))
    right = run.compile_afresh(I32)
    with monkeypatch.context() as patch:
        patch.setenv("TRITON_KERNEL_OVERRIDE", "1")
        patch.setenv("TRITON_OVERRIDE_DIR", str(tmp_path / "override"))
        patch.setenv("TRITON_KERNEL_DUMP", "1")
        patch.setenv("TRITON_DUMP_DIR", str(tmp_path / "override"))
        run.compile_afresh(I32)
        dumped = next((tmp_path / "override").glob("*/kernel.ptx"))
        dumped.write_text(dumped.read_text().replace(", 3;", ", 5;"))
        for other in dumped.parent.iterdir():
            if other.name != "kernel.ptx":
                other.unlink()
        patch.delenv("TRITON_KERNEL_DUMP")
        overridden = run.compile(I32)
    assert outcome(run.compile(I32), right, overridden) == ("fresh" if key == "graft" else "stale")


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_ptxas_counts_by_content(key, program, tmp_path, monkeypatch):
    """H10: a program with the same version and other behaviour."""
    tool = tmp_path / "ptxas"
    real = knobs.nvidia.ptxas_blackwell.path

    def write(options):
        tool.write_text(f'#!/bin/sh\nexec "{real}" {options} "$@"\n')
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    write("")
    monkeypatch.setenv("TRITON_PTXAS_BLACKWELL_PATH", str(tool))
    monkeypatch.setenv("TRITON_PTXAS_PATH", str(tool))
    run = program(key).write("@triton.jit\ndef kernel(p):\n    x = tl.load(p)\n    tl.store(p, x * x + x // 7 - x % 3)\n")
    before = run.compile(I32)
    write("--opt-level 0")
    assert outcome(run.compile(I32), run.compile_afresh(I32), before) == ("fresh" if key == "graft" else "stale")


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_a_knob_counts_that_does_not_reach_the_environment(key, program, monkeypatch):
    """H11."""
    run = program(key).write("@triton.jit\ndef kernel(p):\n    x = tl.load(p)\n    tl.store(p, x * x + x // 7 - x % 3)\n")
    before = run.compile(I32)
    monkeypatch.setattr(knobs, "propagate_env", False)
    with knobs.nvidia.scope():
        knobs.nvidia.disable_ptxas_opt = True
        found = run.compile(I32)
    # With debug info, a cubin has the name of a temporary file in it: no two are equal.
    assert (found.asm["cubin"] == before.asm["cubin"]) == (key == "triton")


def bare_key(kernel):
    """The key of *kernel*, which stores a number, under whatever is active; nothing is compiled."""
    backend = compiler.make_backend(target(90))
    options = backend.parse_options({})
    return compiler.get_cache_key(ASTSource(kernel, {"p": "*i32"}), backend, options, get_cache_invalidating_env_vars())


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_a_pass_plugin_of_llvm_counts_by_content(key, program, tmp_path, monkeypatch):
    """H12."""
    run, plugin, keys = program(key).write(STORE.format("3")), tmp_path / "plugin.so", set()
    monkeypatch.setenv("LLVM_PASS_PLUGIN_PATH", str(plugin))
    for content in (b"one", b"two"):
        plugin.write_bytes(content)
        with active(key):
            keys.add(bare_key(run.load().kernel))
    assert len(keys) == (2 if key == "graft" else 1)


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_an_extension_that_was_loaded_counts(key, tmp_path):
    """H12; by content: test_identity.py."""
    if not EXTENSION.is_file():
        pytest.skip("this Triton comes without the example of an extension")
    code = f"""
import triton
from option_values import values_of
from programs import active
from test_key_sound import bare_key
from triton._C import libtriton

@triton.jit
def kernel(p):
    triton.language.store(p, 3)

with active({key!r}):
    before = bare_key(kernel)
    libtriton.passes.plugin.extend_with({str(EXTENSION)!r})
    print(before == bare_key(kernel))
"""
    assert output_of(code, tmp_path, PYTHONPATH=python_path(__file__)) == ("False\n" if key == "graft" else "True\n")


# -- What only the TTIR can tell


@pytest.mark.parametrize(
    "source, change",
    [
        ("import os\n@triton.constexpr_function\ndef size():\n    return int(os.environ['SIZE'])\n", "environment"),
        ("@triton.constexpr_function\ndef size():\n    return int(open('{file}').read())\n", "file"),
        ("import size_of\n@triton.constexpr_function\ndef size():\n    return size_of.part.size\n", "module"),
    ],
)
def test_a_constexpr_function_may_read_whatever_it_likes(source, change, program, tmp_path, monkeypatch, hits):
    """It is not known what it read, so the TTIR is made at each start, and the key is right."""
    run = program("graft")
    values = []
    for value in (3, 4, 3):
        (tmp_path / "size").write_text(str(value))
        monkeypatch.setenv("SIZE", str(value))
        body = source.format(file=tmp_path / "size") + STORE.format("size()")
        run.write(body, size_of=f"class Part:\n    size = property(lambda self: {value})\npart = Part()\n")
        values.append(run.compile(I32).asm["cubin"])
    assert values[0] != values[1]
    assert values[0] == values[2]
    assert hits == [False, False, True]


# -- Within one process


def compile_twice(run, change, *args):
    """What one kernel object is compiled to before and after *change* is made to its module."""
    module = run.load()
    with active("graft"):
        before = module.kernel.warmup(*args, grid=(1,))
        change(module)
        return before, module.kernel.warmup(*args, grid=(1,))


def test_a_changed_attribute_is_noticed_in_the_same_process(program):
    run = program("graft").write("import cfg\n" + STORE.format("cfg.BLOCK"), cfg="BLOCK = 3")
    before, after = compile_twice(run, lambda module: setattr(module.cfg, "BLOCK", 4), I32)
    run.write(cfg="BLOCK = 4")
    assert outcome(after, run.compile_afresh(I32), before) == "fresh"


def test_a_monkeypatched_helper_is_noticed_in_the_same_process(program):
    helper = "@triton.jit\ndef helper():\n    return {}\n"
    run = program("graft").write(helper.format(3) + "@triton.jit\ndef other():\n    return 4\n" + STORE.format("helper()"))
    before, after = compile_twice(run, lambda module: setattr(module, "helper", module.other), I32)
    assert before.asm["ttir"] != after.asm["ttir"]


def test_a_reloaded_module_is_noticed_in_the_same_process(program):
    import importlib

    run = program("graft").write("import cfg\n" + STORE.format("cfg.helper()"), cfg=HELPER.format(3))

    def reload(module):
        run.write(cfg=HELPER.format(4))
        importlib.reload(module.cfg)

    before, after = compile_twice(run, reload, I32)
    assert before.asm["ttir"] != after.asm["ttir"]


HELPER = "import triton\n@triton.jit\ndef helper():\n    return {}\n"


def test_a_used_global_that_changed_is_an_error_also_after_a_hit(program):
    """As Triton has it: the names are known from the manifest."""
    run = program("graft").write("N = tl.constexpr(3)\n" + STORE.format("N"))
    run.compile(I32)
    with pytest.raises(RuntimeError, match="Global variable N has changed since we compiled this kernel"):
        compile_twice(run, lambda module: setattr(module, "N", triton.language.constexpr(4)), I32)


# -- Any option, variable and file


def key_of(run, *args, **options):
    """The key of the kernel of *run*, whose first argument is a pointer."""
    from triton.backends.graft.cache import key

    seen = []
    original = key.look_up
    key.look_up = lambda request: seen.append(original(request)) or seen[-1]
    try:
        run.compile(I32, *args, **options)
    finally:
        key.look_up = original
    return seen[-1].key


CHANGES = {
    "num_warps": {"num_warps": 8},
    "num_stages": {"num_stages": 2},
    "maxnreg": {"maxnreg": 64},
    "enable_fp_fusion": {"enable_fp_fusion": False},
    "ptx_options": {"ptx_options": "--opt-level 1"},
    "launch_pdl": {"launch_pdl": True},
    "debug": {"debug": True},
} | {
    name: {name: next(value for value, _ in values_of(option.kind).good if value != option.default)}
    for name, option in wings.options().items()
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_option_is_part_of_the_key(name, program):
    run = program("graft").write(STORE.format("3"))
    assert key_of(run, **CHANGES[name]) != key_of(run)


def test_each_field_of_the_options_is_a_component():
    options = compiler.make_backend(target(90)).parse_options({})
    components = inputs.code(target(90), options).components
    by_content = {"extern_libs": "file.library.0.libdevice"}
    for field in dataclasses.fields(options):
        assert field.name == "ir_override" or by_content.get(field.name, f"option.{field.name}") in components


@pytest.mark.parametrize(
    "group, knob, value",
    [
        ("compilation", "disable_line_info", True),
        ("compilation", "dump_ir_extract_di_local_variables", True),
        ("compilation", "use_ir_loc", "ttir"),
        ("compilation", "enable_asan", True),
        ("nvidia", "disable_ptxas_opt", True),
    ],
)
def test_each_knob_that_reaches_the_code_is_part_of_the_key(group, knob, value, monkeypatch):
    monkeypatch.setattr(knobs, "propagate_env", False)
    options = compiler.make_backend(target(90)).parse_options({})
    without = inputs.code(target(90), options).digest
    monkeypatch.setitem(vars(getattr(knobs, group)), knob, value)
    assert inputs.code(target(90), options).digest != without


@pytest.mark.parametrize("group, knob, value", [("language", "fp32_default", "ieee"), ("compilation", "dump_ir", True)])
def test_what_the_front_end_reads_is_in_the_ttir_and_diagnostics_are_nowhere(group, knob, value, monkeypatch):
    options = compiler.make_backend(target(90)).parse_options({})
    without = inputs.code(target(90), options).digest
    monkeypatch.setitem(vars(getattr(knobs, group)), knob, value)
    assert inputs.code(target(90), options).digest == without


@pytest.mark.parametrize("key", ["graft", "triton"])
def test_the_default_precision_of_a_dot_counts(key, program, monkeypatch):
    """Through the TTIR, also where a manifest knows the kernel."""
    dot = """
    @triton.jit
    def kernel(p):
        offs = tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]
        x = tl.load(p + offs)
        tl.store(p + offs, tl.dot(x, x))
    """
    run = program(key).write(dot)
    before = run.compile(F32)
    monkeypatch.setenv("TRITON_F32_DEFAULT", "ieee")
    assert outcome(run.compile(F32), run.compile_afresh(F32), before) == "fresh"


@pytest.mark.parametrize(
    "variable, value",
    [
        ("DISABLE_LLVM_OPT", "1"),
        ("DISABLE_MMA_V3", "true"),
        ("DISABLE_PTXAS_OPT", "1"),
        ("TRITON_DISABLE_LINE_INFO", "1"),
        ("LLVM_EXTRACT_DI_LOCAL_VARIABLES", "1"),
        ("ALLOW_LHS_TMEM_LAYOUT_CONVERSION", "ON"),
        ("TRITON_CONSAN_INIT_ALLOCATIONS", "1"),
    ],
)
def test_every_variable_that_reaches_the_code_is_part_of_the_key(variable, value, program, monkeypatch):
    run = program("graft").write(STORE.format("3"))
    without = key_of(run)
    monkeypatch.setenv(variable, "0")
    assert key_of(run) == without, "off is what it is when it is not set"
    monkeypatch.setenv(variable, value)
    assert key_of(run) != without


# Not LLVM_ENABLE_TIMING: Triton sets it for as long as the process lives, and LLVM aborts where two threads then compile at once.
@pytest.mark.parametrize("variable", ["MLIR_ENABLE_TIMING", "LLVM_IR_ENABLE_DUMP", "MLIR_DISABLE_MULTITHREADING"])
def test_diagnostics_are_not_part_of_the_key(variable, program, monkeypatch):
    run = program("graft").write(STORE.format("3"))
    without = key_of(run)
    monkeypatch.setenv(variable, "1")
    assert key_of(run) == without


def test_a_variable_of_triton_that_is_not_known_here_counts(program, monkeypatch):
    run = program("graft").write(STORE.format("3"))
    without = key_of(run)
    monkeypatch.setattr(inputs, "get_cache_invalidating_env_vars", lambda: {"TRITON_NEW": "true"})
    monkeypatch.setenv("TRITON_NEW", "1")
    assert key_of(run) != without


def test_each_variable_in_tritons_own_key_is_listed_with_what_becomes_of_it():
    header = Path(triton.__file__).parent / "include/triton/Tools/Sys/GetEnv.h"
    text = header.read_text().partition("CACHE_INVALIDATING_ENV_VARS = {")[2].partition("};")[0]
    names = {line.strip(' ",') for line in text.splitlines() if line.strip().startswith('"')}
    assert len(names) > 30
    assert names == inputs.ENVIRONMENT.keys() | inputs._NOT_COUNTED


def test_a_library_that_an_option_names_counts_by_content(program, tmp_path):
    run = program("graft").write(STORE.format("3"))
    library = tmp_path / "own.bc"
    library.write_bytes(Path(dict(Driver_libraries())["libdevice"]).read_bytes())
    first = key_of(run, extern_libs={"libdevice": str(library)})
    assert first == key_of(run), "the folder does not count"
    data = bytearray(library.read_bytes())
    data[-1] ^= 1
    library.write_bytes(bytes(data))
    assert os.path.getsize(library) == len(data)
    assert key_of_failing(run, extern_libs={"libdevice": str(library)}) != first


def Driver_libraries():  # noqa: N802
    from triton.backends.graft.compiler import Options

    return Options().extern_libs


def key_of_failing(run, **options):
    try:
        return key_of(run, **options)
    except Exception as error:  # a damaged library may not link; its key is asked for before
        return str(error)


def test_the_target_is_part_of_the_key(program, monkeypatch):
    run = program("graft").write(STORE.format("3"))
    hopper = run.compile(I32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("programs.Driver", lambda target: Driver(target="cuda:80"))
        ampere = run.compile(I32)
    assert hopper.hash != ampere.hash
