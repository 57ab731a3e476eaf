# SPDX-License-Identifier: MIT
"""The backend fits Triton's interface, and Triton's other backends do as before."""

import inspect
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import triton
import triton.language as tl
from triton import knobs
from triton.backends.compiler import BaseBackend, GPUTarget
from triton.backends.driver import DriverBase
from triton.backends.host.compiler import NAME, Backend, Options
from triton.backends.host.driver import Driver
from triton.backends.host.errors import OptionError
from triton.compiler import ASTSource, make_backend


@triton.jit
def double(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n) * 2 + 1, offs < n)


@pytest.fixture(autouse=True)
def isolation(tmp_path, monkeypatch):
    """An empty cache; our driver is the active one."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    double.device_caches.clear()
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver())


def compile_double(**options):
    return double.warmup(*[triton.MockTensor("i32")] * 2, 1001, BLOCK=256, grid=(1,), **options)


def compile_for_cuda(cache):
    """What Triton's own backend makes of `double`."""
    signature = {"x": "*i32", "out": "*i32", "n": "i32", "BLOCK": "constexpr"}
    knobs.cache.dir = cache
    return dict(triton.compile(ASTSource(double, signature, constexprs={"BLOCK": 256}), target=GPUTarget("cuda", 90, 32)).asm)


def test_a_kernel_is_found_in_the_cache(monkeypatch):
    hits = []
    monkeypatch.setattr(knobs.compilation, "listener", lambda *, cache_hit, **_: hits.append(cache_hit))
    first = compile_double()
    double.device_caches.clear()
    assert compile_double().asm == first.asm and hits == [False, True]


@pytest.mark.parametrize(("option", "value"), [("num_warps", 3), ("num_ctas", 2), ("instrumentation_mode", "consan")])
def test_an_option_that_the_chip_cannot_take_is_refused(option, value):
    with pytest.raises(OptionError, match=f"^{option}={value!r}: expected"):
        make_backend(Driver().get_current_target()).parse_options({option: value})


def test_options_are_part_of_the_key():
    assert Options().hash() == Options().hash() != Options(num_warps=8).hash()


def test_every_option_that_triton_reads_is_there():
    package, read = Path(triton.__file__).parent, set()
    for path in [path for folder in ("compiler", "language", "runtime") for path in (package / folder).rglob("*.py")]:
        if "extra" not in path.parts:
            read |= set(re.findall(r"\boptions\.([a-z]\w+)", path.read_text()))
    assert read - {field.name for field in fields(Options)} - {"hash", "items"} == set()


def test_listeners_are_told_of_a_kernel(monkeypatch):
    told = []
    monkeypatch.setattr(knobs.runtime, "jit_post_compile_hook", lambda **seen: told.append(seen["compile"]["num_warps"]))
    compile_double(num_warps=8)
    assert told == [8]


@pytest.mark.parametrize(("ours", "base"), [(Backend, BaseBackend), (Driver, DriverBase)])
def test_every_method_of_the_interface_is_here_and_says_who_calls_it(ours, base):
    for name, _ in inspect.getmembers(base, callable):
        if not name.startswith("__") or name == "__init__":
            assert (vars(ours)[name].__doc__ or "").startswith("Called "), name


def test_triton_chooses_this_backend_only_if_asked(monkeypatch):
    monkeypatch.delenv("TRITON_DEFAULT_BACKEND", raising=False)
    assert not Driver.is_active()
    monkeypatch.setenv("TRITON_DEFAULT_BACKEND", NAME)
    assert Driver.is_active()


#: Ours is used for the first time in between.
BETWEEN = """
import test_backend as here
before = here.compile_for_cuda("before")
here.triton.runtime.driver.set_active(here.Driver())
here.compile_double()
assert here.compile_for_cuda("after") == before
"""


def test_another_backend_compiles_the_same_before_and_after_ours(tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parent), TRITON_DEFAULT_FP_FUSION="1")
    done = subprocess.run([sys.executable, "-c", BETWEEN], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
