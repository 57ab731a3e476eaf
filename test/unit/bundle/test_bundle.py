# SPDX-License-Identifier: MIT
"""Recording bundles, loading them, and unpacking them into a cache; without a device."""

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import triton
from programs import I32, STORE, Program, active
from support import clean_environment, in_child, make_vector_add, output_of, vector_add_source
from triton.backends.graft import bundle
from triton.backends.graft.bundle import loading, writing
from triton.backends.graft.cache import key, store
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import BundleError, CacheMissError, GraftWarning
from triton.backends.graft.launch import tuning
from triton.backends.graft.runtime import reading
from triton.compiler import ASTSource, CompiledKernel, make_backend
from triton.runtime.autotuner import Config

SCALE = "@triton.jit\ndef kernel(x, n, BLOCK: tl.constexpr):\n    tl.store(x, n * {} + BLOCK)\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    return Program(tmp_path / "program", monkeypatch).write(SCALE.format(2))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "kernels.graft"


@pytest.fixture(autouse=True)
def nothing_stays_loaded():
    yield
    for place in list(key.places):
        place._loaded.unload()
    assert (key.places, key.observers, tuning.advisers, tuning.observers) == ([], [], [], [])


def record(program, file, *, driver="cuda:90", texts=False, **kwargs):
    """Compiles the kernel while recording, and saves that to *file*."""
    triton.runtime.driver.set_active(Driver(target=driver))
    with bundle.record() as recording:
        for n in (1, 16, 17):
            program.load().kernel.warmup(I32, n, BLOCK=64, grid=(1,), **kwargs)
    recording.save(file, texts)
    return recording


