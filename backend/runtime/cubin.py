# SPDX-License-Identifier: MIT
"""What a kernel takes and what it uses of a device, read from its cubin.

A cubin is an ELF file. Its section `.nv.info` has attributes of functions, each with the number of the function's symbol and a
value; shared memory whose size is known to the compiler is a section `.nv.shared.<function>`. The parameters of a function are among the
attributes in `.nv.info.<function>`. NVIDIA documents neither; what is
read here is what `cuobjdump -res-usage` prints. The file may come from anywhere, so nothing in it is trusted: what
cannot be told is None.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .dtypes import SIZES
from .errors import BundleError

_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_ATTRIBUTE = struct.Struct("<BBH")
_PAIR = struct.Struct("<II")

_MACHINE_CUDA = 190
_FUNCTION = 2
#: The format of an attribute whose value has as many bytes as its header says; others have none behind the header.
_SIZED = 4
_REGISTERS, _FRAME_BYTES, _PARAMETER = 0x2F, 0x11, 0x17
#: Another form of the same, which is not read here.
_OTHER_PARAMETER = 0x45
#: The type of the sections `.nv.info…`. Each is about the section whose number it has in its header, as the driver sees it.
_INFO_TYPE = 0x70000000
#: Of a parameter: a number of no use, its place, its offset, and its size above 18 other bits.
_PARAMETER_FIELDS = struct.Struct("<IHHI")
_SIZE_SHIFT = 18

#: Of the tables that are searched, in bytes. Triton's cubins have a few hundred.
_MAX_TABLE = 1 << 20


class Usage(NamedTuple):
    """What a kernel uses; None for what its cubin does not tell."""

    #: For each thread.
    registers: int | None = None
    #: Local memory for each thread in words of 32 bits, which Triton calls `n_spills`: registers that did not fit, and arrays.
    spills: int | None = None
    #: Bytes for each CTA besides what a launch asks for; from compute capability 9.0 on with the KiB that CUDA reserves.
    static_shared: int | None = None


def usage(cubin: bytes, kernel: str) -> Usage:
    """What the function *kernel* of *cubin* uses."""
    try:
        return _usage(_Elf(cubin), kernel.encode())
    except ValueError:
        return Usage()


def code_bytes(cubin: bytes, kernel: str) -> int | None:
    """How many bytes of instructions the function *kernel* of *cubin* has; None if the cubin does not tell."""
    try:
        section = _Elf(cubin).section(b".text." + kernel.encode())
    except ValueError:
        return None
    return None if section is None else section.size


def parameters(cubin: bytes, kernel: str) -> tuple[int, ...] | None:
    """The sizes in bytes of the parameters of the function *kernel*, in order; None if the cubin does not tell, or in two ways."""
    try:
        elf, name = _Elf(cubin), kernel.encode()
        if not elf.is_about(b".nv.info." + name, b".text." + name):
            return None
        told = [*_sized(elf.table(b".nv.info." + name))]
        found = [_parameter(value) for attribute, value in told if attribute == _PARAMETER]
    except ValueError:
        return None
    is_told_once = sorted(place for place, _ in found) == [*range(len(found))]
    is_told_twice = any(attribute == _OTHER_PARAMETER for attribute, _ in told)
    return tuple(size for _, size in sorted(found)) if is_told_once and not is_told_twice else None


def _parameter(value: bytes) -> tuple[int, int]:
    """Place and size of a parameter. Raises `ValueError`."""
    if len(value) != _PARAMETER_FIELDS.size:
        raise ValueError
    _, place, _, bits = _PARAMETER_FIELDS.unpack(value)
    return place, bits >> _SIZE_SHIFT


def _usage(elf: _Elf, kernel: bytes) -> Usage:
    symbols = _functions(elf, kernel)
    if not symbols:
        return Usage()
    values = {attribute: value for symbol, attribute, value in _attributes(elf) if symbol in symbols}
    frame = values.get(_FRAME_BYTES)
    shared = elf.section(b".nv.shared." + kernel)
    return Usage(values.get(_REGISTERS), None if frame is None else frame // 4, 0 if shared is None else shared.size)


class _Section(NamedTuple):
    offset: int
    size: int
    kind: int
    #: The number of the section that it is about.
    about: int


class _Elf:
    """The sections of a cubin. Raises `ValueError` for what is none."""

    def __init__(self, data: bytes):
        self.data = data
        header = _part(data, 0, 64)
        if header[:6] != b"\x7fELF\2\1" or int.from_bytes(header[18:20], "little") != _MACHINE_CUDA:
            raise ValueError
        (offset,) = struct.unpack_from("<Q", header, 0x28)
        size, count, names = struct.unpack_from("<3H", header, 0x3A)
        if size != _SECTION.size or names >= count:
            raise ValueError
        rows = _SECTION.iter_unpack(_part(data, offset, size * count))
        self._sections = [(row[0], _Section(row[4], row[5], row[1], row[7])) for row in rows]
        self._names = self._content(self._sections[names][1])

    def section(self, name: bytes) -> _Section | None:
        """The section of this *name*. Raises `ValueError` if there are several, of which the driver may take another."""
        found = [section for at, section in self._sections if _is_name(self._names, at, name)]
        if len(found) > 1:
            raise ValueError
        return found[0] if found else None

    def is_about(self, name: bytes, subject: bytes) -> bool:
        """Whether the section *name* is one of those that tell of others, and the only one that tells of the section *subject*."""
        told = self.section(name)
        subjects = [number for number, (at, _) in enumerate(self._sections) if _is_name(self._names, at, subject)]
        telling = [section for _, section in self._sections if section.kind == _INFO_TYPE and section.about in subjects]
        return len(subjects) == 1 and telling == [told]

    def table(self, name: bytes) -> bytes:
        """What is in the section *name*. Raises `ValueError` if there is none, or it is too large to be looked through."""
        section = self.section(name)
        if section is None:
            raise ValueError
        return self._content(section)

    def _content(self, section: _Section) -> bytes:
        if section.size > _MAX_TABLE:
            raise ValueError
        return _part(self.data, section.offset, section.size)


def _part(data: bytes, offset: int, size: int) -> bytes:
    """*size* bytes of *data* from *offset* on. Raises `ValueError` if there are not so many."""
    if offset + size > len(data):
        raise ValueError
    return data[offset : offset + size]


def _is_name(names: bytes, offset: int, name: bytes) -> bool:
    """Whether *name* is what stands at *offset* in a table of names that end with a zero."""
    return names.startswith(name + b"\0", offset)


def _functions(elf: _Elf, name: bytes) -> set[int]:
    """The numbers of the symbols of the function *name*. Raises `ValueError`."""
    table, names = elf.table(b".symtab"), elf.table(b".strtab")
    if len(table) % _SYMBOL.size:
        raise ValueError
    symbols = enumerate(_SYMBOL.iter_unpack(table))
    return {number for number, (at, info, *_) in symbols if info & 15 == _FUNCTION and _is_name(names, at, name)}


def _attributes(elf: _Elf) -> Iterator[tuple[int, int, int]]:
    """The attributes of functions: the number of the symbol, what it is, and its value. Raises `ValueError`."""
    for attribute, value in _sized(elf.table(b".nv.info")):
        if len(value) == _PAIR.size:
            symbol, number = _PAIR.unpack(value)
            yield symbol, attribute, number


def _sized(table: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in *table* that say how long they are, with their values. Raises `ValueError`."""
    offset = 0
    while offset < len(table):
        kind, attribute, size = _ATTRIBUTE.unpack(_part(table, offset, _ATTRIBUTE.size))
        offset += _ATTRIBUTE.size
        if kind == _SIZED:
            yield attribute, _part(table, offset, size)
            offset += size


