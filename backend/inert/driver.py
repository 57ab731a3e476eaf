# SPDX-License-Identifier: MIT
"""The driver under a Triton that we do not support: it is never active."""

import sys

from triton.backends import driver as triton_driver


class Driver(triton_driver.DriverBase):
    """Satisfies Triton's discovery; creating one says why it cannot be used."""

    def __init__(self, target=None):
        triton = sys.modules["triton"]
        raise RuntimeError(
            f"triton-graft is not made for Triton {triton.__version__}, so its driver cannot be used; "
            "see the warning given when Triton was imported."
        )

    @classmethod
    def is_active(cls):
        return False

    def map_python_to_cpp_type(self, ty):
        raise NotImplementedError

    def get_current_target(self):
        raise NotImplementedError

    def get_active_torch_device(self):
        raise NotImplementedError

    def get_benchmarker(self):
        raise NotImplementedError


# A Triton with other abstract methods must still find a concrete class here.
Driver.__abstractmethods__ = frozenset()
