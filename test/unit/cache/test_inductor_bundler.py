# SPDX-License-Identifier: MIT
"""PyTorch Inductor's TritonBundler with our cache: the kernels that it saves and writes elsewhere are found there, or not used.

Nothing of Inductor is replaced: its bundler, autotuner and static kernels do what they do in `torch.compile`, up to where a
kernel is loaded onto a device.
"""

import hashlib
import json
import os
import pickle
import shutil
import uuid
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import triton
import triton.language as tl
from option_values import values_of
from sample import OFF
from support import OtherDriver, make_matmul, make_vector_add, output_of, warm_up_matmul, warm_up_vector_add
from triton.backends.graft import bundle, wings
from triton.backends.graft.bundle import writing
from triton.backends.graft.cache import key, store
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import CacheMissError, GraftWarning

torch = pytest.importorskip("torch", reason="needs PyTorch")

from torch._dynamo.utils import counters  # noqa: E402
from torch._inductor import codecache, config  # noqa: E402
from torch._inductor.async_compile import CompiledTritonKernels  # noqa: E402
from torch._inductor.runtime import triton_heuristics  # noqa: E402
from torch._inductor.runtime.hints import DeviceProperties  # noqa: E402
from torch._inductor.runtime.runtime_utils import triton_hash_to_path_key  # noqa: E402
from torch._inductor.runtime.static_triton_launcher import StaticallyLaunchedCudaKernel  # noqa: E402
from torch._inductor.triton_bundler import TritonBundler  # noqa: E402

SENTINEL = TritonBundler._REPLACE_BYTES

#: What an entry has besides the stages of its kernel.
BESIDE = ["__grp__vector_add.json", "__key__vector_add.json", "__variant__vector_add.json"]
STAGES = [f"vector_add.{ext}" for ext in ("cubin", "json", "llir", "ptx", "source", "ttgir", "ttir")]


@pytest.fixture(autouse=True)
def bundling(tmp_path, monkeypatch):
    """Bundling is on, nothing was counted, no bundle is open; what a test leaves of it goes."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    counters.clear()
    with config.patch({"bundle_triton_into_fx_graph_cache": True, "use_static_triton_launcher": True}):
        yield
    TritonBundler.end_compile()
    CompiledTritonKernels.cache_clear()
    counters.clear()


@pytest.fixture
def compiled(activate):
    """A kernel compiled by our backend into our cache."""
    activate(Driver(target="cuda:90"))
    return warm_up_vector_add(make_vector_add())


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Switches to another, empty cache folder, and returns it."""

    def switch():
        folder = tmp_path / "elsewhere"
        monkeypatch.setenv("TRITON_CACHE_DIR", str(folder))
        return folder

    return switch


def key_of(kernel):
    """The name of a kernel's folder, as Inductor works it out."""
    return triton_hash_to_path_key(kernel.hash)


def folder_of(kernel):
    return Path(triton.knobs.cache.dir) / key_of(kernel)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def save(*kernels, winners=()):
    """The bundle of *kernels*, as it comes out of the FX graph cache, which pickles it."""
    TritonBundler.begin_compile()
    for kernel in kernels:
        TritonBundler.put(key_of(kernel), 0)
    for kernel in winners:
        TritonBundler.put_winner(key_of(kernel))
    saved, _ = TritonBundler.collect()
    return pickle.loads(pickle.dumps(saved))


def saved_names(saved):
    """The names of the files that were saved of each kernel."""
    return [sorted(artifact.filename for artifact in kernel.artifacts) for kernel in saved.kernel_artifacts]


