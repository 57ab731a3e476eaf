# SPDX-License-Identifier: MIT
"""What Triton and programs ask of the driver: arguments of all kinds, launches, hooks, measuring."""

import math
import os
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
import triton
import triton.language as tl
from triton import knobs
from triton.backends.host import arrays, machine, settings
from triton.backends.host.arrays import Tensor
from triton.backends.host.driver import Driver, HostDriver
from triton.backends.host.errors import ArgumentError, SettingError, TargetError
from triton.tools.tensor_descriptor import TensorDescriptor


@pytest.fixture(autouse=True)
def isolation(tmp_path, monkeypatch):
    """An empty cache; our driver is the active one."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver())


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n), offs < n)


class Exporter:
    """Has its memory as *attributes* of NumPy's arrays do."""

    def __init__(self, array, *attributes):
        self.array = array
        for name in attributes:
            setattr(type(self), name, property(lambda self, name=name: getattr(self.array, name)))


class ByInterface(Exporter):
    pass


class ByDLPack(Exporter):
    pass


def test_arguments_are_whatever_has_memory():
    source = np.arange(10, dtype="float32")
    wrapped = [
        source,
        Tensor(source),
        ByInterface(source, "__array_interface__"),
        ByDLPack(source, "__dlpack__", "__dlpack_device__"),
    ]
    for x in wrapped:
        out = np.zeros_like(source)
        copy[(1,)](x, out, 10, BLOCK=16)
        np.testing.assert_array_equal(out, source)


def test_a_part_of_an_array_begins_where_it_begins():
    x, out = np.arange(10, dtype="int64"), np.zeros(10, "int64")
    copy[(1,)](x[3:], out[5:], 4, BLOCK=4)
    assert out.tolist() == [0, 0, 0, 0, 0, 3, 4, 5, 6, 0]


def test_tensors_of_pytorch_are_arguments():
    torch = pytest.importorskip("torch")
    x, out = torch.arange(10, dtype=torch.bfloat16), torch.zeros(10, dtype=torch.bfloat16)
    copy[(1,)](x, out, 10, BLOCK=16)
    assert torch.equal(x, out)
    with pytest.raises(ArgumentError) as caught:
        copy[(1,)](torch.empty(10, device="meta", dtype=torch.bfloat16), out, 10, BLOCK=16)
    assert (
        str(caught.value) == "argument x of the kernel copy: a tensor on meta, where the CPU cannot reach it; copy it (.cpu())"
    )


@triton.jit
def copy_const(x: tl.const, out, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs))


def test_what_is_read_only_may_be_a_constant_alone():
    x, out = np.arange(8), np.zeros(8, "int64")
    x.flags.writeable = False
    copy_const[(1,)](x, out, BLOCK=8)
    np.testing.assert_array_equal(out, x)
    with pytest.raises(ArgumentError) as caught:
        copy_const[(1,)](out, x, BLOCK=8)
    assert str(caught.value) == (
        "argument out of the kernel copy_const: the array is read-only; copy it, or annotate the argument of the kernel with tl.const"
    )


@pytest.mark.parametrize(
    ("dtype", "said"),
    [
        (">f4", "an array of >f4 has not the byte order of this machine; convert it (astype)"),
        ("complex64", "an array of complex64 has no type in Triton"),
        ("U1", "an array of <U1 has no type in Triton"),
    ],
)
def test_an_array_that_no_kernel_takes_is_refused(dtype, said):
    with pytest.raises(ArgumentError) as caught:
        copy[(1,)](np.zeros(4, dtype), np.zeros(4), 4, BLOCK=4)
    assert str(caught.value) == said


def test_what_is_no_argument_is_refused_as_by_triton():
    with pytest.raises(TypeError, match="failed to specialize argument of type: object"):
        copy[(1,)](object(), np.zeros(4), 4, BLOCK=4)


@triton.jit
def keep(
    out,
    a: tl.int8,
    b: tl.uint16,
    c: tl.int64,
    d: tl.uint64,
    e: tl.float16,
    f: tl.bfloat16,
    g: tl.float32,
    h: tl.float64,
    i: tl.int1,
):
    tl.store(out, a)
    tl.store(out + 1, b)
    tl.store(out + 2, c)
    tl.store(out + 3, d)
    tl.store(out + 4, e)
    tl.store(out + 5, f)
    tl.store(out + 6, g)
    tl.store(out + 7, h)
    tl.store(out + 8, i)


