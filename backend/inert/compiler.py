# SPDX-License-Identifier: MIT
"""The backend under a Triton that we do not support: it takes no target."""

from triton.backends import compiler as triton_compiler


class Backend(triton_compiler.BaseBackend):
    """Satisfies Triton's discovery and nothing else."""

    @staticmethod
    def supports_target(target):
        return False

    def hash(self):
        raise NotImplementedError

    def parse_options(self, options):
        raise NotImplementedError

    def add_stages(self, stages, options, language):
        raise NotImplementedError

    def load_dialects(self, context):
        raise NotImplementedError

    def get_module_map(self):
        raise NotImplementedError


# A Triton with other abstract methods must still find a concrete class here.
Backend.__abstractmethods__ = frozenset()