def recompile(**options):
    """Compiles the kernel of `compiled`, anew in this process; returns it and the texts of our warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kernel = warm_up_vector_add(make_vector_add(), **options)
    return kernel, [str(warning.message) for warning in caught if issubclass(warning.category, GraftWarning)]


def damage(path):
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


# -- What is saved and written elsewhere


def test_a_restored_kernel_is_the_same_files_and_a_hit(compiled, elsewhere, hits):
    before = content(folder_of(compiled))
    saved = save(compiled)
    folder = elsewhere()
    metadata = TritonBundler.read_and_emit(saved)
    assert metadata.cached_kernel_names == ["vector_add"]
    assert os.listdir(folder) == [key_of(compiled)]
    assert content(folder / key_of(compiled)) == before
    again, said = recompile()
    assert (hits, said) == ([True], [])
    assert again.asm == compiled.asm
    assert {Path(path).parent for path in again.metadata_group.values()} == {folder / key_of(compiled)}


def test_all_files_travel_and_are_counted(compiled, elsewhere):
    saved = save(compiled)
    assert saved_names(saved) == [sorted([*BESIDE, *STAGES])]
    elsewhere()
    TritonBundler.read_and_emit(saved)
    counted = counters["inductor"]
    assert counted["triton_bundler_save_kernel"] == counted["triton_bundler_read_and_emit_kernel"] == len(BESIDE) + len(STAGES)


FIND = """
import hashlib, json
import triton
from triton.backends.graft.driver import Driver
from support import make_vector_add, warm_up_vector_add

