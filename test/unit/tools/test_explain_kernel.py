# SPDX-License-Identifier: MIT
"""`graft explain`: how arguments are written, what the report says, and that nothing else changes."""

import inspect
import json
import os
import re
from pathlib import Path

import pytest
import slice_kernels
import triton
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftError, OptionError
from triton.backends.graft.passes import steps
from triton.backends.graft.tools import compiling, kernel_report, launch_arguments, remarks

ROOT = Path(__file__).parents[3]

KERNELS = """
import triton
import triton.language as tl

SCALE = tl.constexpr(3)

@triton.jit
def read(pointers, mask):
    return tl.load(pointers, mask)

@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = read(x + offs, offs < n)
    tl.store(out + offs, a + tl.load(y + offs, offs < n), offs < n)

@triton.jit
def total(x, out, n, BLOCK: tl.constexpr, DTYPE: tl.constexpr = tl.float32):
    acc = tl.zeros((BLOCK,), DTYPE)
    for start in range(0, n, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        acc += tl.load(x + offs, offs < n, 0.0)
    tl.store(out, tl.sum(acc, 0))

@triton.jit
def transpose(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i[None, :] * BLOCK + i[:, None], tl.load(x + i[:, None] * BLOCK + i[None, :]))

@triton.jit
def copy(x, out):
    out.store([0, 0], x.load([0, 0]))

@triton.jit
def shout(out):
    tl.store(out, nobody)

not_a_kernel = 5

""" + inspect.getsource(slice_kernels.slices.fn)

