# SPDX-License-Identifier: MIT
"""What several unit tests use: kernels, a driver that is not ours, and a Python process of its own."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDABackend
from triton.backends.nvidia.driver import CudaDriver
from triton.compiler import ASTSource, code_generator, compiler
from triton.runtime import autotuner, cache, jit

ROOT = Path(__file__).resolve().parents[2]


def steers(variable):
    """Whether the environment variable steers Triton or us; where tools lie, it may say."""
    return variable.startswith("GRAFT_") or (variable.startswith("TRITON_") and not variable.endswith("_PATH"))


def make_vector_add():
    """x + y under a boundary mask: a new kernel with empty caches at each call."""

    @triton.jit
    def vector_add(x, y, out, n, BLOCK: tl.constexpr):
        offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        mask = offs < n
        tl.store(out + offs, tl.load(x + offs, mask) + tl.load(y + offs, mask), mask)

    return vector_add


def make_fill():
    """About the smallest kernel that stores something."""

    @triton.jit
    def fill(out, value):
        tl.store(out, value)

    return fill


def make_matmul():
    """A small matrix product with masks in both dimensions."""

    @triton.jit
    def matmul(a, b, c, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
        rows = (tl.program_id(0) * BM + tl.arange(0, BM))[:, None]
        cols = (tl.program_id(1) * BN + tl.arange(0, BN))[None, :]
        acc = tl.zeros((BM, BN), tl.float32)
        for start in range(0, k, BK):
            inner = start + tl.arange(0, BK)
            x = tl.load(a + rows * k + inner[None, :], (rows < m) & (inner[None, :] < k), 0.0)
            y = tl.load(b + inner[:, None] * n + cols, (inner[:, None] < k) & (cols < n), 0.0)
            acc = tl.dot(x, y, acc)
        tl.store(c + rows * n + cols, acc.to(tl.float16), (rows < m) & (cols < n))

    return matmul


def warm_up_vector_add(kernel, block=256, n=1001, dtype="fp16", **options):
    """Compiles `vector_add` for the active driver and returns the compiled kernel."""
    return kernel.warmup(*[triton.MockTensor(dtype)] * 3, n, BLOCK=block, grid=(1,), **options)


def warm_up_matmul(kernel, **options):
    """Compiles `matmul` for the active driver and returns the compiled kernel."""
    return kernel.warmup(*[triton.MockTensor("fp16")] * 3, 100, 100, 100, BM=32, BN=32, BK=32, grid=(1,), **options)


def vector_add_source(kernel):
    """`vector_add` as a source for `triton.compile`."""
    signature = {"x": "*fp16", "y": "*fp16", "out": "*fp16", "n": "i32", "BLOCK": "constexpr"}
    aligned = {(index,): [["tt.divisibility", 16]] for index in range(3)}
    return ASTSource(kernel, signature, constexprs={"BLOCK": 256}, attrs=aligned)


def target(arch):
    """The CUDA target of compute capability *arch* / 10."""
    return GPUTarget("cuda", arch, 32)


class OtherDriver(CudaDriver):
    """A driver that is not ours and needs no device: with it active, `cuda` belongs to the in-tree backend."""

    def __init__(self, arch=80):
        self.arch = arch
        self.get_current_device = lambda: 0
        self.get_current_stream = lambda device=0: 0

    def get_current_target(self):
        return target(self.arch)


def state_of_triton():
    """What we replace in Triton and must be as it was when ours is not active."""
    functions = {
        f"{module.__name__}.{name}": vars(module)[name]
        for module, names in (
            (cache, ("triton_key", "get_cache_key", "get_cache_manager")),
            (compiler, ("get_cache_key", "get_cache_manager")),
            (jit, ("get_cache_key",)),
            (autotuner, ("triton_key", "get_cache_manager")),
            (code_generator, ("CodeGenerator",)),
        )
        for name in names
    }
    return {
        "supports_target": vars(CUDABackend)["supports_target"],
        "config class": type(triton.runtime.driver),
        "device_caches": vars(triton.JITFunction).get("device_caches"),
        "prune_configs": vars(autotuner.Autotuner)["prune_configs"],
        "backends": dict(triton.backends.backends),
        "settings of Redis": hasattr(triton.knobs.cache, "redis"),
        "settings of the cache": sorted(vars(triton.knobs.cache)),
        **functions,
    }


#: `state_of_triton` when the tests began.
UNTOUCHED = state_of_triton()


def search_path(*folders):
    """PYTHONPATH with *folders*, the folder of this file and what it had."""
    return os.pathsep.join([*map(str, folders), str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])


def python_path(file):
    """`PYTHONPATH` for a child that imports what stands beside *file*, a test, as well."""
    return os.pathsep.join((str(Path(file).parent), str(ROOT / "test" / "unit")))


def clean_environment(tmp_path, **extra):
    """The environment of this process without what steers Triton or us, with *extra*; None removes a variable."""
    env = {name: value for name, value in os.environ.items() if not steers(name)}
    env |= {
        "TRITON_CACHE_DIR": str(tmp_path / "cache"),
        "TRITON_DEFAULT_FP_FUSION": "1",
        # What this process has there may put another backend in the place of the installed one.
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT / "test" / "unit")))),
    }
    for name, value in extra.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    return env


def run_python(code, tmp_path, **extra):
    """Runs *code* in a Python of its own, from a file, as Triton reads the source of kernels."""
    script = tmp_path / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)], env=clean_environment(tmp_path, **extra), cwd=tmp_path, capture_output=True, text=True
    )


def output_of(code, tmp_path, **extra):
    """What *code* prints; fails with its standard error if it does not end well."""
    done = run_python(code, tmp_path, **extra)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_child(work):
    """Runs *work* in a forked child; returns its exit status and the text of what *work* returned, or its traceback."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = str(work())
        except BaseException:
            text = traceback.format_exc()
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        text = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text
