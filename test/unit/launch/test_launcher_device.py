# SPDX-License-Identifier: MIT
"""The launcher's device utilities, beside Triton's own, on the stub driver."""

import ctypes
import random
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
import stub_cuda
from triton.backends.graft import errors
from triton.backends.graft.launch import _launcher

NAMES = [
    "load_binary", "unload_module", "get_current_device", "set_current_device", "get_default_stream", "is_stream_capturing",
    "get_device_capability", "get_device_properties", "cuOccupancyMaxActiveClusters", "set_printf_fifo_size",
    "fill_tma_descriptor_tiled", "fill_tma_descriptor_im2col",
]  # fmt: skip
CUBIN = stub_cuda.fake_cubin("add", [8, 8, 4, 8, 8], registers=40, spills=3, max_threads=512)
FOLDER = Path(_launcher.__file__).parent
GLOBAL_MODE = 0  # CU_STREAM_CAPTURE_MODE_GLOBAL, what every thread begins with


@pytest.fixture
def stub():
    """The stub driver with two devices; afterwards with none."""
    stub = stub_cuda.load()
    stub.reset(devices=2)
    yield stub
    stub.reset(devices=0)


@pytest.fixture
def in_tree(stub):
    """Triton's own utilities on the same driver, and the driver as if nobody had used it yet."""
    utils = stub.in_tree_driver().utils
    stub.reset(devices=2)
    return utils


def in_new_thread(action):
    """What *action* returns or raises in a thread that has no context yet."""
    results = []

    def run():
        try:
            results.append(action())
        except Exception as error:
            results.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def outcome(function, *args):
    """What a call gives, such that two can be compared: its result, or the class of its exception."""
    try:
        return function(*args)
    except Exception as error:
        return type(error)


def capture_mode(stub):
    """The capture mode of this thread, which gets GLOBAL_MODE."""
    mode = ctypes.c_int(GLOBAL_MODE)
    assert ctypes.CDLL(str(stub.path)).cuThreadExchangeStreamCaptureMode(ctypes.byref(mode)) == 0
    return mode.value


def test_every_function_of_the_in_tree_utilities_is_there(in_tree):
    ours = {name for name in vars(in_tree) if hasattr(_launcher, name)}
    assert sorted(ours) == sorted(NAMES)
    # These two belong together and are the launcher's to replace.
    assert set(vars(in_tree)) - ours == {"launch", "build_signature_metadata"}


def test_without_a_driver_the_module_loads_and_a_call_says_what_is_missing():
    script = """
import ctypes, sys
try:
    ctypes.CDLL("libcuda.so.1")
    sys.exit("a driver is here")
except OSError:
    pass
sys.path.append(sys.argv[1])
import _launcher
try:
    _launcher.get_current_device()
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script, FOLDER], capture_output=True, text=True)
    if "a driver is here" in done.stderr:
        pytest.skip("this machine has a CUDA driver")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "the CUDA driver cannot be opened (libcuda.so.1: cannot open shared object file: No such file or directory); "
        "install NVIDIA's driver, or compile only with GRAFT_TARGET\n"
    )


def test_a_driver_that_lacks_a_function_is_refused_by_its_name(tmp_path):
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler to build an old driver with")
    source = tmp_path / "old.c"
    source.write_text("int cuInit(unsigned flags) { return 0; }\n")
    library = tmp_path / "libcuda.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", library, source], check=True)
    script = """
import ctypes, sys
ctypes.CDLL(sys.argv[2])
sys.path.append(sys.argv[1])
import _launcher
for _ in range(2):
    try:
        _launcher.get_current_device()
    except RuntimeError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script, FOLDER, library], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 2 * (
        "libcuda.so.1 has no cuCtxGetCurrent: this driver is too old for what was asked; install a newer one\n"
    )


# Errors


def test_an_error_of_the_driver_names_what_happened_the_call_and_the_code(stub):
    stub.fail("cuStreamIsCapturing", stub_cuda.ILLEGAL_ADDRESS)
    with pytest.raises(RuntimeError) as caught:
        _launcher.is_stream_capturing(0)
    assert str(caught.value) == (
        "Triton Error [CUDA]: an illegal memory access was encountered (cuStreamIsCapturing: CUDA_ERROR_ILLEGAL_ADDRESS = 700)"
    )


def test_the_class_of_errors_can_be_named(stub):
    class OurError(RuntimeError):
        pass

    try:
        _launcher.set_errors(OurError)
        with pytest.raises(OurError):
            _launcher.get_device_capability(7)
    finally:
        _launcher.set_errors(errors.LaunchError)


