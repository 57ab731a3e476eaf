# SPDX-License-Identifier: MIT
"""The errors of the conformance tests."""

from ..errors import GraftError


class ConformanceError(GraftError, RuntimeError):
    """The tests cannot be run: something that they need is missing, or pytest ended before it ran one."""
