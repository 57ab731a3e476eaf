# SPDX-License-Identifier: MIT
"""Prints what Triton calls from a kernel's first launch on, in order, on a chip that does nothing."""

import inspect
import sys

import triton
import triton.language as tl
from triton.backends.chip import compiler, driver


@triton.jit
def fill(out, value, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), value)


class Tensor:
    """What a launch asks of a tensor."""

    dtype = "i32"

    def data_ptr(self):
        return 16


driver.Launcher.__init__ = lambda self, src, metadata: None
driver.Utils.get_device_properties = lambda self, device: {"max_shared_mem": 0}
driver.Utils.load_binary = lambda self, name, binary, shared, device: (1, 2, 0, 0, 1024)
called = []


def traced(name, function):
    def call(*args, **kwargs):
        # A backend asks itself again, and what is called for each argument is called once in the picture.
        if inspect.currentframe().f_back.f_code.co_filename != inspect.getfile(triton.backends.compiler.BaseBackend):
            called.extend([name] if called[-1:] != [name] else [])
        return function(*args, **kwargs)

    return call


for owner in (compiler.Backend, compiler.Options, driver.Driver, driver.Launcher, driver.Utils):
    for name, member in list(vars(owner).items()):
        function = member.__func__ if isinstance(member, staticmethod) else member
        if inspect.isfunction(function) and (name in ("__init__", "__call__") or not name.startswith("_")):
            wrapped = traced(f"{owner.__name__}.{name}", function)
            setattr(owner, name, staticmethod(wrapped) if member is not function else wrapped)

triton.runtime.driver.set_active(driver.Driver())
for _ in sys.argv[1:]:
    called.clear()
    fill[(1,)](Tensor(), 7, BLOCK=16)
    print(" ".join(called))
triton.runtime.driver.set_active(None)
