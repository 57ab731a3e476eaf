# SPDX-License-Identifier: MIT
"""The cache key is the same wherever the same bytes would come out."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import triton
from programs import F32, I32, STORE, Program, active
from sample import make_double, warm_up_double
from support import clean_environment, in_child
from sweeps import sampled
from test_key_sound import key_of
from triton.backends.graft.cache import identity

#: A kernel with a helper, a loop, a reduction, constants of several kinds and names of its own; prints its keys.
PROGRAM = """
import sys
import triton, triton.language as tl
from triton.backends.graft.driver import Driver
from triton.backends.graft.cache import key
triton.runtime.driver.set_active(Driver(target="cuda:90"))

SCALE = tl.constexpr(2.5)
MODES = tl.constexpr(("sum", "max"))

@triton.jit
def helper(x, scale=SCALE):
    return tl.where(x > 0, x, tl.exp(x) - 1) * scale

@triton.jit
def kernel(x, out, n, BLOCK: tl.constexpr, MODE: tl.constexpr):
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, n, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        total += helper(tl.load(x + offs, offs < n, 0.0))
    if MODE == MODES[0]:
        tl.store(out, tl.sum(total, 0))
    else:
        tl.store(out, tl.max(total, 0))

original = key.look_up
def look_up(*args):
    lookup = original(*args)
    print("key", lookup.key)
    return lookup
key.look_up = look_up
options = dict(num_warps=8, num_stages=2, maxnreg=128)
if "reversed" in sys.argv:
    options = dict(reversed(options.items()))
for mode in ("sum", "max"):
    kernel.warmup(triton.MockTensor(tl.float32), triton.MockTensor(tl.float32), 1000, BLOCK=128, MODE=mode, grid=(1,), **options)
