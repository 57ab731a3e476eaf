# SPDX-License-Identifier: MIT
"""Arrays as arguments: which memory they mean and of which type.

Triton knows PyTorch's tensors, and whatever has `data_ptr` and `dtype` like them. Here NumPy's arrays are arguments too, and what
gives its memory through DLPack or `__array_interface__`. Triton asks C++ what an argument is, and C++ refuses those; so kernels that
are bound for this backend ask `specialize` instead. Those of other backends do as before.
"""

from __future__ import annotations

import functools
import importlib
import sys
from dataclasses import dataclass
from typing import Any

from triton._C.libtriton import native_specialize_impl
from triton._utils import canonicalize_dtype, canonicalize_ptr_dtype, get_primitive_bitwidth

from .errors import ArgumentError

#: Types of arguments that only we know.
_ours: set[type] = set()


def _view(arg: Any) -> Any:
    """*arg* as a NumPy array over the same memory, or None if it is no array."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and isinstance(arg, numpy.ndarray):
        return arg
    try:
        for attribute, give in (("__dlpack__", "from_dlpack"), ("__array_interface__", "asarray")):
            if hasattr(arg, attribute):
                return getattr(importlib.import_module("numpy"), give)(arg)
    except ImportError:
        raise ArgumentError(f"a {type(arg).__qualname__} is an argument only where NumPy is installed") from None
    except (BufferError, RuntimeError, TypeError) as error:
        raise ArgumentError(f"the memory of a {type(arg).__qualname__} is not in reach of the CPU: {error}") from None
    return None


@functools.cache
def _pointer_type(dtype: Any, is_const: bool) -> str:
    """Triton's type of a pointer to NumPy's *dtype*."""
    if not dtype.isnative:
        raise ArgumentError(f"an array of {dtype.str} has not the byte order of this machine; convert it (astype)")
    try:
        return canonicalize_ptr_dtype(dtype, is_const)
    except KeyError:
        raise ArgumentError(f"an array of {dtype} has no type in Triton") from None


def address(arg: Any, is_const: bool) -> int:
    """The address that an argument means where the kernel has a pointer, one to constants if *is_const*.

    Raises `ArgumentError` for what is not in the memory of the CPU, or must not be written.
    """
    if type(arg) is int:
        return arg
    if arg is None:
        return 0
    if pointer := getattr(arg, "data_ptr", None):
        if not getattr(arg, "is_cpu", True) or getattr(device := getattr(arg, "device", "cpu"), "type", device) != "cpu":
            raise ArgumentError(f"a tensor on {arg.device}, where the CPU cannot reach it; copy it (.cpu())")
        return pointer()
    array = _view(arg)
    if array is None:
        raise ArgumentError(f"a {type(arg).__qualname__} has no address; expected an array, a tensor, an address or None")
    found, is_read_only = array.__array_interface__["data"]
    if is_read_only and not is_const:
        raise ArgumentError("the array is read-only; copy it, or annotate the argument of the kernel with tl.const")
    return found


def extent(arg: Any) -> tuple[int, int] | None:
    """From which address on, and how many bytes, there is memory behind an argument that `address` takes; None if that is not known.

    It is the whole memory that a tensor is a part of: a kernel may be given the middle of it.
    """
    while isinstance(arg, Tensor) or type(arg).__name__ == "TensorWrapper":
        arg = arg.base
    if storage := getattr(arg, "untyped_storage", None):
        return storage().data_ptr(), storage().nbytes()
    array = None if hasattr(arg, "data_ptr") else _view(arg)
    if array is None:
        return None
    while isinstance(array.base, type(array)):
        array = array.base
    reach = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
    begin = array.__array_interface__["data"][0] + sum(min(0, bytes) for bytes in reach)
    return begin, sum(map(abs, reach)) + array.itemsize if array.size else 0


def specialize(backend: Any, arg: Any, is_const: bool, specialize_value: bool, align: bool) -> tuple:
    """What `native_specialize_impl` gives, a type and letters for what is known of a value, for all that can be an argument here."""
    if type(arg) not in _ours:
        try:
            return native_specialize_impl(backend, arg, is_const, specialize_value, align)
        except TypeError:
            if isinstance(arg, tuple):
                parts = [specialize(backend, part, False, True, True) for part in arg]
                make = type(arg)._make if hasattr(arg, "_make") else tuple
                return make([part[0] for part in parts]), make([part[1] for part in parts])
            numpy = sys.modules.get("numpy")
            if numpy is not None and isinstance(arg, numpy.generic):  # a number
                return native_specialize_impl(backend, arg.item(), is_const, specialize_value, align)
            if _view(arg) is None:
                raise
            _ours.add(type(arg))
    array = _view(arg)
    known = "D" if align and array.__array_interface__["data"][0] % 16 == 0 else ""
    return _pointer_type(array.dtype, is_const), known if specialize_value else None


@functools.cache
def install() -> None:
    """Has kernels that are bound for this backend, from now on, ask `specialize`."""
    from triton.runtime import jit  # which imports the backends

    theirs = jit.create_function_from_signature

    @functools.wraps(theirs)
    def create_function_from_signature(sig: Any, kparams: Any, backend: Any) -> Any:
        function = theirs(sig, kparams, backend)
        if type(backend).__module__ == f"{__package__}.compiler":
            function.__globals__["specialize_impl"] = specialize  # its globals are its own
        return function

    jit.create_function_from_signature = create_function_from_signature


@dataclass(frozen=True)
class Type:
    """The type of a tensor's elements, by Triton's name."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def itemsize(self) -> int:
        """In bytes."""
        return max(8, get_primitive_bitwidth(self.name)) // 8

    @property
    def is_floating_point(self) -> bool:
        return self.name.startswith(("fp", "bf"))


class Tensor:
    """A NumPy array as PyTorch has tensors: for `TensorDescriptor`, and for types that NumPy has not."""

    device = "cpu"

    def __init__(self, array: Any, dtype: str | None = None) -> None:
        """*dtype* is what the bytes of the elements mean, by Triton's name, such as `bf16`. Raises `ArgumentError` for one of another size."""
        self.base = array
        self.data = array.data
        self.shape = array.shape
        self.dtype = Type(canonicalize_dtype(dtype) if dtype else _pointer_type(array.dtype, False)[1:])
        if self.dtype.itemsize != array.itemsize:
            raise ArgumentError(f"dtype={dtype!r} has {self.dtype.itemsize} bytes, the elements of the array {array.itemsize}")

    def data_ptr(self) -> int:
        return address(self.base, False)

    def element_size(self) -> int:
        """In bytes."""
        return self.dtype.itemsize

    def stride(self, dimension: int | None = None) -> Any:
        """From an element to the next, in elements."""
        strides = tuple(stride // self.element_size() for stride in self.base.strides)
        return strides if dimension is None else strides[dimension]
