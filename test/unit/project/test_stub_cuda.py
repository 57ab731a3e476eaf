# SPDX-License-Identifier: MIT
"""The stub libcuda.so.1 behaves as the driver does where a launcher could go wrong, and writes down what it was given."""

import ctypes
import gc
import struct
import threading

import pytest
import stub_cuda
from support import make_vector_add, warm_up_vector_add
from triton.backends.nvidia import driver as nvidia


@pytest.fixture
def stub():
    """The stub with one device of compute capability 9.0."""
    stub = stub_cuda.load()
    stub.reset(devices=1, capability=90)
    yield stub
    stub.reset(devices=0)


@pytest.fixture
def driver(stub, activate):
    """Triton's own driver on the stub, active."""
    yield activate(stub.in_tree_driver())
    gc.collect()  # kernels are unloaded by the active driver


class Pointer:
    dtype = "fp16"

    def __init__(self, address):
        self.address = address

    def data_ptr(self):
        return self.address


def launch(driver, function, grid=(1, 1, 1), params=(), warps=4, ctas=1, shared=0, stream=0, cooperative=False):
    """One launch through Triton's C launcher; *params* are (type, value)."""
    annotations = [nvidia.PyKernelArg(nested_tuple=None, type=nvidia.ARG_KERNEL)] * len(params)
    signature = driver.utils.build_signature_metadata([ty for ty, _ in params])
    values = tuple(value for _, value in params)
    driver.utils.launch(
        *grid, stream, function, cooperative, False, (warps, ctas, shared), None, None, None, None, None, annotations, signature, values
    )  # fmt: skip


def load(driver, sizes=(), **properties):
    """The handles of a module and of its kernel `k`, loaded by Triton's C code."""
    cubin = stub_cuda.fake_cubin("k", [*sizes, 8, 8], **properties)
    return driver.utils.load_binary("k", cubin, 0, 0)[:2]


def test_without_devices_triton_finds_no_driver():
    stub = stub_cuda.load()
    library = ctypes.CDLL("libcuda.so.1")
    assert library._handle == stub._library._handle
    assert library.cuInit(0) == 100
    with stub.process_without_torch():
        assert not nvidia.CudaDriver.is_active()


def test_a_real_kernel_compiles_loads_and_launches(stub, driver):
    kernel = make_vector_add()
    compiled = warm_up_vector_add(kernel)
    assert stub.launches() == [] and stub.modules == set()
    kernel[(7, 2)](Pointer(0x1000), Pointer(0x2000), Pointer(0x3000), 1001, BLOCK=256)
    assert len(stub.modules) == 1
    (launch,) = stub.launches()
    assert (launch.function, launch.device, launch.grid, launch.block) == ("vector_add", 0, (7, 2, 1), (128, 1, 1))
    assert [int.from_bytes(param, "little") for param in launch.params] == [0x1000, 0x2000, 0x3000, 1001, 0, 0]
    assert [len(param) for param in launch.params] == [8, 8, 8, 4, 8, 8]
    assert compiled.function is not None and stub.calls()["cuLaunchKernelEx"] == 1
    kernel.device_caches.clear()  # the kernel itself stays in a registry of Triton's
    del compiled
    gc.collect()
    assert stub.modules == set()


def test_a_launch_is_recorded_with_all_that_it_was_given(stub, driver):
    _, function = load(driver, [4, 8])
    params = [("i32", -2), ("*fp16", Pointer(0x1234))]
    launch(driver, function, (2, 3, 4), params, warps=2, ctas=2, shared=1000, stream=0x70, cooperative=True)
    (seen,) = stub.launches()
    assert seen == stub_cuda.Launch(
        "k", 0, seen.context, (4, 3, 4), (64, 1, 1), 1000, 0x70,
        ((stub_cuda.COOPERATIVE, 1), (stub_cuda.CLUSTER_DIMENSION, struct.pack("<3i", 2, 1, 1)), (stub_cuda.CLUSTER_SCHEDULING, 1)),
        (struct.pack("<i", -2), struct.pack("<Q", 0x1234), bytes(8), bytes(8)),
    )  # fmt: skip
    assert stub.launches() == []


def test_planned_failures_come_once_and_in_order(stub, driver):
    _, function = load(driver)
    stub.fail("cuLaunchKernelEx", stub_cuda.ILLEGAL_ADDRESS, after=1)
    stub.fail("cuLaunchKernelEx", stub_cuda.OUT_OF_MEMORY)
    launch(driver, function)
    for message in ("an illegal memory access was encountered", "out of memory"):
        with pytest.raises(RuntimeError, match=rf"^Triton Error \[CUDA\]: {message}$"):
            launch(driver, function)
    launch(driver, function)
    assert len(stub.launches()) == 2
    with pytest.raises(ValueError, match=r"^the stub has no text for CUDA error 12345$"):
        stub.fail("cuInit", 12345)


