# SPDX-License-Identifier: MIT
"""Every error and warning of the backend. Messages say what was given, what is allowed and what to do."""

from .runtime.errors import BundleError, GraftError, LaunchError, OutOfResourcesError, VariantError


class OptionError(GraftError, ValueError):
    """A kernel option or environment variable has a name or value that is not allowed."""

    def __init__(self, name: str, value: object, expected: str):
        super().__init__(f"{name}={value!r}: expected {expected}")
        self.name, self.value, self.expected = name, value, expected


class NoDeviceError(GraftError, RuntimeError):
    """There is no CUDA device to launch on, and nobody said that compiling is all that is wanted."""


class CompileOnlyError(GraftError, RuntimeError):
    """Something that needs a CUDA device was asked of a driver that only compiles."""


class UnregisteredError(GraftError, RuntimeError):
    """Triton has not found this backend, whose driver is to be made active."""


class FreezeError(GraftError, ValueError):
    """A launch cannot be frozen as it was asked to be."""


class SpecializationError(GraftError, TypeError):
    """An argument of a frozen launch is of another specialisation than the one that was frozen."""


class CacheMissError(GraftError, RuntimeError):
    """A kernel is not in the cache, and compiling it was ruled out."""


class PassLibraryError(GraftError, RuntimeError):
    """The pass library cannot be used, or does not know a pass that was asked for."""


class GraftWarning(RuntimeWarning):
    """The backend works, but not all of it; said once per cause and process."""


__all__ = [
    "BundleError",
    "CacheMissError",
    "CompileOnlyError",
    "FreezeError",
    "GraftError",
    "GraftWarning",
    "LaunchError",
    "NoDeviceError",
    "OptionError",
    "OutOfResourcesError",
    "PassLibraryError",
    "SpecializationError",
    "UnregisteredError",
    "VariantError",
]
