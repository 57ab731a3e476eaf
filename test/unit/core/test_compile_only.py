# SPDX-License-Identifier: MIT
"""The compile-only mode: cubins for any target on a machine without libcuda, C compiler and PyTorch, and no launch."""

import types

import pytest
import triton
from sample import SWITCH, needs_option
from support import in_child, make_fill, output_of, target, vector_add_source, warm_up_vector_add
from triton.backends.compiler import GPUTarget
from triton.backends.graft import settings
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import CompileOnlyError, GraftError, OptionError
from triton.backends.nvidia import driver as nvidia_driver

ALLOWED = f"expected cuda:<compute capability> with one of {', '.join(map(str, settings.CAPABILITIES))}; for example cuda:90"


def refusal(what, arch=90):
    return (
        f"{what} needs a CUDA device, but the active graft driver only compiles, for cuda:{arch}; activate Driver() without a "
        "target (and without GRAFT_TARGET) on a machine with a device."
    )


class Tensor:
    """Stands in for a tensor in a launch that never comes to look at its memory."""

    dtype = "fp16"

    def data_ptr(self):
        return 16


# -- What the machine need not have


def test_nothing_but_triton_is_needed_to_compile(tmp_path):
    """No program on PATH, no compiler named, libcuda not to be loaded, PyTorch not to be imported."""
    code = """
import ctypes, subprocess, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is not needed")

sys.meta_path.insert(0, Refuse())
load = ctypes.CDLL.__init__
def refuse_cuda(self, name, *args, **kwargs):
    assert "cuda" not in str(name), name
    load(self, name, *args, **kwargs)
ctypes.CDLL.__init__ = refuse_cuda

import triton
from triton.backends.graft.driver import Driver
from support import make_vector_add, vector_add_source, warm_up_vector_add
triton.runtime.driver.set_active(Driver(target="cuda:90"))
print(warm_up_vector_add(make_vector_add()).asm["cubin"][:4])
print(triton.compile(vector_add_source(make_vector_add())).asm["cubin"][:4])
print("torch" in sys.modules, hasattr(triton.backends.nvidia.driver.CudaUtils, "instance"))
"""
    output = output_of(code, tmp_path, PATH=str(tmp_path), CC=None, CXX=None, LD_LIBRARY_PATH=None)
    assert output.splitlines() == [r"b'\x7fELF'", r"b'\x7fELF'", "False False"]


# -- Targets


@pytest.mark.parametrize("capability", settings.CAPABILITIES)
def test_each_capability_gives_a_cubin(activate, capability):
    """In a child, because LLVM ends the process if it does not know a capability."""
    activate(Driver(target=f"cuda:{capability}"))

    def compile_fill():
        compiled = make_fill().warmup(triton.MockTensor("fp32"), 1.0, grid=(1,))
        assert compiled.metadata.target == target(capability)
        assert f".target sm_{capability}" in compiled.asm["ptx"]
        return compiled.asm["cubin"][:4]

    assert in_child(compile_fill) == (0, str(b"\x7fELF"))


def test_the_environment_names_the_target(monkeypatch, activate, vector_add):
    monkeypatch.setenv("GRAFT_TARGET", "cuda:80")
    activate(Driver())
    assert warm_up_vector_add(vector_add).metadata.target == target(80)


def test_the_argument_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("GRAFT_TARGET", "cuda:80")
    assert Driver(target="cuda:90").get_current_target() == target(90)


def test_a_target_may_be_given_as_triton_writes_it():
    assert Driver(target=GPUTarget("cuda", 100, 32)).get_current_target() == target(100)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("sm90", "'sm90'"),
        ("cuda:35", "'cuda:35'"),
        ("cuda", "'cuda'"),
        ("cuda:", "'cuda:'"),
        ("cuda:9.0", "'cuda:9.0'"),
        ("cuda:90a", "'cuda:90a'"),
        ("cuda:90\n", "'cuda:90\\n'"),
        ("CUDA:90", "'CUDA:90'"),
        ("", "''"),
        (90, "90"),
        (("cuda", 90), "('cuda', 90)"),
        (GPUTarget("hip", "gfx942", 64), "'hip:gfx942'"),
        (GPUTarget("cuda", 35, 32), "'cuda:35'"),
    ],
    ids=repr,
)
def test_a_target_that_makes_no_sense_is_refused(given, shown):
    with pytest.raises(OptionError) as caught:
        Driver(target=given)
    assert str(caught.value) == f"target={shown}: {ALLOWED}"


@pytest.mark.parametrize("text", ["sm90", "cuda:35", "90"])
def test_a_target_in_the_environment_that_makes_no_sense_is_refused(monkeypatch, text):
    monkeypatch.setenv("GRAFT_TARGET", text)
    with pytest.raises(OptionError) as caught:
        Driver()
    assert str(caught.value) == f"GRAFT_TARGET={text!r}: {ALLOWED}"


# -- What compiles


def test_warmup_gives_every_stage(hopper, vector_add):
    assert list(warm_up_vector_add(vector_add).asm) == ["source", "ttir", "ttgir", "llir", "ptx", "cubin"]


@needs_option
def test_triton_compile_takes_a_kernel_and_uses_the_active_target(hopper, vector_add):
    compiled = triton.compile(vector_add_source(vector_add))
    assert compiled.metadata.target == target(90)
    assert getattr(compiled.metadata, SWITCH) is True