def test_numbers_arrive_as_their_type_has_them():
    out = np.zeros(9)
    keep[(1,)](out, -128, 65535, -(2**53), 2**60, 65504.0, 3.0, 1e39, 1e-300, True)
    assert out.tolist() == [-128, 65535, -(2**53), 2**60, 65504, 3, math.inf, 1e-300, 1]
    keep[(1,)](out, np.int8(5), np.int64(6), 7, 8, np.float32(0.5), 1 / 3, 0.1, 3, np.bool_(False))
    assert out.tolist() == [5, 6, 7, 8, 0.5, 0.33203125, float(np.float32(0.1)), 3, 0]


@pytest.mark.parametrize(
    ("name", "place", "value", "kind"), [("a", 0, 128, "i8"), ("b", 1, -1, "u16"), ("a", 0, 2.5, "i8"), ("e", 4, 1e6, "fp16")]
)
def test_a_number_that_its_type_has_not_is_refused(name, place, value, kind):
    numbers = [1, 2, 3, 4, 5.0, 6.0, 7.0, 8.0, True]
    numbers[place] = value
    with pytest.raises(ArgumentError) as caught:
        keep[(1,)](np.zeros(9), *numbers)
    assert str(caught.value) == f"argument {name} of the kernel keep: {value!r} is no {kind}"


class Pair(NamedTuple):
    first: object
    second: object


@triton.jit
def add_pair(pair, rest, out):
    tl.store(out, tl.load(pair.first) + pair.second + tl.load(rest[1][0]) + rest[0])


@pytest.mark.parametrize("second", [1, 5])
def test_tuples_may_have_arrays(second):
    one, two, out = np.array([100]), np.array([200]), np.zeros(1, "int64")
    add_pair[(1,)](Pair(one, second), (7, (two,)), out)
    assert out[0] == 307 + second


@triton.jit
def move(source, target, M: tl.constexpr, N: tl.constexpr):
    target.store([tl.program_id(0) * M, 0], source.load([tl.program_id(0) * M, 0]))


def test_descriptors_stand_for_arrays():
    x, out = np.arange(64, dtype="float32").reshape(8, 8), np.zeros((8, 8), "float32")
    move[(2,)](*[TensorDescriptor.from_tensor(Tensor(array), [4, 8]) for array in (x, out)], 4, 8)
    np.testing.assert_array_equal(out, x)


def test_a_tensor_may_have_a_type_that_numpy_has_not():
    x, out = np.array([0x3FC0, 0xC000], "uint16"), np.zeros(2, "float32")
    copy[(1,)](Tensor(x, "bf16"), out, 2, BLOCK=2)
    assert out.tolist() == [1.5, -2]
    with pytest.raises(ArgumentError) as caught:
        Tensor(x, "fp32")
    assert str(caught.value) == "dtype='fp32' has 4 bytes, the elements of the array 2"


@triton.jit
def places(out):
    x, y, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    width, height, depth = tl.num_programs(0), tl.num_programs(1), tl.num_programs(2)
    tl.store(out + x + width * (y + height * z), x + 10 * y + 100 * z + 1000 * width + 10000 * height + 100000 * depth)


@pytest.mark.parametrize("grid", [(4,), (2, 3), (2, 3, 4), lambda meta: (3,), (0, 5)])
def test_programs_know_their_place(grid):
    size = (*(grid if isinstance(grid, tuple) else grid({})), 1, 1)[:3]
    out = np.zeros(math.prod(size) + 1, "int32")
    places[grid](out)
    w, h, d = size
    cells = [x + 10 * y + 100 * z + 1000 * w + 10000 * h + 100000 * d for z in range(d) for y in range(h) for x in range(w)]
    assert out.tolist() == [*cells, 0]


@pytest.mark.parametrize("grid", [(-1, 1, 1), (2**31, 1, 1), (2**30, 2**30, 2**30)])
def test_a_grid_that_cannot_be_is_refused(grid):
    with pytest.raises(ArgumentError) as caught:
        places[grid](np.zeros(1, "int32"))
    assert str(caught.value) == (
        f"grid={grid} of the kernel places: each size is from 0 to 2**31 - 1, all programs below 2**62"
    )


