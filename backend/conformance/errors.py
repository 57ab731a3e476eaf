# SPDX-License-Identifier: MIT
"""The errors of the conformance tests."""

from ..errors import GraftError


class ConformanceError(GraftError, RuntimeError):
    """The tests cannot be run: something they need is not there, or pytest ends before it has run any."""
