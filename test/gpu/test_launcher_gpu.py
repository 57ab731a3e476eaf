# SPDX-License-Identifier: MIT
"""Launches of the native launcher on a CUDA device: what kernels compute, and which way their launches went."""

import contextvars
import gc
import math
import os
import re
import struct
import subprocess
import sys
import types
import weakref
from pathlib import Path

import pytest
import torch
import triton
import triton.language as tl
from triton import knobs
from triton.backends.graft.errors import LaunchError, SpecializationError
from triton.backends.graft.launch import _launcher, launcher
from triton.backends.graft.launch.launcher import freeze
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.runtime.errors import OutOfResources
from triton.tools.tensor_descriptor import TensorDescriptor
from value_cases import tag_of

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from launch_values import Pair, Pointer
from launching import FAST, FIRST, FROZEN, TUNED, in_thread, in_threads


@pytest.fixture(scope="module", autouse=True)
def device_in_use():
    """PyTorch's tensors on the device are known from the first driver on."""
    torch.ones(1, device="cuda")


@pytest.fixture(autouse=True)
def native(graft):
    """Our driver launches natively and counts from zero."""
    assert graft.launches_natively
    went()
    return graft


@pytest.fixture
def hopper():
    if torch.cuda.get_device_capability() < (9, 0):
        pytest.skip("needs a device of compute capability 9.0")


def went():
    """Which way the launches since the last time went."""
    counts = launcher.stats()
    _launcher.reset_stats()
    return counts


def zeros(size=8, dtype=torch.float32, **how):
    return torch.zeros(size, dtype=dtype, device="cuda", **how)


# -- Kernels. Tests make them of these functions, so that each begins with one that is not compiled.


def bump(x):
    tl.store(x, tl.load(x) + 1)


def store(out, value):
    tl.store(out, value)


def add(x, y, out, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out + offsets, tl.load(x + offsets, mask=mask) + tl.load(y + offsets, mask=mask), mask=mask)


def annotated(function, **types_by_name):
    """A kernel of *function* whose parameters are annotated."""
    copy = types.FunctionType(function.__code__, function.__globals__, function.__name__)
    copy.__annotations__ = types_by_name
    return triton.jit(copy)


def stored(kernel, value, dtype):
    """What *kernel* stores as *dtype* when it is given *value*: in a launch that may be the first, and in the next one."""
    outs = zeros(1, dtype), zeros(1, dtype)
    for out in outs:
        kernel[(1,)](out, value)
    return [out.item() for out in outs]


# -- Results


def test_vectors_are_added_on_the_fast_path():
    kernel = triton.jit(add)
    for n in (1000, 1003, 4096, 5000, 1):
        x, y, out = torch.randn(n, device="cuda"), torch.randn(n, device="cuda"), zeros(n)
        for _ in range(3):
            out.zero_()
            kernel[(triton.cdiv(n, 256),)](x, y, out, n, BLOCK=256)
            assert torch.equal(out, x + y), n
    assert went() == {FIRST: 3, FAST: 12}  # n divisible by 16, or not, or 1


def test_a_launch_returns_the_compiled_kernel():
    kernel, x = triton.jit(bump), zeros()
    first, second = kernel[(1,)](x), kernel[(1,)](x)
    assert first is second and first.metadata.name == "bump" and "ptx" in first.asm
    assert went() == {FIRST: 1, FAST: 1}


def scaled(out, x, scale=2.0, *, SHIFT: tl.constexpr = 3):
    tl.store(out, tl.load(x) * scale + SHIFT)


def test_arguments_are_bound_as_python_binds_them():
    kernel, x, out = triton.jit(scaled), zeros(1) + 5, zeros(1)
    calls = [
        (lambda launch: launch(out, x), 13),
        (lambda launch: launch(out, x, 0.5), 5.5),
        (lambda launch: launch(x=x, out=out, SHIFT=1), 11),
        (lambda launch: launch(out, scale=-1.0, x=x, SHIFT=1), -4),
        (lambda launch: launch(out, x, num_warps=2), 13),
    ]
    for call, expected in calls * 2:
        out.zero_()
        call(kernel[(1,)])
        assert out.item() == expected
    assert went() == {FIRST: 3, FAST: 7}


INTEGERS = [0, 5, 16, 1, -1, -3, -16, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1]


def test_integers_of_any_size_arrive():
    kernel = triton.jit(store)
    for value in INTEGERS:
        assert stored(kernel, value, torch.int64) == [value if value < 2**63 else value - 2**64] * 2, value
    assert went()[FAST] >= len(INTEGERS)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("i8", 300, 44),
        ("i8", -129, 127),
        ("i16", 70000, 4464),
        ("i32", 2**31, -(2**31)),
        ("i64", -(2**63), -(2**63)),
        ("u8", 300, 44),
        ("u16", 70000, 4464),
        ("u32", 2**32 - 1, 2**32 - 1),
        ("u64", 2**63, -(2**63)),
        ("u1", 1, 1),
        ("u1", True, 1),
        ("u1", False, 0),
    ],
)
def test_annotated_integers_are_cut_to_their_width(type_, value, expected):
    assert stored(annotated(store, value=type_), value, torch.int64) == [expected] * 2
    assert went() == {FIRST: 1, FAST: 1}