hits = []
triton.runtime.driver.set_active(Driver(target="cuda:90"))
triton.knobs.compilation.listener = lambda cache_hit, **_: hits.append(cache_hit)
kernel = warm_up_vector_add(make_vector_add())
print(json.dumps([hits, kernel.hash, hashlib.sha256(kernel.asm["cubin"]).hexdigest()]))
"""


def test_a_fresh_process_that_may_not_compile_finds_a_restored_kernel(compiled, elsewhere, tmp_path):
    """As on another machine: all there is, is what the bundle had."""
    saved = save(compiled)
    shutil.rmtree(triton.knobs.cache.dir)
    folder = elsewhere()
    TritonBundler.read_and_emit(saved)
    found = json.loads(output_of(FIND, tmp_path, TRITON_CACHE_DIR=str(folder), GRAFT_CACHE="require"))
    assert found == [[True], compiled.hash, hashlib.sha256(compiled.asm["cubin"]).hexdigest()]


def test_where_nobody_names_a_cache_folder_inductors_own_for_the_device_is_ours_too(compiled, monkeypatch, tmp_path, hits):
    TritonBundler.begin_compile()
    TritonBundler.put(key_of(compiled), 3)
    saved, _ = TritonBundler.collect()
    monkeypatch.delenv("TRITON_CACHE_DIR")
    TritonBundler.read_and_emit(saved)
    folder = tmp_path / "inductor" / "triton" / "3"
    assert os.listdir(folder) == [key_of(compiled)]
    monkeypatch.setenv("TRITON_CACHE_DIR", str(folder))  # as its autotuner does
    recompile()
    assert hits == [True]


def test_there_is_nothing_to_replace_in_our_files_as_there_is_in_tritons_own(activate):
    activate(Driver(target="cuda:90"))
    ours = warm_up_vector_add(make_vector_add())
    activate(OtherDriver(90))
    theirs = warm_up_vector_add(make_vector_add())
    root = os.fsencode(triton.knobs.cache.dir)
    assert [name for name, data in content(folder_of(ours)).items() if root in data] == []
    assert [name for name, data in content(folder_of(theirs)).items() if root in data] == ["__grp__vector_add.json"]
    replaced = [
        {a.filename for a in kernel.artifacts if SENTINEL in a.payload} for kernel in save(ours, theirs).kernel_artifacts
    ]
    assert replaced == [set(), {"__grp__vector_add.json"}]


@pytest.mark.skipif(not hasattr(TritonBundler, "put_winner"), reason="this PyTorch saves every configuration of an autotuner")
def test_only_winners_are_saved(compiled, elsewhere, hits):
    loser = warm_up_vector_add(make_vector_add(), block=128)
    saved = save(loser, compiled, winners=[compiled])
    hits.clear()
    folder = elsewhere()
    TritonBundler.read_and_emit(saved)
    assert os.listdir(folder) == [key_of(compiled)]
    recompile()
    recompile(block=128)
    assert hits == [True, False]


def test_a_kernel_that_was_evicted_before_it_was_collected_is_left_out(compiled):
    other = warm_up_vector_add(make_vector_add(), block=128)
    TritonBundler.begin_compile()
    for kernel in (compiled, other):
        TritonBundler.put(key_of(kernel), 0)
    store._set_aside(str(folder_of(compiled)), triton.knobs.cache.dir)
    saved, _ = TritonBundler.collect()
    assert [kernel.kernel_hash for kernel in saved.kernel_artifacts] == [key_of(other)]


def test_a_kernel_whose_cache_folder_cannot_be_written_works_and_is_left_out(activate, tmp_path, monkeypatch):
    activate(Driver(target="cuda:90"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "file" / "cache"))
    kernel, said = recompile()
    assert any("cannot write to the cache folder" in text for text in said)
    assert save(kernel).kernel_artifacts == []


# -- What is saved only in part


def test_a_folder_of_which_a_file_could_not_be_saved_is_damaged_elsewhere_and_replaced(compiled, elsewhere, hits):
    (folder_of(compiled) / "vector_add.cubin").unlink()
    saved = save(compiled)
    folder = elsewhere()
    TritonBundler.read_and_emit(saved)
    _, said = recompile()
    assert hits == [False]
    missing = folder / key_of(compiled) / "vector_add.cubin"
    damaged = "triton-graft does not use a damaged cache entry and compiles again"
    assert said == [f"{damaged}: {missing} cannot be read (No such file or directory)"]
    again, said = recompile()
    assert (hits, said) == ([False, True], [])
    assert again.asm == compiled.asm


def test_a_folder_without_its_group_file_is_a_miss_and_completed(compiled, elsewhere, hits):
    before = content(folder_of(compiled))
    (folder_of(compiled) / "__grp__vector_add.json").unlink()
    saved = save(compiled)
    folder = elsewhere()
    TritonBundler.read_and_emit(saved)
    assert [recompile()[1] for _ in range(2)] == [[], []]
    assert hits == [False, True]
    assert content(folder / key_of(compiled)).keys() == before.keys()


def test_a_constant_that_is_the_sentinel_costs_at_most_what_nobody_launches_by(activate, elsewhere, hits):
    """A constexpr text is in the stages, which are no JSON, and in what describes the kernel. (No kernel can have it as its name.)"""

    @triton.jit
    def labelled(out, LABEL: tl.constexpr):
        tl.device_print(LABEL, tl.load(out))

    def warm_up():
        return labelled.warmup(triton.MockTensor("fp32"), LABEL="[REPLACE]", grid=(1,))

    activate(Driver(target="cuda:90"))
    first = warm_up()
    assert SENTINEL in first.asm["cubin"]
    before = content(folder_of(first))
    refused = {name for name, data in before.items() if name.endswith(".json") and SENTINEL in data}
    assert refused <= {"__key__labelled.json", "__variant__labelled.json"}
    saved = save(first)
    folder = elsewhere()
    TritonBundler.read_and_emit(saved)
    assert content(folder / key_of(first)) == {name: data for name, data in before.items() if name not in refused}
    labelled.device_caches.clear()
    again = warm_up()
    assert hits == [False, True]
    assert again.asm == first.asm


def test_metadata_with_the_sentinel_is_refused_and_the_kernel_is_compiled_again(activate, monkeypatch, elsewhere, hits):
    """`GRAFT_CACHE_KEY` is the one text of a user's that is in the metadata."""
    monkeypatch.setenv("GRAFT_CACHE_KEY", "[REPLACE]")
    activate(Driver(target="cuda:90"))
    first, _ = recompile()
    before = content(folder_of(first))
    saved = save(first)
    (names,) = saved_names(saved)
    assert "vector_add.json" not in names
    assert "vector_add.cubin" in names
    folder = elsewhere()
    TritonBundler.read_and_emit(saved)
    _, said = recompile()
    assert [text.startswith("triton-graft does not use a damaged cache entry") for text in said] == [True]
    _, said = recompile()
    assert (hits, said) == ([False, False, True], [])
    assert content(folder / key_of(first)).keys() == before.keys()


