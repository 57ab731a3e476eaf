# SPDX-License-Identifier: MIT
"""The backend under a Triton that we do not support: it takes no target."""

from triton.backends import compiler as triton_compiler


class Backend(triton_compiler.BaseBackend):
    """Satisfies Triton's discovery and nothing else."""

    @staticmethod
    def supports_target(target):
        return False


# Triton looks for a concrete class, and nobody asks a backend that takes no target for the rest.
Backend.__abstractmethods__ = frozenset()
