# SPDX-License-Identifier: MIT
"""From a kernel to a cubin through our backend, and what names the result."""

import pytest
import triton
from sample import OFF, SWITCH, make_double, needs_option, needs_pass, warm_up_double
from support import OtherDriver, make_matmul, make_vector_add, target, warm_up_matmul, warm_up_vector_add
from triton.backends.compiler import Language
from triton.backends.graft import plugin, wings
from triton.backends.graft.compiler import Backend
from triton.backends.graft.driver import Driver
from triton.backends.nvidia import compiler as nvidia

KERNELS = {"vector_add": (make_vector_add, warm_up_vector_add), "matmul": (make_matmul, warm_up_matmul)}
on_each_target = pytest.mark.parametrize("arch", [80, 90, 100])
with_each_kernel = pytest.mark.parametrize("name", KERNELS)


def ours(arch):
    return Driver(target=f"cuda:{arch}")


# -- Stages


@on_each_target
@with_each_kernel
def test_a_kernel_passes_every_stage(activate, arch, name):
    make, warm_up = KERNELS[name]
    activate(ours(arch))
    compiled = warm_up(make())
    assert list(compiled.asm) == ["source", "ttir", "ttgir", "llir", "ptx", "cubin"]
    assert f"tt.func public @{name}" in compiled.asm["ttir"]
    assert f'ttg.target = "cuda:{arch}"' in compiled.asm["ttgir"]
    assert f"define ptx_kernel void @{name}" in compiled.asm["llir"]
    assert f".visible .entry {name}" in compiled.asm["ptx"]
    assert compiled.asm["cubin"].startswith(b"\x7fELF")


@needs_option
@on_each_target
@with_each_kernel
def test_the_metadata_records_our_options(activate, arch, name):
    make, warm_up = KERNELS[name]
    activate(ours(arch))
    metadata = warm_up(make()).metadata
    assert {name: getattr(metadata, name) for name in wings.options()} == {n: o.default for n, o in wings.options().items()}
    assert metadata.target == target(arch)


@on_each_target
@with_each_kernel
def test_without_our_passes_the_ptx_is_that_of_the_in_tree_backend(activate, arch, name):
    make, warm_up = KERNELS[name]
    activate(OtherDriver(arch))
    theirs = warm_up(make())
    assert not set(theirs.metadata._fields) & set(wings.options())
    activate(ours(arch))
    assert warm_up(make(), **OFF).asm["ptx"] == theirs.asm["ptx"]


@needs_pass
def test_a_pass_changes_what_it_is_for_and_is_switched_off(activate):
    activate(ours(90))
    plain, changed = (warm_up_double(make_double(), **{**OFF, SWITCH: flag}).asm["ttir"] for flag in (False, True))
    activate(OtherDriver(90))
    assert changed != plain == warm_up_double(make_double()).asm["ttir"]


def test_the_same_kernel_compiles_to_the_same_bytes(activate, monkeypatch, tmp_path):
    activate(ours(90))
    first = warm_up_vector_add(make_vector_add())
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "another"))
    second = warm_up_vector_add(make_vector_add())
    assert first.hash == second.hash
    assert first.asm["ptx"] == second.asm["ptx"]


def test_a_second_process_finds_the_kernel_in_the_cache(activate, monkeypatch):
    activate(ours(90))
    first = warm_up_vector_add(make_vector_add())
    monkeypatch.setattr(Backend, "add_stages", None)  # compiling again would fail
    assert warm_up_vector_add(make_vector_add()).hash == first.hash


# -- Hooks of Triton's


def test_the_inspection_hook_sees_our_backend_and_its_stages(activate, monkeypatch):
    seen = []

    def hook(backend=None, stages=None, options=None, language=None, capability=None):
        if backend is None:
            return "key", "hash"
        seen.append((type(backend), list(stages), options.num_warps, language, capability))

    monkeypatch.setattr(triton.knobs.runtime, "add_stages_inspection_hook", hook)
    activate(ours(90))
    warm_up_vector_add(make_vector_add(), num_warps=8)
    assert seen == [(Backend, ["ttir", "ttgir", "llir", "ptx", "cubin"], 8, Language.TRITON, 90)]


def test_the_inspection_hook_can_replace_a_stage(activate, monkeypatch):
    def hook(backend=None, stages=None, options=None, language=None, capability=None):
        if backend is None:
            return "key", "hash"
        make_ptx = stages["ptx"]
        stages["ptx"] = lambda src, metadata: "// mine\n" + make_ptx(src, metadata)

    monkeypatch.setattr(triton.knobs.runtime, "add_stages_inspection_hook", hook)
    activate(ours(90))
    assert warm_up_vector_add(make_vector_add()).asm["ptx"].startswith("// mine\n")


def test_the_compilation_listener_hears_of_each_stage(activate, monkeypatch):
    heard = []
    listener = lambda *, times, cache_hit, **rest: heard.append(([stage for stage, _ in times.lowering_stages], cache_hit))  # noqa: E731
    monkeypatch.setattr(triton.knobs.compilation, "listener", listener)
    activate(ours(90))
    warm_up_vector_add(make_vector_add())
    assert heard == [(["ttir", "ttgir", "llir", "ptx", "cubin"], False)]


# -- The hash of the backend


def test_without_wings_the_hash_names_the_package_by_content_and_ptxas(monkeypatch):
    monkeypatch.setattr(wings, "present", dict)
    first = Backend(target(90)).hash()
    assert first == f"{nvidia.CUDABackend.hash(Backend(target(90)))}-{plugin.package_digest()}"
    monkeypatch.setattr(plugin, "package_digest", lambda: "other")
    assert Backend(target(90)).hash() != first


def test_the_digest_of_the_package_changes_with_each_file(monkeypatch, tmp_path):
    for name, content in (("a.py", "1"), ("libgraft_passes.so", "2")):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(plugin, "__file__", str(tmp_path / "plugin.py"))
    digests = {plugin.package_digest.__wrapped__()}
    (tmp_path / "a.py").write_text("3")
    digests.add(plugin.package_digest.__wrapped__())
    (tmp_path / "libgraft_passes.so").write_text("4")
    digests.add(plugin.package_digest.__wrapped__())
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    digests.add(plugin.package_digest.__wrapped__())
    assert len(digests) == 4


def test_without_wings_the_key_of_the_driver_stands_for_the_compiler(monkeypatch, activate):
    monkeypatch.setattr(wings, "present", dict)
    activate(Driver(target="cuda:90", key="mine"))
    assert Backend(target(90)).hash() == "mine"