"""


def keys_of_child(folder, cache, *arguments, python=sys.executable, **variables):
    """The keys that `PROGRAM`, put into *folder*, prints."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "program.py"
    path.write_text(PROGRAM)
    env = clean_environment(cache, **variables)
    done = subprocess.run([python, str(path), *arguments], env=env, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return re.findall(r"^key (\w+)$", done.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The keys of an ordinary run."""
    folder = tmp_path_factory.mktemp("plain")
    keys = keys_of_child(folder / "program", folder)
    assert len(set(keys)) == 2
    return keys


def test_another_folder_process_and_time_have_the_same_keys(plain, tmp_path):
    assert keys_of_child(tmp_path / "some" / "where" / "else", tmp_path) == plain


@pytest.mark.parametrize("seed", sampled(3, ["0", "1", "4711"]))
def test_the_hash_seed_does_not_count(seed, plain, tmp_path):
    assert keys_of_child(tmp_path / "program", tmp_path, PYTHONHASHSEED=seed) == plain


def test_the_order_of_keywords_does_not_count(plain, tmp_path):
    assert keys_of_child(tmp_path / "program", tmp_path, "reversed") == plain


def test_the_order_of_the_environment_and_foreign_variables_do_not_count(plain, tmp_path):
    reversed_environment = dict(reversed(list(os.environ.items())))
    extra = {"LC_ALL": "C", "TZ": "Asia/Tokyo", "COLUMNS": "40", "MLIR_ENABLE_DIAGNOSTICS": "0"}
    keys = keys_of_child(tmp_path / "program", tmp_path, **{**reversed_environment, **extra, "PYTHONPATH": ""})
    assert keys == plain


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_has_the_same_key(program, tmp_path, monkeypatch):
    """In a child that has all it needs in memory, as Python itself may lie where others cannot read it."""
    program.write(STORE.format("3"))
    own = key_of(program)
    cache = tmp_path / "of the other"
    cache.mkdir(mode=0o777)
    cache.chmod(0o777)

    def as_somebody_else():
        for parent in tmp_path.parents[:2]:
            parent.chmod(0o755)
        tmp_path.chmod(0o755)
        os.setgid(65534)
        os.setuid(65534)
        monkeypatch.setenv("TRITON_CACHE_DIR", str(cache))
        identity._fixed.cache_clear()
        monkeypatch.setattr(identity, "_memo", identity.Memo())
        try:
            return key_of(program)
        except (PermissionError, ImportError) as error:
            return f"cannot read: {error}"

    status, text = in_child(as_somebody_else)
    if "cannot read" in text:
        pytest.skip(text)
    assert (status, text) == (0, own)
    assert (cache / "graft-files.json").stat().st_uid == 65534


def test_a_hit_and_the_miss_before_it_have_the_same_keys(tmp_path):
    first = keys_of_child(tmp_path / "program", tmp_path)
    assert keys_of_child(tmp_path / "program", tmp_path) == first


def other_pythons():
    """Interpreters of other versions with Triton 3.9 and this backend, which the variable names, separated by colons."""
    return list(filter(None, os.environ.get("OTHER_PYTHONS", "").split(os.pathsep)))


@pytest.mark.parametrize("python", other_pythons())
def test_another_version_of_python_has_the_same_keys(python, plain, tmp_path):
    assert keys_of_child(tmp_path / "program", tmp_path, python=python) == plain


# -- Edits of a kernel


LINES = [
    "@triton.jit",
    "def helper(x, factor):",
    "    y = x * factor",
    "    return y + 1",
    "",
    "@triton.jit",
    "def kernel(p, n, BLOCK: tl.constexpr):",
    "    offs = tl.arange(0, BLOCK)",
    "    mask = offs < n",
    "    x = tl.load(p + offs, mask, 0)",
    "    for i in range(2):",
    "        x = helper(x, 3)",
    "    tl.store(p + offs, x, mask)",
]

#: Edits that change what is computed: the line, what it becomes.
EDITS = {
    2: "    y = x - factor",
    3: "    return y + 2",
    8: "    mask = offs <= n",
    9: "    x = tl.load(p + offs, mask, 7)",
    10: "    for i in range(3):",
    11: "        x = helper(x, 4)",
    12: "    tl.store(p + offs, x)",
}


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path / "program", monkeypatch)


def compile_lines(run, lines):
    return key_of(run.write("\n".join(lines) + "\n"), n=100, BLOCK=128)


@pytest.mark.parametrize("line_info", [True, False])
def test_a_kernel_edited_in_any_place_has_another_key(line_info, program, monkeypatch):
    monkeypatch.setenv("TRITON_DISABLE_LINE_INFO", str(int(not line_info)))
    keys = {compile_lines(program, LINES)}
    for number, line in EDITS.items():
        keys.add(compile_lines(program, [*LINES[:number], line, *LINES[number + 1 :]]))
    assert len(keys) == 1 + len(EDITS)


@pytest.mark.parametrize("number", sampled(3, [i for i, line in enumerate(LINES) if line and not line.startswith("@")]))
def test_a_comment_behind_a_line_does_not_count(number, program):
    plain = compile_lines(program, LINES)
    assert compile_lines(program, [*LINES[:number], LINES[number] + "  # a comment", *LINES[number + 1 :]]) == plain


@pytest.mark.parametrize(("number", "added"), sampled(3, [0, 2, 5, 8, 12], ["", "# a comment", "    # a comment"]))
def test_a_line_more_counts_only_with_line_info(number, added, program, monkeypatch):
    changed = [*LINES[:number], added, *LINES[number:]]
    assert compile_lines(program, changed) != compile_lines(program, LINES)
    monkeypatch.setenv("TRITON_DISABLE_LINE_INFO", "1")
    assert compile_lines(program, changed) == compile_lines(program, LINES)


def test_names_of_variables_do_not_count(program):
    renamed = [re.sub(r"\boffs\b", "wher", line) for line in LINES]  # as long, as columns count
    assert compile_lines(program, renamed) == compile_lines(program, LINES)


def test_without_line_info_the_same_kernel_in_two_folders_is_one_cubin(tmp_path, monkeypatch):
    """What allows to leave locations out of the key; and with line info the folder is in the cubin, and still not in the key."""
    cubins = {}
    for line_info in (True, False):
        monkeypatch.setenv("TRITON_DISABLE_LINE_INFO", str(int(not line_info)))
        for folder in ("one", "another"):
            run = Program(tmp_path / folder / str(line_info), monkeypatch)
            run._name = "same_name"
            run.write(STORE.format("3"))
            cubins[line_info, folder] = run.compile_afresh(I32).asm["cubin"]
    assert cubins[False, "one"] == cubins[False, "another"]
    assert cubins[True, "one"] != cubins[True, "another"]


@pytest.mark.parametrize("line_info", [True, False])
def test_assertions_count_with_their_lines_as_far_as_these_are_in_the_kernel(line_info, program, monkeypatch):
    monkeypatch.setenv("TRITON_DISABLE_LINE_INFO", str(int(not line_info)))
    lines = ["@triton.jit", "def kernel(p):", "    tl.device_assert(tl.load(p) > 0, 'positive')", "    tl.store(p, 1)"]
    keys, texts = set(), set()
    for blank in ([], ["", ""]):
        program.write("\n".join([*blank, *lines]) + "\n")
        keys.add(key_of(program, debug=True))
        texts.add(program.compile_afresh(I32, debug=True).asm["ptx"])
    assert len(keys) == len(texts) == (2 if line_info else 1)


# -- The rest of the program


def test_what_a_kernel_does_not_read_does_not_count(program):
    unread = "N = {}\nimport os\n" + STORE.format("3")
    first = program.write(unread.format(3)).compile(I32)
    assert program.write(unread.format(4)).compile(I32).hash == first.hash


def test_a_branch_that_is_not_taken_is_not_read(program, hits):
    source = "import cfg\n@triton.jit\ndef kernel(p, B: tl.constexpr):\n    if B:\n        tl.store(p, cfg.N)\n    else:\n        tl.store(p, 1)\n"
    for value in (3, 4):
        program.write(source, cfg=f"N = {value}").compile(I32, B=False)
        program.compile(I32, B=True)
    assert hits == [False, False, True, False]


def test_recursion_and_kernels_made_by_a_factory_have_stable_keys(program):
    source = """
    def make(n):
        @triton.jit
        def power(x, N: tl.constexpr):
            if N == 0:
                return x
            else:
                return power(x * n_, N - 1)
        n_ = tl.constexpr(n)
        @triton.jit
        def kernel(p):
            tl.store(p, power(tl.load(p), 3))
        return kernel
    kernel = make(2)
    other = make(5)
    """
    program.write(source)
    first = program.compile(I32)
    assert program.compile(I32).hash == first.hash
    assert program.compile(I32, kernel="other").hash != first.hash


def test_a_cache_that_was_moved_still_hits(program, tmp_path, monkeypatch, hits):
    program.write(STORE.format("3")).compile(I32)
    shutil.move(tmp_path / "cache", tmp_path / "elsewhere")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "elsewhere"))
    program.compile(I32)
    assert hits == [False, True]


def test_heuristics_with_lambdas_hit(program, hits):
    source = """
    @triton.heuristics({"EVEN": lambda args: args["n"] % 2 == 0})
    @triton.jit
    def kernel(p, n, EVEN: tl.constexpr):
        tl.store(p, 3 if EVEN else 4)
    """
    program.write(source)
    program.compile(F32, 100)
    program.compile(F32, 100)
    program.compile(F32, 101)
    assert hits == [False, True, False]


def test_a_process_that_cannot_ask_for_the_active_target_has_the_key_of_others(tmp_path, monkeypatch):
    """Regression: Inductor compiles in forked processes, in which PyTorch refuses to say which device is current."""
    program = Program(tmp_path / "program", monkeypatch).write(STORE.format("3"))
    program.compile(I32)
    monkeypatch.setenv("GRAFT_CACHE", "require")
    with active("graft") as driver:
        source = triton.compiler.ASTSource(program.load().kernel, {"p": "*i32"}, attrs={(0,): [["tt.divisibility", 16]]})

        def refuse():
            raise RuntimeError("Cannot re-initialize CUDA in forked subprocess")

        monkeypatch.setattr(driver, "get_current_target", refuse)
        assert triton.compile(source, target=driver.target).asm["cubin"]


@pytest.mark.parametrize(
    ("variable", "value", "is_hit"),
    [
        ("MLIR_ENABLE_DIAGNOSTICS", "remarks", False),
        ("MLIR_ENABLE_DUMP", "0", True),
        ("TRITON_PLUGIN_VERSION_CHECK", "1", True),
    ],
)
def test_who_asks_to_see_how_a_kernel_is_compiled_sees_it_under_the_same_key(
    hopper, hits, monkeypatch, capfd, variable, value, is_hit
):
    first = warm_up_double(make_double())
    monkeypatch.setenv(variable, value)
    again = warm_up_double(make_double())
    assert (hits, again.hash == first.hash) == ([False, is_hit], True)
    assert ("remark: graft-" in capfd.readouterr().err) == (not is_hit)
    monkeypatch.delenv(variable)
    assert warm_up_double(make_double()).hash == first.hash and hits[-1]
