# SPDX-License-Identifier: MIT
"""Where torch keeps a tensor's address, dtype and device: found in memory with probes, and refused if any doubt is left.

Torch has no call that gives these three in less than about 90 ns. They lie in three objects, each holding the address of the
next: the Python object, its `TensorImpl`, and that one's `StorageImpl`. Torch's own Python interface says where the objects are
and what the fields hold, so `prove` can look for each field in the memory of some 80 tensors. A field counts as found if there
is exactly one offset at which every probe agrees. `lib/Launcher/TorchLayout.h` then reads tensors at these offsets.

What is not as learnt is not read this way, and takes the slow one:

- an object whose type is not exactly `torch.Tensor` or `torch.nn.Parameter`;
- a tensor whose set of dispatch keys no plain dense probe had: meta, sparse, nested, quantised, conjugated, functorch's, ...;
- a tensor whose storage does something when it is asked for its address, such as one that is copied on write;
- a dtype without a probe.

Nothing here imports torch, and no memory is read outside the objects' own.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import struct
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

#: What `Layout.pack` writes: `TorchLayout` of TorchLayout.h.
_PACKED = struct.Struct("<8Q8b10H64s4x")
_MAX_WORDS = 8
_MAX_DTYPES = 64

#: torch's number of the device type.
_CUDA = 1

#: No object of torch's that we look into is larger, in bytes; a size beyond it is no size.
_MAX_OBJECT = 4096


class Layout(NamedTuple):
    """Offsets in bytes, and what the fields may hold. Proven for one torch in one process: not to be stored."""

    #: The types that are read this way, compared by identity.
    types: tuple[type, type]
    #: In the Python object: the address of the TensorImpl.
    tensor_impl: int
    #: In the TensorImpl: the word of dispatch keys, the address of the StorageImpl, the first element's offset in elements
    #: (int64), the number of elements (int64), the dtype's number (uint16), and the device's type and index (int8 each).
    key_set: int
    storage_impl: int
    storage_offset: int
    numel: int
    dtype: int
    device: int
    #: In the StorageImpl: the address of its first byte, and a byte that is 0 if that address may be taken as it is.
    data: int
    data_check: int
    #: The dispatch keys of plain dense tensors, each with its device type (0: CPU, 1: CUDA), those of CUDA first.
    words: tuple[tuple[int, int], ...]
    #: The dtypes by their numbers; None where there is none.
    dtypes: tuple[Any, ...]

    @property
    def knows_cuda(self) -> bool:
        """Whether CUDA tensors are among the proven; if not, prove again when there is one."""
        return any(device_type == _CUDA for _, device_type in self.words)

    def pack(self) -> bytes:
        """The layout without its types and dtypes, as TorchLayout.h takes it."""
        words, device_types = ([*column, *[0] * (_MAX_WORDS - len(column))] for column in zip(*self.words, strict=True))
        offsets = self[1:10]
        itemsizes = bytes(0 if dtype is None else dtype.itemsize for dtype in self.dtypes)
        return _PACKED.pack(*words, *device_types, *offsets, len(self.words), itemsizes)


class Reading(NamedTuple):
    """What is read of a tensor: its `data_ptr()`, its dtype, and its device's type and index (-1: none)."""

    address: int
    dtype: Any
    device_type: int
    device_index: int


class _NotProvenError(Exception):
    """Memory and torch disagree, or a field may be in several places."""


def prove(torch: Any) -> tuple[Layout | None, str]:
    """The layout of *torch*'s tensors, or None and the reason. Raises nothing and costs a few milliseconds.

    CUDA tensors are proven if torch has used the current device, and without allocating on it.
    """
    try:
        _require_platform()
        # Whatever mode the caller is in, probes are plain tensors.
        with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch(), torch.inference_mode(mode=False):
            return _prove(torch), ""
    except _NotProvenError as error:
        return None, str(error)
    except Exception as error:  # whatever a torch raises that is not as we know it
        return None, f"{type(error).__name__}: {error}"