# -- What a bundle says of it

#: The bytes of a parameter of each plain type; pointers have 8.
_TYPE_SIZES = SIZES | {"i1": 1, "f32": 4, "nvTmaDesc": 128}
#: The two pointers to scratch memory that each kernel takes last.
_SCRATCH = (8, 8)

_DESCRIPTOR = re.compile(r"tensordesc(_im2col)?<[^\[>]*\[(\d+(?:, ?\d+){0,15})\](?P<rest>[^\n]*)>")
_RANK = re.compile(r",input_rank=(\d{1,2})(?!\d)")


def check_parameters(variant: dict[str, Any], cubin: bytes, signature: Iterable[Any] | None = None) -> None:
    """Raises `BundleError` if *cubin* is no cubin, or takes other parameters than arguments with the types in *signature* become.

    Without *signature*, these are the types that *variant* itself says, if it says some.
    """
    if variant["metadata"].get("instrumentation_mode") == "gsan":
        raise BundleError(
            "cubin", f"the kernel {variant['name']!r} is instrumented by gsan, whose launches need more than a bundle has"
        )
    taken = parameters(cubin, variant["metadata"]["name"])
    if taken is None:
        raise BundleError("cubin", f"the cubin of {variant['name']!r} does not tell the parameters of a kernel of this name")
    special = variant["specialisation"]
    if signature is None and special is None:
        return
    types = [type_ for type_ in _leaves(special["signature"] if signature is None else signature) if type_ != "constexpr"]
    said = [*_sizes(variant["name"], types, variant["metadata"].get("tensordesc_meta")), *_SCRATCH]
    if len(said) != len(taken) or any(size not in (None, other) for size, other in zip(said, taken, strict=True)):
        raise BundleError(
            "cubin",
            f"the cubin of {variant['name']!r} takes parameters of {_shown(taken)} bytes, and its signature ({', '.join(types)}) says "
            f"{_shown(said)}",
        )