@needs_option
def test_triton_compile_takes_another_target_than_the_active_one(hopper, vector_add):
    compiled = triton.compile(vector_add_source(vector_add), target=target(100))
    assert compiled.metadata.target == target(100)
    assert getattr(compiled.metadata, SWITCH) is True


def test_triton_compile_takes_a_file_of_ttir(hopper, vector_add, tmp_path):
    path = tmp_path / "vector_add.ttir"
    path.write_text(warm_up_vector_add(vector_add).asm["ttir"])
    compiled = triton.compile(str(path))
    assert compiled.metadata.name == "vector_add"
    assert compiled.asm["cubin"].startswith(b"\x7fELF")


# -- What is refused


def test_a_launch_is_refused(hopper, vector_add):
    with pytest.raises(CompileOnlyError) as caught:
        vector_add[(1,)](Tensor(), Tensor(), Tensor(), 1001, BLOCK=256)
    assert str(caught.value) == refusal("launching kernel 'vector_add'")
    assert isinstance(caught.value, GraftError) and isinstance(caught.value, RuntimeError)


def test_a_launch_is_refused_each_time_and_the_kernel_stays_usable(hopper, vector_add):
    for _ in range(2):
        with pytest.raises(CompileOnlyError) as caught:
            vector_add[(1,)](Tensor(), Tensor(), Tensor(), 1001, BLOCK=256)
        assert str(caught.value) == refusal("launching kernel 'vector_add'")
    assert warm_up_vector_add(vector_add, block=256).asm["cubin"].startswith(b"\x7fELF")


def test_launching_a_compiled_kernel_is_refused(hopper, vector_add):
    compiled = warm_up_vector_add(vector_add)
    for _ in range(2):
        with pytest.raises(CompileOnlyError) as caught:
            compiled[(1, 1, 1)](Tensor(), Tensor(), Tensor(), 1001)
        assert str(caught.value) == refusal("launching kernel 'vector_add'")


def test_a_launch_with_a_profiler_hook_is_refused_in_the_same_way(hopper, vector_add, monkeypatch):
    seen = []
    monkeypatch.setattr(triton.knobs.runtime, "launch_enter_hook", seen.append)
    with pytest.raises(CompileOnlyError) as caught:
        vector_add[(1,)](Tensor(), Tensor(), Tensor(), 1001, BLOCK=256)
    assert str(caught.value) == refusal("launching kernel 'vector_add'")
    assert seen == []


def test_the_refusal_names_the_target_that_the_kernel_was_compiled_for(activate, vector_add):
    activate(Driver(target="cuda:100"))
    with pytest.raises(CompileOnlyError) as caught:
        warm_up_vector_add(vector_add)[(1, 1, 1)]
    assert str(caught.value) == refusal("launching kernel 'vector_add'", 100)


@pytest.mark.parametrize("name", ["load_binary", "get_device_properties", "launch", "fill_tma_descriptor_tiled"])
def test_utils_are_refused_by_name(hopper, name):
    with pytest.raises(CompileOnlyError) as caught:
        getattr(hopper.utils, name)(0)
    assert str(caught.value) == refusal(f"utils.{name}")


def test_private_names_of_utils_do_not_exist(hopper):
    assert not hasattr(hopper.utils, "__array_interface__")


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("get_active_torch_device", "PyTorch's device"),
        ("get_device_interface", "PyTorch's device interface"),
        ("get_empty_cache_for_benchmark", "a benchmark"),
    ],
)
def test_what_needs_pytorch_on_a_device_is_refused_by_name(hopper, method, what):
    with pytest.raises(CompileOnlyError) as caught:
        getattr(hopper, method)()
    assert str(caught.value) == refusal(what)


def test_a_benchmark_is_refused(hopper):
    with pytest.raises(CompileOnlyError):
        hopper.get_benchmarker()(lambda: None)


# -- What the driver says


def test_the_driver_describes_one_device(hopper):
    assert hopper.get_current_device() == 0
    assert hopper.get_device_capability(0) == (9, 0)
    assert hopper.get_current_stream(0) == 0
    assert hopper.get_current_target() == target(90)
    assert hopper.set_current_device(0) is None
    assert hopper.map_python_to_cpp_type("*fp16") == "CUdeviceptr"


@pytest.mark.parametrize(("arch", "capability"), [(75, (7, 5)), (100, (10, 0)), (121, (12, 1))])
def test_the_capability_is_a_pair(arch, capability):
    assert Driver(target=f"cuda:{arch}").get_device_capability() == capability


def test_target_info_sees_a_cuda_target(hopper):
    @triton.jit
    def probe(out):
        if triton.language.target_info.is_cuda():
            triton.language.store(out, 1)

    assert "st.global" in probe.warmup(triton.MockTensor("i32"), grid=(1,)).asm["ptx"]


def test_a_module_that_another_driver_loaded_is_unloaded_by_the_in_tree_driver(hopper, monkeypatch):
    """A kernel launched before the switch may die after it."""
    unloaded = []
    utils = types.SimpleNamespace(unload_module=unloaded.append)
    monkeypatch.setattr(nvidia_driver.CudaUtils, "instance", utils, raising=False)
    hopper.utils.unload_module("module")
    assert unloaded == ["module"]
