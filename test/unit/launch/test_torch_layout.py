# SPDX-License-Identifier: MIT
"""Tensors read by torch's proven layout: what torch says of them, or a refusal; and a torch that lies is refused as a whole."""

import contextlib
import ctypes
import gc
import mmap
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import threading
import types
import warnings
from pathlib import Path
from unittest import mock

import pytest
from support import ROOT, run_python
from triton.backends.graft.launch import torch_layout

torch = pytest.importorskip("torch")

LAYOUT, REASON = torch_layout.prove(torch)
UNKNOWN = REASON.startswith("not known on")
pytestmark = [
    pytest.mark.skipif(UNKNOWN, reason=REASON),
    pytest.mark.filterwarnings("ignore:.*jit:DeprecationWarning"),
    pytest.mark.xdist_group("torch layout"),
]


# Both readers


READER = """
#include "TorchLayout.h"

extern "C" int readOne(const void *bytes, size_t size, PyObject *tensor,
                       graft::launcher::TorchTensor *out) {
  graft::launcher::TorchLayout layout;
  if (!graft::launcher::unpackTorchLayout(bytes, size, &layout))
    return -1;
  return graft::launcher::readTorchTensor(layout, tensor, out);
}
"""


class TorchTensor(ctypes.Structure):
    """As in TorchLayout.h."""

    _fields_ = [
        ("address", ctypes.c_uint64),
        ("dtype", ctypes.c_uint16),
        ("device_type", ctypes.c_int8),
        ("device_index", ctypes.c_int8),
    ]


