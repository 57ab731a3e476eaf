# SPDX-License-Identifier: MIT
"""What a user can ask of the cache key and tell it: requiring hits, reasons for misses, frozen keys, the command line."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys

import pytest
import stub_cuda
import triton
from click.testing import CliRunner
from programs import I32, STORE, Program, active
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.backends.graft import wings
from triton.backends.graft.cache import inputs, key, manifest
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import CacheMissError, OptionError
from triton.backends.graft.tools import cli
from triton.runtime.cache import FileCacheManager


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path / "program", monkeypatch).write(STORE.format("3"))


# -- Requiring hits


def test_a_required_kernel_is_found_and_a_changed_one_refused_with_the_difference(program, monkeypatch, hits):
    program.compile(I32)
    monkeypatch.setenv("GRAFT_CACHE", "require")
    program.compile(I32)
    with pytest.raises(
        CacheMissError, match=r"(?s)kernel 'kernel' is not in the cache .*\n  option.num_warps: 4 there, 8 now$"
    ):
        program.compile(I32, num_warps=8)
    assert hits == [False, True]


def test_a_cache_without_the_kernel_says_so(program, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE", "require")
    with pytest.raises(CacheMissError, match=r"has no entry for a kernel of this name\.$"):
        program.compile(I32)


def test_a_refused_kernel_leaves_nothing_behind_and_can_be_compiled_later(program, monkeypatch):
    with active("graft"):
        kernel = program.load().kernel
        with monkeypatch.context() as patch:
            patch.setenv("GRAFT_CACHE", "require")
            with pytest.raises(CacheMissError):
                kernel.warmup(I32, grid=(1,))
        assert kernel.warmup(I32, grid=(1,)).asm["cubin"]


def test_another_word_than_require_is_refused(program, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE", "always")
    with pytest.raises(OptionError, match="GRAFT_CACHE='always': expected require, or nothing"):
        program.compile(I32)


def test_the_debug_log_names_the_way_and_the_difference(program, caplog):
    program.compile(I32)
    with caplog.at_level(logging.DEBUG, "triton.backends.graft"):
        program.compile(I32)
        program.compile(I32, num_stages=2)
    text = "\n".join(record.message for record in caplog.records)
    assert "by manifest" in text
    assert "by ttir" in text
    assert "  option.num_stages: 3 there, 2 now" in text


def test_a_kernel_that_goes_by_its_ttir_says_why(program, caplog):
    program.write(
        "import os\n@triton.constexpr_function\ndef size():\n    return len(os.environ) * 0 + 2\n" + STORE.format("size()")
    )
    with caplog.at_level(logging.DEBUG, "triton.backends.graft"):
        program.compile(I32)
    assert "by ttir (size: " in caplog.text


# -- Frozen keys


def test_a_frozen_key_stands_for_the_compiler(program, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_KEY", "release 7")
    first = program.compile(I32)
    assert first.metadata.compiler_identity == "frozen:release 7"
    monkeypatch.setattr(inputs.identity, "compiler", lambda: pytest.fail("the compiler was identified"))
    assert program.compile(I32).hash == first.hash
    monkeypatch.setenv("GRAFT_CACHE_KEY", "release 8")
    assert program.compile(I32).hash != first.hash


def test_the_driver_may_give_the_key(activate, monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_KEY", "the environment's")
    activate(Driver(target="cuda:90", key="mine"))
    assert key.compiler_identity() == "frozen:mine"
    assert triton.runtime.cache.triton_key() == f"{triton.__version__}-frozen:mine"


@pytest.mark.parametrize("given", ["", 7, b"key"])
def test_a_key_that_is_no_text_is_refused(given):
    with pytest.raises(OptionError, match="expected a text that is not empty, or None"):
        Driver(target="cuda:90", key=given)


def test_without_one_the_metadata_name_the_compiler_by_content(program):
    identity = program.compile(I32).metadata.compiler_identity
    assert len(identity) == 64
    assert identity == inputs.compiler().digest


# -- Manifests


def manifests(tmp_path):
    return sorted((tmp_path / "cache" / manifest.FOLDER).rglob("*.manifest"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"0", b"1", 1),
        lambda data: b"\xff" * len(data),
        lambda data: b"[" * 100_000,
        lambda data: data + b" " * (1 << 20),
    ],
)
def test_a_damaged_manifest_costs_the_front_end_and_nothing_else(damage, program, tmp_path, hits):
    right = program.compile(I32)
    (path,) = manifests(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert program.compile(I32).hash == right.hash
    assert hits == [False, True]
    assert len(manifest.Manifest(path.name.partition(".")[0], "kernel").load()) == 1, "it is whole again"


def test_a_manifest_whose_entry_is_gone_leads_to_a_compilation_under_the_right_key(program, tmp_path, hits):
    right = program.compile(I32)
    shutil.rmtree(next(path for path in (tmp_path / "cache").iterdir() if len(path.name) == 52))
    again = program.compile(I32)
    assert (again.hash, again.asm["cubin"]) == (right.hash, right.asm["cubin"])
    assert hits == [False, False]


def test_a_manifest_keeps_the_latest_states_of_the_program(program, tmp_path):
    for value in range(manifest.MAX_ALTERNATIVES + 3):
        program.write("import cfg\n" + STORE.format("cfg.N"), cfg=f"N = {value}").compile(I32)
    (path,) = (path for path in manifests(tmp_path) if b"cfg" in path.read_bytes())
    assert len(manifest.Manifest(path.name.partition(".")[0], "kernel").load()) == manifest.MAX_ALTERNATIVES


def test_a_cache_manager_of_the_users_own_has_manifests_too(program, monkeypatch, hits):
    class Own(FileCacheManager):
        """Triton's, by another name."""

    monkeypatch.setitem(vars(knobs.cache), "manager_class", Own)
    program.compile(I32)
    found = []
    original = key.look_up
    monkeypatch.setattr(key, "look_up", lambda *args: found.append(original(*args)) or found[-1])
    program.compile(I32)
    assert hits == [False, True]
    assert found[0].way == "manifest"