def read(layout: Layout, tensor: Any) -> Reading | None:
    """What TorchLayout.h reads of *tensor*, in Python: None if it is not read this way."""
    if type(tensor) not in layout.types:
        return None
    impl = _load("<Q", id(tensor), layout.tensor_impl)
    device_type = dict(layout.words).get(_load("<Q", impl, layout.key_set))
    storage = _load("<Q", impl, layout.storage_impl)
    number = _load("<H", impl, layout.dtype)
    dtype = layout.dtypes[number] if number < len(layout.dtypes) else None
    if device_type is None or dtype is None or not storage or _load("<B", storage, layout.data_check):
        return None
    if _load("<b", impl, layout.device) != device_type:
        return None
    address = 0
    if _load("<q", impl, layout.numel):
        address = _load("<Q", storage, layout.data) + _load("<q", impl, layout.storage_offset) * dtype.itemsize
    return Reading(address, dtype, device_type, _load("<b", impl, layout.device + 1))


def _load(code: str, address: int, offset: int) -> int:
    return struct.unpack(code, ctypes.string_at(address + offset, struct.calcsize(code)))[0]


def _require_platform() -> None:
    here = (sys.implementation.name, sys.platform, platform.machine(), sys.byteorder, ctypes.sizeof(ctypes.c_void_p))
    if here not in [("cpython", "linux", machine, "little", 8) for machine in ("x86_64", "aarch64")]:
        raise _NotProvenError(f"not known on {here[0]}, {here[1]}, {here[2]}")


# Probes


class _Probes(NamedTuple):
    """Tensors by what is to be learnt of them. All live until the end, so that no two share an address."""

    #: Read this way: those whose keys are learnt.
    plain: list[Any]
    #: Plain but for a storage that has to be asked.
    checked: list[Any]
    #: Not read this way, for their keys.
    other: list[Any]
    #: Not read this way, but with a device index that is neither 0 nor missing.
    numbered: list[Any]


def _make_probes(torch: Any) -> _Probes:
    plain = [*_shape_probes(torch), *_dtype_probes(torch)]
    with torch.inference_mode():
        plain += _shape_probes(torch)[:4]
    if torch.cuda.is_initialized():
        index = torch.cuda.current_device()
        if torch._C._cuda_hasPrimaryContext(index):  # else the first CUDA tensor would make one, which takes 100 ms
            plain = _cuda_probes(torch, torch.device("cuda", index)) + plain
    return _Probes(plain, _checked_probes(torch), _other_probes(torch), _numbered_probes(torch))


def _shape_probes(torch: Any) -> list[Any]:
    """Whatever may change where a tensor's first element is, and how it came to be."""

    def empty(*shape: int, **options: Any) -> Any:
        return torch.empty(shape, dtype=torch.float32, device="cpu", **options)

    matrix = empty(6, 35)
    emptied, reset, owner = empty(9), empty(0), empty(8)
    emptied.untyped_storage().resize_(0)
    reset.set_(matrix.untyped_storage(), 3, (7, 2), (2, 1))
    with torch.no_grad():
        return [
            matrix,
            matrix[1:, 3:18:5],
            empty(11, requires_grad=True),
            torch.nn.Parameter(matrix[2:4]),
            matrix[3, 7],
            matrix.t()[4:],
            matrix[:1, :3].expand(1 << 33, 3),  # sizes that need all of their 64 bits
            empty(0).as_strided((0,), (1,), (1 << 41) + 5),
            empty(0),
            owner[8:],
            empty(1, 2, 1, 3, 1, 2, 5),
            empty(2, 3, 4, 5, memory_format=torch.channels_last),
            # its owner is not at its address, as is so for what torch allocates
            torch.frombuffer(bytearray(40), dtype=torch.float32, offset=4),
            emptied,
            reset,
        ]


def _dtype_probes(torch: Any) -> list[Any]:
    """A tensor of each dtype. Views, as making some of them (complex32) would warn."""
    bytes_ = torch.empty(96, dtype=torch.uint8, device="cpu")[16:80]
    probes = []
    for dtype in dict.fromkeys(value for value in list(vars(torch).values()) if isinstance(value, torch.dtype)):
        with contextlib.suppress(RuntimeError, TypeError):  # one that no bytes can be viewed as
            probes.append(bytes_.view(dtype))
    return probes


def _checked_probes(torch: Any) -> list[Any]:
    """Plain tensors whose storage is copied on write, or raises or warns when it is asked for its address."""
    original, throwing, warning = (torch.empty(size, dtype=torch.int16, device="cpu") for size in (5, 6, 7))
    copy = torch._lazy_clone(original)
    torch._C._set_throw_on_mutable_data_ptr(throwing)
    torch._C._set_warn_deprecated_on_mutable_data_ptr(warning)
    if not torch._C._is_cow_tensor(original) or not torch._C._is_cow_tensor(copy):
        raise _NotProvenError("a lazy clone is not copied on write")
    return [original, copy, throwing, warning]