@pytest.fixture(scope="module")
def read_one(tmp_path_factory):
    """TorchLayout.h, compiled: takes the packed layout, its size, a tensor and a TorchTensor."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    include = Path(sysconfig.get_paths()["include"])
    if compiler is None or not (include / "Python.h").exists():
        pytest.skip("there is no C++ compiler, or no Python.h")
    folder = tmp_path_factory.mktemp("torch_layout")
    (folder / "reader.cpp").write_text(READER)
    flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti", "-fPIC", "-shared"]
    paths = [f"-I{ROOT / 'lib' / 'Launcher'}", f"-I{include}", "-o", str(folder / "reader.so"), str(folder / "reader.cpp")]
    done = subprocess.run([compiler, *flags, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    function = ctypes.PyDLL(str(folder / "reader.so")).readOne
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.py_object, ctypes.POINTER(TorchTensor)]
    return function


@pytest.fixture(params=["python", "c++"])
def read(request):
    """Reads a tensor by the layout, with either reader."""
    if request.param == "python":
        return lambda tensor: torch_layout.read(LAYOUT, tensor)
    read_one = request.getfixturevalue("read_one")
    packed = LAYOUT.pack()

    def read(tensor):
        if type(tensor) not in LAYOUT.types:  # left to the caller in C++
            return None
        out = TorchTensor()
        found = read_one(packed, len(packed), tensor, out)
        assert found in (0, 1)
        if not found:
            return None
        return torch_layout.Reading(out.address, LAYOUT.dtypes[out.dtype], out.device_type, out.device_index)

    return read


def said_by_torch(tensor):
    """What a reading of a CPU tensor must be."""
    assert tensor.device == torch.device("cpu")
    return torch_layout.Reading(tensor.data_ptr(), tensor.dtype, 0, -1)


# Tensors that are read


def test_this_torch_is_proven():
    assert REASON == ""
    assert [device_type for _, device_type in LAYOUT.words if device_type == 0] == [0, 0]  # plain and inference tensors


def test_every_dtype_that_triton_has_is_proven():
    names = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 float8_e4m3fn float8_e5m2"
    assert {getattr(torch, name) for name in names.split()} <= set(LAYOUT.dtypes)


def dense_tensors():
    """Dense CPU tensors by how they came to be."""
    matrix = torch.arange(210, dtype=torch.float32).reshape(6, 35)
    yield "whole", matrix
    yield "scalar", torch.tensor(3.0)
    yield "element", matrix[2, 3]
    yield "slice", matrix[1:, 3::4]
    yield "transposed", matrix.t()
    yield "flipped", matrix.flip(0)
    yield "diagonal", matrix.diagonal(3)
    yield "empty", torch.empty(0)
    yield "empty slice", matrix[6:]
    yield "empty slice of a shifted view", matrix[2:][:, 35:]
    yield "expanded", matrix[:1, 7:8].expand(4, 5)
    yield "more than 2^32 elements", matrix[:1, 7:8].expand(1 << 33, 3)
    yield "more than 2^63 bytes", matrix[:1, 7:8].expand(1 << 31, 1 << 31)
    yield "empty, far away", torch.empty(0).as_strided((0,), (1,), 1 << 62)
    yield "eight dimensions", torch.empty(1, 2, 1, 3, 1, 2, 1, 2)[:, 1:]
    yield "channels last", torch.empty(2, 3, 4, 5, memory_format=torch.channels_last)[:, 1:]
    yield "from a buffer", torch.frombuffer(bytearray(64), dtype=torch.int16, offset=6)
    yield "from DLPack", torch.from_dlpack(matrix[1:])
    yield "shared", torch.ones(5).share_memory_()
    yield "requires grad", torch.ones(5, requires_grad=True)
    yield "not a leaf", torch.ones(5, requires_grad=True) * 2
    yield "parameter", torch.nn.Parameter(matrix[2:4])
    yield "buffer", torch.nn.Buffer(matrix[2:4])
    yield "parameter of a module", torch.nn.Linear(3, 4).weight
    yield "data", torch.nn.Parameter(matrix[2:4]).data
    yield "detached", (torch.ones(5, requires_grad=True) * 2).detach()
    yield "complex", torch.ones(3, dtype=torch.complex64)[1:]
    yield "real part", torch.ones(3, dtype=torch.complex64).real
    yield "imaginary part", torch.ones(3, dtype=torch.complex64).imag
    yield "product", matrix @ matrix.t()
    yield "element of a list", torch.split(matrix, 2)[1]
    yield "of an operator", torch.ops.aten.add.Tensor(matrix, matrix)
    with torch.inference_mode():
        yield "inference", torch.ones(7)[2:]
        yield "inference view of a plain tensor", matrix[1:]
    with torch.no_grad():
        yield "without grad", torch.ones(7)[2:]


def test_a_dense_tensor_is_read_as_torch_says(read):
    for name, tensor in dense_tensors():
        assert (name, read(tensor)) == (name, said_by_torch(tensor))


def test_a_tensor_of_each_proven_dtype_is_read_as_torch_says(read):
    for dtype in filter(None, LAYOUT.dtypes):
        tensor = torch.empty(96, dtype=torch.uint8).view(dtype)[2:]
        assert read(tensor) == said_by_torch(tensor)


def random_dense_tensor(rng):
    """A tensor after some random operations, and their names."""
    steps = {
        "slice": lambda t: t[rng.randrange(t.shape[0] + 1) :] if t.dim() else t,
        "step": lambda t: t[:: rng.randint(1, 3)] if t.dim() else t,
        "select": lambda t: t[rng.randrange(t.shape[0])] if t.dim() and t.shape[0] else t,
        "transpose": lambda t: t.transpose(0, -1) if t.dim() else t,
        "expand": lambda t: t.expand(rng.randint(1, 4), *t.shape),
        "detach": lambda t: t.detach(),
        "data": lambda t: t.data,
        "clone": lambda t: t.clone(),
        "contiguous": lambda t: t.contiguous(),
        "flatten": lambda t: t.reshape(-1),
        "bytes": lambda t: t.contiguous().view(-1).view(torch.uint8) if t.numel() else t,
        "strided": lambda t: t.as_strided((2,), (0,), t.storage_offset()) if t.numel() else t,
        "set": lambda t: torch.empty(0, dtype=t.dtype).set_(t.untyped_storage(), t.storage_offset(), t.shape, t.stride()),
        "resize": lambda t: t.clone().resize_(rng.randint(0, 5), rng.randint(0, 5)),
        "parameter": lambda t: torch.nn.Parameter(t, requires_grad=False),
        "DLPack": torch.from_dlpack,
        "copied on write": materialised_lazy_clone,
        "swap": swapped,
    }
    shape = [rng.choice((0, 1, 2, 3, 5, 8)) for _ in range(rng.randrange(5))]
    dtype = rng.choice([torch.float32, torch.int8, torch.bfloat16, torch.int64, torch.bool, torch.complex128])
    tensor, names = torch.zeros(shape, dtype=dtype), [f"{dtype} {shape}"]
    for name in rng.choices(list(steps), k=rng.randrange(7)):
        if tensor.numel() < 1 << 16:
            tensor = steps[name](tensor)
            names.append(name)
    if rng.random() < 0.1 and tensor.untyped_storage().resizable():
        tensor.untyped_storage().resize_(0)
        names.append("freed")
    return tensor, names


def materialised_lazy_clone(tensor):
    """A copy made on write, which has happened."""
    with contextlib.suppress(RuntimeError):  # not every memory can be shared
        tensor = torch._lazy_clone(tensor)
    tensor.data_ptr()
    return tensor


def swapped(tensor):
    """An object that was another tensor before."""
    other = torch.zeros(3)
    with contextlib.suppress(RuntimeError):  # views of it may forbid it
        torch.utils.swap_tensors(other, tensor)
        return other
    return tensor


@pytest.mark.parametrize("seed", range(4))
def test_random_tensors_are_read_as_torch_says(read, seed):
    rng = random.Random(seed)
    for number in range(250):
        tensor, names = random_dense_tensor(rng)
        where = f"seed {seed}, tensor {number}: {names}"
        assert (where, read(tensor)) == (where, said_by_torch(tensor))


def test_a_tensor_whose_storage_was_freed_is_read_as_torch_says(read):
    tensor = torch.ones(9)
    view = tensor[2:]
    tensor.untyped_storage().resize_(0)
    assert read(tensor) == said_by_torch(tensor)
    assert read(view) == said_by_torch(view)
    tensor.untyped_storage().resize_(1 << 12)
    assert read(view) == said_by_torch(view)


def test_a_tensor_that_changes_is_read_as_it_is_now(read):
    tensor = torch.ones(9)
    for change in (lambda: tensor.resize_(5000), lambda: tensor.set_(torch.ones(3)), lambda: tensor.resize_(0)):
        change()
        assert read(tensor) == said_by_torch(tensor)
    tensor.data = torch.ones(4)[1:]
    assert read(tensor) == said_by_torch(tensor)


def test_a_tensor_whose_object_went_and_came_back_is_read_as_torch_says(read):
    owner = torch.ones(3, requires_grad=True)
    owner.grad = torch.ones(3)
    gc.collect()
    assert read(owner.grad) == said_by_torch(owner.grad)


def test_an_array_of_numpy_is_read_as_torch_says(read):
    numpy = pytest.importorskip("numpy")
    tensor = torch.from_numpy(numpy.arange(20, dtype=numpy.int32)[3:])
    assert read(tensor) == said_by_torch(tensor)


def test_an_offset_of_more_than_2_to_the_32_is_read_as_torch_says(read):
    try:
        memory = mmap.mmap(-1, 5 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        pytest.skip(f"5 GiB of addresses: {error}")
    tensor = torch.frombuffer(memory, dtype=torch.uint8)[(1 << 32) + 3 :]
    assert read(tensor) == said_by_torch(tensor)
    assert tensor.storage_offset() == (1 << 32) + 3


def test_reading_leaves_no_reference(read):
    tensor = torch.ones(3)
    before = sys.getrefcount(tensor), sys.getrefcount(torch.float32)
    for _ in range(100):
        read(tensor)
    assert (sys.getrefcount(tensor), sys.getrefcount(torch.float32)) == before


# Tensors that are refused


class Subclass(torch.Tensor):
    pass


class Wrapper(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        raise NotImplementedError


def refused_tensors():
    """Tensors of the kinds that are not read by the layout; some only where this torch can make them."""
    matrix = torch.ones(4, 4)
    conjugated = torch.ones(3, dtype=torch.complex64).conj()
    yield "meta", torch.empty(3, device="meta")
    yield "conjugated", conjugated
    yield "negated", conjugated.imag
    yield "zero", torch._efficientzerotensor((3,), dtype=torch.float32, device="cpu")
    yield "sparse, COO", matrix.to_sparse()
    yield "sparse, CSR", matrix.to_sparse_csr()
    yield "sparse, blocked", matrix.to_sparse_bsr((2, 2))
    yield "nested", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    yield "nested, jagged", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    yield "functional", torch._to_functional_tensor(torch.ones(3))
    yield "subclass", matrix.as_subclass(Subclass)
    yield "subclass of Parameter", torch.nn.Parameter(matrix.as_subclass(Subclass))
    yield "wrapper", torch.Tensor._make_wrapper_subclass(Wrapper, (3,), device="meta:2")
    yield "lazy clone", torch._lazy_clone(matrix)
    yield "lazily cloned", matrix
    yield "view of a lazy clone", matrix[1:]
    with contextlib.suppress(RuntimeError):
        yield "quantised", torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    if torch.backends.mkldnn.is_available():
        yield "MKL-DNN", torch.ones(3).to_mkldnn()


def test_a_tensor_of_another_kind_is_refused(read):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some kinds are experimental, others deprecated
        for name, tensor in refused_tensors():
            assert (name, read(tensor)) == (name, None)


def test_a_fake_tensor_is_refused(read):
    fake_tensor = pytest.importorskip("torch._subclasses.fake_tensor")
    with fake_tensor.FakeTensorMode() as mode:
        assert read(torch.ones(3)) is None
        assert read(mode.from_tensor(torch.ones(3))) is None


@pytest.mark.parametrize("transform", ["vmap", "grad", "jvp", "functionalize", "nested"])
def test_a_tensor_inside_a_function_transform_is_refused(read, transform):
    readings = []

    def function(x):
        readings.append((type(x) is torch.Tensor, read(x), read(x * 2)))
        return x.sum()

    func, x = torch.func, torch.ones(3, 4)
    {
        "vmap": lambda: func.vmap(function)(x),
        "grad": lambda: func.grad(function)(x),
        "jvp": lambda: func.jvp(function, (x,), (x,)),
        "functionalize": lambda: func.functionalize(function)(x),
        "nested": lambda: func.vmap(func.grad(function))(x),
    }[transform]()
    assert readings == [(True, None, None)]


def test_a_storage_that_must_be_asked_is_refused_until_it_need_not(read):
    throwing, warning, original = torch.ones(3), torch.ones(3), torch.ones(3)
    torch._C._set_throw_on_mutable_data_ptr(throwing)
    torch._C._set_warn_deprecated_on_mutable_data_ptr(warning)
    copy = torch._lazy_clone(original)
    assert [read(tensor) for tensor in (throwing, warning, original, copy)] == [None] * 4
    assert torch._C._is_cow_tensor(copy)  # reading has not made it a copy
    for tensor in (copy, original):
        assert read(tensor) is None
        assert said_by_torch(tensor) == read(tensor)


def test_what_is_no_tensor_is_refused():
    for thing in (None, 3, object(), torch, torch.Tensor, torch.float32):
        assert torch_layout.read(LAYOUT, thing) is None


def test_a_packed_layout_of_another_size_is_refused(read_one):
    packed = LAYOUT.pack()
    for wrong in (b"", packed[:-1], packed + b"\0", packed[:8]):
        assert read_one(wrong, len(wrong), torch.ones(3), TorchTensor()) == -1


def test_a_packed_layout_with_too_many_words_is_refused(read_one):
    packed = bytearray(LAYOUT.pack())
    assert packed[90] == len(LAYOUT.words)
    packed[90] = 9
    assert read_one(bytes(packed), len(packed), torch.ones(3), TorchTensor()) == -1


@pytest.mark.parametrize(
    "change",
    [
        {"words": ((1 << 40, 0),)},
        {"words": tuple((word, 1) for word, _ in LAYOUT.words) if LAYOUT else ()},
        {"dtypes": (torch.uint8, *[None] * 63)},
    ],
    ids=["other keys", "other device", "other dtypes"],
)
def test_a_tensor_with_what_no_probe_had_is_refused(read_one, change):
    layout = LAYOUT._replace(**change)
    packed = layout.pack()
    assert torch_layout.read(layout, torch.ones(3)) is None
    assert read_one(packed, len(packed), torch.ones(3), TorchTensor()) == 0


# Proving


@pytest.fixture
def proof():
    """What proving finds now: on a machine with CUDA, it may have been initialised since the module was loaded."""
    return torch_layout.prove(torch)


def test_proving_again_finds_the_same(proof):
    assert torch_layout.prove(torch) == proof


@contextlib.contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("mode", ["inference", "no grad", "fake", "device", "autocast", "deterministic"])
def test_proving_in_a_mode_finds_the_same(mode, proof):
    fake_tensor = pytest.importorskip("torch._subclasses.fake_tensor")
    contexts = {
        "inference": torch.inference_mode,
        "no grad": torch.no_grad,
        "fake": fake_tensor.FakeTensorMode,
        "device": lambda: torch.device("meta"),
        "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        "deterministic": deterministic,
    }
    with contexts[mode]():
        assert torch_layout.prove(torch) == proof


def test_proving_in_a_thread_finds_the_same(proof):
    results = []
    thread = threading.Thread(target=lambda: results.append(torch_layout.prove(torch)))
    thread.start()
    thread.join()
    assert results == [proof]


def test_proving_in_a_function_transform_finds_the_same_or_nothing(proof):
    results = []
    torch.func.grad(lambda x: (results.append(torch_layout.prove(torch)), x.sum())[1])(torch.ones(3))
    [(layout, reason)] = results
    assert (layout, reason) == proof if layout else reason


def test_proving_says_nothing_and_leaves_random_numbers_alone(tmp_path):
    done = run_python(
        "import torch\n"
        "from triton.backends.graft.launch import torch_layout\n"
        "torch.manual_seed(1)\n"
        "before = torch.get_rng_state()\n"
        "layout, reason = torch_layout.prove(torch)\n"
        "assert layout and not layout.knows_cuda and not torch.cuda.is_initialized(), reason\n"
        "assert torch.equal(before, torch.get_rng_state())\n",
        tmp_path,
        PYTHONWARNINGS="error::UserWarning",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# A torch that is not as expected


def test_what_is_not_torch_is_refused_with_a_reason():
    for thing in (None, object(), types.ModuleType("torch"), mock.MagicMock()):
        layout, reason = torch_layout.prove(thing)
        assert layout is None
        assert reason


def doctored(**changes):
    """A module like torch but for *changes*, those of `torch._C` in a dict `_C`; what is changed to None is missing."""

    def copy(module, changes):
        result = types.ModuleType(module.__name__)
        vars(result).update(vars(module))
        for name, value in changes.items():
            vars(result).pop(name)
            if value is not None:
                setattr(result, name, value)
        return result

    inner = copy(torch._C, changes.pop("_C", {}))
    return copy(torch, {"_C": inner, **changes})


@pytest.mark.parametrize("name", ["_lazy_clone", "frombuffer", "inference_mode", "_to_functional_tensor", "Tensor"])
def test_a_torch_without_what_is_asked_is_refused(name):
    expected = f"AttributeError: module 'torch' has no attribute '{name}'"
    assert torch_layout.prove(doctored(**{name: None})) == (None, expected)


@pytest.mark.parametrize("name", ["_dispatch_keys", "_set_throw_on_mutable_data_ptr", "_DisableTorchDispatch"])
def test_a_torch_without_an_inner_function_is_refused(name):
    expected = f"AttributeError: module 'torch._C' has no attribute '{name}'"
    assert torch_layout.prove(doctored(_C={name: None})) == (None, expected)


def test_a_torch_with_lying_functions_is_refused():
    keys = torch._C._dispatch_keys
    one_word = keys(torch.ones(3))
    shared = torch.ones(3)

    def always_shared(*args, **kwargs):
        return shared

    cases = {
        "dispatch keys: found at 0 places in the TensorImpl, not at one": {"_C": {"_dispatch_keys": lambda tensor: one_word}},
        "check: found at 0 places in the StorageImpl, not at one": {
            "_C": {"_set_throw_on_mutable_data_ptr": lambda tensor: None}
        },
        "a lazy clone is not copied on write": {"_lazy_clone": lambda tensor: tensor.clone()},
        "a mode makes Subclass of what should be a Tensor": {
            "frombuffer": lambda *args, **kwargs: torch.frombuffer(*args, **kwargs).as_subclass(Subclass)
        },
        "two probes have one TensorImpl": {
            "_to_functional_tensor": lambda tensor: shared,
            "_efficientzerotensor": always_shared,
        },
    }
    for reason, changes in cases.items():
        assert torch_layout.prove(doctored(**changes)) == (None, reason)


def test_a_plain_tensor_among_the_other_kinds_is_refused():
    layout, reason = torch_layout.prove(doctored(_efficientzerotensor=lambda *args, **kwargs: torch.ones(3)))
    assert layout is None
    assert reason == "a tensor that is not plain cannot be told from one that is"


def lies_about_addresses(other):
    """What `_cdata` may say instead of its object's address; *other* is an address within reach."""
    seen = []
    return {
        "constant": lambda self: 12345,
        "null": lambda self: 0,
        "negative": lambda self: -1,
        "huge": lambda self: 1 << 70,
        "None": lambda self: None,
        "text": lambda self: "cdata",
        "the object": id,
        "its type": lambda self: id(type(self)),
        "another address": other,
        "growing": lambda self: seen.append(self) or len(seen) * 4096,
    }


