# SPDX-License-Identifier: MIT
"""The static runtime: launches the kernels of a bundle without Triton. Also what bundles are read and written with.

This folder is two packages: `triton.backends.graft.runtime`, and `triton_graft_runtime` for programs without Triton. What is not
asked for is not imported: `import triton` comes by here.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .descriptors import TensorDescriptor
    from .errors import BundleError, GraftError, LaunchError, OutOfResourcesError, VariantError
    from .native import set_allocator
    from .static import Bundle
    from .values import constexpr, dtype

_MODULES = {
    "descriptors": ("TensorDescriptor",),
    "errors": ("BundleError", "GraftError", "LaunchError", "OutOfResourcesError", "VariantError"),
    "native": ("set_allocator",),
    "static": ("Bundle",),
    "values": ("constexpr", "dtype"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    return import_module(".lazy", __name__).find(__name__, _MODULES, name)


__all__ = [
    "Bundle",
    "BundleError",
    "GraftError",
    "LaunchError",
    "OutOfResourcesError",
    "TensorDescriptor",
    "VariantError",
    "constexpr",
    "dtype",
    "set_allocator",
]
