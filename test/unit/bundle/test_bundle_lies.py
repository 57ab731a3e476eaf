# SPDX-License-Identifier: MIT
"""A bundle may say what it likes of its kernels: what is launched takes the parameters that a launch passes, or it is refused.

Each lie keeps the keys of real kernels, by which they are found, and changes what stands under them.
"""

import copy
import hashlib
import random
import struct
import threading

import pytest
import stub_cuda
import triton
from programs import I32, Program
from triton.backends.graft import bundle
from triton.backends.graft.cache import key
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import BundleError
from triton.backends.graft.runtime import container, cubin, format, reading

KERNEL = "@triton.jit\ndef kernel(x, n, BLOCK: tl.constexpr):\n    tl.store(x, n + BLOCK)\n"
#: Of the pointer, the number, and the two pointers to scratch memory.
PARAMETERS = (8, 4, 8, 8)


@pytest.fixture
def honest(tmp_path, monkeypatch):
    """A program, and the bundle of its kernels."""
    program = Program(tmp_path / "program", monkeypatch).write(KERNEL)
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    with bundle.record() as recording:
        program.load().kernel.warmup(I32, 17, BLOCK=64, grid=(1,))
    recording.save(tmp_path / "honest.graft", texts=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("GRAFT_CACHE", "require")
    return program, reading.read(tmp_path / "honest.graft")


def binary_lie(rng, honest_binary):
    """Bytes that may stand for a cubin: another kernel's, of another kind, with a section twice, cut off, or the honest ones."""
    sizes = list(PARAMETERS) if rng.random() < 0.3 else [rng.choice((1, 4, 8, 128)) for _ in range(rng.randrange(41))]
    fake = stub_cuda.fake_cubin("kernel", sizes)
    twice = stub_cuda.fake_cubin("kernel", sizes, sections=[list(PARAMETERS)])
    text = b".version 8.0\n.target sm_90\n.entry kernel(.param .u64 a, .param .u64 b) { ret; }\n"
    return rng.choice((fake, twice, text, b"\x50\xed\x55\xba" + fake, b"", honest_binary[: rng.randrange(200)], honest_binary))


def lie(rng, content, binary):
    """Changes *content*, of a bundle with one variant, and returns the cubin to put there."""
    (variant,) = content["variants"]
    kind = rng.randrange(4)
    if kind == 1:
        variant["specialisation"], variant["static"] = None, "nobody knows"
    elif kind > 1:
        count = rng.randrange(38)
        types = [rng.choice(("*fp16", "i32", "i64", "fp32")) for _ in range(count)]
        (function,) = content["kernels"].values()
        function["params"] = [{**function["params"][0], "name": f"p{number}"} for number in range(count)]
        variant["specialisation"] |= {"signature": types, "constants": [], "attributes": []}
        variant["kernel"] = format.digest(function)
        content["kernels"] = {variant["kernel"]: function}
        if kind == 3:
            sizes = [8 if type_ in ("*fp16", "i64") else 4 for type_ in types]
            return stub_cuda.fake_cubin("kernel", [*sizes, 8, 8])
    return binary_lie(rng, binary)


def write_lie(rng, honest_bundle, path):
    """Writes a bundle with a lie to *path*, as long as it keeps all rules."""
    while True:
        content = copy.deepcopy(honest_bundle.content)
        (variant,) = content["variants"]
        binary = lie(rng, content, honest_bundle.artifacts[variant["files"]["cubin"]])
        name = hashlib.sha256(binary).hexdigest()
        variant["files"] = {"cubin": name}
        path.write_bytes(format.pack(format.Bundle(content, {name: binary})))
        try:
            reading.read(path)
        except BundleError:
            continue
        return binary


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_bundle_says_a_launch_gets_a_cubin_with_its_own_parameters_or_an_error(honest, tmp_path, seed):
    program, honest_bundle = honest
    rng, taken = random.Random(seed), 0
    for number in range(25):
        path = tmp_path / f"{number}.graft"
        binary = write_lie(rng, honest_bundle, path)
        loaded = bundle.load(path)
        try:
            compiled = program.load().kernel.warmup(I32, 17, BLOCK=64, grid=(1,))
            assert cubin.parameters(compiled.asm["cubin"], "kernel") == PARAMETERS, (
                f"seed {seed}, lie {number}: {binary[:80]!r}"
            )
            taken += 1
        except BundleError as error:
            assert error.rule == "cubin", f"seed {seed}, lie {number}"
        finally:
            loaded.unload()
    assert key.places == [] and 0 < taken < 25


@pytest.mark.parametrize("seed", range(2))
def test_what_is_no_cubin_of_the_kernel_is_not_unpacked_either(honest, tmp_path, seed):
    _, honest_bundle = honest
    rng = random.Random(100 + seed)
    for number in range(15):
        path, folder = tmp_path / f"{number}.graft", tmp_path / f"cache-{number}"
        binary = write_lie(rng, honest_bundle, path)
        try:
            bundle.unpack(path, folder)
            assert cubin.parameters(binary, "kernel") is not None, f"seed {seed}, lie {number}"
        except BundleError:
            assert not folder.exists(), f"seed {seed}, lie {number}"


def test_a_cubin_that_tells_the_parameters_twice_tells_none():
    assert cubin.parameters(stub_cuda.fake_cubin("kernel", [8, 8]), "kernel") == (8, 8)
    assert cubin.parameters(stub_cuda.fake_cubin("kernel", [8, 8], sections=[[4, 4, 4]]), "kernel") is None


def elf(kernel, sections):
    """A cubin of these sections, each with its name, type, the number of the one that it is about, and its content."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name, *_ in sections)
    rows, offset, contents = [bytes(64)], 64, []
    for name, kind, about, content in [*sections, (None, 3, 0, names)]:
        at = 0 if name is None else names.index(f"\0{name}\0".encode()) + 1
        rows.append(struct.pack("<IIQQQQIIQQ", at, kind, 0, 0, offset, len(content), 0, about, 1, 0))
        contents.append(content)
        offset += len(content)
    header = b"\x7fELF\2\1" + bytes(12) + struct.pack("<H", 190) + bytes(20) + struct.pack("<Q", offset) + bytes(10)
    return header + struct.pack("<3H", 64, len(rows), len(rows) - 1) + b"".join(contents) + b"".join(rows)


def told(*parameters, attribute=0x17):
    """What `.nv.info` says of *parameters*, each a place and a size."""
    return b"".join(struct.pack("<BBHIHHI", 4, attribute, 12, 0, place, 0, size << 18) for place, size in parameters)


CODE = (".text.k", 1, 0, b"")
HONEST = (".nv.info.k", 0x70000000, 1, told((0, 8), (1, 4)))


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ([CODE, HONEST], (8, 4)),
        ([CODE, (".nv.info.k", 0x70000000, 1, told((1, 4), (0, 8)))], (8, 4)),
        ([CODE, (".nv.info.k", 0x70000000, 1, told((0, 8), (1, 4), (1, 8)))], None),
        ([CODE, (".nv.info.k", 0x70000000, 1, told((0, 8), (2, 4)))], None),
        ([CODE, (".nv.info.k", 0x70000000, 1, told((0, 8)) + told((0, 8), attribute=0x45))], None),
        ([CODE, (".nv.info.k", 1, 1, told((0, 8)))], None),
        ([CODE, (".nv.info.k", 0x70000000, 2, told((0, 8)))], None),
        ([CODE, HONEST, (".nv.info.other", 0x70000000, 1, told((0, 8)))], None),
        ([CODE, CODE, HONEST], None),
        ([HONEST], None),
    ],
)
def test_a_cubin_tells_its_parameters_in_one_place_and_once(sections, expected):
    assert cubin.parameters(elf("k", sections), "k") == expected


def test_a_kernel_that_gsan_instrumented_is_refused(honest):
    _, honest_bundle = honest
    (variant,) = honest_bundle.content["variants"]
    variant["metadata"]["instrumentation_mode"] = "gsan"
    with pytest.raises(BundleError, match="is instrumented by gsan"):
        cubin.check_parameters(variant, honest_bundle.artifacts[variant["files"]["cubin"]])


def test_metadata_has_bounds(honest):
    _, honest_bundle = honest
    for changes, message in (
        ({f"field{number}": 0 for number in range(300)}, "fields, and metadata has at most 256"),
        ({"name": "k" * 4097}, "a name of at most 4096 bytes"),
    ):
        content = copy.deepcopy(honest_bundle.content)
        content["variants"][0]["metadata"] |= changes
        with pytest.raises(BundleError, match=message):
            format.pack(format.Bundle(content, honest_bundle.artifacts))


def test_a_kernel_that_many_variants_share_is_not_written_without_bound(honest, tmp_path, monkeypatch):
    _, honest_bundle = honest
    monkeypatch.setattr(container, "MAX_TOTAL", 1000)
    monkeypatch.setattr(reading, "read", lambda address, keys: honest_bundle)
    with pytest.raises(BundleError, match="when each has files of its own"):
        bundle.unpack("shared.graft", tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


def test_a_manifest_names_no_globals_but_those_that_the_kernel_uses(honest, tmp_path):
    """What it names is copied, and copying may run code, or fail, as for a lock."""
    program, honest_bundle = honest
    content = copy.deepcopy(honest_bundle.content)
    for one in content["manifests"].values():
        one["alternatives"][0][2] = [[0, "LOCK"]]
    (tmp_path / "lock.graft").write_bytes(format.pack(format.Bundle(content, honest_bundle.artifacts)))
    module = program.load()
    module.LOCK = threading.Lock()
    loaded = bundle.load(tmp_path / "lock.graft")
    try:
        assert module.kernel.warmup(I32, 17, BLOCK=64, grid=(1,)).asm["cubin"]
        assert not module.kernel.used_global_vals
    finally:
        loaded.unload()


def test_globals_that_a_callee_uses_are_among_those_that_a_manifest_may_name(tmp_path, monkeypatch, caplog):
    source = "SIZE = tl.constexpr(4)\n@triton.jit\ndef helper():\n    return SIZE\n" + KERNEL.replace(
        "n + BLOCK", "n + BLOCK + helper()"
    )
    program = Program(tmp_path / "program", monkeypatch).write(source)
    triton.runtime.driver.set_active(Driver(target="cuda:90"))
    program.load().kernel.warmup(I32, 17, BLOCK=64, grid=(1,))
    caplog.set_level("DEBUG", logger="triton.backends.graft.cache.key")
    program.load().kernel.warmup(I32, 17, BLOCK=64, grid=(1,))
    assert "by manifest" in caplog.text