def require_only(monkeypatch, tmp_path, name="empty"):
    """An empty cache, and nothing may be compiled."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / name))
    monkeypatch.setenv("GRAFT_CACHE", "require")
    return tmp_path / name


# -- Recording and loading


def test_every_kernel_of_a_bundle_is_a_hit_and_the_cache_folder_gets_none(program, file, hits, monkeypatch, tmp_path):
    record(program, file)
    folder = require_only(monkeypatch, tmp_path)
    loaded = bundle.load(file)
    for n in (1, 16, 17, 48):
        assert program.load().kernel.warmup(I32, n, BLOCK=64, grid=(1,)).asm["cubin"]
    assert len(loaded) == 3
    assert hits == [False] * 3 + [True] * 4
    assert [path.name for path in folder.iterdir()] == ["graft-files.json"]  # what is remembered of Triton's own files


def test_a_kernel_from_a_bundle_is_the_one_that_triton_makes_of_its_files(program, file, hits, monkeypatch, tmp_path):
    record(program, file, texts=True)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    from_files = vars(program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,)))
    assert hits[-1]
    monkeypatch.setattr(triton.knobs.compilation, "listener", None)
    with monkeypatch.context() as patch:
        patch.setattr(loading.Loaded, "unpack", lambda *arguments: pytest.fail("files were written"))
        compiled = program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    made = vars(compiled)
    assert made.keys() == from_files.keys()
    assert type(made["metadata"]).__name__ == type(from_files["metadata"]).__name__
    assert made["metadata"]._asdict() == from_files["metadata"]._asdict()
    others = made.keys() - {"metadata", "src", "_graft_reads"}
    assert {name: made[name] for name in others} == {name: from_files[name] for name in others}
    assert type(made["asm"]) is type(from_files["asm"])
    assert {name: Path(path).read_bytes() for name, path in compiled.metadata_group.items()} == {
        name: Path(path).read_bytes() for name, path in from_files["metadata_group"].items()
    }


def test_a_function_in_place_of_init_makes_the_kernels_of_a_bundle_too(program, file, monkeypatch, tmp_path):
    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    original = CompiledKernel.__init__

    def init(self, *arguments):
        original(self, *arguments)
        self.added = self.metadata.num_warps

    monkeypatch.setattr(CompiledKernel, "__init__", init)
    compiled = program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    assert compiled.added == 4
    with pytest.raises(KeyError, match="has no ptx of this kernel: the bundle was built without texts"):
        compiled.asm["ptx"]


def test_a_kernel_from_a_bundle_is_looked_up_once(program, file, monkeypatch, tmp_path):
    """Also where Triton makes it, and where there is none and it is compiled."""
    record(program, file)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "empty"))
    bundle.load(file)
    look_up, asked = key.look_up, []
    monkeypatch.setattr(key, "look_up", lambda request: asked.append(request) or look_up(request))
    for block in (64, 32):
        program.load().kernel.warmup(I32, 16, BLOCK=block, grid=(1,))
    assert len(asked) == 2


def test_the_front_end_does_not_run_for_a_kernel_from_a_bundle(program, file, monkeypatch, tmp_path):
    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    monkeypatch.setattr(key, "_make_ttir", lambda request: pytest.fail("TTIR was made"))
    assert program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,)).asm["cubin"]


def test_a_kernel_that_can_only_go_by_its_ttir_is_found_in_a_bundle(program, file, hits, monkeypatch, tmp_path):
    program.write(
        "import os\n@triton.constexpr_function\ndef size():\n    return len(os.environ) * 0 + 2\n" + SCALE.format("size()")
    )
    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    assert hits[-1]


def test_a_kernel_that_has_changed_is_refused_with_the_nearest_in_the_bundle(program, file, monkeypatch, tmp_path):
    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    with pytest.raises(
        CacheMissError, match=rf"(?s)kernel 'kernel' .* nearest entry, {file}, differs in.*option.num_warps: 4 there"
    ):
        program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,), num_warps=8)
    program.write(SCALE.format(3))
    with pytest.raises(CacheMissError, match=r"source\.text"):
        program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))


def test_what_is_found_in_the_cache_is_recorded_like_what_is_compiled(program, file, tmp_path):
    record(program, file)
    record(program, tmp_path / "again.graft")
    assert file.read_bytes() == (tmp_path / "again.graft").read_bytes()


def test_what_is_found_in_a_bundle_is_recorded_again(program, file, monkeypatch, tmp_path):
    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    record(program, tmp_path / "again.graft")
    assert file.read_bytes() == (tmp_path / "again.graft").read_bytes()


def test_a_bundle_of_a_cache_folder_is_the_one_that_was_recorded(program, file, tmp_path):
    record(program, file)
    assert bundle.from_cache(tmp_path / "cache") == reading.read(file)


def test_a_bundle_has_no_path_of_the_machine(program, file, tmp_path):
    record(program, file)
    text = json.dumps(reading.read(file).content)
    assert "/" not in text.replace("cuda:90", "").replace("application/", "") or str(tmp_path) not in text
    assert str(Path(triton.__file__).parent) not in text
    assert str(tmp_path) not in text


def test_a_bundle_for_another_target_is_refused_with_those_that_it_has(program, file, activate):
    record(program, file)
    activate(Driver(target="cuda:80"))
    with pytest.raises(BundleError) as caught:
        bundle.load(file)
    assert str(caught.value) == f"{file}: it has no kernels for cuda:80; it has some for cuda:90"


def test_kernels_of_other_targets_in_a_bundle_are_skipped(program, file, tmp_path):
    record(program, tmp_path / "80.graft", driver="cuda:80")
    record(program, tmp_path / "90.graft")
    merged = reading.format.merge([reading.read(tmp_path / "80.graft"), reading.read(tmp_path / "90.graft")])
    writing.write(file, merged)
    assert (len(merged.content["variants"]), len(bundle.load(file))) == (6, 3)


def test_a_bundle_of_another_compiler_is_refused_unless_it_is_asked_for(program, file, hits, monkeypatch, tmp_path, activate):
    activate(Driver(target="cuda:90", key="one"))
    with bundle.record() as recording:
        program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    recording.save(file)
    require_only(monkeypatch, tmp_path)
    activate(Driver(target="cuda:90"))
    with pytest.raises(
        BundleError,
        match=r"(?s)another compiler .*identity=\"any\"\n  compiler.frozen: one there, nothing here\n    and so .* here",
    ):
        bundle.load(file)
    assert key.places == []
    bundle.load(file, identity="any")
    program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    assert hits == [False, True]


def test_another_identity_than_same_or_any_is_refused(file):
    with pytest.raises(BundleError, match='identity=\'some\': expected "same" or "any"'):
        bundle.load(file, identity="some")


def test_an_unloaded_bundle_is_no_longer_looked_into(program, file, monkeypatch, tmp_path):
    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file).unload()
    with pytest.raises(CacheMissError):
        program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))


def test_an_ir_file_is_recorded_and_found(file, hits, monkeypatch, tmp_path, activate):
    activate(Driver(target="cuda:90"))
    path = tmp_path / "add.ttir"
    path.write_text(triton.compile(vector_add_source(make_vector_add())).asm["ttir"])
    with bundle.record() as recording:
        triton.compile(str(path))
    recording.save(file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    triton.compile(str(path))
    assert hits == [False, False, True]
    assert [variant["static"] for variant in reading.read(file).content["variants"]] == [
        "it was compiled from IR, and nothing is known of its arguments"
    ]


def test_saving_where_nothing_was_recorded_is_an_error_that_says_why(program, file, activate):
    activate(Driver(target="cuda:90"))
    with bundle.record() as recording:
        pass
    with pytest.raises(BundleError, match=r"no kernel was compiled or looked up while recording, .*record from its start"):
        recording.save(file)
    assert not file.exists()


def test_recording_without_our_driver_is_refused(other, activate):
    activate(other)
    with pytest.raises(BundleError, match="make a graft Driver"), bundle.record():
        pass


# -- Autotuning


def tuned(program):
    program.write(
        "@triton.autotune([triton.Config({'B': 1}), triton.Config({'B': 2}, num_warps=8)], key=['n'])\n" + STORE.format("n")
    )
    program.write(
        """
        @triton.autotune([triton.Config({'B': 1}), triton.Config({'B': 2}, num_warps=8)], key=["n"])
        @triton.jit
        def kernel(x, n, B: tl.constexpr):
            tl.store(x, n * B)
        """
    )
    return program.load().kernel


def record_winner(program, file):
    """Saves a bundle in which the second configuration is the best for n = 5."""
    tuner = tuned(program)
    with bundle.record() as recording:
        tuner.warmup(I32, 5, grid=(1,))
        tuner.cache[5, str(I32.dtype)] = tuner.configs[1]
    recording.save(file)


def test_what_an_autotuner_found_is_recorded_and_taken_without_measuring(program, file):
    with active("graft"):
        record_winner(program, file)
        other = tuned(program)
        loaded = bundle.load(file)
        other.nargs = {"x": I32, "n": 5}
        assert len(loaded) == 2
        assert other.prune_configs({}) == [other.configs[1]]
        other.nargs = {"x": I32, "n": 6}
        assert other.prune_configs({}) == other.configs


def test_a_winner_that_is_no_configuration_any_more_is_left_out_of_account(program, file):
    with active("graft"):
        record_winner(program, file)
        bundle.load(file)
        other = tuned(program)
        other.configs = [Config({"B": 4}), Config({"B": 8})]
        other.nargs = {"x": I32, "n": 5}
        assert other.prune_configs({}) == other.configs


# -- Unpacking


def test_an_unpacked_bundle_is_a_cache(program, file, hits, monkeypatch, tmp_path):
    record(program, file)
    folder = require_only(monkeypatch, tmp_path, "unpacked")
    assert {(one.name, one.target, one.outcome) for one in bundle.unpack(file)} == {("kernel", "cuda:90", "written")}
    monkeypatch.setattr(key, "_make_ttir", lambda request: pytest.fail("TTIR was made"))
    program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    assert hits[-1]
    assert bundle.from_cache(folder) == reading.read(file)


def test_an_intact_entry_is_left_alone_and_a_damaged_one_replaced(program, file, monkeypatch, tmp_path):
    record(program, file)
    folder = require_only(monkeypatch, tmp_path, "unpacked")
    bundle.unpack(file, folder)
    damaged, intact, *_ = sorted(folder.glob("*/kernel.cubin"))
    damaged.write_bytes(b"damaged")
    before = intact.stat()
    assert sorted(one.outcome for one in bundle.unpack(file, folder)) == ["kept", "kept", "replaced"]
    assert intact.stat() == before
    assert bundle.from_cache(folder) == reading.read(file)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(program, file, tmp_path):
    record(program, file)
    (tmp_path / "a file").write_text("")
    with pytest.raises(BundleError, match=rf"{file}: it cannot be unpacked to {tmp_path}/a file"):
        bundle.unpack(file, tmp_path / "a file")


def test_a_damaged_entry_of_a_cache_folder_is_left_out_with_a_warning(program, file, tmp_path):
    record(program, file)
    next((tmp_path / "cache").glob("*/kernel.cubin")).write_bytes(b"damaged")
    with pytest.warns(GraftWarning, match="leaves out a damaged cache entry"):
        assert len(bundle.from_cache(tmp_path / "cache").content["variants"]) == 2


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_kernels_makes_no_bundle(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        BundleError, match=rf"{tmp_path}/{folder}: (it cannot be read as a cache folder|the folder has no kernels)"
    ):
        bundle.from_cache(tmp_path / folder)


# -- Other processes


LOAD = """
import sys
from programs import I32, Program
import triton
from triton import knobs
from triton.backends.graft import bundle
from triton.backends.graft.driver import Driver
triton.runtime.driver.set_active(Driver(target="cuda:90"))
sys.path.insert(0, FOLDER)
bundle.load(FILE)
hits = []
knobs.compilation.listener = lambda *, cache_hit, **_: hits.append(cache_hit)
module = __import__(NAME)
for n in (1, 16, 17):
    module.kernel.warmup(I32, n, BLOCK=64, grid=(1,))
