# SPDX-License-Identifier: MIT
"""Traces: what a program launches is noted where it runs, and compiled elsewhere from the notes."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest
import triton
import triton.language as tl
from programs import I32, Program
from support import clean_environment, run_python
from triton.backends.graft import bundle
from triton.backends.graft.bundle import trace
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import BundleError, GraftWarning, OptionError
from triton.backends.graft.runtime import values

KERNELS = """
@triton.jit
def twice(n):
    return n * 2

@triton.jit
def kernel(x, n, extra, BLOCK: tl.constexpr = 64, KIND: tl.constexpr = None):
    tl.store(x, n * 2 + BLOCK)

@triton.autotune([triton.Config({"BLOCK": 32}), triton.Config({"BLOCK": 64}, num_warps=8)], key=["n"])
@triton.heuristics({"KIND": lambda args: args["n"] % 2})
@triton.jit
def tuned(x, n, BLOCK: tl.constexpr, KIND: tl.constexpr):
    tl.store(x, n * KIND + BLOCK)
"""

#: A program that starts its trace as the driver does.
MAIN = """
import triton
import triton.language as tl
from triton.backends.graft.driver import Driver
from triton.backends.graft.bundle import trace

@triton.jit
def main_kernel(x, n, BLOCK: tl.constexpr):
    tl.store(x, n + BLOCK)

