# SPDX-License-Identifier: MIT
"""The errors of this backend. Messages say what was given and what to do."""


class HostError(Exception):
    """Base of all errors that triton-host raises itself."""


class OptionError(HostError, ValueError):
    """A kernel option has a value that the chip cannot take."""


class UnsupportedError(HostError, RuntimeError):
    """A kernel does what the chip has no instruction for."""


class PassLibraryError(HostError, RuntimeError):
    """The pass library cannot be used, or does not know a pass that was asked for."""


class NotWrittenError(HostError, NotImplementedError):
    """Something needs the chip, and the code that talks to it is not written yet."""