def _sizes(kernel: str, types: list[str], made: list[dict[str, Any]] | None) -> Iterator[int | None]:
    """The bytes of each parameter that arguments of *types* become, None for one of a type that is not known.

    *made* says how a host makes each descriptor. Raises `BundleError` if that is not what the types say.
    """
    descriptors = [type_ for type_ in types if type_.startswith("tensordesc")]
    if made and len(made) != len(descriptors):
        raise BundleError(
            "cubin",
            f"the signature of {kernel!r} has {len(descriptors)} descriptors, and its tensordesc_meta says how to make {len(made)}",
        )
    how = iter(made or ())
    for type_ in types:
        if type_.startswith("tensordesc"):
            yield from _descriptor_sizes(kernel, type_, next(how, None))
        else:
            yield 8 if type_.startswith("*") else _TYPE_SIZES.get(type_)


def _descriptor_sizes(kernel: str, type_: str, made: dict[str, Any] | None) -> list[int]:
    """The bytes of what the descriptor *type_* becomes: a `CUtensorMap` if a host makes it, else what is in it; and its shape."""
    parts = _DESCRIPTOR.fullmatch(type_)
    rank_given = _RANK.search(parts["rest"]) if parts else None
    if parts is None or ("input_rank" in parts["rest"] and rank_given is None):
        raise BundleError("cubin", f"the signature of {kernel!r} has {type_!r}, which is not the type of a descriptor")
    block = parts[2].count(",") + 1
    rank = int(rank_given[1]) if rank_given else block
    if made and len(made["block_size"]) != block:
        raise BundleError(
            "cubin",
            f"the signature of {kernel!r} has {type_!r}, and its tensordesc_meta a block_size of {len(made['block_size'])} numbers for it",
        )
    head = [128] if made else [*[8] * (1 + 2 * rank), 1, 1]
    return [*head, *[4] * rank, *[8] * rank]


def _leaves(types: Iterable[Any]) -> Iterator[str]:
    """The types in *types*, lists and tuples of types in there among them."""
    for type_ in types:
        if isinstance(type_, list | tuple):
            yield from _leaves(type_)
        else:
            yield type_


def _shown(sizes: Iterable[int | None]) -> str:
    first, more = [*sizes][:40], len([*sizes][40:])
    return ", ".join(map(str, first)) + (f" and {more} more" if more else "")
