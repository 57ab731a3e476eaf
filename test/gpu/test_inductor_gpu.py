# SPDX-License-Identifier: MIT
"""torch.compile with our backend in one process and again in others: kernels come out of the FX graph cache and are not compiled.

Each process is one of its own, as PyTorch keeps much of this for as long as a process lives.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from sample import VARIABLE

#: Compiles and runs a function with a pointwise kernel and a reduction; prints what happened.
PROGRAM = """
import json, os
import torch
import triton
from torch._dynamo.utils import counters
from torch._inductor.async_compile import AsyncCompile


def function(x, y):
    z = (x * 2 + y.sin()).relu()
    return z, (z * y).sum(-1)


driver = type(triton.runtime.driver.active).__module__
hits = []
triton.knobs.compilation.listener = lambda *, cache_hit, **_: hits.append(cache_hit)
if int(os.environ["TORCHINDUCTOR_COMPILE_THREADS"]) > 1:
    AsyncCompile.wait_pool_ready()
torch.manual_seed(0)
x, y = torch.randn(500, 1001, device="cuda"), torch.randn(500, 1001, device="cuda")
compiled = torch.compile(function, fullgraph=True)
for _ in range(2):
    for result, expected in zip(compiled(x, y), function(x, y)):
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)
torch.cuda.synchronize()
print(json.dumps({"driver": driver, "hits": hits, **counters["inductor"]}))
"""

#: The driver that ran, by the value of TRITON_DEFAULT_BACKEND.
OURS, THEIRS = "triton.backends.graft.driver", "triton.backends.nvidia.driver"

RESTORED = "triton_bundler_read_and_emit_kernel"
SAVED = "triton_bundler_save_kernel"
LOADED = "triton_bundler_load_static_autotuner"


class Machine:
    """A folder in which programs are run that share what PyTorch keeps on disk."""

    def __init__(self, folder, **settings):
        self.folder, self.settings = Path(folder), settings

    @property
    def kernels(self):
        """The cache folder of Triton."""
        return self.folder / "triton"

    def run(self, **variables):
        """Runs the program; returns the finished process."""
        names = ("GRAFT_", "TORCHINDUCTOR_", "TRITON_DEFAULT_BACKEND")
        env = {name: value for name, value in os.environ.items() if not name.startswith(names)}
        env |= {
            "TORCHINDUCTOR_AUTOGRAD_CACHE": "1",
            "TORCHINDUCTOR_BUNDLE_TRITON_INTO_FX_GRAPH_CACHE": "1",
            "TORCHINDUCTOR_CACHE_DIR": str(self.folder / "inductor"),
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
            "TORCHINDUCTOR_FX_GRAPH_CACHE": "1",
            "TORCHINDUCTOR_USE_STATIC_CUDA_LAUNCHER": "1",
            "TRITON_CACHE_DIR": str(self.kernels),
            **self.settings,
            **variables,
        }
        script = self.folder / "program.py"
        script.write_text(PROGRAM)
        return subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True)

    def result(self, **variables):
        """What the program says of itself; fails with its standard error if it does not end well."""
        done = self.run(**variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def lose_kernels(self):
        """Forgets every kernel that is not in the FX graph cache."""
        shutil.rmtree(self.kernels)

    def entries(self):
        """The folders of kernels in the cache of Triton."""
        return [path for path in self.kernels.iterdir() if len(path.name) == 52]


@pytest.fixture(scope="module", autouse=True)
def theirs(tmp_path_factory):
    """What the program says with Triton's own driver, twice; without it there is nothing to compare with."""
    machine = Machine(tmp_path_factory.mktemp("theirs"))
    if machine.run().returncode:
        pytest.skip(f"torch.compile of PyTorch {torch.__version__} fails with Triton's in-tree driver")
    machine.lose_kernels()
    again = machine.result()
    assert again["driver"] == THEIRS
    return again


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path, TRITON_DEFAULT_BACKEND="graft")


def files_in(machine):
    return sum(len([*entry.iterdir()]) for entry in machine.entries())


def compile_and_lose(machine):
    """Runs the program on an empty machine and forgets its kernels; returns what it said and the names of their entries."""
    first = machine.result()
    assert first["driver"] == OURS
    assert first["fxgraph_cache_miss"] == 1
    assert first[SAVED] > 0
    entries = {path.name for path in machine.entries()}
    machine.lose_kernels()
    return first, entries


def test_static_kernels_are_restored_and_nothing_is_compiled(machine, theirs):
    first, entries = compile_and_lose(machine)
    assert False in first["hits"]
    again = machine.result(GRAFT_CACHE="require")
    assert again["driver"] == OURS
    assert again["fxgraph_cache_hit"] == 1
    assert "fxgraph_cache_miss" not in again
    assert again[RESTORED] == files_in(machine)
    assert again[LOADED] == theirs[LOADED]
    assert False not in again["hits"]
    restored = machine.entries()
    assert {path.name for path in restored} <= entries
    assert all([*path.glob("__key__*.json")] for path in restored)


def test_kernels_that_triton_launches_are_restored_and_found(machine):
    machine.settings["TORCHINDUCTOR_USE_STATIC_CUDA_LAUNCHER"] = "0"
    compile_and_lose(machine)
    again = machine.result(GRAFT_CACHE="require")
    assert again["fxgraph_cache_hit"] == 1
    assert LOADED not in again
    assert again["hits"]
    assert all(again["hits"])


def test_kernels_that_were_compiled_in_worker_processes_are_ours_and_are_restored(machine):
    """The workers have our driver because the environment names it."""
    machine.settings["TORCHINDUCTOR_COMPILE_THREADS"] = "2"
    first = machine.result()
    made = [json.loads(path.read_text()) for entry in machine.entries() for path in entry.glob("triton_*.json")]
    assert made
    assert all("compiler_identity" in metadata for metadata in made)
    machine.lose_kernels()
    again = machine.result(GRAFT_CACHE="require")
    assert first[SAVED] > 0
    assert again[RESTORED] == files_in(machine)
    assert False not in again["hits"]


@pytest.mark.parametrize(("variable", "value"), [("GRAFT_CACHE_KEY", "release 7"), (VARIABLE, "0")])
def test_what_another_compiler_or_option_made_is_not_taken(machine, variable, value):
    compile_and_lose(machine)
    again = machine.result(**{variable: value})
    assert again["fxgraph_cache_miss"] == 1
    assert RESTORED not in again
    assert False in again["hits"]


def test_a_damaged_kernel_that_inductor_leaves_is_compiled_again(machine):
    """As it is not launched statically, it goes through our cache, which looks at it."""
    machine.settings["TORCHINDUCTOR_USE_STATIC_CUDA_LAUNCHER"] = "0"
    machine.result()
    for entry in machine.entries():
        for cubin in entry.glob("*.cubin"):
            cubin.write_bytes(cubin.read_bytes()[:-1])
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert "triton-graft does not use a damaged cache entry and compiles again" in done.stderr
    again = json.loads(done.stdout.splitlines()[-1])
    assert again["fxgraph_cache_hit"] == 1
    assert RESTORED not in again
    assert False in again["hits"]