@pytest.mark.parametrize("given", [ValueError, "LaunchError", None])
def test_errors_of_the_driver_stay_runtime_errors(given):
    with pytest.raises(TypeError):
        _launcher.set_errors(given)


# Modules


def test_a_loaded_kernel_is_described_as_in_tree(stub, in_tree):
    *handles, registers, spills, threads = _launcher.load_binary("add", CUBIN, 0, 0)
    assert (registers, spills, threads) == in_tree.load_binary("add", CUBIN, 0, 0)[2:] == (40, 3, 512)
    assert all(isinstance(handle, int) and handle for handle in handles)
    assert handles[0] in stub.modules


@pytest.mark.parametrize("shared", [0, 48 * 1024, 48 * 1024 + 1, 200 * 1024])
def test_shared_memory_is_asked_for_as_in_tree(stub, in_tree, shared):
    in_tree.load_binary("add", CUBIN, shared, 0)
    theirs = stub.calls()
    stub.reset(devices=2)
    _launcher.load_binary("add", CUBIN, shared, 0)
    ours = stub.calls()
    for name in ("cuFuncSetAttribute", "cuFuncSetCacheConfig"):
        assert ours[name] == theirs[name], name
    assert (ours["cuFuncSetAttribute"] > 0) == (shared > 48 * 1024)


def test_a_load_makes_a_context_where_there_is_none_and_keeps_one_that_is_there(stub):
    assert in_new_thread(lambda: (_launcher.load_binary("add", CUBIN, 0, 1), _launcher.get_current_device())[1]) == 1
    _launcher.set_current_device(1)
    _launcher.load_binary("add", CUBIN, 0, 0)
    assert _launcher.get_current_device() == 1


def test_the_primary_context_of_a_device_is_held_once(stub):
    def use():
        _launcher.set_current_device(1)
        _launcher.get_default_stream(1)
        _launcher.load_binary("add", CUBIN, 0, 1)

    in_new_thread(use)
    held = stub.handles()["contexts"]  # none if an earlier test was the first to use this device
    for _ in range(3):
        use(), in_new_thread(use)
    assert stub.handles()["contexts"] == held <= 1


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("cuCtxGetCurrent", 0), ("cuDevicePrimaryCtxRetain", 0), ("cuCtxSetCurrent", 0), ("cuModuleLoadData", 0),
        ("cuThreadExchangeStreamCaptureMode", 0), ("cuModuleGetFunction", 0), ("cuFuncGetAttribute", 0),
        ("cuFuncGetAttribute", 1), ("cuFuncGetAttribute", 2), ("cuDeviceGetAttribute", 0), ("cuFuncSetCacheConfig", 0),
        ("cuFuncGetAttribute", 3), ("cuFuncSetAttribute", 1),
    ],
)  # fmt: skip
def test_a_load_that_fails_says_which_step_and_leaves_nothing_behind(stub, call, after):
    stub.fail(call, stub_cuda.OUT_OF_MEMORY, after)
    with pytest.raises(RuntimeError) as caught:
        _launcher.load_binary("add", CUBIN, 100_000, 1)
    assert str(caught.value) == (
        f"Triton Error [CUDA]: out of memory ({call}: CUDA_ERROR_OUT_OF_MEMORY = 2, kernel 'add', cubin of {len(CUBIN)} bytes, "
        "100000 bytes of shared memory, device 1)"
    )
    assert stub.modules == set()
    assert capture_mode(stub) == GLOBAL_MODE


def test_a_kernel_that_is_not_in_its_module_is_named(stub):
    with pytest.raises(RuntimeError, match=r"cuModuleGetFunction: CUDA_ERROR_NOT_FOUND = 500, kernel 'sub'"):
        _launcher.load_binary("sub", CUBIN, 0, 0)
    assert stub.modules == set()


def test_an_attribute_that_the_driver_does_not_know_is_no_failure(stub):
    stub.fail("cuFuncSetAttribute", stub_cuda.INVALID_VALUE)
    _launcher.load_binary("add", CUBIN, 100_000, 0)
    assert stub.calls()["cuFuncSetCacheConfig"] == 1


def test_regression_a_load_and_an_unload_do_not_break_a_capture(stub, in_tree):
    """The driver may end a capture for one outside relaxed mode, as in-tree (triton #10712); the stub always does."""
    stub.capturing = True
    module = _launcher.load_binary("add", CUBIN, 0, 0)[0]
    _launcher.unload_module(module)
    assert stub.broken_captures == []
    assert capture_mode(stub) == GLOBAL_MODE
    assert outcome(in_tree.load_binary, "add", CUBIN, 0, 0) is RuntimeError
    assert stub.broken_captures == ["cuModuleLoadData"]