# -- What is there already


def test_a_damaged_folder_is_left_alone_by_inductor_and_replaced_by_us(compiled, elsewhere, hits):
    saved = save(compiled)
    folder = elsewhere() / key_of(compiled)
    TritonBundler.read_and_emit(saved)
    cubin = folder / "vector_add.cubin"
    damage(cubin)
    damaged = cubin.read_bytes()
    assert TritonBundler.read_and_emit(saved).cached_kernel_names == []
    assert cubin.read_bytes() == damaged
    _, said = recompile()
    assert said == [
        f"triton-graft does not use a damaged cache entry and compiles again: {cubin} does not have the digest that its group names"
    ]
    assert hits == [False]
    assert cubin.read_bytes() == compiled.asm["cubin"]
    recompile()
    assert hits == [False, True]


def test_a_damaged_folder_is_a_named_error_where_nothing_may_be_compiled(compiled, elsewhere, monkeypatch):
    saved = save(compiled)
    folder = elsewhere() / key_of(compiled)
    TritonBundler.read_and_emit(saved)
    damage(folder / "vector_add.cubin")
    monkeypatch.setenv("GRAFT_CACHE", "require")
    with pytest.warns(GraftWarning, match="vector_add.cubin does not have the digest"), pytest.raises(CacheMissError) as raised:
        warm_up_vector_add(make_vector_add())
    assert str(raised.value).startswith("kernel 'vector_add' is not in the cache")
    assert str(raised.value).endswith(f"its entry, {folder}/__grp__vector_add.json, is damaged.")


def test_a_kernel_that_we_have_compiled_meanwhile_stays(compiled, elsewhere, monkeypatch, hits):
    """The bundler looks, writes its files and then finds the folder taken."""
    saved, original = save(compiled), folder_of(compiled)
    folder = elsewhere()
    replace = os.replace

    def publish_and_replace(source, target):
        shutil.copytree(original, target)
        (Path(target) / "ours").touch()
        return replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", publish_and_replace)
        TritonBundler.read_and_emit(saved)
    assert (folder / key_of(compiled) / "ours").exists()
    _, said = recompile()
    assert (hits, said) == ([True], [])


def test_a_kernel_that_was_restored_meanwhile_stays(compiled, elsewhere, monkeypatch, hits):
    saved = save(compiled)
    folder = elsewhere() / key_of(compiled)
    TritonBundler.read_and_emit(saved)
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    monkeypatch.setenv("TRITON_ALWAYS_COMPILE", "1")
    _, said = recompile()
    assert (hits, said) == ([False], [])
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


# -- A restore that is interrupted


