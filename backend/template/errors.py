# SPDX-License-Identifier: MIT
"""The errors of writing a new backend."""

from __future__ import annotations

from ..errors import GraftError


class TemplateError(GraftError):
    """A project cannot be written: something that it is made with is missing."""
