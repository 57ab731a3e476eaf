# SPDX-License-Identifier: MIT
"""What a random kernel should do, by numpy: its lines are run once for each program, with arrays for tiles.

Nothing of Triton takes part, so that this is an opinion of its own. Kernels are written such that numpy says what Triton's
language means: operands have one type, integers wrap around, and what floating-point numbers hold are small integers, of which
every sum is exact in every order. bf16 is kept as fp32 whose lower half is zero.

Beside the result it finds which elements a kernel touches, and no others belong to the buffers that the kernel is given.
"""

import itertools
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from kernel_cases import Buffer, Case

#: The types of arrays; bf16 has none.
ARRAYS = {
    "fp16": np.float16, "bf16": np.float32, "fp32": np.float32, "fp64": np.float64, "i1": np.bool_,
    "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
}  # fmt: skip

#: What masked lanes hold where a kernel does not say: no kernel's result may depend on it.
UNDEFINED = 99


def round_to_bf16(values: np.ndarray) -> np.ndarray:
    """*values*, fp32 and no NaN, as the nearest bf16, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def cast(values: Any, dtype: str) -> np.ndarray:
    """*values* in the type *dtype*."""
    array = np.asarray(values)
    if dtype == "bf16":
        return round_to_bf16(np.ascontiguousarray(array.astype(np.float32))).reshape(array.shape)
    return array.astype(ARRAYS[dtype])


def content(buffer: Buffer, name: str, places: np.ndarray) -> np.ndarray:
    """What the elements of *buffer* at *places* hold before the launch: a hash of name and place."""
    salt = np.uint64(sum(ord(letter) << 8 * at for at, letter in enumerate(name[:7])))
    bits = (places.astype(np.uint64) + salt) * np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(32)
    if buffer.limit is not None:
        return ((bits % np.uint64(buffer.limit - buffer.low + 1)).astype(np.int64) + buffer.low).astype(ARRAYS[buffer.dtype])
    if buffer.dtype == "bf16":
        return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return bits.astype(f"u{buffer.size}").view(ARRAYS[buffer.dtype])


def encode(buffer: Buffer, values: np.ndarray) -> bytes:
    """The memory of *values*."""
    return (values.view(np.uint32) >> 16).astype(np.uint16).tobytes() if buffer.dtype == "bf16" else values.tobytes()


class Region:
    """The elements of a buffer from place `first` on. Without values it is without bounds, and nothing is stored."""

    def __init__(self, name: str, buffer: Buffer):
        self.name, self.buffer = name, buffer
        self.first = self.last = 0
        self.is_touched = False
        self.values: np.ndarray | None = None

    def allocate(self) -> None:
        """Gives it just the elements that were touched, or one if none was."""
        self.values = self.initial()

    def initial(self) -> np.ndarray:
        """The values of its elements before the launch."""
        return content(self.buffer, self.name, np.arange(self.first, self.last + 1))

    def touch(self, places: np.ndarray) -> None:
        if places.size == 0:
            return
        first, last = int(places.min()), int(places.max())
        if self.values is not None:
            if first < self.first or last > self.last:
                raise IndexError(f"{self.name}[{first}:{last + 1}] is outside [{self.first}:{self.last + 1}]")
        elif self.is_touched:
            self.first, self.last = min(self.first, first), max(self.last, last)
        else:
            self.first, self.last, self.is_touched = first, last, True

    def read(self, places: np.ndarray) -> np.ndarray:
        self.touch(places)
        return content(self.buffer, self.name, places) if self.values is None else self.values[places - self.first]

    def write(self, places: np.ndarray, values: np.ndarray) -> None:
        self.touch(places)
        if self.values is not None:
            self.values[places - self.first] = values

    def update(self, function: np.ufunc, places: np.ndarray, values: np.ndarray) -> None:
        """Applies *function* to one element after the other, as atomics do."""
        self.touch(places)
        if self.values is not None:
            function.at(self.values, places - self.first, values)


class Pointers:
    """A pointer or a tile of them: places in a region."""

    def __init__(self, region: Region, places: np.ndarray):
        self.region, self.places = region, places

    def __add__(self, offset: Any) -> "Pointers":
        return Pointers(self.region, self.places + np.asarray(offset).astype(np.int64))

    def __sub__(self, offset: Any) -> "Pointers":
        return Pointers(self.region, self.places - np.asarray(offset).astype(np.int64))

    def under(self, mask: Any) -> tuple[np.ndarray, np.ndarray]:
        """The places, and where they are accessed."""
        return self.places, np.broadcast_to(np.asarray(True if mask is None else mask), self.places.shape)


class Descriptor:
    """A tensor descriptor: what is outside its shape is zero, and not stored."""

    def __init__(self, base: Pointers, shape: list, strides: list, block_shape: list):
        self.base, self.shape, self.strides, self.block_shape = base, shape, strides, block_shape

    def _block(self, offsets: list) -> tuple[Pointers, np.ndarray]:
        places, inside = self.base, np.asarray(True)
        rank = len(self.shape)
        for axis, (offset, size, stride, length) in enumerate(
            zip(offsets, self.shape, self.strides, self.block_shape, strict=True)
        ):
            index = (int(offset) + np.arange(length)).reshape([-1 if at == axis else 1 for at in range(rank)])
            places, inside = places + index * int(stride), inside & (index >= 0) & (index < size)
        return places, inside

    def load(self, offsets: list) -> np.ndarray:
        return load(*self._block(offsets), 0)

    def store(self, offsets: list, values: np.ndarray) -> None:
        pointers, inside = self._block(offsets)
        store(pointers, values, inside)


def describe_difference(expected: Region, found: bytes) -> str:
    """Where the memory *found* is not that of *expected*; empty if it is the same bit by bit."""
    wanted = np.frombuffer(encode(expected.buffer, expected.values), np.uint8)
    differs = (wanted != np.frombuffer(found, np.uint8)).reshape(-1, expected.buffer.size).any(axis=1)
    places = np.flatnonzero(differs) + expected.first
    if places.size == 0:
        return ""
    at, size = int(places[0] - expected.first), expected.buffer.size
    both = f"{wanted[at * size : (at + 1) * size].tobytes().hex()}, not {found[at * size : (at + 1) * size].hex()}"
    return f"{expected.name}: {places.size} of {len(differs)} elements differ, the first at {places[0]}: {both}"


# -- What kernels call


def load(pointers: Pointers, mask: Any = None, other: Any = UNDEFINED, **hints: Any) -> np.ndarray:
    places, valid = pointers.under(mask)
    region = pointers.region
    values = np.broadcast_to(cast(other, region.buffer.dtype), places.shape).copy()
    values[valid] = region.read(places[valid])
    return values


def store(pointers: Pointers, values: Any, mask: Any = None, **hints: Any) -> None:
    places, valid = pointers.under(mask)
    typed = np.broadcast_to(cast(values, pointers.region.buffer.dtype), places.shape)
    pointers.region.write(places[valid], typed[valid])


def _atomic(function: np.ufunc) -> Any:
    def update(pointers: Pointers, values: Any, mask: Any = None, **hints: Any) -> None:
        places, valid = pointers.under(mask)
        typed = np.broadcast_to(cast(values, pointers.region.buffer.dtype), places.shape)
        pointers.region.update(function, places[valid], typed[valid])

    return update


def dot(a: np.ndarray, b: np.ndarray, acc: np.ndarray, **hints: Any) -> np.ndarray:
    return np.matmul(a.astype(acc.dtype), b.astype(acc.dtype)) + acc


def cdiv(a: Any, b: Any) -> Any:
    return (a + b - 1) // b


def language(program: tuple[int, ...], grid: tuple[int, ...]) -> SimpleNamespace:
    """What the name `tl` stands for in the program *program* of *grid*."""
    ids, counts = [*program, 0, 0], [*grid, 1, 1]
    return SimpleNamespace(
        program_id=lambda axis: np.int32(ids[axis]),
        num_programs=lambda axis: np.int32(counts[axis]),
        arange=lambda start, end: np.arange(start, end, dtype=np.int32),
        zeros=lambda shape, dtype: np.zeros(shape, ARRAYS[dtype]),
        full=lambda shape, value, dtype: np.full(shape, value, ARRAYS[dtype]),
        cast=cast,
        load=load,
        store=store,
        atomic_add=_atomic(np.add), atomic_max=_atomic(np.maximum), atomic_min=_atomic(np.minimum),
        atomic_and=_atomic(np.bitwise_and), atomic_or=_atomic(np.bitwise_or), atomic_xor=_atomic(np.bitwise_xor),
        where=np.where, maximum=np.maximum, minimum=np.minimum, abs=np.abs,
        sum=lambda x, axis=None: np.sum(x, axis, dtype=x.dtype),
        max=np.max, min=np.min, argmax=lambda x, axis: np.argmax(x, axis).astype(np.int32),
        cumsum=lambda x, axis: np.cumsum(x, axis, dtype=x.dtype),
        broadcast_to=np.broadcast_to, trans=np.transpose,
        dot=dot,
        cdiv=cdiv,
        range=lambda *bounds, **hints: range(*bounds),
        static_range=range,
        make_tensor_descriptor=Descriptor,
        constexpr=None,
        float16="fp16", bfloat16="bf16", float32="fp32", float64="fp64", int1="i1",
        int8="i8", int16="i16", int32="i32", int64="i64", uint8="u8", uint16="u16", uint32="u32", uint64="u64",
    )  # fmt: skip


# -- Running it


def number(value: int) -> np.integer:
    """The integer argument *value*, in the type that Triton gives it."""
    return np.int32(value) if -(2**31) <= value < 2**31 else np.int64(value)


def _run(case: Case, code: Any, regions: Mapping[str, Region]) -> None:
    names = {name: Pointers(region, np.asarray(0, np.int64)) for name, region in regions.items()}
    names |= {name: number(value) for name, value in case.numbers.items()} | dict(case.constants)
    with np.errstate(all="ignore"):
        for reversed_program in itertools.product(*map(range, reversed(case.grid))):
            exec(code, names | {"tl": language(reversed_program[::-1], case.grid)})


def regions_of(case: Case) -> dict[str, Region]:
    """The memory that *case* needs, as it is before the launch."""
    regions = {name: Region(name, buffer) for name, buffer in case.buffers.items()}
    _run(case, _code_of(case), regions)
    for region in regions.values():
        region.allocate()
    return regions


def evaluate(case: Case) -> dict[str, Region]:
    """The memory of *case* after the launch. Raises `IndexError` where that leaves the memory that `regions_of` found."""
    regions = regions_of(case)
    _run(case, _code_of(case), regions)
    return regions


def _code_of(case: Case) -> Any:
    return compile("\n".join(case.lines or ["pass"]), f"<kernel of seed {case.seed}>", "exec")