def test_manifests_count_towards_the_limit_and_go_when_they_were_not_used_for_long(program, tmp_path, monkeypatch):
    program.compile(I32)
    (path,) = manifests(tmp_path)
    old = path.stat().st_mtime - 86400
    for file in (path, *(tmp_path / "cache").glob("*/__grp__*")):
        os.utime(file, (old, old))
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1K")
    program.write("\n" + STORE.format("4")).compile(I32)
    assert path not in manifests(tmp_path)
    assert len(manifests(tmp_path)) == 1, "the one that was just written stays"


# -- What is compiled and how


def test_always_compiling_compiles_what_is_in_the_cache_and_leaves_it_as_it_is(program, monkeypatch, hits):
    first = program.compile(I32)
    monkeypatch.setenv("TRITON_ALWAYS_COMPILE", "1")
    again = program.compile(I32)
    monkeypatch.delenv("TRITON_ALWAYS_COMPILE")
    found = program.compile(I32)
    assert hits == [False, False, True]
    assert first.asm == again.asm == found.asm


@pytest.mark.parametrize("name", ["store_binary_only", "dump_ir"])
def test_tritons_knobs_for_what_is_stored_work(name, program, tmp_path, monkeypatch, hits):
    monkeypatch.setenv("TRITON_DUMP_DIR", str(tmp_path / "dump"))
    with knobs.compilation.scope():
        setattr(knobs.compilation, name, True)
        first = program.compile(I32)
        assert program.compile(I32).asm == first.asm
    assert hits == [False, True]
    assert ("ttir" in first.asm) == (name == "dump_ir")
    assert bool(list(tmp_path.glob("dump/*/kernel.ttir"))) == (name == "dump_ir")


