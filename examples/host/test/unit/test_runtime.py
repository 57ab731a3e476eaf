# SPDX-License-Identifier: MIT
"""The runtime runs each program of a grid once and says what went wrong; kernels are written in LLVM IR."""

import ctypes
import os
import threading

import numpy as np
import pytest
from triton.backends.host import machine, runtime
from triton.backends.host.compiler import Backend, Options
from triton.backends.host.errors import KernelAssertionError, LaunchError, OutOfBoundsError, RaceError
from triton.backends.host.runtime import Buffer, Kernel

#: A kernel sees its first arguments and its place in the grid.
KERNEL = """
declare void @host_assert_failed(ptr, ptr, ptr, i32, ptr)
declare void @host_print_begin(ptr, ptr, i32)
declare void @host_print_shape(i32, ptr)
declare void @host_print_value(i32, i32, i64, i64)
declare void @host_print_end()
declare void @host_check(ptr, i64, i32, ptr, i64, ptr)
declare void @host_race(ptr, i64, i32, ptr, i64, ptr)
declare void @missing()
declare void @use(ptr)
@message = constant [4 x i8] c"bad\\00"
@file = constant [5 x i8] c"a.py\\00"
@site = constant [7 x i8] c"a.py:3\\00"
@prefix = constant [5 x i8] c" v: \\00"
@shape = constant [2 x i64] [i64 2, i64 12]
define void @kernel(ptr %args, ptr %program) {{
  %out = load ptr, ptr %args
  %x = load i32, ptr %program
  %at_y = getelementptr i32, ptr %program, i32 1
  %y = load i32, ptr %at_y
  %at_z = getelementptr i32, ptr %program, i32 2
  %z = load i32, ptr %at_z
  {body}
  ret void
}}
"""

#: Adds one to the element of the program's number, of a grid of 5 by 3 by any.
COUNT = """
  %a = mul i32 %z, 3
  %b = add i32 %a, %y
  %c = mul i32 %b, 5
  %n = add i32 %c, %x
  %to = getelementptr i32, ptr %out, i32 %n
  %old = load i32, ptr %to
  %new = add i32 %old, 1
  store i32 %new, ptr %to
"""


def build(body, scratch=0):
    """A function that launches the kernel with *body*, with the address of an array, a grid, and buffers if it is to be watched."""
    options = Options(arch=machine.name(), features=machine.features(machine.name()))
    library, address = runtime.load(
        "kernel", Backend.make_so(Backend.make_asm(KERNEL.format(body=body), {}, options), {}, options)
    )
    kernel = Kernel("kernel", scratch)

    def launch(array, grid, buffers=None):
        kernel.launch(address, np.array([array.ctypes.data], "uint64").tobytes(), *grid, buffers)
        return library

    return launch


@pytest.fixture
def threads():
    """Sets how many threads run a launch, and resets it."""
    yield runtime._library().host_set_threads
    runtime._library().host_set_threads(machine.threads())


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("depth", [1, 1000])
def test_each_program_runs_once(threads, count, depth):
    threads(count)
    out, launch = np.zeros(15 * depth, "int32"), build(COUNT)
    for _ in range(20):
        launch(out, (5, 3, depth))
    assert (out == 20).all()


def test_one_thread_takes_programs_with_x_first(threads):
    threads(1)
    order = "%next = load i32, ptr %out\n%n1 = add i32 %next, 1\nstore i32 %n1, ptr %out"
    place = "%p0 = mul i32 %z, 100\n%p1 = mul i32 %y, 10\n%p2 = add i32 %p0, %p1\n%p3 = add i32 %p2, %x"
    keep = "%to = getelementptr i32, ptr %out, i32 %n1\nstore i32 %p3, ptr %to"
    out = np.zeros(13, "int32")
    build("\n".join((order, place, keep)))(out, (2, 3, 2))
    assert out.tolist() == [12, 0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]


#: Writes to both ends of 64 MiB of stack.
DEEP = """
  %scratch = alloca i32, i32 16777216
  %end = getelementptr i32, ptr %scratch, i32 16777215
  store volatile i32 5, ptr %scratch
  store volatile i32 7, ptr %end
  %five = load volatile i32, ptr %scratch
  %seven = load volatile i32, ptr %end
  %sum = add i32 %five, %seven
  %to = getelementptr i32, ptr %out, i32 %x
  store i32 %sum, ptr %to
"""


