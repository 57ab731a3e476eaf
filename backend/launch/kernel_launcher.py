# SPDX-License-Identifier: MIT
"""What Triton calls to launch one compiled kernel, in place of its own `CudaLauncher`."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import triton
from triton._instrumentation import is_enabled
from triton.backends.driver import expand_signature, wrap_handle_tensordesc_impl
from triton.backends.nvidia import driver as nvidia
from triton.runtime import _allocation

from ..runtime.descriptors import map_plans
from . import _launcher


class Launcher:
    """Launches one compiled kernel: Triton makes one when it loads a kernel, and calls it with what `run` has worked out.

    The native launcher needs `plan` alone where `direct` is true.
    """

    def __init__(self, src: Any, metadata: Any):
        signature = dict(src.signature)
        self._metadata = metadata
        self._gsan = is_enabled(metadata, "gsan")
        if self._gsan:
            signature |= {"_gsan_globals": "*i8", "_gsan_launch_table": "*i8", "_gsan_launch_index": "i64"}
        descriptors = getattr(metadata, "tensordesc_meta", None)
        expanded = expand_signature(signature.values(), descriptors, "nvTmaDesc")
        #: The types of nested arguments; None if there are none.
        self._nested = expanded if any(isinstance(type_, tuple) for type_ in expanded) else None
        self.plan = _launcher.Plan(
            metadata.name,
            tuple(_leaves(expanded, expanded)),
            bool(metadata.launch_cooperative_grid),
            bool(metadata.launch_pdl),
            _maps_of(descriptors),
        )
        self._launch = wrap_handle_tensordesc_impl(self._launch_values, signature, descriptors, describe_tensor)
        self._signature = tuple(signature.values())
        #: Whether it takes descriptors.
        self.describes = self._launch != self._launch_values
        self._needs_scratch = metadata.global_scratch_size > 0 or metadata.profile_scratch_size > 0
        #: Whether the native launcher can do it: maps are made after scratch memory, and odd descriptors are met by Triton.
        self.direct = not self._gsan and (not self.describes or (_has_maps(descriptors) and not self._needs_scratch))

    @property
    def allocate(self) -> Callable[[tuple[int, int, int], int], tuple[Any, Any]] | None:
        """Makes the scratch memory of a launch of its grid and stream; None if there is none."""
        return self._allocate_scratch if self._needs_scratch else None

    def __call__(  # noqa: PLR0913, PLR0917 - it is called by position
        self,
        grid_x: int,
        grid_y: int,
        grid_z: int,
        stream: int,
        function: int,
        kernel_metadata: tuple[int, int, int],
        launch_metadata: Any,
        enter_hook: Callable | None,
        exit_hook: Callable | None,
        *args: Any,
    ) -> None:
        """Launches with the arguments *args*, constexprs among them. *kernel_metadata*: warps, CTAs, shared memory in bytes."""
        scratch = self._allocate_scratch((grid_x, grid_y, grid_z), stream)
        if self._gsan:
            args += _gsan_arguments(stream, self._metadata.launch_pdl)
        if self.describes:
            self._check_values(self._signature, args)
        hooks = launch_metadata, enter_hook, exit_hook
        self._launch(grid_x, grid_y, grid_z, stream, function, kernel_metadata, *hooks, *scratch, args)

    def _launch_values(self, *request: Any) -> None:
        """Launches; the last of *request* holds the arguments, with descriptors expanded."""
        values = request[-1]
        self.plan.launch(*request[:-1], tuple(values if self._nested is None else _leaves(self._nested, values)))

    def _check_values(self, types: tuple, values: tuple) -> None:
        """Raises `TypeError` if there is not a value for each type, as where a grid has changed the arguments.

        Triton's code for descriptors ends the process then.
        """
        listed = [*values] if isinstance(values, tuple) else []
        if not isinstance(values, tuple) or len(listed) != len(types):
            got = len(listed) if isinstance(values, tuple) else f"a {type(values).__name__}"
            raise TypeError(f"kernel '{self._metadata.name}' takes {len(types)} arguments, got {got}")
        for type_, value in zip(types, listed, strict=True):
            if isinstance(type_, tuple):
                self._check_values(type_, value)

    def _allocate_scratch(self, grid: tuple[int, int, int], stream: int) -> tuple[Any, Any]:
        """Buffers for the kernel's global and profile scratch memory; None for one that it does not use."""
        metadata = self._metadata
        own = profile = None
        if metadata.global_scratch_size > 0:
            size = self._programs(grid) * metadata.global_scratch_size
            own = _allocation._allocator.get()(size, metadata.global_scratch_align, stream)
        if metadata.profile_scratch_size > 0:
            size = self._programs(grid) * metadata.profile_scratch_size
            has_allocator = _allocation.has_profile_allocator()
            driver = triton.runtime.driver.active
            allocate = _allocation._profile_allocator.get() if has_allocator else driver.allocate_default_profile_scratch
            profile = allocate(size, metadata.profile_scratch_align, stream)
        return own, profile

    def _programs(self, grid: tuple[int, int, int]) -> int:
        """How many CTAs a launch over *grid* has."""
        return grid[0] * grid[1] * grid[2] * getattr(self._metadata, "num_ctas", 1)


class _OurUtils:
    """Stands in for the module `triton` where Triton asks the active driver's `utils` to describe a tensor.

    What they make must be a `TensorMap` of ours, also where another driver has become the active one, or `triton.runtime.driver`
    was loaded again.
    """

    runtime = types.SimpleNamespace(driver=types.SimpleNamespace(active=types.SimpleNamespace(utils=_launcher)))


def _has_maps(descriptors: Any) -> bool:
    """Whether all *descriptors*, a kernel's `tensordesc_meta`, are passed as maps, which the native launcher makes."""
    return bool(descriptors) and all(made is not None for made in descriptors)


def _maps_of(descriptors: Any) -> tuple:
    """How the native launcher makes the maps of *descriptors*."""
    if not _has_maps(descriptors):
        return ()
    types = nvidia.TMA_DTYPE_DEVICE_TO_HOST
    return map_plans([{"is_im2col": False, **made} for made in descriptors], types, types[nvidia.TMA_TF32])


#: Triton's own `make_tensordesc_arg`, with our `utils`.
describe_tensor = types.FunctionType(
    nvidia.make_tensordesc_arg.__code__, vars(nvidia) | {"triton": _OurUtils}, "make_tensordesc_arg"
)


def _leaves(signature: Iterable, values: Iterable) -> Iterator:
    """What *values* has where *signature*, tuples nested in the same way, has types. A constant may be a tuple of its own."""
    for type_, value in zip(signature, values, strict=False):
        if isinstance(type_, tuple):
            yield from _leaves(type_, value)
        else:
            yield value


def _gsan_arguments(stream: int, pdl: bool) -> tuple[int, int, int]:
    """What the GPU sanitiser has a kernel take besides its own arguments."""
    driver = triton.runtime.driver.active
    if driver.utils.is_stream_capturing(stream):
        raise RuntimeError("GSan does not support CUDA graph capture")
    from triton.experimental.gsan import _allocator, _stream_sync

    device = driver.get_current_device()
    state = _allocator.get_global_state_pointer()
    state += _allocator.get_device_rank(device) * nvidia.GSAN_PER_DEVICE_STATE_STRIDE
    return (state, *_stream_sync.get_launch_state(device, stream, pdl))