def test_host_memory_has_no_device_address_and_mapped_memory_another(stub, driver):
    stub.host_memory(0x1000, 0x2000)
    stub.mapped_memory(0x2000, 0x3000, 0x9000)
    _, function = load(driver, [8])
    with pytest.raises(ValueError, match="cpu tensor"):
        launch(driver, function, params=[("*i8", Pointer(0x1FFF))])
    launch(driver, function, params=[("*i8", Pointer(0x2010))])
    launch(driver, function, params=[("*i8", Pointer(0x3000))])
    assert [int.from_bytes(seen.params[0], "little") for seen in stub.launches()] == [0x9010, 0x3000]


def test_each_thread_begins_without_a_context(stub, driver):
    library = ctypes.CDLL("libcuda.so.1")
    context = ctypes.c_void_p()

    def current():
        assert library.cuCtxGetCurrent(ctypes.byref(context)) == 0
        return context.value

    driver.set_current_device(0)
    assert current() is not None
    seen = []
    thread = threading.Thread(target=lambda: seen.append(current()))
    thread.start()
    thread.join()
    assert seen == [None]


def test_a_launch_needs_the_context_and_the_module_of_its_function(stub, driver):
    stub.reset(devices=2)
    driver.set_current_device(0)
    module, function = load(driver)
    driver.set_current_device(1)
    with pytest.raises(RuntimeError, match="invalid resource handle"):
        launch(driver, function)
    driver.set_current_device(0)
    launch(driver, function)
    driver.utils.unload_module(module)
    assert stub.modules == set()
    with pytest.raises(RuntimeError, match="invalid resource handle"):
        launch(driver, function)
    assert len(stub.launches()) == 1


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"grid": (1, 65536, 1)}, "invalid argument"),
        ({"warps": 64}, "invalid argument"),
        ({"warps": 16}, "too many resources requested for launch"),
        ({"shared": 49153}, "invalid argument"),
        ({"ctas": 32}, "cluster misconfiguration"),
    ],
)
def test_a_launch_beyond_the_limits_is_refused(stub, driver, what, message):
    _, function = load(driver, max_threads=256)
    with pytest.raises(RuntimeError, match=message):
        launch(driver, function, **what)
    assert stub.launches() == []


def test_loading_breaks_a_capture_unless_the_thread_has_said_that_it_knows(stub, driver):
    relaxed = ctypes.c_int(2)
    library = ctypes.CDLL("libcuda.so.1")
    module, _ = load(driver)
    stub.capturing = True
    assert driver.utils.is_stream_capturing(0)
    with pytest.raises(RuntimeError, match="operation not permitted when stream is capturing"):
        load(driver)
    with pytest.raises(RuntimeError, match="operation not permitted when stream is capturing"):
        driver.utils.unload_module(module)
    assert stub.broken_captures == ["cuModuleLoadData", "cuModuleUnload"]
    assert library.cuThreadExchangeStreamCaptureMode(ctypes.byref(relaxed)) == 0
    load(driver)
    assert len(stub.broken_captures) == 2 and relaxed.value == 0


def test_a_module_of_before_a_reset_may_still_be_unloaded(stub, driver):
    module, _ = load(driver)
    stub.reset()
    assert stub.modules == set()
    driver.utils.unload_module(module)


def test_an_image_that_is_no_module_is_refused(stub, driver):
    driver.set_current_device(0)
    with pytest.raises(RuntimeError, match="device kernel image is invalid"):
        driver.utils.load_binary("k", b"nothing", 0, 0)
    with pytest.raises(RuntimeError, match="named symbol not found"):
        driver.utils.load_binary("other", stub_cuda.fake_cubin("k", []), 0, 0)


def test_equal_tensor_maps_are_equal_bytes(stub, driver):
    def map_of(box):
        desc = driver.utils.fill_tma_descriptor_tiled(0x1000, 1, 2, 6, box, [64, 64], [64, 1], 0)
        _, function = load(driver, [128])
        launch(driver, function, params=[("nvTmaDesc", desc)])
        return stub.launches()[0].params[0]

    assert map_of([8, 8]) == map_of([8, 8]) != map_of([8, 16])