@pytest.fixture
def interrupted(compiled, elsewhere, monkeypatch):
    """What a restore into another cache folder leaves that is interrupted before its last step: the path of its folder."""
    saved = save(compiled)
    folder = elsewhere()

    def interrupt(source, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", interrupt)
        TritonBundler.read_and_emit(saved)
    (left,) = folder.iterdir()
    assert uuid.UUID(left.name.removeprefix("tmp."))
    os.utime(left, (0, 0))
    return saved, left


def test_what_an_interrupted_restore_leaves_is_no_entry(compiled, interrupted, hits):
    _, left = interrupted
    before = content(left)
    again, said = recompile()
    assert (hits, said) == ([False], [])
    assert again.asm == compiled.asm
    recompile()
    assert hits == [False, True]
    assert content(left) == before


def test_a_restore_is_repeated_after_one_that_was_interrupted(compiled, interrupted, hits):
    saved, left = interrupted
    TritonBundler.read_and_emit(saved)
    recompile()
    assert hits == [True]
    assert content(left) == content(left.parent / key_of(compiled))


def test_cleaning_up_leaves_what_an_interrupted_restore_left(interrupted, monkeypatch):
    _, left = interrupted
    before = content(left)
    old = folder_of(recompile()[0])
    os.utime(old / "__grp__vector_add.json", (1, 1))
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1")
    store._allowances.clear()
    recompile(block=128)
    assert not old.exists()
    assert content(left) == before


def test_a_restored_kernel_is_evicted_like_any_other(compiled, elsewhere, monkeypatch):
    saved = save(compiled)
    folder = elsewhere() / key_of(compiled)
    TritonBundler.read_and_emit(saved)
    os.utime(folder / "__grp__vector_add.json", (1, 1))
    monkeypatch.setenv("GRAFT_CACHE_LIMIT", "1")
    store._allowances.clear()
    recompile(block=128)
    assert not folder.exists()
    TritonBundler.read_and_emit(saved)
    assert folder.exists()


# -- Kernels that are launched without Triton


def make_every_type():
    """A kernel with a parameter of each kind that a static launch tells apart."""

    @triton.jit
    def every_type(a, b, c, flag, i32, i64, u64, f32, nothing, one, K: tl.constexpr):
        value = tl.load(b) + i32 + i64 + one + f32
        tl.store(a, value)
        if flag:
            tl.store(c, u64)

    return every_type


def warm_up_every_type(kernel, **options):
    pointers = [triton.MockTensor(dtype) for dtype in ("fp32", "fp64", "i64")]
    return kernel.warmup(*pointers, True, 17, 1 << 40, 1 << 63, 2.5, None, 1, K="text", grid=(1,), **options)


KERNELS = {
    "vector_add": lambda **options: warm_up_vector_add(make_vector_add(), **options),
    "matmul": lambda **options: warm_up_matmul(make_matmul(), **options),
    "every_type": lambda **options: warm_up_every_type(make_every_type(), **options),
}


def static_fields(kernel):
    """What Inductor keeps of *kernel* to launch it, and whether it finds its cubin in the folder that it looks into."""
    kernel._cubin_path = str(folder_of(kernel) / f"{kernel.src.fn.__name__}.cubin")  # as can_statically_launch does
    fields = dict(vars(StaticallyLaunchedCudaKernel(kernel)))
    assert Path(fields.pop("cubin_path")).read_bytes() == fields["cubin_raw"]
    assert fields.pop("hash") == kernel.hash
    return fields


@pytest.mark.parametrize("name", list(KERNELS))
def test_a_static_kernel_has_the_fields_and_the_code_that_it_has_with_tritons_backend(name, activate):
    activate(OtherDriver(90))
    theirs = KERNELS[name]()
    activate(Driver(target="cuda:90"))
    fields = static_fields(KERNELS[name](**OFF))
    assert fields == static_fields(theirs)
    assert fields["name"] == name
    ours = static_fields(KERNELS[name]())
    assert {**ours, "cubin_raw": None} == {**fields, "cubin_raw": None}


def test_a_static_kernel_tells_the_types_of_its_parameters(activate):
    activate(Driver(target="cuda:90"))
    fields = static_fields(KERNELS["every_type"]())
    assert (fields["arg_tys"], fields["full_constexprs"], fields["declared_constexprs"]) == ("OOOIilKf", [8, 9, 10], [10])
    assert fields["has_global_scratch"] and fields["has_profile_scratch"]


@pytest.mark.parametrize("option", ["launch_pdl", "launch_cooperative_grid"])
def test_inductor_sees_the_launch_attributes_that_it_cannot_launch_with(option, activate):
    activate(Driver(target="cuda:90"))
    kernel = warm_up_vector_add(make_vector_add(), **{option: True})
    heuristic = triton_heuristics.HeuristicType.POINTWISE
    meta = {"device_type": "cuda", "device": 0}
    launchable = triton_heuristics.StaticTritonCompileResult.can_statically_launch
    assert launchable(kernel, {}, meta, heuristic) is None
    assert launchable(warm_up_vector_add(make_vector_add()), {}, meta, heuristic) is not None


def make_autotuner():
    """A kernel as Inductor generates it, with two configurations."""
    device = DeviceProperties(
        type="cuda", index=0, multi_processor_count=132, cc=90, major=9, regs_per_multiprocessor=65536,
        max_threads_per_multi_processor=2048, warp_size=32,
    )  # fmt: skip
    aligned = {(index,): [["tt.divisibility", 16]] for index in range(3)}

    @triton_heuristics.pointwise(
        size_hints={"x": 1024},
        filename=__file__,
        triton_meta={
            "signature": {"in_ptr0": "*fp32", "out_ptr0": "*fp32", "xnumel": "i32", "XBLOCK": "constexpr"},
            "device": device,
            "constants": {},
            "configs": [aligned],
        },
        inductor_meta={"grid_type": "Grid1D", "kernel_name": "triton_poi_fused_add_0", "mutated_arg_names": []},
    )
    @triton.jit
    def triton_poi_fused_add_0(in_ptr0, out_ptr0, xnumel, XBLOCK: tl.constexpr):
        xindex = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:]
        xmask = xindex < xnumel
        tl.store(out_ptr0 + xindex, tl.load(in_ptr0 + xindex, xmask) + 1.0, xmask)

    return triton_poi_fused_add_0