if __name__ == "__main__":
    triton.runtime.driver.set_active(Driver(target="cuda:80"))
    trace.start()
    for n in (1, 16, 48):
        main_kernel.warmup(triton.MockTensor("fp16"), n, BLOCK=64, grid=(1,))
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path / "program", monkeypatch).write(KERNELS)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The trace that tests write, which begins with `trace.start`."""
    monkeypatch.setenv("GRAFT_TRACE", str(tmp_path / "trace.jsonl"))
    yield tmp_path / "trace.jsonl"
    trace.stop()


def begin(target="cuda:80"):
    triton.runtime.driver.set_active(Driver(target=target))
    trace.start()


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def compiled(monkeypatch):
    """What is compiled or found from now on: the hash of each kernel and whether it was found."""
    seen = []

    def listen(*, src, metadata, cache_hit, **_):
        seen.append((metadata["hash"], cache_hit))

    monkeypatch.setattr(triton.knobs.compilation, "listener", listen, raising=False)
    return seen


# -- Noting


def test_each_variant_is_noted_once_with_what_distinguishes_it(program, file):
    begin()
    kernel = program.load().kernel
    for n in (16, 32, 17, 1):
        kernel.warmup(I32, n, (1, 5), BLOCK=64, KIND=tl.float16, grid=(1,), num_warps=8)
    shared = {"kernel": f"{program._name}:kernel", "options": {"num_warps": 8}}
    constants = [[[2, 0], 1], [[3], 64], [[4], {"dtype": "fp16"}]]
    types = ["*i32", "i32", ["constexpr", "i32"], "constexpr", "constexpr"]
    divisible = ["tt.divisibility", 16]
    assert lines(file) == [
        {**shared, "attributes": [[[0], [divisible]], [[1], [divisible]]], "constants": constants, "signature": types},
        {**shared, "attributes": [[[0], [divisible]]], "constants": constants, "signature": types},
        {
            **shared,
            "attributes": [[[0], [divisible]]],
            "constants": [[[1], 1], *constants],
            "signature": ["*i32", "constexpr", *types[2:]],
        },
    ]  # fmt: skip


def test_what_is_found_in_the_cache_is_noted_too(program, file, compiled):
    triton.runtime.driver.set_active(Driver(target="cuda:80"))
    program.load().kernel.warmup(I32, 16, 0, grid=(1,))
    begin()
    program.load().kernel.warmup(I32, 16, 0, grid=(1,))
    assert [found for _, found in compiled] == [False, True]
    assert len(lines(file)) == 1


def test_nothing_is_noted_unless_the_variable_asks_for_it(program, file, monkeypatch):
    monkeypatch.delenv("GRAFT_TRACE")
    begin()
    program.load().kernel.warmup(I32, 16, 0, grid=(1,))
    assert not file.exists()


def test_a_kernel_that_is_ir_is_not_noted(file, tmp_path):
    begin()
    source = tmp_path / "empty.ttir"
    source.write_text("module { tt.func public @empty() { tt.return } }")
    triton.compile(str(source))
    assert file.read_text() == ""


def test_a_file_that_cannot_be_written_is_an_error_when_the_trace_begins(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAFT_TRACE", str(tmp_path / "missing" / "trace.jsonl"))
    with pytest.raises(
        OptionError, match=r"^GRAFT_TRACE='.*': expected a file that can be written \(No such file or directory\)$"
    ):
        trace.start()


def test_a_file_that_can_no_longer_be_written_ends_the_trace_with_a_warning(program, file):
    begin()
    file.unlink()
    file.mkdir()
    with pytest.warns(GraftWarning, match="triton-graft stops tracing: .* cannot be written"):
        assert program.load().kernel.warmup(I32, 16, 0, grid=(1,)).asm["cubin"]
    program.load().kernel.warmup(I32, 17, 0, grid=(1,))


def test_a_program_may_change_its_folder(program, file, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAFT_TRACE", "trace.jsonl")
    monkeypatch.chdir(tmp_path)
    begin()
    monkeypatch.chdir("/")
    program.load().kernel.warmup(I32, 16, 0, grid=(1,))
    assert len(lines(file)) == 1


def append_many(number):
    """What each of several processes does: it notes lines that are longer than a pipe or a buffer."""
    one = trace._Trace(os.environ["GRAFT_TRACE"])
    for index in range(50):
        one.add(json.dumps({"process": number, "line": index, "padding": "x" * 20_000}))


def test_lines_of_several_processes_are_whole(file):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(append_many, range(4), chunksize=1)
    found = [(line["process"], line["line"]) for line in lines(file)]
    assert sorted(found) == [(process, line) for process in range(4) for line in range(50)]


# -- Replaying


def test_a_replay_compiles_the_very_kernels_for_another_target_too(program, file, compiled, monkeypatch, tmp_path):
    begin()
    module = program.load()
    for arguments in ((16, 0), (17, None), (1, (1, 2.5))):
        module.kernel.warmup(I32, *arguments, BLOCK=128, KIND=(1, "relu", float("inf"), True), grid=(1,), num_warps=2)
    module.tuned.warmup(I32, 16, grid=(1,))
    trace.stop()
    there = compiled[:]
    compiled.clear()
    assert trace.replay(file) == 5
    assert compiled == [(hash, True) for hash, _ in there]
    compiled.clear()
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    assert trace.replay(file) == 5
    for arguments in ((16, 0), (17, None), (1, (1, 2.5))):
        module.kernel.warmup(I32, *arguments, BLOCK=128, KIND=(1, "relu", float("inf"), True), grid=(1,), num_warps=2)
    module.tuned.warmup(I32, 16, grid=(1,))
    assert [found for _, found in compiled] == [False] * 5 + [True] * 5
    assert compiled[:5] == [(hash, False) for hash, _ in compiled[5:]]


def test_what_was_replayed_is_found_without_the_front_end(program, file, monkeypatch):
    from triton.backends.graft.cache import key

    begin()
    for n in (16, 17):
        program.load().kernel.warmup(I32, n, (1, 5), grid=(1,))
    trace.stop()
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    trace.replay(file)
    monkeypatch.setattr(key, "_make_ttir", lambda request: pytest.fail("TTIR was made"))
    for n in (16, 17):
        assert program.load().kernel.warmup(I32, n, (1, 5), grid=(1,)).asm["cubin"]


def test_a_jitted_function_as_a_constant_is_found_again(program, file):
    program.write("""
        @triton.jit
        def twice(n):
            return n * 2

        @triton.jit
        def kernel(x, n, FUNCTION: tl.constexpr):
            tl.store(x, FUNCTION(n))
        """)
    begin()
    module = program.load()
    module.kernel.warmup(I32, 16, FUNCTION=module.twice, grid=(1,))
    assert lines(file)[0]["constants"] == [[[2], {"function": f"{program._name}:twice"}]]
    assert trace.replay(file) == 1


def test_the_same_line_twice_is_compiled_once(program, file, compiled):
    begin()
    program.load().kernel.warmup(I32, 16, 0, grid=(1,))
    trace.stop()
    file.write_text(file.read_text() * 3 + "\n")
    assert trace.replay(file) == 1
    assert len(compiled) == 2


def test_a_kernel_of_a_script_is_found_by_its_file_and_its_main_part_does_not_run(tmp_path, file, compiled, monkeypatch):
    done = run_python(MAIN, tmp_path, GRAFT_TRACE=str(file))
    assert done.returncode == 0, done.stderr
    assert [line["kernel"] for line in lines(file)] == ["script.py:main_kernel"] * 2
    monkeypatch.chdir(tmp_path)
    begin("cuda:90")
    assert trace.replay(file) == 2
    assert [found for _, found in compiled] == [False, False]


def test_a_kernel_of_a_module_that_is_run_is_found_by_the_module(tmp_path, file):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "run.py").write_text(MAIN)
    env = clean_environment(tmp_path, GRAFT_TRACE=str(file))
    subprocess.run([sys.executable, "-m", "package.run"], env=env, cwd=tmp_path, check=True)
    assert {line["kernel"] for line in lines(file)} == {"package.run:main_kernel"}


# -- What cannot be replayed

LINE = {"attributes": [], "constants": [[[2], None], [[3], 64], [[4], None]], "kernel": "", "options": {},
        "signature": ["*i32", "i32", "constexpr", "constexpr", "constexpr"]}  # fmt: skip


def write_line(program, file, **changes):
    """A trace with a good line and one with *changes*."""
    program.load()
    good = {**LINE, "kernel": f"{program._name}:kernel"}
    file.write_text(f"{json.dumps(good)}\n{json.dumps({**good, **changes})}\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": "{name}:gone"}, "'{name}:gone': {name} has no gone"),
        ({"kernel": "not_there:kernel"}, "'not_there:kernel': there is no module not_there; PYTHONPATH says where to look"),
        ({"kernel": "not_there.py:kernel"}, "'not_there.py:kernel': there is no file not_there.py"),
        ({"kernel": "kernel"}, "'kernel': expected module:name or path/to/file.py:name"),
        ({"kernel": "{name}:make.<locals>.kernel"},
         "'{name}:make.<locals>.kernel': it is defined in a function, and only what stands at the top level of a module can be found"),
        ({"kernel": "os:sep"}, "'os:sep': it is not a kernel, but '/'"),
        ({"signature": ["*i32"]}, "'{name}:kernel': it was traced with 1 parameters, and now has x, n, extra, BLOCK, KIND; trace it anew"),
        ({"signature": ["*i32", "i32", "i32", "i32", "i32"]},
         "'{name}:kernel': parameter BLOCK is a constexpr now and was i32; trace it anew"),
        ({"constants": [[[4], {"opaque": "math.Thing"}]]},
         "parameter KIND was a math.Thing, which a trace cannot hold; warm it up by a function"),
        ({"options": {"num_warps": {"tuple": [{"opaque": "a.B"}]}}},
         "option num_warps was a a.B, which a trace cannot hold; warm it up by a function"),
        ({"constants": [[[4], {"wrong": 1}]]}, "the line is damaged, or is not a line of a trace (no value is a 'wrong')"),
        ({"constants": [[[9], 1]]}, "the line is damaged, or is not a line of a trace (list index out of range)"),
        ({"constants": [[[4], {"dtype": "fp17"}]]}, "the line is damaged, or is not a line of a trace (fp17)"),
        ({"signature": ["*i32", 3, "i32", "constexpr", "constexpr"]},
         "the line is damaged, or is not a line of a trace (3 is not a type)"),
        ({"more": 1}, "the line is damaged, or is not a line of a trace (expected attributes, constants, kernel, options, signature)"),
    ],
)  # fmt: skip
def test_what_cannot_be_replayed_is_said_with_its_line_before_anything_is_compiled(
    program, file, compiled, tmp_path, changes, message
):
    text = json.dumps(changes).replace("{name}", program._name)
    write_line(program, file, **json.loads(text))
    triton.runtime.driver.set_active(Driver(target="cuda:80"))
    with pytest.raises(BundleError) as error:
        trace.replay(file)
    assert str(error.value) == f"{file}, line 2: " + message.replace("{name}", program._name)
    assert compiled == []


def test_an_error_of_the_compiler_names_the_line(program, file):
    write_line(program, file, options={"num_ctas": 2})
    triton.runtime.driver.set_active(Driver(target="cuda:80"))
    with pytest.raises(ValueError, match="num_ctas > 1 requires") as error:
        trace.replay(file)
    assert error.value.__notes__ == [f"while compiling {file}, line 2"]


@pytest.mark.parametrize("seed", range(10))
def test_any_part_of_a_line_is_damaged(program, file, seed):
    write_line(program, file)
    good, _ = file.read_text().splitlines()
    file.write_text(f"{good}\n{good[: len(good) * (seed + 1) // 11]}\n")
    with pytest.raises(BundleError, match=r"line 2: the line is damaged, or is not a line of a trace"):
        trace.replay(file)


def test_what_fails_while_a_module_is_imported_is_shown_without_our_frames(program, file, tmp_path):
    (tmp_path / "program" / "broken_module.py").write_text("import not_there_either")
    write_line(program, file, kernel="broken_module:kernel")
    with pytest.raises(BundleError) as error:
        trace.replay(file)
    first, _, where, *_, last = str(error.value).splitlines()
    assert first.endswith("'broken_module:kernel': broken_module cannot be imported:")
    assert where == f'  File "{tmp_path / "program" / "broken_module.py"}", line 1, in <module>'
    assert last == "ModuleNotFoundError: No module named 'not_there_either'"


def test_an_empty_trace_is_an_error(file):
    file.write_text("\n")
    with pytest.raises(BundleError) as error:
        trace.replay(file)
    assert str(error.value) == (f"{file}: it is empty: the program that wrote it compiled no kernel and looked none up")


def test_a_trace_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(BundleError, match=r"trace.jsonl: it cannot be read \(No such file or directory\)$"):
        trace.replay(tmp_path / "trace.jsonl")


@pytest.mark.parametrize(
    "value",
    [None, True, -3, "text", 2.5, float("-inf"), (1, (2.0, "x")), tl.float16, tl.constexpr(5), (tl.int32, tl.constexpr(None))],
)
def test_constants_are_what_they_were(value):
    decoded = trace._decode(values.encode(value), "parameter x", "main.py")
    assert type(decoded) is type(value)
    assert values.encode(decoded) == values.encode(value)


def test_a_recording_of_a_replay_is_one_of_the_program(program, file):
    begin()
    with bundle.record() as recorded:
        program.load().kernel.warmup(I32, 16, 0, grid=(1,))
    trace.stop()
    with bundle.record() as replayed:
        trace.replay(file)
    assert replayed.bundle().content == recorded.bundle().content