def test_hooks_are_called_around_a_launch(monkeypatch):
    out, seen = np.zeros(8, "int32"), []
    monkeypatch.setattr(
        knobs.runtime, "launch_enter_hook", lambda metadata: seen.append(("enter", metadata.get()["name"], int(out[0])))
    )
    monkeypatch.setattr(
        knobs.runtime, "launch_exit_hook", lambda metadata: seen.append(("exit", metadata.get()["name"], int(out[0])))
    )
    places[(1,)](out)
    assert seen == [("enter", "places", 0), ("exit", "places", 111000)]


def test_a_warm_kernel_is_launched_with_arguments_of_its_own():
    x, out = np.arange(8, dtype="int32"), np.zeros(8, "int32")
    compiled = copy.warmup(x, out, 8, BLOCK=8, grid=(1,))
    compiled[(1, 1, 1)](x, out, 8, 8)
    assert out.tolist() == x.tolist()


def test_do_bench_measures_milliseconds():
    x = np.zeros(2**16, "float32")
    times = triton.testing.do_bench(lambda: copy[(64,)](x, x, x.size, BLOCK=1024), warmup=1, rep=5, return_mode="all")
    assert times and all(0 < time < 1000 for time in times)


def test_an_autotuner_takes_one_of_its_configurations():
    tuned = triton.autotune([triton.Config({"BLOCK": size}) for size in (16, 1024)], key=["n"])(copy)
    x, out = np.arange(5000, dtype="float32"), np.zeros(5000, "float32")
    tuned[lambda meta: (triton.cdiv(5000, meta["BLOCK"]),)](x, out, 5000)
    np.testing.assert_array_equal(out, x)
    assert tuned.best_config.kwargs["BLOCK"] in (16, 1024)


def test_programs_ask_for_the_device(monkeypatch):
    monkeypatch.setenv("HOST_THREADS", "3")
    driver = HostDriver()
    assert driver.utils.get_device_properties("cpu")["multiprocessor_count"] == 3
    assert driver.get_current_device() == "cpu" and driver.get_current_target().arch == machine.name()


@pytest.mark.parametrize(
    ("variable", "value", "read", "said"),
    [
        ("HOST_THREADS", "0", settings.threads, "HOST_THREADS='0': expected a number of threads from 1 to 4096"),
        ("HOST_THREADS", "many", settings.threads, "HOST_THREADS='many': expected a number of threads from 1 to 4096"),
        ("HOST_SANITIZE", "memory", settings.sanitize, "HOST_SANITIZE='memory': expected address, or nothing"),
        ("HOST_RACES", "yes", settings.races, "HOST_RACES='yes': expected 0 or 1"),
    ],
)
def test_a_variable_with_a_value_that_cannot_be_is_blamed(monkeypatch, variable, value, read, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError) as caught:
        read()
    assert str(caught.value) == said


def test_kernels_are_compiled_for_a_cpu_that_is_named(monkeypatch):
    levels = list(machine._levels())
    compiled = copy.warmup(np.zeros(4), np.zeros(4), 4, BLOCK=4, grid=(1,))
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver(levels[-1]))
    other = copy.warmup(np.zeros(4), np.zeros(4), 4, BLOCK=4, grid=(1,))
    assert other.metadata.arch == levels[-1] != compiled.metadata.arch and other.hash != compiled.hash


def test_a_kernel_for_what_this_cpu_has_not_is_not_launched():
    with pytest.raises(TargetError) as caught:
        machine.check_runs("copy", "other", "+fma,+neverseen,-avx")
    assert str(caught.value).startswith("the kernel copy was compiled for other, and this CPU, ") and "neverseen" in str(
        caught.value
    )
    machine.check_runs("copy", machine.name(), machine.features(machine.name()))


def test_a_cpu_that_is_unknown_is_refused_with_those_there_are():
    with pytest.raises(TargetError) as caught:
        Driver("pentium9")
    assert str(caught.value) == f"arch='pentium9': expected one of {', '.join((machine.name(), *machine._levels()))}"


def test_the_whole_memory_of_a_part_is_known():
    base = np.zeros((10, 8), "float32")
    for part in (base, base[2:5, ::-2], base.T[3], Tensor(base[4]), ByInterface(base, "__array_interface__")):
        assert arrays.extent(part) == (base.ctypes.data, 320)
    assert arrays.extent(base.ctypes.data) is None


WITHOUT = """
import test_driver as here
here.triton.runtime.driver.set_active(here.Driver())
here.test_programs_know_their_place((2, 3))
here.test_do_bench_measures_milliseconds()
here.test_an_autotuner_takes_one_of_its_configurations()
"""


def test_launching_and_measuring_do_without_pytorch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError")
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(__file__))
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