print(hits)
"""


def test_a_bundle_serves_another_process_whose_program_was_moved(program, file, tmp_path):
    record(program, file)
    moved = tmp_path / "moved"
    shutil.move(program.folder, moved)
    code = LOAD.replace("FOLDER", repr(str(moved))).replace("FILE", repr(str(file))).replace("NAME", repr(program._name))
    output = output_of(code, tmp_path, TRITON_CACHE_DIR=str(tmp_path / "none"), GRAFT_CACHE="require")
    assert output == "[True, True, True]\n"


def test_where_no_file_can_be_written_only_files_are_an_error_that_says_what_to_do(program, file, monkeypatch, tmp_path):
    def refuse(**arguments):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    record(program, file)
    require_only(monkeypatch, tmp_path)
    bundle.load(file)
    monkeypatch.setattr(store, "_private_roots", {})
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    compiled = program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    assert compiled.asm["cubin"]
    with pytest.raises(BundleError, match=r"can be written \(Read-only file system\); set TMPDIR to a folder that can"):
        dict(compiled.metadata_group)


KILLED = """
from triton.backends.graft import bundle
for number in range(1000):
    bundle.unpack(FILE, f"{FOLDER}/{number}")
"""


@pytest.mark.parametrize("seed", range(6))
def test_a_process_killed_while_it_unpacks_leaves_whole_entries(seed, program, file, tmp_path, recwarn):
    record(program, file)
    code = KILLED.replace("FILE", repr(str(file))).replace("{FOLDER}", str(tmp_path / "unpacked"))
    script = tmp_path / "script.py"
    script.write_text(code)
    child = subprocess.Popen([sys.executable, str(script)], env=clean_environment(tmp_path), stdout=subprocess.PIPE)
    (tmp_path / "unpacked").mkdir()
    while not any((tmp_path / "unpacked").glob("*/*")):
        assert child.poll() is None
    time.sleep(random.Random(seed).uniform(0, 0.02))
    child.kill()
    child.wait()
    recwarn.clear()
    whole = reading.read(file)
    for folder in (tmp_path / "unpacked").iterdir():
        found = sorted(path.name for path in folder.iterdir() if len(path.name) == 52)
        if found:
            unpacked = bundle.from_cache(folder).content["variants"]
            assert len(unpacked) == len(found)
            assert all(variant in whole.content["variants"] for variant in unpacked)
        bundle.unpack(file, folder)
        assert bundle.from_cache(folder) == whole
    assert [str(warning.message) for warning in recwarn if issubclass(warning.category, GraftWarning)] == []


READ = """
from triton.backends.graft.runtime import reading
digests = {reading.read(FILE).digest for _ in range(300)}
print(*sorted(digests))
"""


def test_who_reads_while_another_replaces_the_file_has_one_bundle_or_the_other(program, file, tmp_path):
    record(program, file)
    one = reading.read(file)
    other = reading.format.restrict(one, lambda variant: variant["key"] == one.content["variants"][0]["key"])
    (tmp_path / "script.py").write_text(READ.replace("FILE", repr(str(file))))
    command = [sys.executable, str(tmp_path / "script.py")]
    readers = [subprocess.Popen(command, env=clean_environment(tmp_path), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    while any(reader.poll() is None for reader in readers):
        writing.write(file, other)
        writing.write(file, one)
    for reader in readers:
        assert reader.returncode == 0
        assert set(reader.stdout.read().split()) <= {one.digest, other.digest}


def test_another_user_loads_a_bundle_where_nothing_can_be_written(program, file, tmp_path, monkeypatch):
    if os.getuid() != 0:
        pytest.skip("becoming another user takes being root")
    record(program, file)
    for path in (*tmp_path.parents, tmp_path, program.folder):
        path.chmod(path.stat().st_mode | 0o055)
    file.chmod(0o444)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "not writable" / "cache"))
    (tmp_path / "not writable").mkdir(mode=0o555)

    def load():
        os.setgid(65534)
        os.setuid(65534)
        hits = []
        triton.knobs.compilation.listener = lambda *, cache_hit, **_: hits.append(cache_hit)
        bundle.load(file)
        program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
        return hits

    assert in_child(load) == (0, "[True]")
    assert list((tmp_path / "not writable").iterdir()) == []


def test_a_key_that_is_asked_for_again_is_worked_out_again(program, file, monkeypatch, activate):
    """With a bundle loaded, too: what a kernel reads may have changed, and its source be the same object."""
    program.write("SIZE = tl.constexpr(2)\n" + SCALE.format("SIZE"))
    record(program, file)
    bundle.load(file)
    module, driver = program.load(), triton.runtime.driver.active
    source = ASTSource(module.kernel, {"x": "*i32", "n": "i32", "BLOCK": "constexpr"}, constexprs={"BLOCK": 64})
    backend = make_backend(driver.target)
    options = backend.parse_options({})
    before = key.get_cache_key(source, backend, options)
    assert key.get_cache_key(source, backend, options) == before
    module.SIZE = triton.language.constexpr(3)
    assert key.get_cache_key(source, backend, options) != before
    key.forget()


def test_a_kernel_whose_stages_somebody_changes_is_not_taken_from_a_bundle(program, file, monkeypatch):
    """Also where Triton asks by itself, and adds what the hook says to the key."""
    record(program, file)
    bundle.load(file)
    changed = []

    def hook(backend=None, stages=None, options=None, language=None, capability=None):
        if backend is not None:
            changed.append(capability)
        return "-changed", "changed"

    monkeypatch.setattr(triton.knobs.runtime, "add_stages_inspection_hook", hook)
    program.load().kernel.warmup(I32, 16, BLOCK=64, grid=(1,))
    assert changed == [90]
