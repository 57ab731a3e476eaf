# SPDX-License-Identifier: MIT
"""The native launcher once more, for the static runtime alone: what one copy is told does not reach the other."""

from ..launch._launcher import *  # noqa: F403