def test_an_ir_file_counts_by_what_it_holds(tmp_path, program, activate):
    ttir = program.compile(I32).asm["ttir"]
    activate(Driver(target="cuda:90"))
    keys = set()
    for folder, text in (
        ("a", ttir),
        ("b", ttir),
        ("a", ttir.replace("dense<3>", "dense<4>").replace("constant 3", "constant 4")),
    ):
        path = tmp_path / folder / "kernel.ttir"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        keys.add(triton.compile(str(path)).hash)
    assert len(keys) == 2


def test_an_error_of_the_front_end_is_tritons_and_shows_the_users_code(program):
    program.write("@triton.jit\ndef kernel(p):\n    tl.store(p, missing)\n")
    with pytest.raises(triton.CompilationError, match="missing is not defined") as caught:
        program.compile(I32)
    shown = "\n".join(str(entry.path) for entry in caught.traceback)
    assert "recording.py" not in shown


def test_compilations_in_threads_have_the_keys_that_they_have_alone(program):
    from concurrent.futures import ThreadPoolExecutor

    source = "".join(f"@triton.jit\ndef kernel_{n}(p):\n    tl.store(p, tl.load(p) + {n})\n" for n in range(8))
    program.write(source)
    alone = [program.compile_afresh(I32, kernel=f"kernel_{n}").hash for n in range(8)]
    with active("graft"), ThreadPoolExecutor(8) as pool:
        module = program.load()
        together = pool.map(lambda n: getattr(module, f"kernel_{n}").warmup(I32, grid=(1,)).hash, range(8))
        assert list(together) == alone


def test_asynchronous_compilation_has_the_same_keys(program):
    from concurrent.futures import ThreadPoolExecutor

    alone = program.compile_afresh(I32).hash
    with active("graft"), ThreadPoolExecutor(2) as pool, triton.AsyncCompileMode(pool):
        future = program.load().kernel.warmup(I32, grid=(1,))
    assert future.result().hash == alone


def test_the_key_of_another_backend_is_left_to_triton(monkeypatch, activate):
    from triton.compiler import compiler

    activate(Driver(target="cuda:90"))
    monkeypatch.setattr(key, "get_cache_key", lambda *_: pytest.fail("ours was asked"))

    class Other:
        def hash(self):
            return "other"

    assert "other" in compiler.get_cache_key(Other(), Other(), Other(), {})


def test_inductor_identifies_the_compiler_as_we_do_though_it_has_imported_tritons_function(activate):
    compat = pytest.importorskip("torch._inductor.runtime.triton_compat")
    tritons = compat.triton_key
    activate(Driver(target="cuda:90"))
    assert compat.triton_key() == key.triton_key()
    triton.runtime.driver._active = None
    assert compat.triton_key is tritons


# -- The command line


def run(*arguments):
    return CliRunner().invoke(cli.graft, arguments)


def test_key_explain_shows_in_what_the_nearest_entries_differ(program):
    program.compile(I32)
    program.compile(I32, num_warps=8)
    done = run("key", "explain", "kernel")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == "kernel was compiled because of other options."
    assert "\noption.num_warps  4              8\n" in done.output


def explained(*arguments):
    """The sentence and the rows that `key explain` prints, without digests."""
    done = run("key", "explain", *arguments)
    assert done.exit_code == 0, done.output
    sentence, _, _, *rows = re.sub(r"[0-9a-f]{64}", "…", done.output.partition("\n\n2 cache entries")[0]).splitlines()
    return sentence, [re.split(" {2,}", row.strip()) for row in rows]


ADD = "@triton.jit\ndef kernel(p, n, BLOCK: tl.constexpr):\n    tl.store(p + tl.arange(0, BLOCK), n)\n"


@pytest.mark.skipif("bundle" not in wings.present(), reason="bundles note the arguments")
def test_key_explain_says_that_the_code_is_another_because_arguments_are(program):
    program.write(ADD)
    program.compile(I32, 1000, 64)
    program.compile(I32, 1024, 128)
    assert explained("kernel") == (
        "kernel was compiled because of other arguments.",
        [["argument.BLOCK", "64", "128"], ["argument.n", "i32", "i32:16"], ["so source.text", "…", "…"]],
    )