@pytest.fixture
def autotuner(activate, monkeypatch):
    """An autotuner of Inductor's with kernels compiled by us, and the bundle that it is saved in."""
    monkeypatch.setenv("TRITON_DEFAULT_BACKEND", "graft")  # Inductor looks for a backend that says it is active
    activate(Driver(target="cuda:90"))
    autotuner = make_autotuner()
    TritonBundler.begin_compile()
    autotuner.precompile(warm_cache_only=True)
    TritonBundler.put_static_autotuner("key", autotuner)
    saved, _ = TritonBundler.collect()
    return autotuner, pickle.loads(pickle.dumps(saved))


def test_inductors_autotuner_compiles_with_us_what_it_can_launch_statically(autotuner):
    autotuner, saved = autotuner
    assert autotuner.is_statically_launchable()
    keys = [key_of(result.kernel) for result in autotuner.compile_results]
    assert len(set(keys)) == 2
    assert [kernel.kernel_hash for kernel in saved.kernel_artifacts] == keys
    assert [static.kernel_name for static in saved.static_autotuners] == ["triton_poi_fused_add_0"]
    metadata = [
        json.loads(Path(result.kernel.cubin_path).with_suffix(".json").read_text()) for result in autotuner.compile_results
    ]
    assert {made["compiler_identity"] for made in metadata} == {key.compiler_identity()}


def test_a_restored_autotuner_finds_its_cubins_in_our_folders(autotuner, elsewhere, hits):
    autotuner, saved = autotuner
    shutil.rmtree(triton.knobs.cache.dir)
    folder = elsewhere()
    metadata = TritonBundler.read_and_emit(saved)
    assert metadata.statically_launched_kernel_names == ["triton_poi_fused_add_0"]
    restored = CompiledTritonKernels._cache["key"].static_autotuner
    for result, original in zip(restored.compile_results, autotuner.compile_results, strict=True):
        assert Path(result.kernel.cubin_path) == folder / key_of(original.kernel) / "triton_poi_fused_add_0.cubin"
        assert Path(result.kernel.cubin_path).read_bytes() == original.kernel.cubin_raw
    assert hits == []


def test_kernels_of_inductors_autotuner_are_found_after_a_restore(autotuner, elsewhere, hits):
    """Those that are not launched statically go through triton.compile again."""
    _, saved = autotuner
    elsewhere()
    TritonBundler.read_and_emit(saved)
    make_autotuner().precompile(warm_cache_only=True)
    assert hits == [True, True]