ADD = "*fp16, *fp16, *fp16, n=1001, BLOCK=1024"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, which has the file kernels.py."""
    work = tmp_path / "work"
    work.mkdir()
    (work / f"kernels_{tmp_path.name.replace('-', '_')}.py").write_text(KERNELS)
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def file(folder):
    """The name of the file with the kernels, which no other test has imported."""
    (path,) = folder.iterdir()
    return path.name


@pytest.fixture
def explain(file):
    """Explains a kernel of the file."""
    return lambda name, arguments, target="cuda:90", **options: kernel_report.explain(
        f"{file}:{name}", arguments, target, options
    )


def line_with(report, source):
    """The line of *report* in which *source* stands."""
    (line,) = [line for line in report.lines if source in line.source]
    return line


def texts(counted):
    return [one.text for one in counted]


# -- The report


def test_each_access_is_told_at_its_line_with_what_limits_it(explain, folder, file):
    report = explain("add", ADD, version_tiles=False)
    line = line_with(report, "tl.store(out + offs, a")
    assert (line.file, line.source) == (
        str(folder / file),
        "tl.store(out + offs, a + tl.load(y + offs, offs < n), offs < n)",
    )
    assert line.number == KERNELS.splitlines().index(f"    {line.source}") + 1
    assert texts(line.accesses) == [
        "load of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1)",
        "store of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1)",
    ]


def test_what_a_helper_in_the_same_file_does_is_told_at_the_helper(explain):
    assert texts(line_with(explain("add", ADD, version_tiles=False), "return tl.load(pointers").accesses) == [
        "load of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1)"
    ]


def test_what_tritons_library_does_is_told_where_the_kernel_calls_it(explain):
    report = explain("total", "*fp32, *fp32, 1000, 1024")
    assert "16 bytes of shared memory for tt.reduce" in texts(line_with(report, "tl.sum(acc, 0)").shared_memory)


def test_accesses_in_loops_say_so(explain):
    (access,) = line_with(explain("total", "*fp32, *fp32, 1000, 1024", version_tiles=False), "acc +=").accesses
    assert (access.fact.loops, access.fact.elements) == (1, 1)


def test_layout_conversions_are_told(explain):
    report = explain("transpose", "*fp16, *fp16, 128")
    assert any("through shared memory" in text for line in report.lines for text in texts(line.conversions))
    assert report.usage.shared_bytes > 0


def test_what_our_passes_did_is_told(explain):
    report = explain("add", ADD)
    assert any(text.startswith("graft-version-tiles: ") for line in report.lines for text in line.passes)
    assert {access.fact.bytes for access in line_with(report, "tl.store(out + offs, a").accesses} == {2, 16}


def test_a_descriptor_is_an_argument(explain):
    report = explain("copy", "x=fp16[64, 64], out=fp16[64, 64]")
    (line,) = report.lines
    assert texts(line.accesses) == [
        "TMA load of f16: 4096 elements (8192 bytes) at once",
        "TMA store of f16: 4096 elements (8192 bytes) at once",
    ]


def test_usage_is_that_of_the_cubin(explain, activate):
    """Compared with what the cubin of the same launch says, read by other code."""
    from triton.backends.graft.runtime import cubin

    report = explain("total", "*fp32, *fp32, 1000, 4096", num_warps=1)
    compiled = compiling.compile_launch(
        compiling.Launch.of(report.kernel, "*fp32, *fp32, 1000, 4096", "cuda:90", {"num_warps": 1})
    )
    usage = cubin.usage(compiled.results["cubin"], "total")
    assert (report.usage.registers, report.usage.stack_bytes) == (usage.registers, 4 * usage.spills)
    assert report.usage.registers > 0 and report.usage.warps == 1


def test_what_ptxas_rejected_is_told_and_not_taken_for_the_kernel(explain, monkeypatch):
    monkeypatch.setattr(steps, "_FLOOR", 100_000)  # it would not be tried otherwise
    arguments = "*bf16, *fp32, *fp32, *bf16, *fp32, 37, 333, 2, 32, 128"
    report = explain("slices", arguments)
    said = [text for text in line_with(report, "def slices(").passes if text.startswith("graft-verdict: ")]
    (text,) = said
    assert "the kernel without graft-version-tiles was kept" in text
    kept = explain("slices", arguments, version_tiles=False)
    assert report.usage == kept.usage
    assert str(report.usage.registers) in text


def test_arguments_are_shown_as_triton_specialises_them(explain):
    report = explain("add", "*fp16, *fp16:8, *fp16, 1024, 256")
    assert [(one.name, one.given, one.type, one.is_constant, one.is_divisible) for one in report.arguments] == [
        ("x", "*fp16", "*fp16", False, True), ("y", "*fp16:8", "*fp16", False, False), ("out", "*fp16", "*fp16", False, True),
        ("n", "1024", "i32", False, True), ("BLOCK", "256", "constexpr", True, False),
    ]  # fmt: skip


def test_json_has_every_field_that_the_manual_lists(explain):
    report = json.loads(json.dumps(explain("add", ADD, version_tiles=False).to_json()))
    manual = (ROOT / "docs" / "explain.md").read_text()
    names = set()

    def collect(value):
        if isinstance(value, dict):
            names.update(value)
            [collect(item) for key, item in value.items() if key != "options"]
        elif isinstance(value, list):
            [collect(item) for item in value]

    collect(report)
    assert {name for name in names if f"`{name}`" not in manual} == set()


def test_the_report_is_text(explain, file):
    lines = kernel_report.format_report(explain("add", ADD, version_tiles=False)).splitlines()
    assert lines[:2] == [
        f"{file}:add for cuda:90",
        "arguments: x=*fp16 (*fp16, divisible by 16), y=*fp16 (*fp16, divisible by 16), out=*fp16 (*fp16, divisible by 16), "
        "n=1001 (i32), BLOCK=1024 (constant)",
    ]
    assert f"{file}:15: tl.store(out + offs, a + tl.load(y + offs, offs < n), offs < n)" in lines
    assert lines[-2].startswith("advice: with version_tiles on: the load in line 9 moves 16 bytes at once, not 2; ")


# -- Advice


def advice_of(report):
    return {advice.change: len(advice.gains) for advice in report.advice}


def test_advice_is_what_makes_accesses_wider(explain):
    assert advice_of(explain("add", ADD, version_tiles=False)) == {
        "with version_tiles on": 3,
        "with n a multiple of 16 (1001 is not)": 3,
    }


def test_there_is_no_advice_where_a_pass_has_done_it(explain):
    assert advice_of(explain("add", ADD)) == {}


def test_what_is_gained_together_only_is_told_of_together(explain):
    arguments = "*fp32:4, *fp32:4, *fp32:4, 1001, 1024"
    assert advice_of(explain("add", arguments, version_tiles=False)) == {
        "with x aligned to 16 bytes (*fp32:4 is not) and y aligned to 16 bytes (*fp32:4 is not) and out aligned to 16 bytes "
        "(*fp32:4 is not) and n a multiple of 16 (1001 is not)": 3
    }


def test_there_is_no_advice_for_a_kernel_that_is_as_wide_as_can_be(explain):
    assert advice_of(explain("add", "*fp16, *fp16, *fp16, 1024, 1024", version_tiles=False)) == {}


# -- Compiling past the cache


def test_kernels_are_neither_written_to_the_cache_nor_read_from_it(explain, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE", "require")
    first = explain("add", ADD)
    assert explain("add", ADD).lines == first.lines
    assert not [*(tmp_path / "cache").glob("*/add.*")]


def test_the_pass_changes_nothing(explain, file):
    launch = compiling.Launch.of(f"{file}:total", "*fp32, *fp32, 1000, 1024", "cuda:90", {})
    with_remarks = compiling.compile_launch(launch)
    plain = compiling.find_kernel(f"{file}:total").warmup(
        *[triton.MockTensor("fp32")] * 2, 1000, BLOCK=1024, grid=(1,)
    )  # fmt: skip
    assert with_remarks.results["cubin"] == plain.asm["cubin"]


def test_the_environment_is_left_as_it_was(explain, monkeypatch):
    monkeypatch.delenv(remarks.VARIABLE, raising=False)
    explain("add", ADD)
    assert remarks.VARIABLE not in os.environ
    monkeypatch.setenv(remarks.VARIABLE, "warnings")
    explain("add", ADD)
    assert os.environ[remarks.VARIABLE] == "warnings"
    assert not triton.knobs.nvidia.dump_ptxas_log


# -- What the C++ can say is understood


def said_in_lit_tests():
    """Every remark that the lit tests of the pass expect."""
    found = [
        text
        for path in (ROOT / "test" / "Remarks").glob("*.mlir")
        for text in re.findall(r"remark.*?\{\{(.*)\}\}", path.read_text())
    ]
    return [text.removeprefix("graft-remarks: ") for text in found if not text.startswith("at once")]


def causes_in_sources():
    """The words of the C++ that stand for something: kinds of accesses, causes of limits, purposes and ways."""
    sources = "".join((ROOT / "lib" / path).read_text() for path in ("Analysis/AccessWidth.cpp", "Analysis/SharedUse.cpp"))
    code = re.sub(r"//.*", "", sources)
    return set(re.findall(r'"((?:[a-zTMA]+ ?)+)"', code)) - {"register"}


def test_every_remark_that_the_lit_tests_expect_is_understood():
    expected = said_in_lit_tests()
    assert len(expected) > 20
    for text in expected:
        fact = remarks.understand(text)
        assert fact.loops == 0


def test_every_word_of_the_pass_occurs_in_what_is_understood():
    words = causes_in_sources()
    assert {"load", "mask alignment", "barriers", "TMA gather", "shared memory layout"} <= words
    for word in words:
        access = remarks.understand(
            f"{word} of f16: 1 element (2 bytes) at once, 8 possible; limited by {word} (1), {word} (4); in 2 loops"
        )
        assert access == remarks.Access(word, "f16", 1, 2, 8, (remarks.Limit(word, 1), remarks.Limit(word, 4)), 2)
        shared = remarks.understand(f"16 bytes of shared memory for {word} in 3 stages; in 1 loop")
        assert shared == remarks.SharedMemory(16, word, 3, 1)


def test_a_text_that_is_not_the_passs_is_an_error():
    with pytest.raises(GraftError) as caught:
        remarks.understand("a new thing")
    assert str(caught.value) == (
        "the pass graft-remarks said 'a new thing', which this version does not know; reinstall triton-graft"
    )


def test_calls_are_read_from_the_inside_out():
    lines = [
        "/a.py:4:12: remark: graft-remarks: load of f16: 1 element (2 bytes) at once", "    return tl.load(p)", "           ^",
        "/b.py:9:9: note: called from", "/b.py:10:9: remark: Warning: not ours", "/c.py:1:1: note: called from",
        "<unknown>:0: remark: graft-version-tiles: anything", "c:d.py:3:1: remark: graft-new-pass: x: y",
    ]  # fmt: skip
    assert remarks.read(lines) == [
        remarks.Remark("graft-remarks", "load of f16: 1 element (2 bytes) at once", (remarks.Place("/a.py", 4), remarks.Place("/b.py", 9))),
        remarks.Remark("graft-version-tiles", "anything", ()),
        remarks.Remark("graft-new-pass", "x: y", (remarks.Place("c:d.py", 3),)),
    ]  # fmt: skip


# -- Arguments


@pytest.fixture
def add(file, activate):
    """The kernel `add`."""
    activate(Driver(target="cuda:90"))
    return compiling.find_kernel(f"{file}:add")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3,4,5", {"x": "1", "y": "2", "out": "3", "n": "4", "BLOCK": "5"}),
        ("BLOCK=5, n = 4, out=3,y=2,x=1,", {"x": "1", "y": "2", "out": "3", "n": "4", "BLOCK": "5"}),
        ("fp16[1, 2], (1, 2), 'a, b', n='(', BLOCK=\"]\"",
         {"x": "fp16[1, 2]", "y": "(1, 2)", "out": "'a, b'", "n": "'('", "BLOCK": '"]"'}),
    ],
)  # fmt: skip
def test_arguments_are_given_by_position_or_name(add, text, expected):
    assert launch_arguments.parse(text, add) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--args='': expected arguments for x, y, out, n, BLOCK, too"),
        ("1, 2, n=3", "--args='1, 2, n=3': expected arguments for out, BLOCK, too"),
        ("m=3", "m='3': expected an argument for a parameter of add: x, y, out, n, BLOCK"),
        ("1,2,3,4,5,6", "--args='6': expected an argument for a parameter of add: x, y, out, n, BLOCK"),
        ("1, x=2", "x='2': expected one argument, but '1' was given before"),
        ("1,,2", "--args='1,,2': expected an argument between commas"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(add, text, message):
    with pytest.raises(OptionError) as caught:
        launch_arguments.parse(text, add)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "type_", "known"),
    [
        ("*fp16", "*fp16", 16), ("*float16:32", "*fp16", 16), ("*i8:8", "*i8", None), ("1048575", "i32", None), ("32", "i32", 16),
        ("1", "constexpr", None), ("i32", "i32", None), ("i32:16", "i32", 16), ("i32:8", "i32", None), ("i64", "i64", None),
        ("i64:16", "i64", 16), ("u64", "u64", None), ("fp32", "fp32", None), ("1.5", "fp32", None), ("i1", "u1", None),
        ("True", "u1", None), ("None", "constexpr", None), ("5000000001", "i64", None), ("(1, 2)", ("constexpr", "i32"), None),
    ],
)  # fmt: skip
def test_an_argument_is_specialised_as_at_a_launch(add, file, text, type_, known):
    texts = {"x": "*fp16", "y": "*fp16", "out": "*fp16", "n": text, "BLOCK": "64"}
    launch = compiling.Launch("add", add, texts, {}, triton.runtime.driver.active.get_current_target())
    source, _ = compiling.specialize(launch, compiling.Backend(launch.target))
    assert source.signature["n"] == type_
    assert source.attrs.get((3,), []) == ([["tt.divisibility", known]] if known else [])


@pytest.mark.parametrize(
    ("name", "text"), [("n", "abc"), ("n", "*"), ("n", "'text'"), ("n", "[1]"), ("BLOCK", "nobody"), ("BLOCK", "tl.nothing"), ("BLOCK", "1 +")]
)  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused(add, name, text):
    with pytest.raises(OptionError, match=rf"^{name}=.*: expected (a pointer such as|a constant: )"):
        launch_arguments.values({name: text}, add)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("*fp17", "n='*fp17': expected elements of a type that Triton has: bf16, "),
        ("*fp16:3", "n='*fp16:3': expected an alignment that is a power of two, in bytes"),
        ("fp16[3]", "n='fp16[3]': expected a block shape that Triton takes ("),
    ],
)
def test_a_pointer_or_descriptor_that_there_is_not_is_refused(add, text, message):
    with pytest.raises(OptionError) as caught:
        launch_arguments.values({"n": text}, add)
    assert str(caught.value).startswith(message)


def test_a_constant_may_be_a_name_of_the_kernels_file(add):
    (value,) = launch_arguments.values({"BLOCK": "tl.float16"}, add).values()
    assert value == triton.language.float16


# -- Errors, and the command line


@pytest.fixture
def graft(file):
    """Runs `graft explain` and returns click's result."""
    testing = pytest.importorskip("click.testing")
    from triton.backends.graft.tools.cli import graft

    return lambda *arguments: testing.CliRunner().invoke(graft, ["explain", *arguments], prog_name="graft")