def test_a_negative_integer_for_an_unsigned_parameter_is_refused():
    kernel = annotated(store, value="u32")
    assert stored(kernel, 7, torch.int64) == [7, 7]
    for _ in range(2):
        with pytest.raises(OverflowError, match="can't convert negative"):
            kernel[(1,)](zeros(1, torch.int64), -7)


FLOATS = [0.0, -0.0, 0.1, 1 / 3, -2.5, 2049.0, 65504.0, 6e-8, 1e-40, 3.0e38, math.inf, -math.inf, math.nan]


def rounded(form):
    return lambda value: struct.unpack(f"<{form}", struct.pack(f"<{form}", value))[0]


def truncated(value):
    """*value* as a bfloat16: the upper half of a single."""
    return struct.unpack("<f", b"\0\0" + struct.pack("<f", value)[2:])[0]


@pytest.mark.parametrize(
    ("type_", "narrow"),
    [("fp16", rounded("e")), ("bf16", truncated), ("fp32", rounded("f")), ("fp64", float), ("", rounded("f"))],
)
def test_floats_are_narrowed_as_their_parameter_says(type_, narrow):
    kernel = annotated(store, value=type_) if type_ else triton.jit(store)
    values = [value for value in FLOATS if type_ != "fp16" or not 65504 < abs(value) < math.inf]
    for value in values:
        assert list(map(repr, stored(kernel, value, torch.float64))) == [repr(narrow(value))] * 2, value
    assert went() == {FIRST: 1, FAST: 2 * len(values) - 1}


def test_an_annotated_float_takes_integers():
    kernel = annotated(store, value="fp32")
    assert [stored(kernel, value, torch.float64) for value in (3, True, -(2**40))] == [[3, 3], [1, 1], [-(2**40)] * 2]
    assert went() == {FIRST: 1, FAST: 5}


def test_truth_values_arrive():
    kernel = triton.jit(store)
    assert [stored(kernel, value, torch.int64) for value in (True, False, True)] == [[1, 1], [0, 0], [1, 1]]
    assert went() == {FIRST: 1, FAST: 5}


def load_or(out, x):
    if x is None:
        tl.store(out, -1.0)
    else:
        tl.store(out, tl.load(x))


def test_a_pointer_may_be_none():
    kernel, x = triton.jit(load_or), zeros() + 7
    assert [stored(kernel, value, torch.float32) for value in (None, x, None)] == [[-1, -1], [7, 7], [-1, -1]]
    assert went() == {FIRST: 2, FAST: 4}


def test_a_pointer_may_be_a_number_or_anything_with_an_address():
    kernel, x = annotated(load_or, x="*fp32"), zeros() + 7
    assert stored(kernel, x.data_ptr(), torch.float32) == [7, 7]
    assert stored(kernel, Pointer(x.data_ptr(), "fp32"), torch.float32) == [7, 7]
    assert went()[FAST] >= 2


def add_up(out, pair, nested):
    tl.store(out, pair[0] + pair[1])
    tl.store(out + 1, tl.load(nested[0]) + nested[1][0] * nested[1][1])


def add_fields(out, pair):
    tl.store(out, pair.a + pair.b)


def test_tuples_are_taken_apart():
    out, x, kernel, fields = zeros(2), zeros() + 100, triton.jit(add_up), triton.jit(add_fields)
    for first, second in ((3, 4.0), (5, 0.5)):
        kernel[(1,)](out, (first, 2.5), (x, (second, 2)))
        assert out.tolist() == [first + 2.5, 100 + 2 * second]
        fields[(1,)](out, Pair(first, second))
        assert out[0].item() == first + second
    assert went() == {FIRST: 2, FAST: 2}


@triton.jit
def twice(x):
    return x * 2


@triton.jit
def square(x):
    return x * x


def apply(out, FUNCTION: tl.constexpr, value):
    tl.store(out, FUNCTION(value))


def apply_argument(out, function, value):
    tl.store(out, function(value))


def test_functions_may_be_arguments():
    out = zeros(1)
    for kernel in (triton.jit(apply), triton.jit(apply_argument)):
        for _ in range(2):
            for function, expected in ((twice, 14), (square, 49)):
                kernel[(1,)](out, function, 7)
                assert out.item() == expected


def store_tag(out, C: tl.constexpr):
    tl.store(out, tag_of(C))


CONSTANTS = [0, 0.0, -0.0, False, 1, 1.0, True, 2, 2.0, None, "a", "b", (1, 2), (1.0, 2), (True, 2), ((0,), "a"), ((0.0,), "a")]
CONSTANTS += [tl.float16, tl.float32, math.inf, 2**70, tl.constexpr(3), tl.constexpr(3.0), tl.constexpr(-1)]


def test_every_constant_has_a_kernel_of_its_own():
    """What a kernel stores says type and value of the constant that it was compiled for."""
    kernel, out = triton.jit(store_tag), zeros(1, torch.int64)

    def tag(constant):
        kernel[(1,)](out, constant)
        return out.item()

    tags = [tag(constant) for constant in CONSTANTS]
    assert len(set(tags)) == len(CONSTANTS)
    assert [tag(constant) for constant in reversed(CONSTANTS)] == tags[::-1]
    assert went() == {FIRST: len(CONSTANTS), FAST: len(CONSTANTS)}