@pytest.mark.parametrize("count", [1, 3])
def test_a_kernel_has_the_stack_that_it_takes(threads, count):
    threads(count)
    out = np.zeros(8, "int32")
    build(DEEP, scratch=64 * 2**20)(out, (8, 1, 1))
    assert (out == 12).all()


def test_a_stack_that_there_is_not_is_an_error():
    with pytest.raises(
        LaunchError, match=r"^cannot launch the kernel kernel: the system gives no thread with a stack of \d+ bytes$"
    ):
        build(COUNT, scratch=2**62)(np.zeros(1, "int32"), (1, 1, 1))


def test_launches_from_several_threads_are_apart():
    outs, launch = [np.zeros(15, "int32") for _ in range(4)], build(COUNT)

    def work(out):
        for _ in range(100):
            launch(out, (5, 3, 1))

    workers = [threading.Thread(target=work, args=(out,)) for out in outs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all((out == 100).all() for out in outs)


def test_the_child_of_a_fork_launches(threads):
    threads(3)
    out, launch = np.zeros(15, "int32"), build(COUNT)
    launch(out, (5, 3, 1))
    if (child := os.fork()) == 0:
        launch(out, (5, 3, 1))
        os._exit(0 if (out == 2).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
    launch(out, (5, 3, 1))
    assert (out == 2).all()


def test_rounding_is_to_the_nearest_whatever_the_caller_has_set():
    # 1 + 2**-24 is a tie, which goes to 1; rounded upwards it is more.
    sum_up = """
      %a = load volatile float, ptr %out
      %sum = fadd float %a, 0x3E70000000000000
      %to = getelementptr float, ptr %out, i32 1
      store float %sum, ptr %to
    """
    out, launch, libm = np.ones(2, "float32"), build(sum_up), ctypes.CDLL("libm.so.6")
    upward, before = 0x800, libm.fegetround()
    libm.fesetround(upward)
    try:
        launch(out, (1, 1, 1))
        kept = libm.fegetround()
    finally:
        libm.fesetround(before)
    assert out[1] == 1 and kept == upward


#: Fails in the program with x = 3, and writes after it.
FAIL = """
  %fails = icmp eq i32 %x, 3
  br i1 %fails, label %fail, label %go
fail:
  call void @host_assert_failed(ptr @message, ptr @file, ptr @prefix, i32 7, ptr %program)
  br label %go
go:
  %to = getelementptr i32, ptr %out, i32 %x
  store i32 1, ptr %to
"""


@pytest.mark.parametrize("count", [1, 4])
def test_an_assertion_ends_its_program_and_the_next_launch_works(threads, count):
    threads(count)
    launch = build(FAIL)
    for _ in range(3):
        out = np.zeros(64, "int32")
        with pytest.raises(KernelAssertionError) as caught:
            launch(out, (64, 1, 1))
        assert str(caught.value) == (
            "device-side assert triggered in the kernel kernel: a.py:7:  v: : block: [3,0,0] Assertion `bad` failed."
        )
        assert out[3] == 0
        launch(out, (3, 1, 1))
        assert out[:4].tolist() == [1, 1, 1, 0]


def test_prints_have_the_form_of_other_backends(capfd):
    build("""
      call void @host_print_begin(ptr %program, ptr @prefix, i32 0)
      call void @host_print_value(i32 0, i32 0, i64 -1, i64 -5)
      call void @host_print_shape(i32 2, ptr @shape)
      call void @host_print_value(i32 8193, i32 1, i64 14, i64 -1)
      call void @host_print_value(i32 2, i32 -1, i64 3, i64 4612811918334230528)
      call void @host_print_end()
      call void @host_print_begin(ptr %program, ptr @prefix, i32 1)
      call void @host_print_value(i32 4096, i32 -1, i64 -1, i64 -2)
      call void @host_print_end()
      call void @host_print_begin(ptr %program, ptr @prefix, i32 0)
      call void @host_print_end()
    """)(np.zeros(1, "int32"), (1, 1, 1))
    assert capfd.readouterr().out.splitlines() == [
        "pid (0, 0, 0) idx () v: (operand 0) -5",
        "pid (0, 0, 0) idx (1,  2) v: (operand 1) 4294967295",
        "pid (0, 0, 0) idx (0,  3) v: 2.500000",
        "pid (0, 0, 0) idx () v: 0xfffe",
        "pid (0, 0, 0) v: ",
    ]


def test_a_symbol_that_is_nowhere_is_an_error():
    with pytest.raises(LaunchError, match=r"^cannot load the kernel kernel: .*undefined symbol: missing$"):
        build("call void @missing()")


def test_many_libraries_stay_apart():
    # All are written to a file of one number.
    launches = [build(f"store i32 {number}, ptr %out") for number in range(20)]
    out = np.zeros(1, "int32")
    found = [(launch(out, (1, 1, 1)), int(out[0])) for launch in launches]
    assert [number for _, number in found] == list(range(20))
    runtime.unload(found[7][0])
    launches[8](out, (1, 1, 1))
    assert out[0] == 8


def watched(array):
    return [Buffer(array.ctypes.data, array.nbytes, b"out"), Buffer(array.ctypes.data + 4096, 16, b"far")]


#: An access of four bytes, *offset* bytes from the begin.
CHECK = """
  %to = getelementptr i8, ptr %out, i32 {offset}
  call void @host_check(ptr %to, i64 4, i32 {kind}, ptr @site, i64 9, ptr %program)
"""


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (0, None),
        (36, None),
        (
            38,
            "a.py:3: a store of 4 bytes, for element 9 in program (0, 0, 0), ends 2 bytes after the end of out, which has 40 bytes",
        ),
        (
            -4,
            "a.py:3: a store of 4 bytes, for element 9 in program (0, 0, 0), begins 4 bytes before the begin of out, which has 40 bytes",
        ),
        (
            4088,
            "a.py:3: a store of 4 bytes, for element 9 in program (0, 0, 0), begins 8 bytes before the begin of far, which has 16 bytes",
        ),
    ],
)
def test_an_access_outside_of_the_buffers_is_measured(offset, said):
    out, launch = np.zeros(10, "int32"), build(CHECK.format(offset=offset, kind=1))
    if said is None:
        launch(out, (1, 1, 1), watched(out))
    else:
        with pytest.raises(OutOfBoundsError) as caught:
            launch(out, (1, 1, 1), watched(out))
        assert str(caught.value) == f"out of bounds in the kernel kernel: {said}"