def test_the_command_prints_the_report(graft, file, explain):
    report = explain("add", ADD, num_warps=8, num_stages=2, version_tiles=False)
    arguments = [
        f"{file}:add",
        "version_tiles=False",
        "--args",
        ADD,
        "--target",
        "cuda:90",
        "--num-warps",
        "8",
        "--num-stages",
        "2",
    ]
    done = graft(*arguments)
    assert (done.exit_code, done.stdout) == (0, kernel_report.format_report(report) + "\n")
    assert json.loads(graft(*arguments, "--json").stdout) == json.loads(json.dumps(report.to_json()))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["FILE:nothing", "--target", "cuda:90"], 1,
         "'FILE:nothing': FILE has no nothing; its kernels are add, copy, read, shout, slices, total, transpose"),
        (["FILE:not_a_kernel", "--target", "cuda:90"], 1,
         "'FILE:not_a_kernel': it is not a kernel, but 5; its kernels are add, copy, read, shout, slices, total, transpose"),
        (["nothing.py:add", "--target", "cuda:90"], 1, "'nothing.py:add': there is no file nothing.py"),
        (["FILE:add", "--target", "cuda:90", "--args", ADD, "num_warp=8"], 2, "num_warp=8: expected an option of Triton's or ours; did you mean num_warps?"),
        (["FILE:add", "--target", "cuda:90", "--args", ADD, "qqq=8"], 2, "qqq=8: expected an option of Triton's or ours: num_warps, "),
        (["FILE:add", "--target", "cuda:90", "--args", ADD, "hello"], 2, "option='hello': expected name=value, such as num_stages=4"),
        (["FILE:add", "--target", "cuda:90", "--args", ADD, "num_warps=3"], 1,
         "FILE:add cannot be launched like this: num_warps must be a power of 2"),
        (["FILE:add", "--target", "cuda:90", "--args", ADD, "version_tiles=2"], 2, "version_tiles=2: expected True or False"),
        (["FILE:add", "--target", "cuda:91", "--args", ADD], 2, "--target='cuda:91': expected cuda:<compute capability> with one of "),
        (["FILE:shout", "--target", "cuda:90", "--args", "*fp16"], 1, "FILE:shout does not compile for cuda:90: at 2:"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_clear_error(graft, file, arguments, status, message):
    done = graft(*(argument.replace("FILE", file) for argument in arguments))
    assert (done.exit_code, done.stdout) == (status, "")
    assert f"Error: {message.replace('FILE', file)}" in done.stderr