def _other_probes(torch: Any) -> list[Any]:
    """One of each kind that only its dispatch keys tell from a plain dense tensor."""
    options = {"dtype": torch.float32, "device": "cpu"}
    conjugated = torch.empty(4, dtype=torch.complex64, device="cpu").conj()
    return [
        torch.empty(3, dtype=torch.float32, device="meta"),
        conjugated,
        conjugated.imag,  # negated when it is read
        torch.empty(3, layout=torch.sparse_coo, **options),
        torch._to_functional_tensor(torch.empty(3, **options)),
        torch._efficientzerotensor((3,), **options),
    ]


def _numbered_probes(torch: Any) -> list[Any]:
    """Tensors on devices with an index: only wrappers have one where there is no CUDA."""

    class Wrapper(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            raise NotImplementedError

    devices = [torch.device("meta", index) for index in (2, 5, 77)]
    return [torch.Tensor._make_wrapper_subclass(Wrapper, (3,), dtype=torch.float32, device=device) for device in devices]


def _cuda_probes(torch: Any, device: Any) -> list[Any]:
    """CUDA tensors on *device*. Their storages are empty or not theirs, as a CUDA graph may be being captured,
    during which nothing may be allocated, and as the owner of the process may be counting its memory."""
    probes = []
    for inference in (False, True):
        with torch.inference_mode(mode=inference):
            empty = torch.empty(0, dtype=torch.float32, device=device)
            full = torch.empty(0, dtype=torch.float16, device=device)
            storage = torch._C._construct_storage_from_data_pointer(1 << 40, device, 64)  # an address that nobody uses
            full.set_(storage, 3, (5, 2), (2, 1))
            probes += [empty, full]
    return [*probes, torch.nn.Parameter(probes[0])]


# Finding


class _Field(NamedTuple):
    """A field to be found: its size in bytes and what it holds in each object that is looked at."""

    name: str
    size: int
    values: list[int]


def _prove(torch: Any) -> Layout:
    types = (torch.Tensor, torch.nn.Parameter)
    if torch.Tensor.data_ptr is not torch._C.TensorBase.data_ptr:
        raise _NotProvenError("data_ptr is not torch's own")
    probes = _make_probes(torch)
    dense = probes.plain + probes.checked
    for tensor in dense + probes.other:
        if type(tensor) not in types:
            raise _NotProvenError(f"a mode makes {type(tensor).__name__} of what should be a Tensor")

    everything = dense + probes.other + probes.numbered
    addresses = _distinct("TensorImpl", [tensor._cdata for tensor in everything])
    objects = [ctypes.string_at(id(tensor), type(tensor).__basicsize__) for tensor in everything]
    tensor_impl = _find("the object", objects, _Field("TensorImpl", 8, addresses))

    # Only now are these known to be addresses that torch uses, and may be followed.
    impls = _blocks("TensorImpl", addresses)
    dense_impls = impls[: len(dense)]
    storages = [tensor.untyped_storage() for tensor in dense]
    storage_addresses = [storage._cdata for storage in storages]
    _distinct("StorageImpl", storage_addresses[-len(probes.checked) :])
    device_types = {name.lower(): value.value for name, value in torch.autograd.DeviceType.__members__.items()}

    def find(name: str, size: int, values: Iterable[int]) -> int:
        return _find("TensorImpl", dense_impls, _Field(name, size, list(values)))

    located = dense + probes.numbered
    located_impls = dense_impls + impls[len(everything) - len(probes.numbered) :]
    device_values = [_device_value(tensor.device, device_types) for tensor in located]
    words = [torch._C._dispatch_keys(tensor).raw_repr() for tensor in everything]
    key_set = _find("TensorImpl", impls, _Field("dispatch keys", 8, words))
    storage_impl = find("StorageImpl", 8, storage_addresses)
    storage_offset = find("storage offset", 8, (tensor.storage_offset() for tensor in dense))
    numel = find("number of elements", 8, (tensor.numel() for tensor in dense))
    dtype, dtypes = _find_dtypes(dense_impls, [tensor.dtype for tensor in dense])
    device = _find("TensorImpl", located_impls, _Field("device", 2, device_values))

    blocks = _blocks("StorageImpl", storage_addresses)
    count = len(probes.plain)
    data_values = [storage.data_ptr() for storage in storages[:count]]
    data = _find("StorageImpl", blocks[:count], _Field("data", 8, data_values))
    data_check = _find("StorageImpl", blocks, _Field("check", 1, [0] * count + [1] * len(probes.checked)))

    plain_words = {word: device_types[tensor.device.type] for word, tensor in zip(words, probes.plain, strict=False)}
    layout = Layout(
        types,
        tensor_impl,
        key_set,
        storage_impl,
        storage_offset,
        numel,
        dtype,
        device,
        data,
        data_check,
        tuple(plain_words.items()),
        dtypes,
    )
    _check(layout, probes, device_types)
    return layout


def _distinct(name: str, addresses: Iterable[int]) -> list[int]:
    """*addresses* as a list: of different objects, so different and not null."""
    listed = list(addresses)
    if len({address for address in listed if address}) != len(listed):
        raise _NotProvenError(f"two probes have one {name}")
    return listed


def _device_value(device: Any, device_types: dict[str, int]) -> int:
    return device_types[device.type] | (0xFF if device.index is None else device.index) << 8


def _blocks(name: str, addresses: Sequence[int]) -> list[bytes]:
    """The memory of the objects at *addresses*, as much of it as all of them have."""
    usable_size = ctypes.CDLL(None).malloc_usable_size
    usable_size.argtypes, usable_size.restype = [ctypes.c_void_p], ctypes.c_size_t
    sizes = [usable_size(address) for address in addresses]
    if max(sizes) > _MAX_OBJECT:
        raise _NotProvenError(f"a {name} of {max(sizes)} bytes")
    return [ctypes.string_at(address, min(sizes)) for address in addresses]


def _find(where: str, blocks: Sequence[bytes], field: _Field) -> int:
    """The one offset, a multiple of the field's size, at which every block holds its value."""
    size = field.size
    offsets: Iterable[int] = range(0, min(map(len, blocks)) - size + 1, size)
    for block, value in zip(blocks, field.values, strict=True):
        wanted = value.to_bytes(size, "little")
        offsets = [offset for offset in offsets if block[offset : offset + size] == wanted]
    return _only(where, field.name, list(offsets))


def _find_dtypes(blocks: Sequence[bytes], labels: Sequence[Any]) -> tuple[int, tuple[Any, ...]]:
    """The one offset at which tensors hold the same number exactly if they have the same dtype, and the dtypes by number."""

    def numbers_dtypes(offset: int) -> bool:
        numbers: dict[Any, bytes] = {}
        for label, block in zip(labels, blocks, strict=True):
            number = block[offset : offset + 2]
            if numbers.setdefault(label, number) != number:
                return False
        return len(set(numbers.values())) == len(numbers)

    offset = _only("TensorImpl", "dtype", list(filter(numbers_dtypes, range(0, min(map(len, blocks)) - 1, 2))))
    dtypes: list[Any] = [None] * _MAX_DTYPES
    for label, block in zip(labels, blocks, strict=True):
        number = int.from_bytes(block[offset : offset + 2], "little")
        if number < _MAX_DTYPES:
            dtypes[number] = label
    return offset, tuple(dtypes)


def _only(where: str, name: str, offsets: list[int]) -> int:
    if len(offsets) != 1:
        raise _NotProvenError(f"{name}: found at {len(offsets)} places in the {where}, not at one")
    return offsets[0]


def _check(layout: Layout, probes: _Probes, device_types: dict[str, int]) -> None:
    """Reads every probe as a launch will, and compares with what torch says."""
    if len(layout.words) > _MAX_WORDS:
        raise _NotProvenError(f"{len(layout.words)} kinds of plain tensors")
    for tensor in probes.plain:
        device = tensor.device
        index = -1 if device.index is None else device.index
        expected = Reading(tensor.data_ptr(), tensor.dtype, device_types[device.type], index)
        found = read(layout, tensor)
        if found != expected:
            raise _NotProvenError(f"read {found} instead of {expected}")
    for tensor in probes.checked + probes.other + probes.numbered:
        if read(layout, tensor) is not None:
            raise _NotProvenError("a tensor that is not plain cannot be told from one that is")