#: Program x touches *width* bytes at *step* times x with the access *kind*, in the launch that follows *first*.
RACE = """
  %place = mul i32 %x, {step}
  %to = getelementptr i8, ptr %out, i32 %place
  %is_first = icmp eq i32 %x, 0
  %kind = select i1 %is_first, i32 {first}, i32 {then}
  call void @host_race(ptr %to, i64 {width}, i32 %kind, ptr @site, i64 9, ptr %program)
"""

LOAD, STORE, ATOMIC = range(3)


@pytest.mark.parametrize(
    ("first", "then", "step", "width", "is_race"),
    [
        (STORE, STORE, 0, 4, True),
        (LOAD, STORE, 0, 4, True),
        (STORE, LOAD, 0, 4, True),
        (ATOMIC, STORE, 0, 4, True),
        (STORE, ATOMIC, 0, 4, True),
        (STORE, STORE, 3, 4, True),
        (STORE, STORE, 64, 65, True),
        (LOAD, LOAD, 0, 4, False),
        (ATOMIC, ATOMIC, 0, 4, False),
        (LOAD, ATOMIC, 0, 4, False),
        (STORE, STORE, 4, 4, False),
        (STORE, STORE, 2, 2, False),
        (STORE, STORE, 1, 1, False),
        (STORE, STORE, 64, 64, False),
    ],
)
def test_two_programs_race_if_they_touch_a_byte_and_one_stores_to_it(first, then, step, width, is_race):
    out, launch = np.zeros(64, "int32"), build(RACE.format(first=first, then=then, step=step, width=width))
    if is_race:
        with pytest.raises(
            RaceError, match=r"two programs meet in byte \d+ of out: \(\d, 0, 0\) by the .* at a\.py:3, for element 9$"
        ):
            launch(out, (2, 1, 1), watched(out))
    else:
        launch(out, (3, 1, 1), watched(out))
    launch(out, (1, 1, 1), watched(out))
    launch(out, (3, 1, 1))