def test_an_empty_grid_launches_nothing():
    kernel, x = triton.jit(bump), zeros()
    for grid in ((0,), (1,), (0,), (3, 0), (1, 1, 1), lambda meta: (0,)):
        kernel[grid](x)
    assert x[0].item() == 2


# -- Streams, graphs and threads


def test_a_launch_goes_to_the_current_stream():
    kernel, x, stream = triton.jit(bump), zeros(1), torch.cuda.Stream()
    kernel[(1,)](x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        kernel[(1,)](x)
    assert x.item() == 1  # the other launch was captured, so it went to that stream
    graph.replay()
    assert x.item() == 2
    for current in (stream, torch.cuda.ExternalStream(stream.cuda_stream), torch.cuda.Stream(priority=-1)):
        with torch.cuda.stream(current):
            assert _launcher.current() == (torch.cuda.current_device(), current.cuda_stream)
            kernel[(1,)](x)
        current.synchronize()
    assert x.item() == 5
    assert went() == {FIRST: 1, FAST: 4}


def test_a_graph_replays_with_what_its_tensors_hold_then():
    kernel, n = triton.jit(add), 5000
    x, y, out = zeros(n), zeros(n), zeros(n)
    kernel[(20,)](x, y, out, n, BLOCK=256)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(3):
            kernel[(20,)](x, y, y, n, BLOCK=256)
        kernel[(20,)](x, y, out, n, BLOCK=256)
    x.copy_(torch.arange(n))
    graph.replay()
    assert torch.equal(out, 4 * x)
    graph.replay()
    assert torch.equal(out, 7 * x)
    assert went() == {FIRST: 1, FAST: 4}


def test_regression_the_first_launch_of_a_kernel_may_be_captured():
    """Regression: loading its module ended the capture."""
    kernel, x, graph = triton.jit(bump), zeros(1), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kernel[(1,)](x)
        kernel[(1,)](x)
    assert x.item() == 0
    graph.replay()
    graph.replay()
    kernel[(1,)](x)
    assert x.item() == 5
    assert went() == {FIRST: 1, FAST: 2}


def test_regression_a_kernel_may_be_unloaded_during_a_capture():
    """Regression: unloading the module of one kernel ended the capture of another."""
    kernel, x, graph = triton.jit(bump), zeros(1), torch.cuda.CUDAGraph()
    other = triton.jit(store)
    alive = weakref.ref(other[(1,)](x, 0.0))
    kernel[(1,)](x)
    with torch.cuda.graph(graph):
        kernel[(1,)](x)
        del other
        triton.jit(store)  # Triton keeps the last kernel of a name
        gc.collect()
        assert alive() is None
        kernel[(1,)](x)
    graph.replay()
    assert x.item() == 3


def test_threads_launch_on_streams_of_their_own():
    kernel, tensors = triton.jit(bump), [zeros(1) for _ in range(4)]
    streams = [torch.cuda.Stream() for _ in tensors]
    kernel[(1,)](tensors[0])
    torch.cuda.synchronize()

    def work(index):
        with torch.cuda.stream(streams[index]):
            for _ in range(300):
                kernel[(1,)](tensors[index])
            assert _launcher.current()[1] == streams[index].cuda_stream

    in_threads(4, work)
    torch.cuda.synchronize()
    assert [tensor.item() for tensor in tensors] == [301, 300, 300, 300]
    assert went() == {FIRST: 1, FAST: 1200}


def test_a_new_thread_launches_without_having_used_the_device_before():
    kernel, other, x = triton.jit(bump), triton.jit(store), zeros(1)
    kernel[(1,)](x)
    in_thread(lambda: kernel[(1,)](x))
    assert x.item() == 2
    in_thread(lambda: other[(1,)](x, 9.0))  # compiled and loaded there
    assert x.item() == 9
    in_thread(lambda: other[(1,)](x, 5.0))
    assert x.item() == 5
    assert went() == {FIRST: 2, FAST: 2}


def test_a_backward_pass_launches_in_a_thread_of_pytorch():
    kernel, seen = triton.jit(add), []

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            out = torch.empty_like(x)
            kernel[(1,)](x, x, out, x.numel(), BLOCK=64)
            return out

        @staticmethod
        def backward(context, gradient):
            out, gradient = torch.empty_like(gradient), gradient.contiguous()
            kernel[(1,)](gradient, gradient, out, gradient.numel(), BLOCK=64)
            seen.append(_launcher.current()[1])
            return out

    x, stream = zeros(50, requires_grad=True), torch.cuda.Stream()
    for current in (torch.cuda.default_stream(), stream):
        with torch.cuda.stream(current):
            (Double.apply(x) * 3).sum().backward()
        current.synchronize()
    assert x.grad.tolist() == [12.0] * 50
    assert seen == [0, stream.cuda_stream]
    assert went() == {FIRST: 1, FAST: 3}


FORKED = """
import os, torch, triton, triton.language as tl
from triton.backends.graft.driver import Driver

triton.runtime.driver.set_active(Driver())

@triton.jit
def bump(x):
    tl.store(x, tl.load(x) + 1)

x = torch.zeros(1, device="cuda")
bump[(1,)](x)
bump[(1,)](x)
child = os.fork()
if child == 0:
    try:
        bump[(1,)](x)
    except RuntimeError as error:
        os._exit(7 if "CUDA" in str(error) else 8)
    os._exit(9)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
bump[(1,)](x)
print(status, x.item())
"""


def run_script(tmp_path, source):
    """What a process that runs *source* prints."""
    script = tmp_path / "script.py"
    script.write_text(source)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_forked_child_gets_an_error_and_its_parent_goes_on(tmp_path):
    assert run_script(tmp_path, FORKED) == ["7", "3.0"]


WITHOUT_TORCH = """
import ctypes, sys, triton, triton.language as tl
from triton.backends.graft.launch import launcher
from triton.backends.graft.driver import Driver

triton.runtime.driver.set_active(Driver())
cuda = ctypes.CDLL("libcuda.so.1")

class Array:
    dtype = "i32"
    def data_ptr(self):
        return self.address.value

@triton.jit
def fill(x, value):
    tl.store(x + tl.program_id(0), value + tl.program_id(0))

triton.runtime.driver.active.get_current_device()  # makes the context
array, numbers = Array(), (ctypes.c_int * 4)()
array.address = ctypes.c_uint64()
assert cuda.cuMemAlloc_v2(ctypes.byref(array.address), 16) == 0
fill[(4,)](array, 30)
fill[(4,)](array, 70)
assert cuda.cuMemcpyDtoH_v2(numbers, array.address, 16) == 0
print(*numbers, launcher.stats()["launched"], "torch" in sys.modules)
"""


def test_a_process_without_pytorch_launches(tmp_path):
    assert run_script(tmp_path, WITHOUT_TORCH) == ["70", "71", "72", "73", "1", "False"]


# -- Tensors


class Subclass(torch.Tensor):
    pass


def tensors_of_all_kinds():
    """Tensors of floats on the device, by how they came to be."""
    matrix = zeros((8, 64))
    with torch.inference_mode():
        inference = zeros()
    yield "whole", zeros()
    yield "row", matrix[1]
    yield "slice", matrix[2, 3:]
    yield "strided", matrix[3, ::2]
    yield "transposed", matrix.t()[5:]
    yield "expanded", zeros(1).expand(5)
    yield "scalar", zeros(())
    yield "viewed as floats", zeros(64, torch.int8)[16:].view(torch.float32)
    yield "requires grad", zeros(requires_grad=True)
    yield "parameter", torch.nn.Parameter(zeros())
    yield "of a module", torch.nn.Linear(3, 4, device="cuda").weight
    yield "detached", zeros(requires_grad=True).detach()
    yield "result", zeros(requires_grad=True) * 2
    yield "inference", inference
    yield "of another stream", of_another_stream()
    yield "of a thread", in_thread(zeros)
    yield "from DLPack", torch.from_dlpack(matrix[4])
    yield "subclass", zeros().as_subclass(Subclass)
    yield "sent", torch.zeros(8).to("cuda")


def of_another_stream():
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        tensor = zeros()
    stream.synchronize()
    return tensor


def first_element(tensor):
    return tensor.detach().reshape(-1)[0].item()


def test_tensors_of_all_kinds_are_read_at_their_address():
    kernel = triton.jit(bump)
    for name, tensor in tensors_of_all_kinds():
        before = first_element(tensor)
        for _ in range(3):
            kernel[(1,)](tensor)
        assert first_element(tensor) == pytest.approx(before + 3), name
    counts = went()
    assert counts.pop(FAST) > 2 * counts.pop(FIRST)
    assert counts == {}


def test_a_tensor_without_elements_is_a_null_pointer():
    kernel, empty = triton.jit(add), zeros(0)
    for _ in range(2):
        kernel[(1,)](empty, zeros()[8:], empty, 0, BLOCK=64)
    torch.cuda.synchronize()
    assert went() == {FIRST: 1, FAST: 1}


def test_a_tensor_is_read_anew_when_its_storage_changes():
    kernel, x, other = triton.jit(bump), zeros(64), zeros(256)

    def swap_data():
        x.data = other

    changes = [swap_data, lambda: x.set_(other[16:]), lambda: x.resize_(1 << 20), lambda: x.set_(zeros(64))]
    changes.append(lambda: x.untyped_storage().resize_(1 << 22))
    kernel[(1,)](x)
    for change in changes:
        address = x.data_ptr()
        change()
        assert x.data_ptr() != address
        x.zero_()
        kernel[(1,)](x)
        assert x[0].item() == 1
    assert went() == {FIRST: 1, FAST: len(changes)}


def test_pinned_memory_of_the_host_is_launched_on():
    kernel, host = triton.jit(bump), torch.zeros(8).pin_memory()
    for _ in range(3):
        kernel[(1,)](host)
        kernel[(1,)](host[1:])
    torch.cuda.synchronize()
    assert host[:3].tolist() == [3, 3, 0]
    assert went() == {FIRST: 2, FAST: 4}


def test_a_tensor_of_the_host_is_refused_in_the_first_launch_and_in_later_ones():
    kernel, host, x = triton.jit(bump), torch.zeros(8), zeros()
    message = f"Pointer argument cannot be accessed from Triton (cpu tensor?): address {host.data_ptr():#x}, kernel 'bump'"

    def refused():
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            kernel[(1,)](host)

    refused()
    refused()
    kernel[(1,)](x)
    kernel[(1,)](x)
    refused()
    assert x[0].item() == 2 and host[0] == 0
    assert went() == {FIRST: 1, FAST: 1}


def test_arrays_of_cupy_are_launched_on():
    try:
        import cupy
    except ImportError as error:
        pytest.skip(f"there is no CuPy: {error}")
    if not hasattr(cupy.ndarray, "__dlpack_c_exchange_api__"):
        pytest.skip(f"CuPy {cupy.__version__} has no __dlpack_c_exchange_api__")
    kernel, x = triton.jit(bump), cupy.zeros(8, dtype=cupy.float32)
    cupy.cuda.Device().synchronize()
    for _ in range(3):
        kernel[(1,)](x[4:])
    torch.cuda.synchronize()
    assert x.tolist() == [0, 0, 0, 0, 3, 0, 0, 0]
    assert went() == {FIRST: 1, FAST: 2}


# -- Autotuning and heuristics


def test_an_autotuned_kernel_is_launched_with_what_was_chosen():
    configs = [triton.Config({"BLOCK": 64}, num_warps=2), triton.Config({"BLOCK": 256}, num_warps=4)]
    kernel = triton.autotune(configs=configs, key=["n"])(triton.jit(add))

    def launch(n):
        x, out = torch.randn(n, device="cuda"), zeros(n)
        kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, x, out, n)
        assert torch.equal(out, 2 * x)

    for n in (1000, 5000):
        launch(n)  # tunes
        launch(n)
        went()
        launch(n)
        assert went() == {TUNED: 1, FAST: 1}
        assert kernel.best_config in configs