@pytest.mark.parametrize("lie", lies_about_addresses(None))
def test_a_tensor_that_lies_about_its_address_is_refused(monkeypatch, lie):
    says = lies_about_addresses(lambda self: self.untyped_storage()._cdata)[lie]
    monkeypatch.setattr(torch.Tensor, "_cdata", property(says), raising=False)
    layout, reason = torch_layout.prove(torch)
    monkeypatch.undo()
    assert layout is None
    assert reason


@pytest.mark.parametrize("lie", lies_about_addresses(None))
def test_a_storage_that_lies_about_its_address_is_refused(monkeypatch, lie):
    vtable = ctypes.c_uint64.from_address(torch.ones(3)._cdata).value
    says = lies_about_addresses(lambda self: vtable)[lie]
    monkeypatch.setattr(torch.UntypedStorage, "_cdata", property(says), raising=False)
    layout, reason = torch_layout.prove(torch)
    monkeypatch.undo()
    assert layout is None
    assert reason


@pytest.mark.parametrize(
    ("name", "lie", "reason"),
    [
        ("numel", lambda self: 3, "number of elements: found at 0 places in the TensorImpl, not at one"),
        ("numel", lambda self: "3", "AttributeError: 'str' object has no attribute 'to_bytes'"),
        ("storage_offset", lambda self: 12345, "storage offset: found at 0 places in the TensorImpl, not at one"),
        ("device", property(lambda self: torch.device("cpu", 3)), "device: found at 0 places in the TensorImpl, not at one"),
        ("data_ptr", lambda self: 0, "data_ptr is not torch's own"),
    ],
)
def test_a_tensor_that_lies_about_a_field_is_refused(monkeypatch, name, lie, reason):
    monkeypatch.setattr(torch.Tensor, name, lie, raising=False)
    proof = torch_layout.prove(torch)
    monkeypatch.undo()
    assert proof == (None, reason)