def test_an_autotuner_without_its_cubins_is_not_loaded(autotuner, elsewhere, hits):
    _, saved = autotuner
    elsewhere()
    saved.kernel_artifacts.pop()
    assert TritonBundler.read_and_emit(saved).statically_launched_kernel_names == []
    assert CompiledTritonKernels._cache == {}
    make_autotuner().precompile(warm_cache_only=True)
    assert sorted(hits) == [False, True]


def test_kernels_of_a_bundle_of_ours_are_launched_statically_once_it_is_unpacked(autotuner, elsewhere, tmp_path, hits):
    """Inductor looks for a cubin in the cache folder; what is loaded from a bundle lies elsewhere, and Triton launches it."""
    writing.write(tmp_path / "kernels.graft", bundle.from_cache(triton.knobs.cache.dir))
    elsewhere()
    loaded = bundle.load(tmp_path / "kernels.graft")
    kernels = make_autotuner()
    kernels.precompile(warm_cache_only=True)
    loaded.unload()
    assert (hits, kernels.is_statically_launchable()) == ([True, True], False)
    bundle.unpack(tmp_path / "kernels.graft")
    kernels = make_autotuner()
    kernels.precompile(warm_cache_only=True)
    assert (hits[2:], kernels.is_statically_launchable()) == ([True, True], True)


# -- The key of compiled graphs


@pytest.fixture
def graph_key(monkeypatch):
    """Works out the key of a graph as if in a process of its own; a machine without a device has no part in it."""
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(name="a device", gcnArchName=""))
    graph = torch.fx.symbolic_trace(lambda x: x + 1)

    def forget():
        codecache.CacheBase.get_system.cache_clear()
        if hasattr(codecache, "triton_key"):
            codecache.triton_key.clear()

    def work_out():
        forget()
        return codecache.compiled_fx_graph_hash(graph, [], {}, [])[0]

    yield work_out
    forget()


def test_graphs_have_another_key_when_the_compiler_has_another_identity(graph_key, activate, monkeypatch):
    activate(Driver(target="cuda:90"))
    found, again = graph_key(), graph_key()
    monkeypatch.setenv("GRAFT_CACHE_KEY", "release 7")
    seventh = graph_key()
    monkeypatch.setenv("GRAFT_CACHE_KEY", "release 8")
    assert found == again
    assert len({found, seventh, graph_key()}) == 3


OTHERS = {
    option.variable: next(text for value, text in values_of(option.kind).good if value != option.default)
    for option in wings.options().values()
}


@pytest.mark.parametrize(("variable", "value"), OTHERS.items())
def test_graphs_have_another_key_when_the_environment_sets_another_option(graph_key, activate, monkeypatch, variable, value):
    """Inductor launches what is in a graph's bundle without asking us whether it is what would be compiled now."""
    activate(Driver(target="cuda:90"))
    before = graph_key()
    monkeypatch.setenv(variable, value)
    assert graph_key() != before


ASK_BEFORE_THERE_IS_A_DRIVER = """
from types import SimpleNamespace
import torch
from torch._inductor import codecache

torch.cuda.current_device = lambda: 0
torch.cuda.get_device_properties = lambda device: SimpleNamespace(name="a device", gcnArchName="")
print(codecache.CacheBase.get_system()["version"]["triton"])
"""


def test_graphs_have_our_identity_in_their_key_where_the_environment_alone_names_us(tmp_path):
    """Inductor asks for it before Triton needs a driver, and once in a process."""
    named = {"TRITON_DEFAULT_BACKEND": "graft", "GRAFT_TARGET": "cuda:90", "GRAFT_CACHE_KEY": "release 7"}
    assert output_of(ASK_BEFORE_THERE_IS_A_DRIVER, tmp_path, **named) == f"{triton.__version__}-frozen:release 7\n"