def test_key_explain_says_that_the_source_has_changed(program):
    program.compile(I32)
    program.write(STORE.format("4")).compile(I32)
    sentence, rows = explained("kernel")
    assert sentence == (
        "kernel was compiled because of other code: the kernel's source has changed, or something that it reads."
    )
    assert rows == [["source.text", "…", "…"]]


def test_key_explain_puts_what_a_variable_changes_under_it(program, monkeypatch):
    program.compile(I32)
    monkeypatch.setenv("TRITON_DISABLE_LINE_INFO", "1")
    program.compile(I32)
    sentence, rows = explained("kernel")
    assert sentence == "kernel was compiled because of other environment variables."
    assert [row[0] for row in rows] == [
        "environment.TRITON_DISABLE_LINE_INFO", "so knob.disable_line_info", "so source.text",
    ]  # fmt: skip


def test_key_explain_of_a_kernel_with_one_entry_says_that_there_was_none(program):
    program.compile(I32)
    assert run("key", "explain", "kernel").output.startswith(
        "kernel was compiled because the cache had no entry of this name.\n\n1 cache entry in "
    )


def test_an_entry_whose_arguments_cannot_be_read_is_explained_without_them(program, tmp_path):
    program.compile(I32)
    program.compile(I32, num_warps=8)
    for path in (tmp_path / "cache").glob("*/__variant__*"):
        path.write_text('{"specialisation": {"signature": 3}}')
    assert explained("kernel") == ("kernel was compiled because of other options.", [["option.num_warps", "4", "8"]])


@pytest.mark.parametrize("columns", [80, 140])
def test_key_explain_fits_the_terminal_and_cuts_nothing_off(columns, program, monkeypatch):
    program.compile(I32)
    with active("graft") as driver:
        monkeypatch.setattr(driver, "get_current_target", lambda: GPUTarget("cuda", 80, 32))
        program.load().kernel.warmup(I32, grid=(1,))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", run("key", "explain", "kernel").output).splitlines()]
    assert lines[0] == "kernel was compiled because of another target."
    table = lines[2 : lines.index("", 2)]
    assert max(map(len, table)) <= columns
    assert [line.split()[:2] for line in table if "option.supported" in line] == [["so", "option.supported_fp8_dtypes"]]
    assert "…" not in "".join(lines)


def test_key_explain_of_an_unknown_kernel_names_those_that_there_are(program):
    program.compile(I32)
    done = run("key", "explain", "kernle")
    assert done.exit_code == 1
    assert "has no entry for a kernel named 'kernle'; it has kernel; did you mean kernel?" in done.output


def test_doctor_says_that_variables_of_the_cache_are_not_allowed(monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE", "never")
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "10 apples")
    done = run("doctor")
    assert done.exit_code == 1
    assert [line.split()[0] for line in done.output.splitlines()[:3]] == ["2", "GRAFT_CACHE", "GRAFT_CACHE_LIMIT"]


def test_doctor_says_what_counts(monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE_KEY", "release 7")
    monkeypatch.setenv("GRAFT_CASHE", "1")
    done = run("doctor", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert report["cache key"]["compiler"] == "frozen as 'release 7': changes of the compiler are not noticed"
    assert report["environment"]["GRAFT_CASHE"] == "1 (no such variable; did you mean GRAFT_CACHE?)"
    assert "frozen as 'release 7'" in run("doctor").output


@pytest.mark.slow
def test_bench_key_compares_both_sides_and_measures_launches():
    command = [sys.executable, "-m", "triton.backends.graft", "bench", "key", "--rounds", "1", "--kernels", "3"]
    done = subprocess.run([*command, "--stub", str(stub_cuda.build())], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warm look-up of one kernel" in done.stdout
    assert "check of a read-set at launch, per entry" in done.stdout