def test_an_unloaded_module_is_gone_and_unloading_it_again_an_error(stub):
    module = _launcher.load_binary("add", CUBIN, 0, 0)[0]
    assert _launcher.unload_module(module) is None
    assert stub.modules == set()
    with pytest.raises(RuntimeError, match=r"\(cuModuleUnload: CUDA_ERROR_INVALID_HANDLE = 400\)$"):
        _launcher.unload_module(module)
    assert capture_mode(stub) == GLOBAL_MODE


def test_threads_load_and_unload_side_by_side(stub):
    def load_and_unload():
        for _ in range(50):
            _launcher.unload_module(_launcher.load_binary("add", CUBIN, 0, 0)[0])

    threads = [Thread(target=load_and_unload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stub.calls()["cuModuleUnload"] == 200
    assert stub.modules == set()


# Devices


def test_the_current_device_is_that_of_the_threads_context_and_0_without_one(stub):
    assert in_new_thread(_launcher.get_current_device) == 0
    assert _launcher.set_current_device(1) is None
    assert _launcher.get_current_device() == 1
    assert in_new_thread(_launcher.get_current_device) == 0
    assert _launcher.get_default_stream(0) == 0
    assert _launcher.get_current_device() == 0


def test_a_device_that_is_not_there_is_named(stub):
    for function in (_launcher.set_current_device, _launcher.get_default_stream, _launcher.get_device_capability):
        with pytest.raises(RuntimeError) as caught:
            function(2)
        assert str(caught.value).endswith("(cuDeviceGet: CUDA_ERROR_INVALID_DEVICE = 101, device 2)")


def test_devices_are_described_as_in_tree(stub, in_tree):
    for capability in (80, 90, 100):
        stub.reset(devices=2, capability=capability)
        assert _launcher.get_device_capability(1) == in_tree.get_device_capability(1) == divmod(capability, 10)
        assert _launcher.get_device_properties(1) == in_tree.get_device_properties(1)
        assert list(_launcher.get_device_properties(1)) == list(in_tree.get_device_properties(1))


def test_an_attribute_that_cannot_be_read_is_an_error_and_not_a_zero(stub):
    for after in range(9):
        stub.fail("cuDeviceGetAttribute", stub_cuda.INVALID_VALUE, after)
        with pytest.raises(RuntimeError, match=r"\(cuDeviceGetAttribute: CUDA_ERROR_INVALID_VALUE = 1, device 1\)$"):
            _launcher.get_device_properties(1)


def test_a_capture_is_seen(stub):
    assert _launcher.is_stream_capturing(0) is False
    stub.capturing = True
    assert _launcher.is_stream_capturing(0x1000) is True


def test_clusters_are_counted_as_in_tree(stub, in_tree):
    function = _launcher.load_binary("add", CUBIN, 0, 0)[1]
    for shared, size in ((0, 1), (1024, 2), (60_000, 4), (0, 16)):
        ours = _launcher.cuOccupancyMaxActiveClusters(function, shared, size)
        assert ours == in_tree.cuOccupancyMaxActiveClusters(function, shared, size), (shared, size)


def test_clusters_that_cannot_be_counted_are_an_error(stub):
    function = _launcher.load_binary("add", CUBIN, 0, 0)[1]
    with pytest.raises(RuntimeError, match=r"= 1, 999999 bytes of shared memory, clusters of 2\)$"):
        _launcher.cuOccupancyMaxActiveClusters(function, 999_999, 2)


def test_the_size_for_printing_is_set_only_if_it_is_another(stub):
    for size in (4096, 4096, 8192):
        assert _launcher.set_printf_fifo_size(size) is None
    assert stub.calls()["cuCtxSetLimit"] == 2


def test_a_negative_size_for_printing_is_refused(stub):
    with pytest.raises(ValueError) as caught:
        _launcher.set_printf_fifo_size(-1)
    assert str(caught.value) == "set_printf_fifo_size: expected a number of bytes that is not negative (got -1)"
    assert not stub.calls()


@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments_are_refused_as_in_tree(in_tree, name):
    ours, theirs = getattr(_launcher, name), getattr(in_tree, name)
    wrong = [("x",) * 12, ("x",), (1.5,), (None,), (2**40,), (1, 2), ("add", "text", 1.5, 0), ("add", CUBIN, 0, 2**40)]
    if name != "get_current_device":
        wrong.append(())
    for args in wrong:  # some functions may take some of them
        expected, given = outcome(theirs, *args), outcome(ours, *args)
        assert given == expected or issubclass(given, expected), args


# Tensor maps


def map_bytes(tensor_map):
    """The 128 bytes of one of our maps or of Triton's own, which has them at its end."""
    if isinstance(tensor_map, _launcher.TensorMap):
        return bytes(tensor_map)
    return ctypes.string_at(id(tensor_map) + type(tensor_map).__basicsize__ - 128, 128)


def random_tile(rng):
    """Arguments of `fill_tma_descriptor_tiled` for a tensor whose strides leave gaps."""
    rank, size = rng.randint(1, 5), rng.choice([1, 2, 4, 8])
    shape = [rng.randint(1, 2 ** rng.randint(1, 12)) for _ in range(rank)]
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, strides[0] * extent + rng.choice([0, 16]))
    block = [rng.choice([1, 8, 16, 64]) for _ in range(rank)]
    return 16 * rng.randint(0, 2**40), rng.randint(0, 3), size, rng.randint(0, 12), block, shape, strides, rng.randint(0, 1)


@pytest.mark.parametrize("seed", range(50))
def test_tiles_are_described_to_the_driver_as_in_tree(in_tree, seed):
    args = random_tile(random.Random(seed))
    ours = _launcher.fill_tma_descriptor_tiled(*args)
    assert type(ours) is _launcher.TensorMap
    _, _, size, *_, shape, strides, _ = args
    if size * sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True)) < 2**31:
        assert map_bytes(ours) == map_bytes(in_tree.fill_tma_descriptor_tiled(*args)), args