def test_a_tensor_that_lies_about_its_dtype_is_refused(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "dtype", property(lambda self: torch.int8), raising=False)
    layout, reason = torch_layout.prove(torch)
    monkeypatch.undo()
    assert layout is None
    assert reason.startswith("dtype: found at ")  # wherever all tensors hold one number


def test_a_storage_that_lies_about_its_data_is_refused(monkeypatch):
    monkeypatch.setattr(torch.UntypedStorage, "data_ptr", lambda self: 12345, raising=False)
    proof = torch_layout.prove(torch)
    monkeypatch.undo()
    assert proof == (None, "data: found at 0 places in the StorageImpl, not at one")


@pytest.mark.parametrize("probe", [0, 1, 7, -1])
def test_one_probe_that_disagrees_is_enough(monkeypatch, probe):
    make = torch_layout._make_probes

    def make_with_a_stranger(torch):
        probes = make(torch)
        stranger = probes.plain[probe]
        numel = torch.Tensor.numel
        monkeypatch.setattr(torch.Tensor, "numel", lambda self: numel(self) + (self is stranger), raising=False)
        return probes

    monkeypatch.setattr(torch_layout, "_make_probes", make_with_a_stranger)
    proof = torch_layout.prove(torch)
    monkeypatch.undo()
    assert proof == (None, "number of elements: found at 0 places in the TensorImpl, not at one")


def test_another_platform_is_refused(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert torch_layout.prove(torch) == (None, "not known on cpython, linux, riscv64")
