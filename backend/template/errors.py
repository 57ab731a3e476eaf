# SPDX-License-Identifier: MIT
"""The error of writing a project."""

from ..errors import GraftError


class TemplateError(GraftError, RuntimeError):
    """A project, or a part of one, cannot be written. Nothing was written."""