@pytest.mark.parametrize("seed", range(20))
def test_convolutions_are_described_to_the_driver_as_in_tree(in_tree, seed):
    rng = random.Random(seed)
    rank = rng.randint(3, 5)
    shape = [rng.randint(1, 64) for _ in range(rank)]
    strides = [rng.randint(1, 10**6) for _ in range(rank - 1)] + [1]
    corners = [[rng.randint(-64, 63) for _ in range(rank - 2)] for _ in range(2)]
    steps = [rng.randint(1, 4) for _ in range(rank)]
    args = (4096, rng.randint(0, 3), 2, rng.randint(0, 12), [64, 32], shape, strides, rng.randint(0, 1), *corners, steps)
    ours = _launcher.fill_tma_descriptor_im2col(*args)
    assert map_bytes(ours) == map_bytes(in_tree.fill_tma_descriptor_im2col(*args)), args


def test_any_iterable_of_ints_gives_the_same_map(stub):
    lists = _launcher.fill_tma_descriptor_tiled(4096, 0, 2, 6, [16, 32], [64, 128], [128, 1], 0)
    others = _launcher.fill_tma_descriptor_tiled(4096, 0, 2, 6, (16, 32), iter([64, 128]), (128, 1), 0)
    assert bytes(others) == bytes(lists)


def test_the_correction_is_for_small_tensors_alone(stub):
    """Bit 21 of the second word, by the bytes from the first to behind the last element's first."""

    def bits(extent):
        words = memoryview(_launcher.fill_tma_descriptor_tiled(0, 0, 1, 0, [16], [extent], [1], 0)).cast("Q")
        return words[1] >> 21 & 1

    small = 128 * 1024
    assert {bits(extent) for extent in range(small - 64, small)} == {0}
    assert {bits(extent) for extent in range(small, small + 64)} == {0, 1}  # whatever the driver has put there


def test_regression_a_huge_tensor_is_not_taken_for_a_small_one(stub):
    """In-tree the extent in bytes is an int, which 2^32 bytes bring back to 0."""
    bits = set()
    for extent in range(64):
        args = (0, 0, 4, 0, [16, 16], [2**20 + 1, 64 + extent], [2**10, 1], 0)
        bits.add(memoryview(_launcher.fill_tma_descriptor_tiled(*args)).cast("Q")[1] >> 21 & 1)
    assert bits == {0, 1}