def test_heuristics_are_asked_at_every_launch():
    kernel = triton.heuristics({"BLOCK": lambda args: 128 if args["n"] < 1000 else 512})(triton.jit(add))
    for n in (500, 3000) * 2:
        x, out = torch.randn(n, device="cuda"), zeros(n)
        kernel[lambda meta: (triton.cdiv(meta["n"], meta["BLOCK"]),)](x, x, out, n)
        assert torch.equal(out, 2 * x)
    assert went() == {FIRST: 2, FAST: 2}


# -- What Hopper has


def copy_tiles(source, target):
    y, x = tl.program_id(0) * 16, tl.program_id(1) * 32
    target.store([y, x], source.load([y, x]))


@pytest.mark.usefixtures("hopper")
def test_the_tensor_map_of_a_descriptor_follows_the_descriptor():
    kernel, matrices = triton.jit(copy_tiles), [torch.randn(64, 128, device="cuda").half() for _ in range(2)]
    out = torch.empty_like(matrices[0])
    source, target = (TensorDescriptor.from_tensor(tensor, [16, 32]) for tensor in (matrices[0], out))
    for matrix in matrices * 2:
        source.base = matrix
        kernel[(4, 4)](source, target)
        assert torch.equal(out, matrix)


def copy_rows(x, out, rows, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    source = tl.make_tensor_descriptor(x, shape=[rows, columns], strides=[columns, 1], block_shape=[ROWS, COLUMNS])
    target = tl.make_tensor_descriptor(out, shape=[rows, columns], strides=[columns, 1], block_shape=[ROWS, COLUMNS])
    start = tl.program_id(0) * ROWS
    target.store([start, 0], source.load([start, 0]))


@pytest.mark.usefixtures("hopper")
def test_a_kernel_that_makes_descriptors_gets_scratch_memory():
    kernel, x = triton.jit(copy_rows), torch.randn(64, 128, device="cuda").half()
    out, asked = torch.empty_like(x), []

    def allocate(size, alignment, stream):
        asked.append((size, stream))
        return torch.empty(size, dtype=torch.int8, device="cuda")

    def launch():
        out.zero_()
        compiled = kernel[(4,)](x, out, 64, 128, ROWS=16, COLUMNS=128)
        assert torch.equal(out, x)
        assert asked.pop() == (4 * compiled.metadata.global_scratch_size, torch.cuda.current_stream().cuda_stream)

    def launch_thrice():
        triton.set_allocator(allocate)
        launch()
        launch()
        with torch.cuda.stream(torch.cuda.Stream()):
            launch()

    torch.cuda.synchronize()
    contextvars.copy_context().run(launch_thrice)
    assert went() == {FIRST: 1, FAST: 2}


@pytest.mark.usefixtures("hopper")
def test_a_graph_keeps_the_maps_and_scratch_memory_that_it_captured():
    host, device = triton.jit(copy_tiles), triton.jit(copy_rows)
    x, out, other = torch.randn(64, 128, device="cuda").half(), zeros((64, 128), torch.float16), zeros((64, 128), torch.float16)
    source, target = (TensorDescriptor.from_tensor(tensor, [16, 32]) for tensor in (x, out))
    memory = torch.empty(1 << 16, dtype=torch.int8, device="cuda")

    def launch():
        host[(4, 4)](source, target)
        device[(4,)](x, other, 64, 128, ROWS=16, COLUMNS=128)

    def capture():
        triton.set_allocator(lambda size, alignment, stream: memory)
        launch()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            launch()
        source.base, target.base = torch.zeros_like(x), torch.zeros_like(out)
        launch()
        return graph

    graph = contextvars.copy_context().run(capture)
    for value in (3.0, 5.0):
        x.fill_(value)
        out.zero_(), other.zero_()
        graph.replay()
        torch.cuda.synchronize()
        assert torch.equal(out, x) and torch.equal(other, x)


@pytest.mark.usefixtures("hopper")
def test_kernels_with_descriptors_and_scratch_memory_can_be_frozen():
    host, device = triton.jit(copy_tiles), triton.jit(copy_rows)
    x, out = torch.randn(64, 128, device="cuda").half(), zeros((64, 128), torch.float16)
    source, target = (TensorDescriptor.from_tensor(tensor, [16, 32]) for tensor in (x, out))

    def check():
        triton.set_allocator(lambda size, alignment, stream: torch.empty(size, dtype=torch.int8, device="cuda"))
        by_host = freeze(host, (4, 4), source, target, vary=("source",))
        by_device = freeze(device, (4,), x, out, 64, 128, ROWS=16, COLUMNS=128, vary=("x",))
        for y in (torch.randn_like(x), torch.randn_like(x)):
            by_host(TensorDescriptor.from_tensor(y, [16, 32]))
            assert torch.equal(out, y)
            by_device(x)
            assert torch.equal(out, x)

    contextvars.copy_context().run(check)
    assert went() == {FROZEN: 4}


@pytest.mark.usefixtures("hopper")
def test_scratch_memory_without_an_allocator_is_an_error():
    kernel, x = triton.jit(copy_rows), zeros((64, 128), torch.float16)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no allocator was set"):
            kernel[(4,)](x, x, 64, 128, ROWS=16, COLUMNS=128)


def store_cluster_size(out):
    size = tl.inline_asm_elementwise("mov.u32 $0, %cluster_nctaid.x;", "=r", [], dtype=tl.int32, is_pure=True, pack=1)
    tl.store(out + tl.program_id(0), size)


@pytest.mark.usefixtures("hopper")
def test_programs_are_clusters():
    kernel = triton.jit(store_cluster_size)
    for size in (1, 2, 4, 16) * 2:
        out = zeros(8, torch.int32)
        kernel[(8,)](out, num_ctas=size)
        assert out.tolist() == [size] * 8
    assert went() == {FIRST: 4, FAST: 4}


@pytest.mark.usefixtures("hopper")
def test_a_cluster_shares_the_work_of_a_program():
    kernel, n = triton.jit(add), 5000
    x, out = torch.randn(n, device="cuda"), zeros(n)
    for _ in range(2):
        out.zero_()
        kernel[(5,)](x, x, out, n, BLOCK=1024, num_ctas=2)
        assert torch.equal(out, 2 * x)
    assert went() == {FIRST: 1, FAST: 1}


def bump_in_turn(x):
    tl.extra.cuda.gdc_wait()
    tl.store(x, tl.load(x) + 1)
    tl.extra.cuda.gdc_launch_dependents()


@pytest.mark.usefixtures("hopper")
def test_dependent_launches_wait_for_each_other_where_the_kernel_says():
    kernel, x = triton.jit(bump_in_turn), zeros(1)
    for _ in range(200):
        kernel[(1,)](x, launch_pdl=True)
    assert x.item() == 200
    assert went() == {FIRST: 1, FAST: 199}


def test_a_cooperative_launch_is_one():
    """A grid that does not fit the device at a time is an error only to a cooperative launch."""
    kernel, x = triton.jit(store), zeros(1)
    for _ in range(2):
        kernel[(4,)](x, 3.0, launch_cooperative_grid=True)
        kernel[(1 << 20,)](x, 4.0)
        with pytest.raises(
            LaunchError, match=r"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE = 720, kernel 'store', grid \(1048576, 1, 1\)"
        ):
            kernel[(1 << 20,)](x, 5.0, launch_cooperative_grid=True)
    assert x.item() == 4
    assert went() == {FIRST: 2, FAST: 2}


@gluon.jit
def gluon_bump(x, LAYOUT: gl.constexpr):
    offsets = gl.arange(0, 128, layout=LAYOUT)
    gl.store(x + offsets, gl.load(x + offsets) + 1)


def test_a_kernel_written_in_gluon_is_launched():
    x = zeros(128)
    for _ in range(3):
        gluon_bump[(1,)](x, gl.BlockedLayout([1], [32], [4], [0]))
    assert x.tolist() == [3.0] * 128
    assert went() == {FIRST: 1, FAST: 2}


# -- Hooks and errors


def test_launch_hooks_are_called_around_every_launch():
    kernel, x, stream, seen = triton.jit(bump), zeros(1), torch.cuda.Stream(), []
    kernel[(1,)](x)

    def enter(metadata):
        seen.append(("enter", metadata.get()["name"], metadata.get()["stream"], x.item()))

    def leave(metadata):
        seen.append(("exit", metadata.get()["name"], metadata.get()["stream"], x.item()))

    torch.cuda.synchronize()
    knobs.runtime.launch_enter_hook.add(enter)
    knobs.runtime.launch_exit_hook.add(leave)
    try:
        with torch.cuda.stream(stream):
            kernel[(1,)](x)
            kernel[(1,)](x)
    finally:
        knobs.runtime.launch_enter_hook.remove(enter)
        knobs.runtime.launch_exit_hook.remove(leave)
    handle = stream.cuda_stream
    assert seen == [(kind, "bump", handle, number) for kind, number in zip(("enter", "exit") * 2, (1, 2, 2, 3), strict=True)]
    kernel[(1,)](x)
    assert x.item() == 4 and len(seen) == 4


def test_a_grid_that_the_device_does_not_have_is_an_error_that_says_all():
    kernel, x = triton.jit(store), zeros(1)
    message = "Triton Error [CUDA]: invalid argument (cuLaunchKernelEx: CUDA_ERROR_INVALID_VALUE = 1, kernel 'store', grid "
    message += "(1, 65536, 1), block (128, 1, 1), 0 bytes of shared memory)"
    for value in (3.0, 4.0):
        for _ in range(2):
            with pytest.raises(LaunchError, match=f"^{re.escape(message)}$"):
                kernel[(1, 65536, 1)](x, -1.0)
        kernel[(1,)](x, value)
        assert x.item() == value


def multiply(a, b, c, k, SIZE: tl.constexpr, DEPTH: tl.constexpr):
    i, j = tl.arange(0, SIZE), tl.arange(0, DEPTH)
    total = tl.zeros((SIZE, SIZE), tl.float32)
    for start in range(0, k, DEPTH):
        total += tl.dot(tl.load(a + i[:, None] * k + start + j), tl.load(b + (start + j[:, None]) * SIZE + i))
    tl.store(c + i[:, None] * SIZE + i, total)


def test_a_kernel_that_needs_too_much_shared_memory_is_out_of_resources():
    kernel, k = triton.jit(multiply), 1024
    a, b = torch.randn(128, k, device="cuda").half(), torch.randn(k, 128, device="cuda").half()
    c = zeros((128, 128))
    for _ in range(2):
        with pytest.raises(OutOfResources, match="shared memory"):
            kernel[(1,)](a, b, c, k, SIZE=128, DEPTH=64, num_stages=8)
        kernel[(1,)](a, b, c, k, SIZE=128, DEPTH=64, num_stages=3)
        assert torch.allclose(c, a.float() @ b.float(), atol=0.1, rtol=0.01)


def store_in_last(out, X: tl.constexpr, Y: tl.constexpr):
    if (tl.program_id(0) == X) & (tl.program_id(1) == Y):
        tl.store(out, 1)


def test_regression_a_grid_of_more_than_2_to_the_31_blocks_is_launched():
    """Regression: the number of blocks overflowed a C int, and nothing was launched."""
    kernel, out = triton.jit(store_in_last), zeros(1)
    kernel[(65536, 32769)](out, X=65535, Y=32768, num_warps=1)
    assert out.item() == 1


# -- Frozen launches


@pytest.mark.parametrize("hold_gil", [False, True])
def test_a_frozen_launch_computes_with_what_varies(hold_gil):
    kernel, n = triton.jit(add), 5000
    x, y, out = zeros(n) + 1, zeros(n) + 2, zeros(n)
    launch = freeze(kernel, (20,), x, y, out, n, BLOCK=256, vary=("x", "out"), hold_gil=hold_gil)
    torch.cuda.synchronize()
    assert out.sum().item() == 0
    for call in (launch, lambda x, out: launch(out=out, x=x), lambda x, out: launch(x, out=out)) * 2:
        other, result = torch.randn(n, device="cuda"), zeros(n)
        call(other, result)
        assert torch.equal(result, other + y)
    assert went() == {FROZEN: 6}


def test_frozen_numbers_vary():
    launch, out = (
        freeze(annotated(store, value="fp16"), (1,), zeros(1, torch.float64), 0.5, vary=("out", "value")),
        zeros(1, torch.float64),
    )
    for value in (0.1, -2.5, 7.0):
        launch(out, value)
        assert out.item() == rounded("e")(value)


def test_a_frozen_launch_goes_to_the_current_stream():
    kernel, x, graph = triton.jit(bump), zeros(1), torch.cuda.CUDAGraph()
    launch = freeze(kernel, (1,), x, vary=())
    launch()
    with torch.cuda.graph(graph, stream=torch.cuda.Stream()):
        launch()
    assert x.item() == 1
    graph.replay()
    in_thread(launch)
    assert x.item() == 3


def test_a_frozen_launch_refuses_what_it_was_not_frozen_for():
    kernel, x, host = triton.jit(bump), zeros(), torch.zeros(8)
    launch = freeze(kernel, (1,), x, vary=("x",))
    with pytest.raises(SpecializationError, match=r"argument 'x' of bump was frozen as .* and cannot be"):
        launch(x[1:])
    with pytest.raises(SpecializationError):
        launch(x.half())
    with pytest.raises(ValueError, match="cpu tensor"):
        launch(host)
    launch(x.clone())
    launch(x)
    assert x[0].item() == 1


# -- torch.compile


def compiled_by_inductor(function, *args):
    """The result of *function* compiled by PyTorch; skips the test if that fails with Triton's in-tree driver as well."""
    from torch._inductor import config

    wanted = {"compile_threads": 1, "use_static_cuda_launcher": False, "use_static_triton_launcher": False}
    settings = {name: value for name, value in wanted.items() if hasattr(config, name)}

    def run():
        torch._dynamo.reset()
        with config.patch(settings):
            return torch.compile(function, fullgraph=True)(*args)

    try:
        return run()
    except Exception as error:
        ours = triton.runtime.driver.active
        triton.runtime.driver.reset_active()
        try:
            run()
        except Exception as theirs:
            pytest.skip(f"torch.compile of PyTorch {torch.__version__} fails with Triton's in-tree driver: {theirs!r:.200}")
        finally:
            triton.runtime.driver.set_active(ours)
        raise error


@pytest.fixture
def inductor(tmp_path, monkeypatch):
    """Nothing is compiled already."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))


@pytest.mark.usefixtures("inductor")
def test_a_function_compiled_by_pytorch_runs(native):
    x, y = torch.randn(1000, device="cuda"), torch.randn(1000, device="cuda")
    result = compiled_by_inductor(lambda x, y: (x * 2 + y.sin()).relu(), x, y)
    assert torch.allclose(result, (x * 2 + y.sin()).relu(), atol=1e-5)
    assert triton.runtime.driver.active is native


add_kernel = triton.jit(add)


def added(x, y):
    out = torch.empty_like(x)
    add_kernel[(triton.cdiv(x.numel(), 256),)](x, y, out, x.numel(), BLOCK=256)
    return out * 2


@pytest.mark.usefixtures("inductor")
def test_a_kernel_inside_a_function_compiled_by_pytorch_runs():
    x, y = torch.randn(1000, device="cuda"), torch.randn(1000, device="cuda")
    assert torch.allclose(compiled_by_inductor(added, x, y), (x + y) * 2)
    assert torch.allclose(added(x, y), (x + y) * 2)


# -- Memory


def resident():
    """The memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_launches_keep_no_references_and_take_no_memory():
    kernel, n, grid = triton.jit(add), 1000, (4,)
    x, y, out = torch.randn(n, device="cuda"), torch.randn(n, device="cuda"), zeros(n)
    compiled = kernel[grid](x, y, out, n, BLOCK=256)

    def launch(times):
        for _ in range(times):
            kernel[grid](x, y, out, n, BLOCK=256)
        torch.cuda.synchronize()
        gc.collect()

    def references():
        return [sys.getrefcount(value) for value in (kernel, grid, x, y, out, n, compiled)]

    launch(50_000)
    counts, blocks, memory = references(), sys.getallocatedblocks(), resident()
    launch(200_000)
    assert references() == counts
    assert sys.getallocatedblocks() - blocks < 500
    assert resident() - memory < 8 << 20
    assert torch.equal(out, x + y)
    assert went() == {FIRST: 1, FAST: 250_000}


# -- Several devices


@pytest.fixture
def two_devices():
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one CUDA device")
    yield
    torch.cuda.set_device(0)


@pytest.mark.usefixtures("two_devices")
def test_each_device_has_a_kernel_of_its_own():
    kernel, tensors = triton.jit(bump), [torch.zeros(1, device=f"cuda:{index}") for index in range(2)]
    compiled = []
    for index in (0, 1, 0, 1, 1):
        with torch.cuda.device(index):
            compiled.append(kernel[(1,)](tensors[index]))
    assert [tensor.item() for tensor in tensors] == [2, 3]
    assert compiled[0] is compiled[2] and compiled[1] is compiled[3] is compiled[4] and compiled[0] is not compiled[1]
    torch.cuda.set_device(1)
    kernel[(1,)](tensors[1])
    assert tensors[1].item() == 4
    assert went() == {FIRST: 2, FAST: 4}


@pytest.mark.usefixtures("two_devices")
def test_each_device_has_a_stream_of_its_own():
    kernel, tensors = triton.jit(bump), [torch.zeros(1, device=f"cuda:{index}") for index in range(2)]
    streams = [torch.cuda.Stream(index) for index in range(2)]
    for index, stream in enumerate(streams):
        with torch.cuda.device(index):
            kernel[(1,)](tensors[index])
        torch.cuda.synchronize(index)
        with torch.cuda.stream(stream):  # and its device
            assert _launcher.current() == (index, stream.cuda_stream)
            kernel[(1,)](tensors[index])
            with torch.cuda.device(1 - index):
                assert _launcher.current() == (1 - index, 0)
        stream.synchronize()
    assert [tensor.item() for tensor in tensors] == [2, 2]


@pytest.mark.usefixtures("two_devices")
def test_threads_launch_on_devices_of_their_own():
    kernel, tensors = triton.jit(bump), [torch.zeros(1, device=f"cuda:{index % 2}") for index in range(4)]

    def work(index):
        torch.cuda.set_device(index % 2)
        for _ in range(300):
            kernel[(1,)](tensors[index])

    in_threads(4, work)
    torch.cuda.synchronize(0)
    torch.cuda.synchronize(1)
    assert [tensor.item() for tensor in tensors] == [300] * 4


@pytest.mark.usefixtures("two_devices")
def test_a_graph_is_captured_on_the_other_device():
    kernel, x, graph = triton.jit(bump), torch.zeros(1, device="cuda:1"), torch.cuda.CUDAGraph()
    with torch.cuda.device(1):
        with torch.cuda.graph(graph, stream=torch.cuda.Stream(1)):
            kernel[(1,)](x)
        graph.replay()
        graph.replay()
    assert x.item() == 2


@pytest.mark.usefixtures("two_devices")
def test_a_frozen_launch_is_for_one_device():
    launch, x = freeze(triton.jit(bump), (1,), zeros(1), vary=("x",)), zeros(1)
    with torch.cuda.device(1), pytest.raises(RuntimeError, match="frozen for device 0, and device 1 is the current one"):
        launch(x)
    launch(x)
    assert x.item() == 1
