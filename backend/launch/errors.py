# SPDX-License-Identifier: MIT
"""The errors of launches."""

from __future__ import annotations

from ..errors import GraftError


class FreezeError(GraftError, ValueError):
    """A launch cannot be frozen as it was asked to be."""


class SpecializationError(GraftError, TypeError):
    """An argument of a frozen launch has another specialisation than the one that was frozen."""
