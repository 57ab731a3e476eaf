# SPDX-License-Identifier: MIT
"""A bundle of the examples and of generated kernels, built without a device for three targets, runs here without compiling.

`GRAFT_TEST_BUNDLE` names one that was built elsewhere, perhaps by another Python: by
`python test/gpu/test_bundle_gpu.py FOLDER`, which writes `FOLDER/kernels.graft` and needs no device.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = [str(ROOT / "python" / "examples"), str(Path(__file__).parent)]
sys.path[:0] = SEARCHED

from generated_kernels import CASES, warmup_text  # noqa: E402

SEED, COUNT = 20261121, 50
TARGETS = ("cuda:80", "cuda:90", "cuda:100")
MODULE = "generated_module"


def build(folder):
    """Builds the bundle in *folder*; returns its path."""
    (folder / f"{MODULE}.py").write_text(warmup_text(SEED, COUNT, SEARCHED))
    targets = [argument for target in TARGETS for argument in ("--target", target)]
    command = [
        sys.executable,
        "-m",
        "triton.backends.graft",
        "bundle",
        "build",
        f"{MODULE}:warmup",
        *targets,
        "-o",
        "kernels.graft",
    ]
    env = os.environ | {"TRITON_CACHE_DIR": str(folder / "build cache"), "TRITON_DEFAULT_FP_FUSION": "1"}
    subprocess.run(command, cwd=folder, env=env, check=True)
    return folder / "kernels.graft"


if __name__ == "__main__":
    print(build(Path(sys.argv[1]).resolve()))
    sys.exit()

import importlib  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402
import triton  # noqa: E402
import triton.language as tl  # noqa: E402
from all_examples import EXAMPLES  # noqa: E402
from triton import knobs  # noqa: E402
from triton.backends.graft import bundle  # noqa: E402

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    given = os.environ.get("GRAFT_TEST_BUNDLE")
    (folder / f"{MODULE}.py").write_text(warmup_text(SEED, COUNT, SEARCHED))
    sys.path.insert(0, str(folder))
    return Path(given) if given else build(folder)


@pytest.fixture(scope="module")
def generated(built):
    """The generated kernels by name."""
    module = importlib.import_module(MODULE)
    return {name: kernel for name, kernel in vars(module).items() if name.startswith("generated_")}


@pytest.fixture
def compilations(monkeypatch):
    """The names of what is compiled."""
    names = []
    listener = lambda *, src, cache_hit, **_: None if cache_hit else names.append(src.name)  # noqa: E731
    monkeypatch.setattr(knobs.compilation, "listener", listener)
    return names


def run_generated(kernels):
    """The results of all cases, on inputs that are always the same."""
    results = {}
    for name in sorted(kernels):
        for dtype, n, m, block, options in CASES:
            torch.manual_seed(0)
            x, y = (torch.randn(1024, device="cuda").to(DTYPES[dtype]) for _ in range(2))
            out = torch.zeros_like(x)
            kernels[name][((n + block - 1) // block,)](x, y, out, n, m, BLOCK=block, **options)
            results[name, dtype] = out
    return results


def assert_equal(found, expected):
    different = [case for case, result in expected.items() if not torch.equal(found[case].nan_to_num(), result.nan_to_num())]
    assert different == []


def run_examples():
    cases = [(example, shape, dtype) for example in EXAMPLES for shape in example.shapes for dtype in example.dtypes]
    for example, shape, dtype in cases:
        example.kernel.device_caches.clear()
        inputs = example.make_inputs("cuda", dtype, shape)
        example.check(example.run(*inputs), example.reference(*inputs))


def test_a_loaded_bundle_runs_everything_without_compiling(graft, built, generated, compilations, monkeypatch):
    expected = run_generated(generated)
    assert len(compilations) == COUNT * len(CASES)
    compilations.clear()
    for kernel in generated.values():
        kernel.device_caches.clear()
    monkeypatch.setenv("GRAFT_CACHE", "require")
    monkeypatch.setenv("TRITON_CACHE_DIR", os.environ["TRITON_CACHE_DIR"] + " that is empty")
    # Elsewhere, the compiler may be another build.
    loaded = bundle.load(built, identity="any" if "GRAFT_TEST_BUNDLE" in os.environ else "same")
    try:
        assert_equal(run_generated(generated), expected)
        run_examples()
    finally:
        loaded.unload()
    assert compilations == []


def made_tuner(measured):
    """A kernel that an autotuner has not seen; *measured* counts what is measured."""

    def measure(call, quantiles):
        measured.append(1)
        call()
        return [float(len(measured) % 2)] * len(quantiles)  # the second configuration is the better one

    configs = [triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128}, num_warps=8)]
    return triton.autotune(configs, key=["n"], do_bench=measure)(scaled)


@triton.jit
def scaled(x, out, n, BLOCK: tl.constexpr):
    for start in range(0, n, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        tl.store(out + offs, tl.load(x + offs, offs < n) * 2 + BLOCK, offs < n)


def test_a_recorded_winner_is_launched_at_once_with_triton_and_without(graft, compilations, monkeypatch, tmp_path):
    import triton_graft_runtime

    measured, x = [], torch.randn(1000, device="cuda")
    with bundle.record() as recording:
        made_tuner(measured)[(1,)](x, torch.empty_like(x), 1000)
    recording.save(tmp_path / "tuned.graft")
    assert (len(measured), len(compilations)) == (2, 2)
    scaled.device_caches.clear()
    monkeypatch.setenv("GRAFT_CACHE", "require")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "empty"))
    loaded, out = bundle.load(tmp_path / "tuned.graft"), torch.empty_like(x)
    try:
        made_tuner(measured)[(1,)](x, out, 1000)
    finally:
        loaded.unload()
    static = torch.empty_like(x)
    triton_graft_runtime.Bundle(tmp_path / "tuned.graft")["scaled"][(1,)](x, static, 1000)
    assert torch.equal(out, x * 2 + 128) and torch.equal(static, out)
    assert (len(measured), len(compilations)) == (2, 2)


def test_the_static_runtime_runs_everything_that_the_bundle_has(graft, built, generated):
    import triton_graft_runtime

    expected = run_generated(generated)
    triton.runtime.driver.reset_active()
    static = triton_graft_runtime.Bundle(built)
    assert_equal(run_generated({name: static[name] for name in generated}), expected)
