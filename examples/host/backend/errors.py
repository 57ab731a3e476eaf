# SPDX-License-Identifier: MIT
"""The errors of this backend. Messages say what was given and what to do."""


class HostError(Exception):
    """Base of all errors that triton-host raises itself."""


class OptionError(HostError, ValueError):
    """A kernel option has a value that it cannot have."""


class UnsupportedError(HostError, RuntimeError):
    """A kernel does what cannot be compiled."""


class PassLibraryError(HostError, RuntimeError):
    """The pass library cannot be used, or does not know a pass that was asked for."""


class SettingError(HostError, ValueError):
    """An environment variable has a value that it cannot have."""


class TargetError(HostError, RuntimeError):
    """A CPU that kernels cannot be compiled for, or launched on, here."""


class ArgumentError(HostError, TypeError):
    """An argument that a kernel cannot be launched with."""


class LaunchError(HostError, RuntimeError):
    """A kernel cannot be loaded or launched on this machine."""


class KernelAssertionError(HostError, RuntimeError):
    """An assertion of a kernel, `tl.device_assert`, failed."""


class OutOfBoundsError(HostError, RuntimeError):
    """A kernel touched memory outside of its arguments; found with HOST_SANITIZE=address."""


class RaceError(HostError, RuntimeError):
    """Two programs of a launch touched the same bytes, and one stored to them; found with HOST_RACES=1."""
