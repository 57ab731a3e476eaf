# SPDX-License-Identifier: MIT
"""What can go wrong when a project is written."""

from ..errors import GraftError


class TemplateError(GraftError, RuntimeError):
    """A project, or a part of one, cannot be written; nothing was."""
