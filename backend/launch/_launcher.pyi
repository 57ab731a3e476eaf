# SPDX-License-Identifier: MIT
"""The native launcher once more, for launches by Triton's rules: what one copy is told does not reach the other."""

from ..runtime._launcher import *  # noqa: F403