TILE = {"block_size": [16, 32], "shape": [64, 128], "strides": [128, 1]}


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"shape": [1] * 6, "strides": [1] * 6}, RuntimeError, "shape has 6 dimensions; a tensor map has 1 to 5"),
        ({"block_size": []}, RuntimeError, "block_size has 0 dimensions; a tensor map has 1 to 5"),
        ({"strides": [1]}, RuntimeError, "Rank mismatch: strides has 1 dimensions, expected 2"),
        ({"block_size": [16]}, RuntimeError, "Rank mismatch: block_size has 1 dimensions, expected 2"),
        ({"shape": [64, "n"]}, TypeError, "shape[1]: expected an int (got 'n')"),
        ({"strides": [1.5, 1]}, TypeError, "strides[0]: expected an int (got 1.5)"),
        ({"block_size": 16}, TypeError, "a tensor map needs sequences of ints"),
        ({"block_size": [16, 2**32]}, OverflowError, "block_size[1]: 4294967296 does not fit in 32 bits"),
        ({"block_size": [-1, 16]}, OverflowError, "block_size[0]: -1 does not fit in 32 bits"),
        ({"shape": [2**70, 1]}, OverflowError, f"shape[0]: {2**70} does not fit in 64 bits"),
        ({"strides": [2**62, 1]}, OverflowError, f"strides: {2**62} elements of 2 bytes do not fit in 64 bits"),
    ],
)
def test_a_tile_that_cannot_be_described_is_refused_before_the_driver_is_asked(stub, changed, error, text):
    with pytest.raises(error) as caught:
        _launcher.fill_tma_descriptor_tiled(4096, 0, 2, 6, *(TILE | changed).values(), 0)
    assert str(caught.value) == text
    assert not stub.calls()


@pytest.mark.parametrize(
    ("index", "value", "text"),
    [
        (4, [64], "Rank mismatch: block_size has 1 dimensions, expected 2"),
        (6, [1, 1, 1], "Rank mismatch: strides has 3 dimensions, expected 4"),
        (8, [0], "Rank mismatch: pixel_box_lower has 1 dimensions, expected 2"),
        (9, [0, 0, 0], "Rank mismatch: pixel_box_upper has 3 dimensions, expected 2"),
        (10, [1, 1], "Rank mismatch: element_strides has 2 dimensions, expected 4"),
    ],
)
def test_a_convolution_whose_lengths_do_not_match_is_refused(stub, index, value, text):
    args = [4096, 0, 2, 6, [64, 32], [1, 8, 8, 32], [2048, 256, 32, 1], 0, [0, 0], [0, 0], [1, 1, 1, 1]]
    _launcher.fill_tma_descriptor_im2col(*args)
    args[index] = value
    with pytest.raises(RuntimeError) as caught:
        _launcher.fill_tma_descriptor_im2col(*args)
    assert str(caught.value) == text


def test_a_tile_that_the_driver_refuses_is_described_in_the_error(stub):
    with pytest.raises(RuntimeError) as caught:
        _launcher.fill_tma_descriptor_tiled(0x1008, 2, 2, 6, [16, 32], (64, 128), [128, 1], 1)
    assert str(caught.value) == (
        "Triton Error [CUDA]: Failed to create tensor map descriptor: invalid argument (cuTensorMapEncodeTiled: CUDA_ERROR_INVALID_VALUE = 1, element type 6 of 2 bytes, "
        "rank 2, address 0x1008, shape (64, 128), strides [128, 1] elements, block [16, 32], swizzle 2, padding 1)"
    )


def test_tensor_maps_come_from_the_functions_alone_and_are_read_only(stub):
    with pytest.raises(TypeError):
        _launcher.TensorMap()
    made = _launcher.fill_tma_descriptor_tiled(4096, 0, 2, 6, *TILE.values(), 0)
    view = memoryview(made)
    assert view.readonly and view.nbytes == 128


def test_calls_keep_no_references(stub):
    """Of what they are given, whether they succeed or fail."""
    big = [10**6 + i for i in range(4)]  # ints that are not shared
    good, bad = [big[0], big[1]], [big[2], "n"]
    before = [sys.getrefcount(thing) for thing in (*big, good, bad, CUBIN, _launcher.TensorMap)]
    for _ in range(100):
        _launcher.fill_tma_descriptor_tiled(4096, 0, 2, 6, [16, 32], good, good, 0)
        outcome(_launcher.fill_tma_descriptor_tiled, 4096, 0, 2, 6, [16, 32], bad, good, 0)
        outcome(_launcher.fill_tma_descriptor_tiled, 4097, 0, 2, 6, [16, 32], good, good, 0)
        outcome(_launcher.load_binary, "sub", CUBIN, 0, 0)
    assert [sys.getrefcount(thing) for thing in (*big, good, bad, CUBIN, _launcher.TensorMap)] == before
